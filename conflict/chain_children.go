package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// ends are the ends of a parent.
func (v *view) ends(parent string) ([]End, error) {
	row, err := v.row(endKey(parent))
	if err != nil {
		return nil, err
	}
	return row.reg.Ends, nil
}

// handDown has a row's children meet the ends that took it.
func (v *view) handDown(k Key, reg *Register) error {
	took, err := v.took(k, reg)
	if err != nil {
		return err
	}
	_, names := reg.ties()
	for _, name := range names {
		var ends []End
		for _, f := range took {
			if slices.Contains(reg.seenBy(&f.End).Row.Children, name) {
				d := f.End
				d.Via, d.Second = k, false
				ends = append(ends, d)
			}
		}
		if err := v.endVia(k, name, ends, reg.Until > 0); err != nil {
			return err
		}
	}
	return nil
}

// endVia sets which ends come to the children of a row since they took it. What is known of the children can be older than that, after a crash: so those of a row that
// ends have concerned are always looked at.
func (v *view) endVia(k Key, name string, ends []End, doubted bool) error {
	row, err := v.row(endKey(name))
	if err != nil {
		return err
	}
	others := slices.DeleteFunc(slices.Clone(row.reg.Ends), func(d End) bool { return d.Via == k })
	if len(ends) > 0 || len(others) < len(row.reg.Ends) {
		err = v.putEnds(name, append(others, ends...))
	} else if !doubted {
		return nil
	}
	if err != nil {
		return err
	}
	if err := v.reconsider(name); err != nil {
		return err
	}
	for _, d := range ends {
		if !v.sawForgotten(&d) {
			continue
		}
		v.ended = append(v.ended, Fate{name, d})
		if err := v.endFound(Fate{name, d}); err != nil {
			return err
		}
	}
	return nil
}

// sawForgotten tells whether the author of an end had seen all that is forgotten here. So it is of an end that is being merged; of one that was merged before, something
// may have been forgotten since.
func (v *view) sawForgotten(d *End) bool {
	if d.Version == v.merging || slices.Contains(v.merged, d.Version) {
		return true
	}
	past := v.engine.past()
	if d.Version.HLC <= past {
		return false
	}
	for r, seen := range v.engine.seen {
		if relay.Region(r) != d.Version.Region && d.Deps.Get(relay.Region(r)) < min(past, seen.HLC) {
			return false
		}
	}
	return true
}

// putEnds sets the ends of a parent.
func (v *view) putEnds(parent string, ends []End) error {
	k := endKey(parent)
	row, err := v.row(k)
	if err != nil {
		return err
	}
	slices.SortStableFunc(ends, func(a, b End) int { return a.Version.Compare(b.Version) })
	reg := Register{Version: row.reg.Version, Blank: true, Ends: ends}
	if len(ends) > 0 && ends[len(ends)-1].Version.After(reg.Version) {
		reg.Version = ends[len(ends)-1].Version
	}
	reg.Shown = reg.Version
	return v.put(k, reg)
}

// reconsider finds out again what the children of a parent come to whose ends have changed.
func (v *view) reconsider(parent string) error {
	children, err := v.children(parent)
	if err != nil {
		return err
	}
	for _, k := range children {
		reg := v.rows[k].reg
		if v.engine.follower(reg.written()) {
			continue // those that follow are no part of chains
		}
		if reg.middle() {
			err = v.relink(k, reg)
		} else {
			err = v.refate(k, reg)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// refate finds out again what a row comes to that is no parent.
func (v *view) refate(k Key, reg Register) error {
	wrote, former := reg.written(), reg.Fates
	var fates []Fate
	for _, parent := range wrote.Parents {
		ends, err := v.ends(parent)
		if err != nil {
			return err
		}
		for _, d := range ends {
			if d.sawLink(&Link{Version: reg.Version, Place: reg.Place}) {
				d.Via = ""
				fates = append(fates, Fate{parent, d})
			}
		}
	}
	for _, f := range former {
		if f.Version.HLC <= v.engine.past() && !slices.ContainsFunc(fates, f.is) {
			fates = append(fates, f)
		}
	}
	if len(fates)+len(former) == 0 {
		return nil
	}
	reg.Fates = nil
	reg.Wrote, reg.Row = wrote, wrote
	reg, err := v.engine.meet(k, reg, fates...)
	if err != nil {
		return err
	}
	return v.put(k, reg)
}
