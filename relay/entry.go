package relay

import "time"

// LSN numbers the entries of a relay's local stream, from 1, without holes.
type LSN uint64

// Kind of entry.
type EntryKind uint8

// The kinds of entries in the local stream.
const (
	// Frame: not a transaction, kept so that what is served is what was read (rotation, format description, …).
	Frame EntryKind = iota + 1
	// Local: born in this region; it has a Seq and goes to the other regions.
	Local
	// Applied: written by this relay's applier, known by its mark.
	Applied
	// History: committed before this relay first started, or not replicated between regions (bookkeeping in schema
	// octant, changes that cannot be read and were reported); it is served to stock replicas only.
	History
)

// String returns the kind's name.
func (k EntryKind) String() string {
	names := [...]string{"unknown", "frame", "local", "applied", "history"}
	if int(k) >= len(names) {
		k = 0
	}
	return names[k]
}

// Position is a place in a source's log from which it can go on. Only the source that made it understands it.
type Position string

// Entry is one record of the local stream: a whole transaction or a frame, in the order of the database's log.
type Entry struct {
	LSN      LSN
	Kind     EntryKind
	HLC      HLC // the region's clock after this entry; of a Local entry: its transaction's
	Seq      Seq // of a Local entry
	Deps     Vector
	Mark     *Mark // of an Applied entry
	Time     time.Time
	GTID     string // the database's name of the transaction, "" if it has none
	Position Position
	Keys     []string // under which the source wants the entry found again; see Stream.Floor
	Flavour  Flavour
	Size     int64 // native bytes
}

// Transaction returns a Local entry as what travels.
func (e *Entry) Transaction(self Region) Transaction {
	return Transaction{
		Origin: self, Seq: e.Seq, HLC: e.HLC, Deps: e.Deps, Time: e.Time, GTID: e.GTID, Flavour: e.Flavour, Size: e.Size,
	}
}

// State is what capture must know to go on after a crash. It is written in the same batch as the entry that it
// follows from, so that neither can be there without the other.
type State struct {
	HLC      HLC      // the last clock value given out or promised
	LSN      LSN      // of the last entry
	Seq      Seq      // of the last Local entry
	Seen     []SeqHLC // by region id: the last transaction of each other region that a captured mark covered
	Position Position // where the source goes on
}

// SeqHLC names a transaction of a known origin with its clock.
type SeqHLC struct {
	Seq Seq
	HLC HLC
}

// SeenVector returns the clocks of Seen.
func (s *State) SeenVector() Vector {
	v := make(Vector, len(s.Seen))
	for r, seen := range s.Seen {
		v[r] = seen.HLC
	}
	return v
}
