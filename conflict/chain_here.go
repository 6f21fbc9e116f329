package conflict

import (
	"maps"
	"slices"
)

// learnHere notes that what a change found is what stood in this region's table.
func (v *view) learnHere(c *Change) {
	row := v.rows[c.Key]
	if row != nil && len(row.reg.Past) > 0 && row.reg.Past[0].Version.IsZero() {
		row.reg.Past = slices.Clone(row.reg.Past)
		row.reg.Past[0].Here, row.reg.Past[0].Deps = true, nil
	}
}

// meet notes a row of which nothing was known, if it is in the middle of a chain.
func (c *Landed) meet(k Key, reg *Register) {
	if len(reg.Past) == 0 {
		return
	}
	if c.fresh == nil {
		c.fresh = make(map[Key]struct{})
	}
	c.fresh[k] = struct{}{}
}

// rebase learns from the log what stood in this region's table before the first write of a row that is known.
func (e *Engine) rebase(c *Change, reg Register, landed *Landed) error {
	delete(landed.fresh, c.Key)
	if !c.Before.Exists() || c.Before.Partial || len(reg.Past) == 0 {
		return nil
	}
	past := reg.Past
	if past[0].Version.IsZero() {
		past = past[1:]
	}
	reg.Past = slices.Insert(slices.Clone(past), 0, Link{Row: c.Before, Here: true})
	v := e.onM()
	v.merged = landed.merged
	if err := v.relink(c.Key, reg); err != nil {
		return err
	}
	landed.end(v)
	return e.settle(v, landed.add)
}

// unchanged learns what stood in this region's table before the first write of rows that the log does not show: the same as now. So it is where a transaction has deleted
// a row with its parent, and inserted it again.
func (e *Engine) unchanged(landed *Landed) error {
	if len(landed.fresh) == 0 {
		return nil
	}
	for _, k := range slices.Sorted(maps.Keys(landed.fresh)) {
		reg, known, err := e.index.Get(k)
		if err != nil {
			return err
		}
		if !known || !reg.Row.Exists() || len(reg.Past) == 0 || reg.Past[0].Version.IsZero() {
			continue
		}
		if err := e.rebase(&Change{Key: k, Before: reg.Row}, reg, landed); err != nil {
			return err
		}
	}
	return nil
}
