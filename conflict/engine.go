package conflict

import (
	"maps"
	"slices"

	"github.com/octant-db/octant/relay"
)

// Engine is the conflict engine of one region. It is not safe for concurrent use.
type Engine struct {
	self   relay.Region
	others []relay.Region
	unmet  int // regions of the cluster whose id is not known yet
	index  Index
	notice func(Conflict)
	rules  Rules

	bereave func(k Key, row Row, parent string) (Row, error)
	keep    func(Key) bool // nil: nothing is withheld
	rival   func(parent string) string
	heir    func(parent string) string
	follows func(parent string) bool
	follow  func(k Key, row Row, now *Rekey) (Row, error)
	turns   turns
	over    over
	broken  func(parent string)
	torn    func(parent string)

	lsn     relay.LSN        // the entry that capture is passing
	again   relay.LSN        // up to here the log may be merged again
	clock   relay.HLC        // the region's clock before it: what is born here from it on is later
	floor   relay.HLC        // the stable cut when Forget was last called
	settled relay.HLC        // the same at the last checkpoint: nothing up to it is ever merged again
	pins    map[Key]bool     // rows that share a unique value with another one; true: hidden, and reported
	checked bool             // pins are those that the registers say
	claims  map[string][]Key // of pending rows

	seen     []relay.SeqHLC // by origin: merged up to here
	planned  []relay.Seq    // by origin: handed to the applier up to here
	pending  map[Key]*pendingWrite
	flights  map[flight]*Plan
	repairs  repairQueue
	owed     map[Key]struct{} // rows that waited for repair at the checkpoint; see strike
	nonce    uint64
	peers    []peerView // by region
	counters Counters
	wrote    Kept // what ownPlain hands to the index, in one place for all
}

// Counters tell what the engine has decided. They only rise.
type Counters struct {
	Skipped    uint64 // changes that lost against a later write before they were written
	Inversions uint64 // older writes that landed on top of newer ones and were sent to repair
	Conflicts  uint64 // pairs of concurrent writes
}

// Snapshot is what an engine must find again after a restart, besides its Index: it belongs to one place in the local log, and the
// log from there on is merged again. Merging twice does no harm.
type Snapshot struct {
	Seen    []relay.SeqHLC // by region
	Repairs []Key
	Pins    []Key     // rows that share a unique value with another one
	Settled relay.HLC // every write up to here was merged before, here and everywhere
	Clock   relay.HLC // the region's, after what was merged
}

// Ahead is the snapshot to go on from when the index may hold registers that are newer than s, up to those that belong to next: it must be
// saved before them. What the newer registers changed in rows that no entry of the log shows would not be found again.
func (s Snapshot) Ahead(next Snapshot) Snapshot {
	s.Repairs = sorted(slices.Concat(s.Repairs, next.Repairs))
	s.Pins = sorted(slices.Concat(s.Pins, next.Pins))
	return s
}

// New returns an engine that goes on from a snapshot. Others are all other regions of the cluster. notice is told of every
// conflict between concurrent writes. The numbers of repairs start after nonce, which must be above all that this region's relay
// ever used: a mark that was in flight when an earlier engine died must not be taken for one of this engine's.
func New(
	self relay.Region, others []relay.Region, index Index, from Snapshot, nonce uint64, notice func(Conflict),
) *Engine {
	e := &Engine{
		self: self, others: slices.Clone(others), index: index, notice: notice,
		seen:    make([]relay.SeqHLC, relay.MaxRegions+1),
		planned: make([]relay.Seq, relay.MaxRegions+1),
		peers:   make([]peerView, relay.MaxRegions+1),
		pending: make(map[Key]*pendingWrite),
		flights: make(map[flight]*Plan),
		nonce:   nonce,
		pins:    make(map[Key]bool),
		owed:    make(map[Key]struct{}, len(from.Repairs)),
		claims:  make(map[string][]Key),
		rival:   func(string) string { return "" },
		heir:    func(string) string { return "" },
		follows: func(string) bool { return false },
		settled: from.Settled,
		clock:   from.Clock,
	}
	copy(e.seen, from.Seen)
	for _, k := range from.Repairs {
		e.repairs.add(k)
		e.owed[k] = struct{}{}
	}
	for _, k := range from.Pins {
		e.pins[k] = false
	}
	return e
}

// Govern sets the rules, before anything is merged. Without rules the last writer wins everywhere.
func (e *Engine) Govern(rules Rules) { e.rules = rules }

// At tells which entry of the local stream is passed to Local or Own next, and the region's clock after the entry before it.
func (e *Engine) At(lsn relay.LSN, clock relay.HLC) { e.lsn, e.clock = lsn, max(e.clock, clock) }

// Again says up to which entry the log may be merged again. Until then registers may be newer than what is merged: a row that shows something else because of another one's write
// would come again without that, and if it were forgotten by then, it would be taken for one that nobody had written. So nothing is forgotten before.
func (e *Engine) Again(until relay.LSN) { e.again = until }

// Reached tells the region's clock after the entry that was passed last: what is born here from now on is later.
func (e *Engine) Reached(clock relay.HLC) { e.clock = max(e.clock, clock) }

// Await says how many regions of the cluster have not been met: while there are any, nothing can be known of everybody.
func (e *Engine) Await(unmet int) { e.unmet = unmet }

// Meet adds a region to the others.
func (e *Engine) Meet(r relay.Region) {
	if !slices.Contains(e.others, r) {
		e.others = append(e.others, r)
	}
}

// Part takes a region out of the others: it is lost, and every other region shows all that there is of it for good. Before that is so nobody may stop waiting: what
// would be forgotten is still to come to somebody.
func (e *Engine) Part(r relay.Region) {
	e.others = without(e.others, r)
	e.peers[r] = peerView{}
}

// Snapshot returns what New needs to go on from here.
func (e *Engine) Snapshot() Snapshot {
	return Snapshot{
		Seen: slices.Clone(e.seen), Repairs: e.repairs.keys(), Pins: slices.Collect(maps.Keys(e.pins)),
		Settled: max(e.settled, min(e.floor, e.clock)), Clock: e.clock,
	}
}

// Saved tells the engine that a snapshot is durable, with the registers that belong to it: after a crash it goes on from there.
func (e *Engine) Saved(s Snapshot) { e.settled = s.Settled }

// Seen returns the last transaction of an origin that capture has passed.
func (e *Engine) Seen(origin relay.Region) relay.SeqHLC { return e.seen[origin] }

// Counters returns what was counted since New.
func (e *Engine) Counters() Counters { return e.counters }

// Pinned is how many registers are kept because their row shares a unique value with another one.
func (e *Engine) Pinned() int { return len(e.pins) }

// Size says how much the engine holds.
func (e *Engine) Size() (registers, pending, repairs int) {
	return e.index.Len(), len(e.pending), e.repairs.len()
}
