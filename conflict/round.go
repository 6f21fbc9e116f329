package conflict

import (
	"maps"
	"slices"
)

// Children of which nothing is known can follow their parent away and back by what one mark carries. Then they stand as they did, the log shows nothing of them, and they are still not
// known. When another end comes that had not seen this, they are found where they are, and those ends concern them, as in all other regions. So such ends are marked, in this region's M.

// noteRounds marks the ends of an entry that have brought children back to where they were.
func (e *Engine) noteRounds(landed *Landed) error {
	for _, name := range slices.Sorted(maps.Keys(landed.ends)) {
		if err := e.noteRound(name, landed); err != nil {
			return err
		}
	}
	return nil
}

// noteRound marks the ends that take the children of a name away and back.
func (e *Engine) noteRound(name string, landed *Landed) error {
	at, way := name, []Fate(nil)
	for {
		d := landed.next(at, way)
		if d == nil {
			break
		}
		at, way = d.Now.To, append(way, Fate{at, *d})
	}
	if at != name {
		return nil
	}
	for i := range way {
		if err := e.markRound(&way[i]); err != nil {
			return err
		}
	}
	return nil
}

// next is the end that takes children on that have come to a name.
func (c *Landed) next(name string, way []Fate) (next *End) {
	for i := range c.ends[name] {
		d := &c.ends[name][i]
		if d.Follows() && (len(way) == 0 || compareEnds(&way[len(way)-1].End, d) < 0) && (next == nil || compareEnds(d, next) < 0) {
			next = d
		}
	}
	return next
}

func (e *Engine) markRound(f *Fate) error {
	k := endKey(f.Parent)
	reg, known, err := e.index.Get(k)
	if err != nil || !known {
		return err
	}
	reg.Ends = slices.Clone(reg.Ends)
	for i := range reg.Ends {
		reg.Ends[i].Round = reg.Ends[i].Round || reg.Ends[i].is(f.End)
	}
	return e.index.Put(k, reg)
}

// comings are the ends that have sent children to a name.
func (v *view) comings(name string) (list []End, err error) {
	keys, err := v.lists(arrival(name))
	if err != nil {
		return nil, err
	}
	for _, k := range sorted(append(slices.Clone(keys), v.claims[arrival(name)]...)) {
		row, err := v.row(k)
		if err != nil {
			return nil, err
		}
		for _, d := range row.reg.Ends {
			if d.Now.To == name {
				list = append(list, d)
			}
		}
	}
	return list, nil
}
