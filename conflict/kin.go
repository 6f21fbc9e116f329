package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// What a foreign key does to the children of a deleted parent (CASCADE, SET NULL), or of one that was given another key (SET NULL), shows in no log of some databases.
// A deletion of a parent is
// therefore an event for its children, whether it wins or loses: those whose newest write the author of the deletion had seen have lost their parent,
// and do as their foreign key says. A write that he had not seen stands, as it is in his region too: it arrives there with the whole row. So what
// a child comes to depends on its newest write and on whether someone who had seen that deleted the parent that it names; it keeps its version, and the next
// write of it, whosoever, is newer.
//
// A write that the author had seen can come after the deletion, from a third region. So M keeps the deletion, as an end, until everybody shows it for good.
//
// Rows that M has forgotten were shown everywhere before the deletion was made: the applier looks them up in the table
// ([Transaction.Found]), and the log entry that writes them is explained by what its mark carries.

// End is a deletion of a parent, or a change of its key.
type End struct {
	Version relay.Version
	Deps    relay.Vector // what its author had seen; shared
	Second  bool         // its transaction had ended the parent in the other way before: see fate.go
	Place   int          // how many changes of its transaction that end parents came before it
	Now     Rekey        // what children follow to; none: they do not
	Round   bool         // and what stood here before it and was not remembered may have come back since, in no log: see round.go
	Via     Key          // the row that was deleted with its own parent, which ended this one; none: it was deleted itself. See chain.go
}

// saw tells whether the author of a deletion had seen a write. Of the writes of his own transaction it is not known here.
func (d *End) saw(v relay.Version) bool { return v != d.Version && authorSaw(d.Version, d.Deps, v) }

// Found is a row that stands in the table.
type Found struct {
	Key Key
	Row Row
}

// Bereave sets what a row becomes when a parent is deleted that it names: pure, and the same in every region. Of rows that it does not change it
// returns them as they are.
func (e *Engine) Bereave(how func(k Key, row Row, parent string) (Row, error)) { e.bereave = how }

// endKey is the name under which M keeps the deletions of a parent. It is no row's: see unitKey, from which it differs since clocks are positive.
func endKey(parent string) Key { return Key("\x00\xff" + parent) }

// Ends are the names under which children know a row that the change takes from them: it deletes it, or gives it another key.
func (c *Change) Ends() []string {
	switch {
	case !c.Before.Exists():
		return nil
	case c.After.Exists(), c.Moved:
		return c.leaves()
	case len(c.Left) == 0:
		return c.Before.Children
	}
	return append(slices.Clip(c.Before.Children), c.Left...)
}

// leaves are the names under which children lose a row that is there still, or follow it.
func (c *Change) leaves() []string {
	names := slices.Clip(c.Left)
	for i := range c.Rekeyed {
		names = append(names, c.Rekeyed[i].From)
	}
	return names
}

// AppendKeys appends what M is asked for because of a change: its own key, and the deletions of the row's parents.
func (c *Change) AppendKeys(keys []Key) []Key {
	keys = append(keys, c.Key)
	for _, parent := range c.After.Parents {
		keys = append(keys, endKey(parent))
	}
	return keys
}

// related tells whether a change concerns parents or children.
func related(c *Change) bool { return len(c.After.Parents) > 0 || len(c.Ends()) > 0 }

// survive applies to a write what is known of the deletions of its parents.
func (v *view) survive(k Key, reg Register) (Register, error) {
	if !reg.Row.Exists() {
		return reg, nil
	}
	if v.engine.follower(reg.Row) {
		return v.trace(k, reg)
	}
	chained, err := v.chained(reg.Row)
	if err != nil {
		return reg, err
	}
	if chained || v.engine.divided(reg.Row) {
		return v.outlive(k, reg)
	}
	for _, parent := range reg.Row.Parents {
		ends, err := v.ends(parent)
		if err != nil {
			return reg, err
		}
		if !slices.ContainsFunc(ends, func(d End) bool { return d.saw(reg.Version) }) {
			continue
		}
		if reg.Row, err = v.engine.bereave(k, reg.Row, parent); err != nil || !reg.Row.Exists() {
			return reg, err
		}
	}
	return reg, nil
}

// chained tells whether any end of a row's parents has come by way of a row that went with its own parent.
func (v *view) chained(row Row) (bool, error) {
	for _, parent := range row.Parents {
		ends, err := v.ends(parent)
		if err != nil || slices.ContainsFunc(ends, func(d End) bool { return d.Via != "" }) {
			return true, err
		}
	}
	return false, nil
}

// lose merges what a change of a transaction does to the children of its row.
func (v *view) lose(t *Transaction, c *Change) error {
	ends := c.Ends()
	for _, parent := range ends {
		if err := v.end(t, parent, c.Sends(parent)); err != nil {
			return err
		}
	}
	if len(ends) > 0 {
		v.turn++
	}
	return nil
}

