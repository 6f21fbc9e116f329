package simulation

import (
	"fmt"
	"maps"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// record is a conflict log: what is on disk, and what is not there yet. The latter is lost when the relay dies, and found again when its log is folded again.
type record struct {
	saved, fresh map[string]conflict.Conflict
}

func newRecord() record {
	return record{saved: make(map[string]conflict.Conflict), fresh: make(map[string]conflict.Conflict)}
}

// note takes a conflict down. A row of a table that is missing has another name for a while, and counts as the same.
func (r *record) note(c conflict.Conflict) {
	c.Key = plain(c.Key)
	r.fresh[c.Name()] = c
}

// save is the first step of a checkpoint: the registers that it saves do not meet each other again.
func (r *record) save() {
	maps.Copy(r.saved, r.fresh)
	clear(r.fresh)
}

func (r *record) crash() { clear(r.fresh) }

// all lists what people see.
func (r *record) all() []conflict.Conflict {
	byName := maps.Clone(r.saved)
	maps.Copy(byName, r.fresh)
	maps.DeleteFunc(byName, func(_ string, c conflict.Conflict) bool { return c.Verdict && c.Taken })
	return slices.Collect(maps.Values(byName))
}

// recorded compares every conflict log with the writes.
func (c *Cluster) recorded() error {
	writes, units := c.writesByRow()
	standing(units)
	for _, r := range c.survivors() {
		if r.began != nil {
			continue // it has seen what was left of the writes before it joined
		}
		if err := c.recordedIn(r, writes); err != nil {
			return fmt.Errorf("conflict log of region %d: %w", r.id, err)
		}
	}
	return nil
}

func (c *Cluster) recordedIn(r *region, writes map[conflict.Key][]*write) error {
	lost := make(map[conflict.Key]map[relay.Version]int)
	for _, n := range r.record.all() {
		switch {
		case n.Kind == conflict.UniqueConflict:
			continue
		case n.Kind == conflict.UpdateMissing && c.opt.silent():
			continue
		case n.Kind == conflict.UpdateMissing:
			return fmt.Errorf("%q was not there for the update %v, and no row is lost in silence", n.Key, n.There.Version)
		}
		k := n.Key
		if err := concurrent(writes[k], &n); err != nil {
			return fmt.Errorf("%s of %q: %w", n.Kind, k, err)
		}
		if lost[k] == nil {
			lost[k] = make(map[relay.Version]int)
		}
		lost[k][n.Loser()]++
	}
	for k, list := range writes {
		for v, times := range lost[k] {
			if times != 1 {
				return fmt.Errorf("the loser %v of %q is on record %d times", v, k, times)
			}
		}
		for v, must := range losers(tableOf(k), list) {
			if is := lost[k][v] == 1; is != must {
				return fmt.Errorf("%q: the write %v is on record: %v, want %v", k, v, is, must)
			}
		}
		if len(lost[k]) == 0 && len(unseenBy(list)) > 1 {
			return fmt.Errorf("%q: nothing is on record of %d writes that nobody had seen", k, len(unseenBy(list)))
		}
	}
	if c.opt.Lacks {
		return nil // a row that had two names for a while did not meet itself
	}
	for k, versions := range r.lostHere() {
		for v := range versions {
			if lost[k][v] == 0 {
				return fmt.Errorf("%q: the write %v was lost here, and is not on record", k, v)
			}
		}
	}
	return nil
}

// lostHere are the writes under the last writer wins that were lost in a region, by the order of its own log: the write that took such a one's place there, or kept it, was made by
// somebody who had not seen it. Those that nobody has seen are lost everywhere, the others where they were overruled before they were built upon.
func (r *region) lostHere() map[conflict.Key]map[relay.Version]bool {
	stands, lost := make(map[conflict.Key]*write), make(map[conflict.Key]map[relay.Version]bool)
	for w, k := range r.passed {
		if tableOf(k) != "lww" {
			continue
		}
		newer, older := w, stands[k]
		if older != nil && older.compare(newer) > 0 {
			newer, older = older, newer
		}
		if older != nil && older.version() != newer.version() && !newer.saw(older) {
			if lost[k] == nil {
				lost[k] = make(map[relay.Version]bool)
			}
			lost[k][older.version()] = true
		}
		stands[k] = newer
	}
	return lost
}

// passed yields all writes of rows in the order in which they came to a region.
func (r *region) passed(yield func(*write, conflict.Key) bool) {
	for i := range r.entries {
		e := &r.entries[i]
		var list []conflict.Transaction
		switch {
		case e.Kind == relay.Local:
			list = []conflict.Transaction{*e.transaction(r.id)}
		case e.Kind == relay.Applied && !e.Mark.Repair():
			list = r.received[e.Mark.Origin][e.Mark.Range.From-1 : e.Mark.Range.To]
		}
		for _, t := range list {
			for _, ch := range t.Changes {
				if !yield(&write{region: t.Origin, hlc: t.HLC, deps: t.Deps}, plain(ch.Key)) {
					return
				}
			}
		}
	}
}

// concurrent demands of a conflict that both writes were made, by two regions that had not seen each other's. The first writes of a region stand for those
// that nobody remembers.
func concurrent(list []*write, c *conflict.Conflict) error {
	one, two := find(list, c.Here.Version), find(list, c.There.Version)
	switch {
	case two == nil:
		return fmt.Errorf("nobody wrote %v", c.There.Version)
	case c.Verdict:
		return nil
	case one == nil:
		return fmt.Errorf("nobody wrote %v", c.Here.Version)
	case one.region == two.region || one.saw(two) || two.saw(one):
		return fmt.Errorf("%v and %v are not concurrent", c.Here.Version, c.There.Version)
	}
	return nil
}

func find(list []*write, v relay.Version) *write {
	for _, w := range list {
		if w.version() == v {
			return w
		}
	}
	return nil
}

func (w *write) version() relay.Version { return relay.Version{HLC: w.hlc, Region: w.region} }

// losers says of writes of a row whether they are on record as losers in every region. What one of the others was made from may be: it was decided where both
// were known before anybody saw them. Under Merge and Counter writes count beside each other, and which of two is called the loser depends on what came first.
func losers(table string, list []*write) map[relay.Version]bool {
	is := make(map[relay.Version]bool)
	say := func(list []*write, lost bool) {
		for _, w := range list {
			is[w.version()] = lost
		}
	}
	switch table {
	case "merge", "counter":
	case "reject":
		say(list, true)
		say(accepted(list), false)
	case "rollback":
		for _, w := range list {
			is[w.version()] = w.gone
		}
	default:
		say(unseenBy(list), true)
		say([]*write{truthOf(table, list).last}, false)
	}
	return is
}

// unseenBy are the writes that no author of another one had seen.
func unseenBy(list []*write) []*write {
	return slices.DeleteFunc(slices.Clone(list), func(w *write) bool {
		return slices.ContainsFunc(list, func(x *write) bool { return x.saw(w) })
	})
}

// silent tells whether rows can leave a table, or come into another region's, without being in a log that goes to others.
func (o *Options) silent() bool {
	return o.Truncates || o.Triggers || o.Refusals || o.Lacks || len(o.Families) > 0
}
