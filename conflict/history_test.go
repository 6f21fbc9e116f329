package conflict_test

import (
	"strconv"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

const rowKey = conflict.Key("app.t\x001")

func row(text string) conflict.Row { return conflict.Row{Image: relay.Image(text)} }

func everyTable(policy conflict.Policy) conflict.Rules {
	return func(conflict.Key) *conflict.Rule { return &conflict.Rule{Policy: policy} }
}

func newEngine(index conflict.Index, from conflict.Snapshot, policy conflict.Policy) *conflict.Engine {
	e := conflict.New(1, []relay.Region{2}, index, from, 0, func(conflict.Conflict) {})
	e.Govern(everyTable(policy))
	return e
}

// local passes one write that was born here.
func local(t *testing.T, e *conflict.Engine, lsn relay.LSN, clock relay.HLC, before, after string) {
	t.Helper()
	e.At(lsn, clock-1)
	c := conflict.Change{Key: rowKey, After: row(after)}
	if before != "" {
		c.Before = row(before)
	}
	if err := e.Local(&conflict.Transaction{Origin: 1, Seq: relay.Seq(lsn), HLC: clock, Changes: []conflict.Change{c}}); err != nil {
		t.Fatal(err)
	}
}

func requireRow(t *testing.T, index conflict.Index, want string) {
	t.Helper()
	reg, _, err := index.Get(rowKey)
	if err != nil || string(reg.Row.Image) != want {
		t.Fatalf("the row is %q (%v), want %q", reg.Row.Image, err, want)
	}
}

// TestOwnWritesThatOthersHaveSeenCountWhenMergedAgain: after a crash the other regions may have announced writes of this one that
// it has still to merge again. A row that waits for repair meanwhile must not be settled beyond them.
func TestOwnWritesThatOthersHaveSeenCountWhenMergedAgain(t *testing.T) {
	index := conflict.NewMemory()
	local(t, newEngine(index, conflict.Snapshot{}, conflict.Reject), 1, 85, "", "first")

	e := newEngine(index, conflict.Snapshot{Repairs: []conflict.Key{rowKey}}, conflict.Reject)
	e.Heard(2, relay.Heartbeat{Promise: 100, Announced: relay.Vector{0, 95}})
	local(t, e, 2, 90, "first", "second")
	if err := e.Forget(); err != nil {
		t.Fatal(err)
	}
	local(t, e, 3, 91, "second", "third")
	local(t, e, 4, 92, "third", "fourth")
	requireRow(t, index, "fourth")
}

// adding is a rule for rows that are one number, which is a counter.
func adding(conflict.Key) *conflict.Rule {
	number := func(r conflict.Row) int {
		n, _ := strconv.Atoi(string(r.Image))
		return n
	}
	return &conflict.Rule{Policy: conflict.Counter, Replay: func(onto, before, after conflict.Row) (conflict.Row, error) {
		return row(strconv.Itoa(number(onto) + number(after) - number(before))), nil
	}}
}

// TestSettledWritesCountOnce: registers may be saved before the place in the log that they belong to. What they have settled by then is
// not merged again.
func TestSettledWritesCountOnce(t *testing.T) {
	index := conflict.NewMemory()
	e := newEngine(index, conflict.Snapshot{}, conflict.LWW)
	e.Govern(adding)
	local(t, e, 1, 10, "7", "10")
	local(t, e, 2, 20, "10", "13")
	e.Heard(2, relay.Heartbeat{Promise: 100, Announced: relay.Vector{0, 25}})
	if err := e.Forget(); err != nil || index.Len() > 0 {
		t.Fatalf("%d registers are left (%v)", index.Len(), err)
	}
	local(t, e, 3, 30, "13", "14")
	requireRow(t, index, "14")

	e = newEngine(index, conflict.Snapshot{}, conflict.LWW)
	e.Govern(adding)
	local(t, e, 1, 10, "7", "10")
	local(t, e, 2, 20, "10", "13")
	local(t, e, 3, 30, "13", "14")
	requireRow(t, index, "14")
}

// TestBaseIsNotLearnedFromBeforeTheHistory: a history that was saved ahead of its place in the log, and does not know what stood under the
// row when it was begun, must not take it from an entry before that.
func TestBaseIsNotLearnedFromBeforeTheHistory(t *testing.T) {
	index := conflict.NewMemory()
	e := newEngine(index, conflict.Snapshot{}, conflict.Rollback)
	local(t, e, 1, 50, "old", "base")
	e.Heard(2, relay.Heartbeat{Promise: 60, Announced: relay.Vector{0, 60}})
	if err := e.Forget(); err != nil || index.Len() != 2 {
		t.Fatalf("%d registers are left before the checkpoint (%v)", index.Len(), err)
	}
	e.Reached(50)
	e.Saved(e.Snapshot())
	if err := e.Forget(); err != nil || index.Len() > 0 {
		t.Fatalf("%d registers are left (%v)", index.Len(), err)
	}
	other := conflict.Key("app.t\x002")
	e.At(2, 99)
	ours := []conflict.Change{{Key: other, Before: row("b"), After: row("ours")}}
	if err := e.Local(&conflict.Transaction{Origin: 1, Seq: 2, HLC: 100, Changes: ours}); err != nil {
		t.Fatal(err)
	}
	e.At(3, 100)
	theirs := conflict.Transaction{Origin: 2, Seq: 1, HLC: 110, Deps: relay.Vector{0, 60}, Changes: []conflict.Change{
		{Key: rowKey, Before: row("base"), After: row("theirs")}, {Key: other, Before: row("b"), After: row("theirs")},
	}}
	if err := e.Own(relay.Mark{Origin: 2, Range: relay.Range{From: 1, To: 1}, HLC: 110}, []conflict.Transaction{theirs}, nil); err != nil {
		t.Fatal(err)
	}
	requireBlank := func() {
		t.Helper()
		if reg, known, err := index.Get(rowKey); err != nil || !known || !reg.Blank {
			t.Fatalf("the register is %+v, %v (%v); what stands there should be right", reg, known, err)
		}
	}
	requireBlank()
	again := newEngine(index, conflict.Snapshot{}, conflict.Rollback)
	again.At(1, 49)
	repaired := []conflict.Change{{Key: rowKey, Before: row("old"), After: row("base")}}
	if err := again.Own(relay.Mark{Origin: 1, Nonce: 1}, nil, repaired); err != nil {
		t.Fatal(err)
	}
	requireBlank()
}

// remote passes a write of the other region that our own transaction carried, and what that wrote.
func remote(t *testing.T, e *conflict.Engine, lsn relay.LSN, seq relay.Seq, clock relay.HLC, deps relay.Vector, c conflict.Change, wrote ...conflict.Change) {
	t.Helper()
	e.At(lsn, clock)
	mark := relay.Mark{Origin: 2, Range: relay.Range{From: seq, To: seq}, HLC: clock}
	carried := []conflict.Transaction{{Origin: 2, Seq: seq, HLC: clock, Deps: deps, Changes: []conflict.Change{c}}}
	if err := e.Own(mark, carried, wrote); err != nil {
		t.Fatal(err)
	}
}

// TestRejectedWriteComesBackAsARepair: an older write arrives that ours had not seen. Ours is taken back, and repair writes the
// first one; an operator's decision then stands against any older write.
func TestRejectedWriteComesBackAsARepair(t *testing.T) {
	index := conflict.NewMemory()
	e := newEngine(index, conflict.Snapshot{}, conflict.Reject)
	local(t, e, 1, 100, "base", "ours")
	remote(t, e, 2, 1, 90, nil, conflict.Change{Key: rowKey, Before: row("base"), After: row("theirs")})
	requireRow(t, index, "theirs")
	plan, err := e.Repair(10)
	if err != nil || plan == nil || len(plan.Writes) != 1 || string(plan.Writes[0].After.Image) != "theirs" {
		t.Fatalf("repair plans %+v (%v)", plan, err)
	}
	decision := conflict.Transaction{
		Origin: 1, Seq: 2, HLC: 120, Force: true, Changes: []conflict.Change{{Key: rowKey, Before: row("theirs"), After: row("decided")}},
	}
	e.At(3, 119)
	if err := e.Local(&decision); err != nil {
		t.Fatal(err)
	}
	remote(t, e, 4, 2, 110, nil, conflict.Change{Key: rowKey, Before: row("theirs"), After: row("late")})
	requireRow(t, index, "decided")
}

// TestRollbackTakesTheWholeTransactionBack: one row of a transaction meets a write that its author had not seen; the other goes with it.
func TestRollbackTakesTheWholeTransactionBack(t *testing.T) {
	index := conflict.NewMemory()
	e := newEngine(index, conflict.Snapshot{}, conflict.Rollback)
	other := conflict.Key("app.t\x002")
	e.At(1, 99)
	err := e.Local(&conflict.Transaction{Origin: 1, Seq: 1, HLC: 100, Changes: []conflict.Change{
		{Key: rowKey, Before: row("a"), After: row("a by ours")}, {Key: other, Before: row("b"), After: row("b by ours")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	remote(t, e, 2, 1, 90, nil, conflict.Change{Key: other, Before: row("b"), After: row("b by theirs")},
		conflict.Change{Key: other, Before: row("b by ours"), After: row("b by theirs")})
	requireRow(t, index, "a")
	plan, err := e.Repair(10)
	if err != nil || plan == nil || len(plan.Writes) != 1 || plan.Writes[0].Key != rowKey || string(plan.Writes[0].After.Image) != "a" {
		t.Fatalf("repair plans %+v (%v)", plan, err)
	}
}