// end merges that a transaction has deleted a parent, or what it is called now.
func (v *view) end(t *Transaction, parent string, now *Rekey) error {
	d, err := v.noteEnd(t, parent, now)
	if err != nil {
		return err
	}
	v.ended = append(v.ended, Fate{parent, d})
	children, err := v.children(parent)
	if err != nil {
		return err
	}
	for _, k := range children {
		reg := v.rows[k].reg
		switch {
		case v.engine.follower(reg.written()):
			err = v.send(k, reg, &d)
		case reg.middle():
			err = v.relink(k, reg)
		case !authorSaw(t.Version(), t.Deps, reg.Version):
			continue
		default:
			err = v.orphan(k, reg, Fate{parent, d})
		}
		if err != nil {
			return err
		}
	}
	return v.endFound(Fate{parent, d})
}

// noteEnd keeps a deletion.
func (v *view) noteEnd(t *Transaction, parent string, now *Rekey) (End, error) {
	former, err := v.ends(parent)
	if err != nil {
		return End{}, err
	}
	d := End{Version: t.Version(), Deps: t.Deps, Place: v.turn}
	if now != nil {
		d.Now = *now
	}
	if rival := v.engine.rival(parent); rival != "" {
		if d, err = v.place(d, former, rival); err != nil {
			return d, err
		}
	}
	var ends []End
	for _, old := range former {
		replaced := old.Version == d.Version && (now == nil || old.Place == d.Place)
		if old.Via != "" || !replaced && old.Version.HLC > v.engine.settled {
			ends = append(ends, old)
		}
	}
	return d, v.putEnds(parent, append(ends, d))
}

// children are the rows that are known and name a parent. One that has followed to it, and further, is listed under the name alone that such a parent has for those who follow.
func (v *view) children(parent string) ([]Key, error) {
	names := []string{parent}
	if heir := v.engine.heir(parent); heir != "" && heir != parent {
		names = append(names, heir)
	}
	var listed, keys []Key
	for _, name := range names {
		below, err := v.lists(name)
		if err != nil {
			return nil, err
		}
		listed = append(append(listed, below...), v.claims[name]...)
	}
	for _, k := range sorted(listed) {
		row, err := v.row(k)
		if err != nil {
			return nil, err
		}
		if row.reg.History == nil && slices.ContainsFunc(names, row.reg.named) {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// named tells whether a row names a parent, or has done so.
func (r *Register) named(parent string) bool {
	return slices.Contains(r.steps(), parent) || slices.ContainsFunc(r.links(), func(l Link) bool { return l.Row.Exists() && slices.Contains(l.Row.Parents, parent) })
}

// orphan has a child do what its foreign key says.
func (v *view) orphan(k Key, reg Register, f Fate) (err error) {
	if f.Via != "" || len(reg.Fates) > 0 || v.engine.divided(reg.written()) {
		f.Via = ""
		reg, err = v.engine.meet(k, reg, f)
	} else {
		reg.Row, err = v.engine.bereave(k, reg.Row, f.Parent)
	}
	if err != nil {
		return err
	}
	return v.put(k, reg)
}

// endFound does the same with the rows that stand in the table and that nothing is known of.
func (v *view) endFound(end Fate) error {
	for _, f := range v.below[end.Parent] {
		row, err := v.row(f.Key)
		if err != nil {
			return err
		}
		if row.known || v.engine.rule(f.Key).Policy != LWW {
			continue
		}
		row.found = true
		row.first = &Change{Key: f.Key, Before: f.Row}
		reg := Register{Row: f.Row}
		switch {
		case v.engine.follower(f.Row):
			err = v.send(f.Key, reg, &end.End)
		case f.Row.Middle:
			err = v.relink(f.Key, reg)
		default:
			err = v.orphan(f.Key, reg, end)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// after is what a row shall be that nothing is known of and that our own transaction wrote: what stood there before, but for what the
// transactions did to it that its mark carries.
func (e *Engine) after(c *Change, landed *Landed) (Register, error) {
	reg := Register{Row: stoodBefore(c)}
	if reg.Row.Exists() && reg.Row.Partial { // nobody knows what stood there, so nothing but what was written can be right
		return Register{Row: c.After}, nil
	}
	if c.middle() {
		return reg, nil // see relink
	}
	if e.follower(c.Before) {
		return e.followed(c.Key, reg, landed)
	}
	if e.divided(c.Before) || landed.chained(c.Before) {
		fates, err := e.fates(c.Before.Parents, landed)
		if err != nil {
			return reg, err
		}
		return e.meet(c.Key, reg, fates...)
	}
	for _, parent := range c.Before.Parents {
		if _, ended := landed.ends[parent]; !ended || !reg.Row.Exists() {
			continue
		}
		var err error
		if reg.Row, err = e.bereave(c.Key, reg.Row, parent); err != nil {
			return reg, err
		}
	}
	return reg, nil
}

// chained tells whether any end of a row's parents has come by way of a row that went with its own parent: it can be taken back.
func (c *Landed) chained(row Row) bool {
	return slices.ContainsFunc(row.Parents, func(parent string) bool {
		return slices.ContainsFunc(c.ends[parent], func(d End) bool { return d.Via != "" })
	})
}

// end notes which parents were ended.
func (c *Landed) end(v *view) {
	if len(v.ended) == 0 {
		return
	}
	if c.ends == nil {
		c.ends = make(map[string][]End)
	}
	for _, f := range v.ended {
		c.ends[f.Parent] = append(c.ends[f.Parent], f.End)
	}
}
