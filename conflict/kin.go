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

// End is a deletion of a parent.
type End struct {
	Version relay.Version
	Deps    relay.Vector // what its author had seen; shared
	Second  bool         // its transaction had ended the parent in the other way before: see fate.go
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
	case c.After.Exists():
		return c.Left
	case len(c.Left) == 0:
		return c.Before.Children
	}
	return append(slices.Clip(c.Before.Children), c.Left...)
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
	if v.engine.divided(reg.Row) {
		return v.outlive(k, reg)
	}
	for _, parent := range reg.Row.Parents {
		row, err := v.row(endKey(parent))
		if err != nil {
			return reg, err
		}
		i := slices.IndexFunc(row.reg.Ends, func(d End) bool { return d.saw(reg.Version) })
		if i < 0 {
			continue
		}
		was := reg.Row
		if reg.Row, err = v.engine.bereave(k, was, parent); err != nil {
			return reg, err
		}
		if !reg.Row.Exists() {
			return reg, v.lose(row.reg.Ends[i].transaction(), &Change{Before: was, After: reg.Row})
		}
	}
	return reg, nil
}

// transaction is the one that a deletion was part of.
func (d *End) transaction() *Transaction {
	return &Transaction{Origin: d.Version.Region, HLC: d.Version.HLC, Deps: d.Deps}
}

// end is what M keeps of a transaction that ends a parent.
func (t *Transaction) end() End { return End{Version: t.Version(), Deps: t.Deps} }

// lose merges what a change of a transaction does to the children of its row.
func (v *view) lose(t *Transaction, c *Change) error {
	v.ending = v.ending[:0]
	return v.endAll(t, c)
}

func (v *view) endAll(t *Transaction, c *Change) error {
	for _, parent := range c.Ends() {
		if err := v.end(t, parent); err != nil {
			return err
		}
	}
	return nil
}

// end merges that a transaction has deleted a parent. A child that goes with it is a parent that is deleted.
func (v *view) end(t *Transaction, parent string) error {
	if slices.Contains(v.ending, parent) {
		return nil // rows can be their own ancestors
	}
	v.ending, v.ended = append(v.ending, parent), append(v.ended, parent)
	d, err := v.noteEnd(t, parent)
	if err != nil {
		return err
	}
	children, err := v.children(parent)
	if err != nil {
		return err
	}
	for _, k := range children {
		reg := v.rows[k].reg
		if !authorSaw(t.Version(), t.Deps, reg.Version) {
			// It stands, but stood below the parent before for all that is known: so its own children went with it where the parent was deleted.
			if err := v.endAll(t, &Change{Before: reg.Row}); err != nil {
				return err
			}
			continue
		}
		if err := v.orphan(t, k, reg, Fate{parent, d}); err != nil {
			return err
		}
	}
	return v.endFound(t, Fate{parent, d})
}

// noteEnd keeps a deletion, instead of those that its author had seen.
func (v *view) noteEnd(t *Transaction, parent string) (End, error) {
	k := endKey(parent)
	row, err := v.row(k)
	if err != nil {
		return End{}, err
	}
	d, all := t.end(), false
	if rival := v.engine.rival(parent); rival != "" {
		if d, err = v.place(d, row.reg.Ends, rival); err != nil {
			return d, err
		}
		all = true // what an earlier one had done by then counts
	}
	reg := Register{Version: row.reg.Version, Blank: true}
	for _, old := range row.reg.Ends {
		if old.Version != d.Version && (all || !d.saw(old.Version)) {
			reg.Ends = append(reg.Ends, old)
		}
	}
	reg.Ends = append(reg.Ends, d)
	slices.SortFunc(reg.Ends, func(a, b End) int { return a.Version.Compare(b.Version) })
	if d.Version.After(reg.Version) {
		reg.Version = d.Version
	}
	reg.Shown = reg.Version
	return d, v.put(k, reg)
}

// children are the rows that are known and name a parent.
func (v *view) children(parent string) ([]Key, error) {
	below, err := v.lists(parent)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, k := range sorted(append(slices.Clone(below), v.claims[parent]...)) {
		row, err := v.row(k)
		if err != nil {
			return nil, err
		}
		if row.reg.History == nil && slices.Contains(row.reg.written().Parents, parent) && row.reg.written().Exists() {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// orphan has a child do what its foreign key says.
func (v *view) orphan(t *Transaction, k Key, reg Register, f Fate) error {
	was := reg.Row
	var err error
	if v.engine.divided(reg.written()) {
		reg, err = v.engine.meet(k, reg, f)
	} else {
		reg.Row, err = v.engine.bereave(k, was, f.Parent)
	}
	if err != nil {
		return err
	}
	if err := v.put(k, reg); err != nil {
		return err
	}
	return v.endAll(t, &Change{Before: was, After: reg.Row})
}

// endFound does the same with the rows that stand in the table and that nothing is known of.
func (v *view) endFound(t *Transaction, end Fate) error {
	for _, f := range t.Found[end.Parent] {
		row, err := v.row(f.Key)
		if err != nil {
			return err
		}
		if row.known || v.engine.rule(f.Key).Policy != LWW {
			continue
		}
		row.found = true
		row.first = &Change{Key: f.Key, Before: f.Row}
		if err := v.orphan(t, f.Key, Register{Row: f.Row}, end); err != nil {
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
	if e.divided(c.Before) {
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

// inherit merges what comes of a row that nothing is known of for its own children.
func (e *Engine) inherit(c *Change, right Row, landed *Landed) error {
	for _, parent := range c.Before.Parents {
		ends := landed.ends[parent]
		if len(ends) == 0 || len((&Change{Before: c.Before, After: right}).Ends()) == 0 {
			continue
		}
		t := ends[len(ends)-1]
		v := e.onM()
		if err := v.lose(&t, &Change{Before: c.Before, After: right}); err != nil {
			return err
		}
		landed.end(&t, v)
		if err := e.settle(v, landed.add); err != nil {
			return err
		}
	}
	return nil
}

// end notes which parents a transaction deleted.
func (c *Landed) end(t *Transaction, v *view) {
	if len(v.ended) == 0 {
		return
	}
	if c.ends == nil {
		c.ends = make(map[string][]Transaction)
	}
	header := Transaction{Origin: t.Origin, Seq: t.Seq, HLC: t.HLC, Deps: t.Deps}
	for _, parent := range v.ended {
		c.ends[parent] = append(c.ends[parent], header)
	}
}
