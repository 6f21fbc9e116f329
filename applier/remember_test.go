package applier_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/relay"
)

// TestNothingIsAppliedWithALogThatLacksWhatTheDatabaseHasApplied takes away what was received: the database's ledger knows better.
func TestNothingIsAppliedWithALogThatLacksWhatTheDatabaseHasApplied(t *testing.T) {
	b := newBed(t, 2).start()
	b.receive(2, now(), nil, insert("x||1"))
	b.receive(2, now(), nil, update("x||1", "x||2"))
	b.converged()
	b.halt()
	if err := b.log.Reset(t.Context(), 2, 1); err != nil {
		t.Fatal(err)
	}
	b.start()
	eventually(t, "the refusal", func() bool { return b.a.Status().Err != "" })
	s := b.a.Status()
	for _, want := range []string{"transaction 2 of region 2", "has only 1", "octant join --keep"} {
		if s.Writable || !strings.Contains(s.Err, want) {
			t.Errorf("status %+v does not say %q", s, want)
		}
	}
	b.receive(2, now(), relay.Vector{}, update("x||2", "x||again"))
	if got := b.d.row("app.t", "x"); got != "x||2" {
		t.Errorf("the row is %q", got)
	}
}
