package conflict_test

import (
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// TestPromisedIsWhatAnybodyReliesOn: what the region itself has said, what it has sent, and what others have announced of it.
func TestPromisedIsWhatAnybodyReliesOn(t *testing.T) {
	e := conflict.New(1, []relay.Region{2, 3}, conflict.NewMemory(), conflict.Snapshot{}, 0, nil)
	promised := func(want relay.HLC, when string) {
		t.Helper()
		if got := e.Promised(2); got != want {
			t.Errorf("%s region 2 has promised %d, not %d", when, got, want)
		}
	}
	promised(0, "at first")
	e.Heard(2, relay.Heartbeat{Promise: 50})
	promised(50, "when it has said so")
	e.Heard(2, relay.Heartbeat{Last: 1, Promise: 100})
	promised(50, "while a transaction before that is on its way")
	e.Heard(3, relay.Heartbeat{Announced: relay.Vector{2: 70}})
	promised(70, "when another region relies on it")
	mark := relay.Mark{Origin: 2, Range: relay.Range{From: 1, To: 1}, HLC: 60}
	if err := e.Own(mark, []conflict.Transaction{{Origin: 2, Seq: 1, HLC: 60}}, nil); err != nil {
		t.Fatal(err)
	}
	promised(100, "when that has come")
}
