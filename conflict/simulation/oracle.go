package simulation

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// write is one application's write of one row. The oracle knows them all, from the beginning.
type write struct {
	region        relay.Region
	hlc           relay.HLC
	deps          relay.Vector
	before, after *cells
	gone          bool // rollback: its transaction does not count
	place         int  // among the changes of its transaction
}

func (w *write) saw(x *write) bool {
	if w.region == x.region {
		return x.hlc < w.hlc
	}
	return int(x.region) < len(w.deps) && x.hlc <= w.deps[x.region]
}

func (w *write) compare(x *write) int {
	return cmp.Or(cmp.Compare(w.hlc, x.hlc), cmp.Compare(w.region, x.region))
}

// truth is what a row should be, by an account of the policies that shares no code with the engine.
type truth struct {
	cells *cells // nil: no row
	last  *write // the write that it shows
}

// oracle works out what all tables must show in the end, how many rows are hidden, and what may be left of some in one region.
func (c *Cluster) oracle() (rows map[conflict.Key]string, hidden int, left map[conflict.Key]remnant) {
	writes, transactions := c.writesByRow()
	standing(transactions)
	left = make(map[conflict.Key]remnant)
	byTable := make(map[string][]conflict.Key)
	truths := make(map[conflict.Key]truth)
	truncations, by := c.truncations()
	taken, all := chains(writes), steps(writes)
	for k, list := range writes {
		t := truthOf(tableOf(k), list)
		if tableOf(k) == "lww" && erased(t.last, truncations, by) {
			continue
		}
		if m, ok := remnantOf(k, t, writes); ok {
			left[k] = m
		}
		if slices.Contains(Followers, tableOf(k)) {
			t = whither(tableOf(k), t, all)
		} else if t = bereft(k, t, writes); taken.taken(k, t.last) {
			t.cells = nil
		}
		if t.cells != nil {
			truths[k] = t
			byTable[tableOf(k)] = append(byTable[tableOf(k)], k)
		}
	}
	rows = make(map[conflict.Key]string)
	for table, keys := range byTable {
		hidden += suppress(table, keys, truths, rows)
	}
	return rows, hidden, left
}

// writesByRow collects all local transactions of all regions, in the order of their versions, and those parts of them that rollback is for.
func (c *Cluster) writesByRow() (map[conflict.Key][]*write, []map[conflict.Key]*write) {
	rows := make(map[conflict.Key][]*write)
	var units []map[conflict.Key]*write
	for _, r := range c.regions {
		for i := range r.entries {
			e := &r.entries[i]
			if e.Kind != relay.Local || e.Seq > c.left(r) {
				continue
			}
			unit := make(map[conflict.Key]*write)
			for place, ch := range e.changes {
				w := &write{region: r.id, hlc: e.HLC, deps: e.Deps, before: cellsIn(ch.Before), after: cellsIn(ch.After), place: place}
				rows[ch.Key] = append(rows[ch.Key], w)
				if tableOf(ch.Key) == "rollback" {
					unit[ch.Key] = w
				}
			}
			if len(unit) > 0 {
				units = append(units, unit)
			}
		}
	}
	for _, list := range rows {
		slices.SortFunc(list, (*write).compare)
	}
	slices.SortFunc(units, func(a, b map[conflict.Key]*write) int { return anyOf(a).compare(anyOf(b)) })
	return rows, units
}

// truncations are all statements that emptied the table "lww", and whose they are.
func (c *Cluster) truncations() (list []relay.Entry, by []relay.Region) {
	for _, r := range c.regions {
		for i := range r.entries {
			if e := &r.entries[i]; e.Kind == relay.Local && e.Seq <= c.left(r) && e.emptied != "" {
				list, by = append(list, e.Entry), append(by, r.id)
			}
		}
	}
	return list, by
}

func anyOf(unit map[conflict.Key]*write) *write {
	for _, w := range unit {
		return w
	}
	return nil
}

func cellsIn(row conflict.Row) *cells {
	if !row.Exists() {
		return nil
	}
	c := cellsOf(string(row.Image))
	return &c
}

