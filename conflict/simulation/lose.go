package simulation

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// losing is a region that is lost for good, with its relay and its database, and that the others let go of. Its last transactions have come to some of them
// only.
type losing struct {
	id   relay.Region
	dead bool
	told int // regions that have been told, in their order
}

// mourning is what a region knows of the one that is lost. All of it is durable.
type mourning struct {
	id    relay.Region
	words map[relay.Region]relay.Survivor // of the other survivors
	level bool
	gone  bool
}

// lose goes one step on with the region that is lost: it dies, or a region is told that it is lost, or a region that has been told goes one step on.
func (c *Cluster) lose() {
	l := c.losing
	switch n := c.rng.IntN(8); {
	case n == 0:
		l.dead = true
	case n == 1:
		c.tell()
	default:
		c.mourn(c.regions[c.rng.IntN(len(c.regions))])
	}
}

// tell tells the next region that one is lost. From now on it takes nothing from it.
func (c *Cluster) tell() {
	l := c.losing
	if l.told == len(c.regions) {
		return
	}
	if r := c.regions[l.told]; !c.lost(r) {
		r.mourning = &mourning{id: l.id, words: make(map[relay.Region]relay.Survivor)}
	}
	l.told++
}

// apart tells whether nothing goes from one region to another because one of them is lost.
func (c *Cluster) apart(from, to *region) bool {
	one := func(x, y *region) bool { return c.lost(x) && (c.losing.dead || y.mourning != nil) }
	return one(from, to) || one(to, from)
}

// dead tells whether a region does nothing any more.
func (c *Cluster) dead(r *region) bool { return c.lost(r) && c.losing.dead }

// mourn has a survivor go one step on, as relay.Relay does. It tells whether there was anything to do.
func (c *Cluster) mourn(r *region) bool {
	m := r.mourning
	if m == nil || m.gone {
		return false
	}
	id := c.losing.id
	for _, o := range c.survivors() {
		if o != r && c.linked(o, r) && o.mourning != nil {
			m.words[o.id] = relay.Survivor{Last: relay.Seq(len(o.received[id])), Level: o.mourning.level}
		}
	}
	others := c.words(r)
	own := relay.Seq(len(r.received[id]))
	longest, known := relay.Longest(own, others)
	switch {
	case own < longest:
		return c.bequeath(r)
	case known && !m.level && r.shows(id, longest):
		m.level = true
	case relay.Gone(m.level, others):
		m.gone = true
		r.engine.Part(id)
	default:
		return false
	}
	return true
}

// words is what a survivor has heard of the others.
func (c *Cluster) words(r *region) []*relay.Survivor {
	var others []*relay.Survivor
	for _, o := range c.survivors() {
		if o == r {
			continue
		}
		if w, heard := r.mourning.words[o.id]; heard {
			others = append(others, &w)
		} else {
			others = append(others, nil)
		}
	}
	return others
}

// bequeath brings the next transaction of the lost region over from a survivor that has it.
func (c *Cluster) bequeath(r *region) bool {
	id := c.losing.id
	next := len(r.received[id])
	for _, o := range c.survivors() {
		if o != r && c.linked(o, r) && len(o.received[id]) > next {
			r.received[id] = append(r.received[id], o.received[id][next])
			return true
		}
	}
	return false
}

// shows tells whether the region's table shows a lost region's transactions up to one for good.
func (r *region) shows(id relay.Region, last relay.Seq) bool {
	if last == 0 {
		return true
	}
	announced, said := r.engine.Announce()
	return said && r.engine.Seen(id).Seq >= last && announced.Get(id) >= r.engine.Seen(id).HLC
}

// survivors are the regions that are not lost.
func (c *Cluster) survivors() []*region {
	return slices.DeleteFunc(slices.Clone(c.regions), c.lost)
}

// lost tells whether a region is no more, or is about to be.
func (c *Cluster) lost(r *region) bool { return c.losing != nil && c.losing.id == r.id }

// left is how many transactions of a region there are for the others: of the lost one only what a survivor has.
func (c *Cluster) left(r *region) relay.Seq {
	if !c.lost(r) {
		return r.state.Seq
	}
	most := 0
	for _, s := range c.survivors() {
		most = max(most, len(s.received[r.id]))
	}
	return relay.Seq(most)
}

// bury has the lost region be dead, and everybody know.
func (c *Cluster) bury() {
	if c.losing == nil {
		return
	}
	for c.losing.dead = true; c.losing.told < len(c.regions); {
		c.tell()
	}
}

// awaited are the regions for which a region's engine waits.
func (r *region) awaited() []relay.Region {
	others := slices.Concat(r.others, r.expected)
	if m := r.mourning; m != nil && m.gone {
		return slices.DeleteFunc(others, func(o relay.Region) bool { return o == m.id })
	}
	return others
}
