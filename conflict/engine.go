package conflict

import (
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

	seen     []relay.SeqHLC // by origin: merged up to here
	planned  []relay.Seq    // by origin: handed to the applier up to here
	pending  map[Key]pendingWrite
	flights  map[flight]*Plan
	repairs  repairQueue
	nonce    uint64
	peers    []peerView // by region
	counters Counters
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
		pending: make(map[Key]pendingWrite),
		flights: make(map[flight]*Plan),
		nonce:   nonce,
	}
	copy(e.seen, from.Seen)
	for _, k := range from.Repairs {
		e.repairs.add(k)
	}
	return e
}

// Await says how many regions of the cluster have not been met: while there are any, nothing can be known of everybody.
func (e *Engine) Await(unmet int) { e.unmet = unmet }

// Meet adds a region to the others.
func (e *Engine) Meet(r relay.Region) {
	if !slices.Contains(e.others, r) {
		e.others = append(e.others, r)
	}
}

// Snapshot returns what New needs to go on from here.
func (e *Engine) Snapshot() Snapshot {
	return Snapshot{Seen: slices.Clone(e.seen), Repairs: e.repairs.keys()}
}

// Seen returns the last transaction of an origin that capture has passed.
func (e *Engine) Seen(origin relay.Region) relay.SeqHLC { return e.seen[origin] }

// Counters returns what was counted since New.
func (e *Engine) Counters() Counters { return e.counters }

// Size says how much the engine holds.
func (e *Engine) Size() (registers, pending, repairs int) {
	return e.index.Len(), len(e.pending), e.repairs.len()
}
