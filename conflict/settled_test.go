package conflict_test

import (
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// TestSettledWithoutTheNewcomer: a region that joins has shown nothing, and does not count; all others do, and what they have of an earlier life of it.
func TestSettledWithoutTheNewcomer(t *testing.T) {
	e := conflict.New(1, []relay.Region{2, 3}, conflict.NewMemory(), conflict.Snapshot{}, 0, nil)
	settled := func(want relay.HLC, when string) {
		t.Helper()
		if got := e.Settled(9); got != want {
			t.Errorf("%s %d is settled, not %d", when, got, want)
		}
	}
	e.Await(2)
	settled(0, "while two regions are unknown")
	e.Await(1) // the newcomer
	settled(0, "before anybody has said anything")
	e.Heard(2, relay.Heartbeat{Promise: 100, Announced: relay.Vector{0, 100, 0, 90}})
	settled(0, "before region 3 has")
	e.Heard(3, relay.Heartbeat{Promise: 80, Announced: relay.Vector{0, 100, 70}})
	settled(70, "when both have")
	if stable := e.Stable(); stable != 0 {
		t.Errorf("up to %d everybody shows everything for good, and the newcomer nothing", stable)
	}
	e.Meet(9)
	e.Await(0)
	settled(70, "when the newcomer is known")

	old := conflict.Transaction{Origin: 9, Seq: 1, HLC: 50, Changes: []conflict.Change{{Key: "k", After: conflict.Row{Image: relay.Image("old")}}}}
	mark := relay.Mark{Origin: 9, Range: relay.Range{From: 1, To: 1}, HLC: 50}
	if err := e.Own(mark, []conflict.Transaction{old}, old.Changes); err != nil {
		t.Fatal(err)
	}
	settled(0, "while others have not shown what an earlier life of the newcomer wrote")
	e.Heard(2, relay.Heartbeat{Promise: 110, Announced: relay.Vector{9: 50, 1: 100, 3: 90}})
	settled(0, "while region 3 has not")
	e.Heard(3, relay.Heartbeat{Promise: 110, Announced: relay.Vector{9: 50, 1: 100, 2: 100}})
	settled(90, "when all have")
}

// TestSettledOfOneRegion: what it has merged is all there is.
func TestSettledOfOneRegion(t *testing.T) {
	e := conflict.New(1, nil, conflict.NewMemory(), conflict.Snapshot{Clock: 40}, 0, nil)
	e.Await(1)
	if got := e.Settled(9); got != 40 {
		t.Errorf("%d is settled, not 40", got)
	}
}
