package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// takeLink merges one change of a row in the middle of a chain.
func (v *view) takeLink(t *Transaction, c *Change, reg Register) error {
	past := reg.Past
	if len(past) == 0 && !(reg.Version.IsZero() && reg.written().Image == nil) {
		past = reg.links()
	}
	past = thinned(withLink(past, Link{Version: t.Version(), Place: v.turn, Row: c.After}, stood(t, c)))
	fates := reg.Fates
	if !reg.merge(t, c.After) {
		v.engine.counters.Skipped++
	}
	reg.Past, reg.Fates = past, fates
	return v.relink(c.Key, reg)
}

// withLink adds a write to others. What its author found is what stood there before all of them, if it is the first.
func withLink(past []Link, l, found Link) []Link {
	list := slices.Clone(past)
	at, again := slices.BinarySearchFunc(list, l, compareLinks)
	if again {
		list[at].Row = l.Row
		return list
	}
	list = slices.Insert(list, at, l)
	if list[0].finds(&l) {
		list, at = list[1:], at-1
	}
	base := list[0].Version.IsZero()
	first := at == 0 || at == 1 && base
	if !first || base && list[0].Here || !found.Row.Exists() || found.Row.Partial {
		return list
	}
	if base {
		list = list[1:]
	}
	return slices.Insert(list, 0, found)
}

// stood is what the author of a change found, who had seen his own writes before it.
func stood(t *Transaction, c *Change) Link {
	return Link{Row: c.Before, Deps: t.Deps.With(t.Origin, t.HLC-1)}
}

// finds tells whether what was taken for what stood there before all writes is what one of them had left.
func (l *Link) finds(write *Link) bool {
	return l.Version.IsZero() && !l.Here && l.Deps.Saw(write.Version)
}

func compareLinks(a, b Link) int {
	if c := a.Version.Compare(b.Version); c != 0 {
		return c
	}
	return a.Place - b.Place
}

// maxLinks is up to how many writes of a row are kept one by one.
const maxLinks = 128

// thinned are links without those that say the same of parents and children as the one before them, if there are too many: a row that is written all the time must not
// make each of its writes dearer than the last. Nothing is lost for an author's view but between two deletions that had seen different ones of these writes.
func thinned(links []Link) []Link {
	if len(links) <= maxLinks {
		return links
	}
	last := len(links) - 1
	kept := links[:1:1]
	for i := 1; i < last; i++ {
		if before := &kept[len(kept)-1]; before.Version.IsZero() || !before.ties(&links[i]) {
			kept = append(kept, links[i])
		}
	}
	return append(kept, links[last])
}

// ties tells whether two writes left a row with the same parents and children.
func (l *Link) ties(m *Link) bool {
	return l.Row.Exists() == m.Row.Exists() && slices.Equal(l.Row.Parents, m.Row.Parents) && slices.Equal(l.Row.Children, m.Row.Children)
}

// trimmed are links without those that no author's view can end with any more whose deletion is not done with: all but the newest up to the clock that is over.
func (v *view) trimmed(links []Link) []Link {
	for len(links) > 1 && links[1].Version.HLC <= v.engine.over.clock {
		links = links[1:]
	}
	return links
}

// over is the clock up to which every end that had not seen everything is done with: the stable cut, as it was when the region's clock was where that cut is now.
type over struct {
	clock       relay.HLC
	floor, when relay.HLC // the next clock, and the region's clock when it was the stable cut
}

// pass takes up the stable cut.
func (o *over) pass(floor, clock relay.HLC) {
	if floor < o.when {
		return
	}
	o.clock, o.floor, o.when = o.floor, floor, max(clock, floor)
}
