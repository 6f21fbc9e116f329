package conflict

import (
	"math"
	"slices"

	"github.com/octant-db/octant/relay"
)

// peerView is what another region has promised and announced, as far as capture has passed what it said before it.
type peerView struct {
	promise   relay.HLC
	announced relay.Vector
	waiting   []relay.Heartbeat
}

// maxWaiting bounds the heartbeats that wait for capture; of more, the older ones say nothing that the newer do not.
const maxWaiting = 64

// Heard takes a heartbeat of another region. It counts once everything that the region had sent before it has been merged.
func (e *Engine) Heard(r relay.Region, h relay.Heartbeat) {
	p := &e.peers[r]
	if len(p.waiting) == maxWaiting {
		p.waiting = slices.Delete(p.waiting, maxWaiting/2, maxWaiting/2+1)
	}
	p.waiting = append(p.waiting, h)
	e.ripen(r)
}

// ripen takes up the heartbeats whose time has come.
func (e *Engine) ripen(r relay.Region) {
	p := &e.peers[r]
	for len(p.waiting) > 0 && p.waiting[0].Last <= e.seen[r].Seq {
		h := p.waiting[0]
		p.waiting = p.waiting[1:]
		p.promise = max(p.promise, h.Promise)
		for other, hlc := range h.Announced {
			p.announced.Raise(relay.Region(other), hlc)
		}
	}
}

// seenUpTo is the clock of r up to which everything has been merged.
func (e *Engine) seenUpTo(r relay.Region) relay.HLC {
	e.ripen(r)
	return max(e.seen[r].HLC, e.peers[r].promise)
}

// Frontier is the clock up to which every other region's transactions have been merged.
func (e *Engine) Frontier() relay.HLC {
	if len(e.others) == 0 || e.unmet > 0 {
		return 0
	}
	least := e.seenUpTo(e.others[0])
	for _, r := range e.others[1:] {
		least = min(least, e.seenUpTo(r))
	}
	return least
}

// Announce returns what this region's database shows for good, and whether that can be said now: it cannot while rows wait for
// repair. Most parked rows do not count: see Park.
func (e *Engine) Announce() (relay.Vector, bool) {
	if e.repairs.len()+e.repairs.backs > 0 {
		return nil, false
	}
	v := make(relay.Vector, relay.MaxRegions+1)
	for _, r := range e.others {
		v[r] = e.seenUpTo(r)
	}
	own := &e.peers[e.self]
	for r, hlc := range v {
		own.announced.Raise(relay.Region(r), hlc)
	}
	return v, true
}

// Announced is the last that Announce could say. It still holds: nothing that was shown for good is taken back.
func (e *Engine) Announced() relay.Vector { return slices.Clone(e.peers[e.self].announced) }

// Stable is the clock up to which every region's database shows every other region's transactions for good.
func (e *Engine) Stable() relay.HLC {
	if len(e.others) == 0 || e.unmet > 0 {
		return 0
	}
	_, _ = e.Announce() // takes our own state up, if it can be said
	all := append(slices.Clone(e.others), e.self)
	stable := e.peers[e.self].announced.Min(e.others)
	for _, r := range e.others {
		e.ripen(r)
		stable = min(stable, e.peers[r].announced.Min(without(all, r)))
	}
	return stable
}

// Settled is the clock up to which the databases of all regions but one, which joins, show each other's transactions for good, and all that there is of an earlier life of
// that one. It needs nothing that is not above it: who writes such a row has seen it, wherever he is.
func (e *Engine) Settled(newcomer relay.Region) relay.HLC {
	others, unmet := without(e.others, newcomer), e.unmet
	if len(others) == len(e.others) {
		unmet--
	}
	_, said := e.Announce()
	switch {
	case unmet > 0:
		return 0
	case len(others) == 0 && said:
		return e.clock
	case len(others) == 0:
		return 0
	}
	all := append(slices.Clone(others), e.self)
	settled := e.peers[e.self].announced.Min(others)
	for _, r := range others {
		e.ripen(r)
		announced := e.peers[r].announced
		if announced.Get(newcomer) < e.seen[newcomer].HLC {
			return 0
		}
		settled = min(settled, announced.Min(without(all, r)))
	}
	return settled
}

func without(regions []relay.Region, r relay.Region) []relay.Region {
	return slices.DeleteFunc(slices.Clone(regions), func(x relay.Region) bool { return x == r })
}

// shownElsewhere is the clock of each region up to which the databases of all regions show what that one wrote, for good. None of them can still write a row without
// having seen that: what they had written before has been merged.
func (e *Engine) shownElsewhere() relay.Vector {
	shown := make(relay.Vector, relay.MaxRegions+1)
	shown[e.self] = e.shownBeside(e.self)
	for _, author := range e.others {
		shown[author] = min(e.shownBeside(author), e.peers[e.self].announced.Get(author))
	}
	return shown
}

// shownBeside is shownElsewhere without this region.
func (e *Engine) shownBeside(author relay.Region) relay.HLC {
	if len(e.others) == 0 || e.unmet > 0 {
		return 0
	}
	least := relay.HLC(math.MaxInt64)
	for _, r := range without(e.others, author) {
		least = min(least, e.peers[r].announced.Get(author))
	}
	return least
}

// Forget drops the registers at or below the cut, except those that are still to be written. While the log is merged again it does nothing: see Again.
func (e *Engine) Forget() error {
	if e.lsn < e.again {
		return nil
	}
	if !e.checked {
		if err := e.unpin(); err != nil {
			return err
		}
		e.checked = true
	}
	e.floor = max(e.floor, e.Stable())
	e.over.pass(e.floor, e.clock)
	cut, rule := Cut{Stable: e.floor, Shown: e.shownElsewhere()}, lastRule{}
	return e.index.Forget(cut, func(k Key, r *Kept) bool {
		if r.whole == nil && rule.of(e, k, r.table).Policy == LWW { // it has to do with nothing but its own writes
			return !e.uses(k)
		}
		return r.age() <= cut.Stable && !e.Holds(k)
	})
}

// Holds tells whether a row's register must be kept, however old: it is in use, or its writes may be merged again after a crash, where that matters.
func (e *Engine) Holds(k Key) bool { return e.uses(k) || e.unsettled(k) }

// uses tells whether a row is on its way to the table, or shares a unique value with another one, so that one of them is hidden, or Withhold says so.
func (e *Engine) uses(k Key) bool {
	_, pending := e.pending[k]
	_, pinned := e.pins[k]
	return pending || pinned || e.repairs.has(k) || e.keep != nil && e.keep(k)
}

// unsettled tells whether a register has to do with a transaction under Rollback that is not behind the last checkpoint; see settles.
func (e *Engine) unsettled(k Key) bool {
	if !isUnit(k) && e.rule(k).Policy != Rollback {
		return false
	}
	reg, known, err := e.index.Get(k)
	return err != nil || known && reg.Version.HLC > e.settled
}
