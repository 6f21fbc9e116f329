package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// relink finds out again what a row in the middle of a chain comes to, and its children.
func (v *view) relink(k Key, reg Register) error {
	if slices.Contains(v.linking, k) {
		return nil // rows can be their own ancestors
	}
	v.linking = append(v.linking, k)
	defer func() { v.linking = v.linking[:len(v.linking)-1] }()
	reg.Past = v.trimmed(reg.links())
	reg.Wrote = reg.Past[len(reg.Past)-1].Row
	var err error
	if err = v.takings(k, &reg); err != nil {
		return err
	}
	mine := slices.DeleteFunc(slices.Clone(reg.Fates), func(f Fate) bool { return !reg.sawNewest(&f.End) })
	if reg.Row, err = v.engine.fated(k, reg.Wrote, mine); err != nil {
		return err
	}
	if err = v.put(k, reg); err != nil {
		return err
	}
	return v.handDown(k, &reg)
}

// takings finds out which ends of its parents concern a row, in their authors' views.
func (v *view) takings(k Key, reg *Register) error {
	former := reg.Fates
	reg.Fates = nil
	parents, _ := reg.ties()
	for _, parent := range parents {
		ends, err := v.ends(parent)
		if err != nil {
			return err
		}
		for _, d := range ends {
			reg.Until = max(reg.Until, d.Version.HLC)
			l := reg.seenBy(&d)
			if l != nil && l.Version.IsZero() && d.Version.HLC <= v.engine.past() {
				continue // it came before what is not known any more: what it did is among the former ones
			}
			if l != nil && l.Row.Exists() && slices.Contains(l.Row.Parents, parent) {
				d.Via = ""
				reg.Fates = append(reg.Fates, Fate{parent, d})
			}
		}
	}
	for _, f := range former {
		if f.Version.HLC <= v.engine.past() && !slices.ContainsFunc(reg.Fates, f.is) && reg.seenBy(&f.End) != nil {
			reg.Fates = append(reg.Fates, f)
		}
	}
	slices.SortStableFunc(reg.Fates, compareFates)
	reg.Fates = slices.CompactFunc(reg.Fates, func(a, b Fate) bool { return a.is(b) })
	return nil
}

// past is the clock up to which everything has been merged, and what it did has been found out.
func (e *Engine) past() relay.HLC { return max(e.settled, e.floor) }

func compareFates(a, b Fate) int {
	if c := a.Version.Compare(b.Version); c != 0 {
		return c
	}
	return a.Place - b.Place
}

// took are the ends that took a row, and its children with it: those whose author found it standing.
func (v *view) took(k Key, reg *Register) (list []Fate, err error) {
	for _, f := range reg.Fates {
		l := reg.seenBy(&f.End)
		if l == nil || slices.ContainsFunc(list, func(g Fate) bool { return f.found(&g) && g.sawLink(l) }) {
			continue
		}
		left, err := v.engine.bereave(k, l.Row, f.Parent)
		if err != nil {
			return nil, err
		}
		if !left.Exists() {
			list = append(list, f)
		}
	}
	return list, nil
}

// found tells whether the author of an end had seen another one.
func (f *Fate) found(g *Fate) bool {
	return f.saw(g.Version) || f.Version == g.Version && g.Place < f.Place
}
