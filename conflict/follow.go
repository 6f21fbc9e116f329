package conflict

import (
	"cmp"
	"slices"

	"github.com/octant-db/octant/relay"
)

// A child whose foreign key has ON UPDATE CASCADE follows its parent to another key. So a change of key is an end of the former name that carries the new one, with the row that has it. What
// a child comes to is a fold, in the order of versions, over its newest write and the ends of what it names, one after the other: a change of key sends it on, a deletion takes it or parts it.
//
//   - A change of key concerns a write whose author had not seen it. Whoever named the former key meant that parent; who had seen the change and names it means another one.
//   - A deletion concerns a write that its author had seen, as it does for other children.
//   - An end counts if the child stood there for its author: by what the child was written as, and by those ends before it that this author had seen and that count.
//
// All of that is a function of the set. The child keeps its own version. Where the key was changed the database has sent the children on in silence; of those that M
// has forgotten it is not known there where they come from. So two regions that change one key at a time, or of which one deletes the parent, may be left with children
// that stand elsewhere in all others: such a region says so, see strayed.

// Rekey is a name that a change takes from a row, and what the row is called instead.
type Rekey struct {
	From, To string // no To: nobody can refer to it any more
	Row      Row    // as it is now
	Columns  []int  // of it that its children take over
}

// Follow sets what concerns children that follow. How makes of a row what it is once it follows a parent that it named: pure, and the same in every region. Heir is under which name a
// parent, under whatever name children have it, is known to those that follow it; follows tells whether a name is such a one.
func (e *Engine) Follow(how func(k Key, row Row, now *Rekey) (Row, error), heir func(parent string) string, follows func(parent string) bool) {
	e.follow, e.heir, e.follows = how, heir, follows
}

// Follows tells whether children follow, and do not lose anything.
func (d *End) Follows() bool { return d.Now.Row.Image != nil }

// Sends tells where the children follow to that name a parent, if they do.
func (c *Change) Sends(parent string) *Rekey {
	for i := range c.Rekeyed {
		if c.Rekeyed[i].From == parent {
			return &c.Rekeyed[i]
		}
	}
	return nil
}

// follower tells whether a row follows any of its parents.
func (e *Engine) follower(row Row) bool {
	return slices.ContainsFunc(row.Parents, e.follows)
}

// compareEnds is the order in which ends come.
func compareEnds(a, b *End) int {
	second := func(d *End) int {
		if d.Second {
			return 1
		}
		return 0
	}
	return cmp.Or(a.Version.Compare(b.Version), cmp.Compare(second(a), second(b)), cmp.Compare(a.Place, b.Place))
}

// knew tells whether the author of a register's newest write had seen an end.
func (r *Register) knew(d *End) bool {
	if r.Version == d.Version {
		return r.Place > d.Place
	}
	return !r.Version.IsZero() && authorSaw(r.Version, r.Deps, d.Version)
}

// concerns tells whether an end concerns a row: one that follows a parent, by its newest write.
func (r *Register) concerns(d *End) bool {
	if d.Follows() {
		return !r.knew(d)
	}
	return d.sawLink(&Link{Version: r.Version, Place: r.Place})
}

// trace finds out where a row stands that follows its parents. Of a row that was found in the table everything that was merged before shows in it already: there only the ends of these
// versions count for what it was found with.
func (v *view) trace(k Key, reg Register, merging ...relay.Version) (Register, error) {
	wrote := reg.written()
	if !wrote.Exists() {
		return reg, nil
	}
	fates, err := v.gather(k, &reg, wrote, merging)
	if err != nil || len(fates) == 0 {
		return reg, err
	}
	reg.Wrote, reg.Fates = wrote, fates
	reg.Row, err = v.engine.fated(k, wrote, fates)
	return reg, err
}

// gather collects the ends that can concern a row, of all that it may have named.
func (v *view) gather(k Key, reg *Register, wrote Row, merging []relay.Version) (fates []Fate, err error) {
	stood, met := []Row{wrote}, make(map[string]bool)
	for i := 0; i < len(stood); i++ {
		for _, parent := range stood[i].Parents {
			if met[parent] {
				continue
			}
			met[parent] = true
			ends, err := v.endsOf(reg, parent, i == 0, merging)
			if err != nil {
				return nil, err
			}
			for _, d := range ends {
				fates = append(fates, Fate{parent, d})
				if !d.Follows() {
					continue
				}
				next, err := v.engine.follow(k, stood[i], &d.Now)
				if err != nil {
					return nil, err
				}
				stood = append(stood, next)
			}
		}
	}
	slices.SortStableFunc(fates, func(a, b Fate) int { return compareEnds(&a.End, &b.End) })
	return fates, nil
}

// endsOf are the ends of one of the parents that a row may have named that can concern it, with those that did before they were forgotten. First: it is one that it was written with.
func (v *view) endsOf(reg *Register, parent string, first bool, merging []relay.Version) (list []End, err error) {
	for _, f := range reg.Fates {
		if f.Parent == parent {
			list = append(list, f.End)
		}
	}
	ends, err := v.ends(parent)
	if err != nil {
		return nil, err
	}
	for _, d := range ends {
		d.Via = ""
		shows := first && reg.Version.IsZero() && !d.Round && !slices.Contains(merging, d.Version)
		if shows || !reg.concerns(&d) || slices.ContainsFunc(list, d.is) {
			continue
		}
		list = append(list, d)
	}
	return list, nil
}

func (d *End) is(x End) bool { return d.Version == x.Version && d.Place == x.Place }

// send has a known child that follows its parents meet an end.
func (v *view) send(k Key, reg Register, d *End) error {
	reg, err := v.trace(k, reg, d.Version)
	if err != nil || len(reg.Fates) == 0 {
		return err
	}
	return v.put(k, reg)
}

// followed is what a row comes to that was found in the table and follows its parents, by what a mark carries.
func (e *Engine) followed(k Key, reg Register, landed *Landed) (Register, error) {
	var carried []relay.Version
	for _, parent := range reg.Row.Parents {
		for _, d := range landed.ends[parent] {
			carried = append(carried, d.Version)
		}
	}
	return e.onM().trace(k, reg, carried...)
}

// arrival is what the ends are listed under that send children to a name. It is no row's claim, nor a key.
func arrival(name string) string { return "\x00\xfd" + name }

// strayed tells whether children of which nothing is known may stand elsewhere in this region than in all others: it has sent them away from a name that another region's transaction has ended
// as well, and neither knew of the other. Or it has sent others to that name, which were found there.
func (e *Engine) strayed(t *Transaction, parent string) bool {
	heir := e.heir(parent)
	if heir == "" {
		return false
	}
	from, _, err := e.index.Get(endKey(heir))
	if err != nil {
		return false
	}
	to, err := e.onM().comings(heir)
	return err == nil && (e.crossed(from.Ends, t) || e.crossed(to, t))
}
