package conflict

import "slices"

// A child that goes with its parent when that is deleted, and is parted from it when it is given another key, can meet both at a time, from two regions. Each for
// itself does not depend on the order; the two together do. So M keeps what such a row was written as, and each end since whose author had seen that
// write: its fates. What the row comes to is a function of that set. An end counts unless those before it that its author had seen had already taken from the
// child what it ends: the author had found the child parted, or gone. If one that counts takes the child, it is gone; otherwise it is parted.
//
// An end can come before one that its author had seen. So a row that is gone may come back, parted, and is kept until all that can change it has come.
//
// One thing cannot be known. Of children that were forgotten, the region where the parent was given another key knows nothing: there they were
// parted in no log, and nothing tells them from rows that never had a parent. When another region's deletion comes that had not seen this, they stay there alone. That is told
// ([Engine.Torn]).

// Fate is an end of a parent that concerns a row.
type Fate struct {
	Parent string
	End
}

// Torn sets what names the other end that can come to a parent by the same foreign key, and takes something else from children: "" for a parent that can end in
// one way only. When a parent has come to one end in this region and to the other one elsewhere, and neither knew of the other, tell is told.
func (e *Engine) Torn(rival func(parent string) string, tell func(parent string)) {
	e.rival, e.torn = rival, tell
}

// divided tells whether a row can lose a parent in two ways.
func (e *Engine) divided(row Row) bool {
	return slices.ContainsFunc(row.Parents, func(parent string) bool { return e.rival(parent) != "" })
}

// written is the row as its newest write left it, as far as that is needed.
func (r *Register) written() Row {
	if r.Wrote.Image != nil {
		return r.Wrote
	}
	return r.Row
}

// meet adds fates to those of a row.
func (e *Engine) meet(k Key, reg Register, more ...Fate) (Register, error) {
	if len(more) == 0 {
		return reg, nil
	}
	reg.Wrote = reg.written()
	reg.Fates = slices.Clone(reg.Fates)
	for _, f := range more {
		if !slices.ContainsFunc(reg.Fates, f.is) {
			reg.Fates = append(reg.Fates, f)
		}
	}
	slices.SortStableFunc(reg.Fates, func(a, b Fate) int { return compareEnds(&a.End, &b.End) })
	var err error
	reg.Row, err = e.fated(k, reg.Wrote, reg.Fates)
	return reg, err
}

func (f *Fate) is(g Fate) bool { return f.Parent == g.Parent && f.Version == g.Version }

// fated is what a row comes to.
func (e *Engine) fated(k Key, wrote Row, fates []Fate) (Row, error) {
	var counts []Fate
	for _, f := range fates {
		found, err := e.suffered(k, wrote, slices.DeleteFunc(slices.Clone(counts), func(g Fate) bool { return !g.before(&f.End) }))
		if err != nil {
			return wrote, err
		}
		if found.Exists() && slices.Contains(found.Parents, f.Parent) {
			counts = append(counts, f)
		}
	}
	return e.suffered(k, wrote, counts)
}

// suffered is a row with some fates, each of which counts. What takes something from it does so for good, wherever it has followed its parents to since.
func (e *Engine) suffered(k Key, row Row, fates []Fate) (Row, error) {
	for _, takes := range []bool{false, true} {
		for _, f := range fates {
			if f.Follows() == takes {
				continue
			}
			next, err := e.suffer(k, row, &f)
			if err != nil || !next.Exists() {
				return next, err
			}
			row = next
		}
	}
	return row, nil
}

// suffer is a row with one fate.
func (e *Engine) suffer(k Key, row Row, f *Fate) (Row, error) {
	if f.Follows() {
		return e.follow(k, row, &f.Now)
	}
	return e.bereave(k, row, f.Parent)
}

// outlive applies to a write what is known of the ends of its parents.
func (v *view) outlive(k Key, reg Register) (Register, error) {
	var fates []Fate
	for _, parent := range reg.Row.Parents {
		row, err := v.row(endKey(parent))
		if err != nil {
			return reg, err
		}
		for _, d := range row.reg.Ends {
			if d.saw(reg.Version) {
				d.Via = ""
				fates = append(fates, Fate{parent, d})
			}
		}
	}
	return v.engine.meet(k, reg, fates...)
}

// fates are the ends of parents that were carried.
func (e *Engine) fates(parents []string, landed *Landed) (list []Fate, err error) {
	for _, parent := range parents {
		reg, _, err := e.index.Get(endKey(parent))
		if err != nil {
			return nil, err
		}
		for _, d := range reg.Ends {
			if slices.ContainsFunc(landed.ends[parent], func(x End) bool { return x.Version == d.Version }) {
				d.Via = ""
				list = append(list, Fate{parent, d})
			}
		}
	}
	return list, nil
}

// place says whether an end comes behind the other one that its transaction has brought to the parent. The first of each kind counts.
func (v *view) place(d End, former []End, rival string) (End, error) {
	is := func(x End) bool { return x.Version == d.Version }
	if i := slices.IndexFunc(former, is); i >= 0 {
		return former[i], nil
	}
	other, err := v.row(endKey(rival))
	if err != nil {
		return d, err
	}
	d.Second = slices.ContainsFunc(other.reg.Ends, is)
	return d, nil
}

// before tells whether an end had come when another one was made, for that one's author.
func (d *End) before(f *End) bool {
	return f.saw(d.Version) || d.Version == f.Version && compareEnds(d, f) < 0
}

// tell tells of parents that another region's transaction has ended, and this region in another way, if neither knew of the other.
func (e *Engine) tell(t *Transaction, v *view) {
	if e.torn == nil {
		return
	}
	for _, f := range v.ended {
		if e.tore(t, f.Parent) || e.strayed(t, f.Parent) {
			e.torn(f.Parent)
		}
	}
}

// tore tells whether this region has ended a parent in the other one of two ways.
func (e *Engine) tore(t *Transaction, parent string) bool {
	rival := e.rival(parent)
	if rival == "" {
		return false
	}
	reg, _, err := e.index.Get(endKey(rival))
	return err == nil && e.crossed(reg.Ends, t)
}

// crossed tells whether one of these ends is this region's, and neither its author nor that of a transaction had seen the other.
func (e *Engine) crossed(ends []End, t *Transaction) bool {
	return slices.ContainsFunc(ends, func(d End) bool {
		return d.Version.Region == e.self && !t.Deps.Saw(d.Version) && !d.saw(t.Version())
	})
}
