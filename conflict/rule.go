package conflict

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// Policy says what concurrent writes of one row come to.
type Policy uint8

// The policies.
const (
	LWW       Policy = iota // the last writer wins
	Priority                // of the writes that nobody has seen, the most important region's
	Merge                   // each column for itself; a delete ends the row that it saw
	Counter                 // as Merge, but the rest of the row goes with the last writer
	Reject                  // the first writer stays, the other write is parked
	Rollback                // as Reject, but a transaction stays or goes as a whole
	Timestamp               // of the writes that nobody has seen, the one whose row has the latest time
)

// String returns the policy's name in configurations.
func (p Policy) String() string {
	names := [...]string{"lww", "priority", "merge", "counter", "reject", "rollback", "timestamp"}
	if int(p) >= len(names) {
		return "unknown"
	}
	return names[p]
}

// judges tells whether writes may not count at all.
func (p Policy) judges() bool { return p == Reject || p == Rollback }

// open tells whether of the writes that nobody has seen one shows and the others wait.
func (p Policy) open() bool { return p == Priority || p == Timestamp }

// based tells whether it matters what row a write was made from.
func (p Policy) based() bool {
	return p == Merge || p == Counter || p.judges()
}

// Rule is what holds for the rows of one table. Every region must have the same one.
type Rule struct {
	Policy Policy
	// Ranks lists the regions for Priority, the most important first. A region that is not in it comes last.
	Ranks []relay.Region
	// Moment reads the time that a row has, for Timestamp. A row without one, such as a deleted one, has its write's clock.
	Moment func(Row) (relay.HLC, bool)
	// Replay does to a row what an update did to another version of it, for Merge and Counter: it takes the columns that differ
	// between before and after (Counter: all but the counters) from after, and adds what a counter has gained. It must be a pure
	// function of its arguments, the same in every region, and gives the result's unique values too.
	Replay func(onto, before, after Row) (Row, error)
	// Same tells whether two rows are equal, as far as that can be told; nil: byte for byte. The same in every region.
	Same func(a, b Row) bool
	// Held has the table's rows be left as they stand: what they are to show is owed, as if they were parked. It may change at any time,
	// with UnparkAll when it ends.
	Held bool
}

// Rules finds the rule of a row; nil stands for the last writer wins. It must be a pure function of the row's table.
type Rules func(Key) *Rule

var lastWriterWins = &Rule{Policy: LWW}

// rule is the rule of a row.
func (e *Engine) rule(k Key) *Rule {
	if e.rules == nil {
		return lastWriterWins
	}
	if r := e.rules(k); r != nil {
		return r
	}
	return lastWriterWins
}

func (r *Rule) same(a, b Row) bool {
	if r.Same == nil {
		return a.Same(b)
	}
	return r.Same(a, b)
}

// moment is the time by which Timestamp compares a write with others.
func (r *Rule) moment(w *Written) relay.HLC {
	if w.Row.Exists() {
		if at, ok := r.Moment(w.Row); ok {
			return at
		}
	}
	return w.Version.HLC
}

// rank is a region's place in Ranks: the smaller, the more important.
func (r *Rule) rank(region relay.Region) int {
	if i := slices.Index(r.Ranks, region); i >= 0 {
		return i
	}
	return len(r.Ranks)
}
