package simulation

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/octant-db/octant/conflict"
)

// Followers are the tables whose rows follow a parent to another number (ON UPDATE CASCADE). When it is deleted
//
//	mate  goes
//	pal   is parted
var Followers = []string{"mate", "pal"}

// Rekeyed implements Schema: rows follow a parent to another number.
func (mixture) Rekeyed(c *conflict.Change) (list []conflict.Rekey) {
	was, is, changed := renumbered(c)
	if !changed {
		return nil
	}
	for _, table := range Followers {
		b := bond{table, "number"}
		list = append(list, conflict.Rekey{From: b.to(was), To: b.to(is), Row: c.After})
	}
	return list
}

// renumbered tells whether a change gives a parent another number.
func renumbered(c *conflict.Change) (was, is string, changed bool) {
	if tableOf(c.Key) != "parent" || !c.Before.Exists() || !c.After.Exists() {
		return "", "", false
	}
	was, is = strconv.Itoa(cellsOf(string(c.Before.Image)).n), strconv.Itoa(cellsOf(string(c.After.Image)).n)
	return was, is, was != is
}

// Follow implements Schema.
func (mixture) Follow(k conflict.Key, row conflict.Row, now *conflict.Rekey) (conflict.Row, error) {
	table := tableOf(k)
	if bondOf(now.From).table != table {
		return row, nil
	}
	c := cellsOf(string(row.Image))
	c.p = strconv.Itoa(cellsOf(string(now.Row.Image)).n)
	return c.row(table), nil
}

// Heir implements Schema.
func (mixture) Heir(parent string) string {
	b := bondOf(parent)
	b.how = "number"
	if bonds[b] != "follows" {
		return ""
	}
	return b.to(nameIn(parent))
}

// carry does what foreign keys do when a row is changed that others follow; the log does not show it.
func (d *database) carry(c *conflict.Change) {
	for _, to := range c.Rekeyed {
		for _, k := range d.below(to.From) {
			now, err := d.schema.Follow(k, d.row(k), &to)
			must(err)
			d.set(k, now)
		}
	}
}

// step is something that happens to what the rows of a table refer to, in the oracle's account.
type step struct {
	*write
	from, to string // no to: the parent is deleted
}

// steps are all that happens to what the rows of a table of followers refer to, in the order of versions.
func steps(writes map[conflict.Key][]*write) (list []step) {
	for k, all := range writes {
		for _, w := range all {
			if tableOf(k) != "parent" || w.before == nil {
				continue
			}
			s := step{write: w, from: strconv.Itoa(w.before.n)}
			if w.after != nil {
				s.to = strconv.Itoa(w.after.n)
			}
			if s.from != s.to {
				list = append(list, s)
			}
		}
	}
	slices.SortFunc(list, func(a, b step) int { return cmp.Or(a.compare(b.write), cmp.Compare(a.place, b.place)) })
	return list
}

// concerns tells whether a step is about what a row was written as: a deletion whose author had seen that, a change whose it had not.
func (s *step) concerns(last *write) bool {
	if s.to == "" {
		return s.knew(last)
	}
	return !last.knew(s.write)
}

// whither is what a row of a table of followers comes to.
func whither(table string, t truth, all []step) truth {
	if t.cells == nil || t.cells.p == "" {
		return t
	}
	var did []step
	for _, s := range all {
		if !s.concerns(t.last) {
			continue
		}
		there := walked(table, t, slices.DeleteFunc(slices.Clone(did), func(x step) bool { return !s.knew(x.write) }))
		if there.cells != nil && there.cells.p == s.from {
			did = append(did, s)
		}
	}
	return walked(table, t, did)
}

// walked is a row behind some steps: where the last one has led it, unless any was a deletion.
func walked(table string, t truth, steps []step) truth {
	now := *t.cells
	for _, s := range steps {
		now.p = s.to
	}
	if slices.ContainsFunc(steps, func(s step) bool { return s.to == "" }) {
		if now.p = ""; table == "mate" {
			return truth{last: t.last}
		}
	}
	return truth{&now, t.last}
}

// led are the rows of a region as all have them, but for followers of which its relay has said that they may differ: those that may ever have come to what it has named. A newcomer has
// what its donor had.
func (c *Cluster) led(r *region, all, here map[conflict.Key]string) map[conflict.Key]string {
	told := make(map[string]bool)
	for _, of := range c.regions {
		for parent := range of.torn {
			if (of == r || r.began != nil) && bonds[bond{bondOf(parent).table, "number"}] == "follows" {
				told[nameIn(parent)] = true
			}
		}
	}
	if len(told) == 0 {
		return here
	}
	writes, _ := c.writesByRow()
	here = maps.Clone(here)
	for k, list := range writes {
		if !slices.Contains(Followers, tableOf(k)) || !reaches(list, steps(writes), told) {
			continue
		}
		delete(here, k)
		if image, stands := all[k]; stands {
			here[k] = image
		}
	}
	return here
}

// reaches tells whether a row may ever have come to one of some numbers.
func reaches(list []*write, all []step, numbers map[string]bool) bool {
	met := make(map[string]bool)
	for _, w := range list {
		if w.after != nil {
			met[w.after.p] = true
		}
	}
	for range all {
		for _, s := range all {
			if met[s.from] && s.to != "" {
				met[s.to] = true
			}
		}
	}
	for n := range numbers {
		if met[n] {
			return true
		}
	}
	return false
}