// standing takes out the transactions that are rolled back: those that had not seen what stood there.
func standing(units []map[conflict.Key]*write) {
	stands := make(map[conflict.Key]*write)
	for _, unit := range units {
		stays := true
		for k, w := range unit {
			if s := stands[k]; s != nil && (!w.saw(s) || !same(w.before, s.after)) || s == nil && w.before != nil {
				stays = false
			}
		}
		for k, w := range unit {
			w.gone = !stays
			if stays {
				stands[k] = w
			}
		}
	}
}

func truthOf(table string, list []*write) truth {
	switch table {
	case "priority":
		return unseen(list, func(w *write) int { return map[relay.Region]int{3: 3, 2: 2, 4: 1}[w.region] })
	case "timestamp":
		return unseen(list, timeOf)
	case "merge":
		return composed(list, merge)
	case "counter":
		return composed(list, count)
	case "reject":
		return first(list)
	case "rollback":
		list = slices.DeleteFunc(slices.Clone(list), func(w *write) bool { return w.gone })
		if len(list) == 0 {
			return truth{}
		}
	}
	last := list[len(list)-1]
	return truth{last.after, last}
}

// unseen: of the writes that no other one has seen, the weightiest; of several, the last.
func unseen(list []*write, weight func(*write) int) truth {
	var best *write
	for _, w := range list {
		if slices.ContainsFunc(list, func(x *write) bool { return x.saw(w) }) {
			continue
		}
		if best == nil || weight(w) > weight(best) || weight(w) == weight(best) && w.compare(best) > 0 {
			best = w
		}
	}
	return truth{best.after, best}
}

// timeOf is the time that a write's row has, or else the write's own.
func timeOf(w *write) int {
	if w.after == nil || w.after.n%2 != 0 {
		return int(w.hlc)
	}
	return start + w.after.n*100_000
}

// composed: the newest insert, with the later changes of those that had seen it; gone if one of them was a delete.
func composed(list []*write, how func(onto, before, after cells) cells) truth {
	at := -1
	for i, w := range list {
		if w.before == nil && w.after != nil {
			at = i
		}
	}
	if at < 0 {
		return truth{}
	}
	t := truth{list[at].after, list[at]}
	for _, w := range list[at+1:] {
		switch {
		case !w.saw(list[at]) || t.cells == nil:
		case w.after == nil:
			t.cells = nil
		default:
			c := how(*t.cells, *w.before, *w.after)
			t.cells, t.last = &c, w
		}
	}
	return t
}

// first: the first write stays, then the first of those that have seen it, and so on.
func first(list []*write) truth {
	stay := accepted(list)
	if len(stay) == 0 {
		return truth{}
	}
	last := stay[len(stay)-1]
	return truth{last.after, last}
}

// accepted are the writes that count under reject.
func accepted(list []*write) (stay []*write) {
	var t truth
	for _, w := range list {
		if (t.last == nil || w.saw(t.last)) && same(w.before, t.cells) {
			t = truth{w.after, w}
			stay = append(stay, w)
		}
	}
	return stay
}

// same tells whether two rows are equal; nil is none.
func same(a, b *cells) bool { return a == nil && b == nil || a != nil && b != nil && *a == *b }

// suppress hides rows whose unique values are taken by newer ones.
func suppress(table string, keys []conflict.Key, truths map[conflict.Key]truth, rows map[conflict.Key]string) (hidden int) {
	slices.SortFunc(keys, func(a, b conflict.Key) int {
		return cmp.Or(-truths[a].last.compare(truths[b].last), cmp.Compare(a, b))
	})
	taken := make(map[string]bool)
	for _, k := range keys {
		c := truths[k].cells
		unique := c.unique(table)
		if slices.ContainsFunc(unique, func(u string) bool { return taken[u] }) {
			hidden++
			continue
		}
		for _, u := range unique {
			taken[u] = true
		}
		rows[k] = c.image()
	}
	return hidden
}

// folded: the rows of all regions are what the policies make of all local transactions of all regions, but for what is left alone.
func (c *Cluster) folded() error {
	rows, hidden, left := c.oracle()
	c.hidden = hidden
	survivors := c.survivors()
	for i, r := range survivors {
		if err := sameRows(rows, c.led(r, rows, c.known(r, rows, c.shared(r, left)))); err == nil {
			continue
		} else if i == 0 {
			return fmt.Errorf("wrong: the fold of all writes differs: %w", err)
		} else {
			return fmt.Errorf("diverged: region %d is not the fold of all writes: %w", r.id, err)
		}
	}
	return nil
}
