package relay

import (
	"fmt"
	"time"
)

// Seq counts the transactions born in one region, from 1, without holes.
type Seq uint64

// Range is a closed range of sequences of one origin. The zero Range covers nothing.
type Range struct {
	From, To Seq
}

// Transaction is what travels between regions: its identity and labels. Its changes are in the native bytes that are
// kept beside it, which a Decoder of its Flavour reads.
type Transaction struct {
	Origin  Region
	Seq     Seq
	HLC     HLC       // all its rows have the version (HLC, Origin)
	Deps    Vector    // what its origin's database had shown of every other region when it was logged
	Time    time.Time // when the origin's database committed it, as finely as that says; for lag and people, not for deciding
	GTID    string    // the origin's native name of it
	Flavour Flavour
	Size    int64 // native bytes
}

// Version returns the version of every row that the transaction wrote.
func (t *Transaction) Version() Version { return Version{HLC: t.HLC, Region: t.Origin} }

// Mark is what the applier writes beside the rows, in the same database transaction: it says that these rows are ours,
// which transactions they stand for, and so, through the log, every row's version. It is the loop mark and the
// exactly-once ledger in one.
type Mark struct {
	Origin Region
	Range  Range  // what it covers, losers and invisible changes included; the zero Range for a repair
	HLC    HLC    // the clock of the last transaction covered; of a repair 0, or one of Amendment, Joining and Joined
	Nonce  uint64 // of a repair: which one; rises with every repair of this relay
	Lane   int    // which of the applier's connections wrote it
}

// Repair tells whether the mark covers no transaction: the rows under it write again what already won.
func (m Mark) Repair() bool { return m.Range == Range{} }

// Fits tells why a target with so many lanes cannot write under the mark, nil if it can.
func (m Mark) Fits(lanes int) error {
	if m.Lane < 0 || m.Lane >= lanes {
		return fmt.Errorf("no lane %d: there are %d", m.Lane, lanes)
	}
	if !m.Origin.Valid() {
		return fmt.Errorf("region id %d is not in 1..%d", m.Origin, MaxRegions)
	}
	return nil
}

// Amendment is the HLC of the mark of a repair that an operator ordered: what it writes is what shall stand, unless something newer is known of
// the row.
const Amendment HLC = 1

// Amends tells whether the mark is an operator's repair.
func (m Mark) Amends() bool { return m.Repair() && m.HLC == Amendment }

// Joining and Joined are the HLCs of the marks, without rows, that are written when a region begins to become another one's copy and when it is that: what its log has between
// them is what the copying wrote.
const (
	Joining HLC = 2
	Joined  HLC = 3
)
