package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// A row in the middle of a chain has a parent, and is one. Where its parent is deleted its own children go with it, so that what happens to them depends on
// the parent that it had there: not on the one that it has got since, elsewhere. So M keeps all writes of such a row, as links. A deletion has taken the row,
// with its children, if the newest of the row's writes that its author had seen named the parent, and no deletion that he had seen as well had taken it before.
// Whether the row itself goes depends on its newest write alone, as it does for others: if the author had not seen that, the row stands, and only its children go.
//
// So what all rows come to is a function of the writes and the deletions, whatever their order. A write that comes late can be one that an author had
// seen: then what his deletion took is found out again, and a row that it did not take comes back.

// Link is one write of a row in the middle of a chain.
type Link struct {
	Version relay.Version // none: what stood there before all the others
	Place   int           // how many changes of its transaction that end parents came before it
	Row     Row
	Here    bool // that is what stood in this region's table, not what an author found
	// Deps is of what an author found: what he had seen, his own writes too. One of these that comes later is what he found.
	Deps relay.Vector
}

// middle tells whether a register is of a row in the middle of a chain.
func (r *Register) middle() bool { return len(r.Past) > 0 || r.Row.Middle }

// middle tells whether a change is of such a row.
func (c *Change) middle() bool { return c.Before.Middle || c.After.Middle }

// links are the writes of a row that are known, oldest first.
func (r *Register) links() []Link {
	if len(r.Past) > 0 {
		return r.Past
	}
	return []Link{{Version: r.Version, Row: r.written(), Here: r.Version.IsZero()}}
}

// sawLink tells whether the author of an end had seen a write, in the same transaction too.
func (d *End) sawLink(l *Link) bool {
	if l.Version == d.Version {
		return l.Place <= d.Place
	}
	return authorSaw(d.Version, d.Deps, l.Version)
}

// seenBy is the newest of the writes that the author of an end had seen.
func (r *Register) seenBy(d *End) *Link {
	links := r.links()
	for i := len(links) - 1; i >= 0; i-- {
		if d.sawLink(&links[i]) {
			return &links[i]
		}
	}
	return nil
}

// sawNewest tells whether the author of an end had seen a row's newest write.
func (r *Register) sawNewest(d *End) bool {
	links := r.links()
	return d.sawLink(&links[len(links)-1])
}

// ties are the parents that any of a row's writes names, and the names that any of them has for children.
func (r *Register) ties() (parents, children []string) {
	for _, l := range r.links() {
		parents = append(parents, l.Row.Parents...)
		children = append(children, l.Row.Children...)
	}
	return unique(parents), unique(children)
}

func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// turns counts the changes that end parents of the transaction that is being merged, which may come in parts.
type turns struct {
	version relay.Version
	n       int
}

// of is how many the transaction has had.
func (c *turns) of(t *Transaction) int {
	if c.version != t.Version() {
		*c = turns{version: t.Version()}
	}
	return c.n
}
