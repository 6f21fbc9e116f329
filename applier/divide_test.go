package applier_test

import (
	"context"
	"maps"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/relay"
)

// share has a transaction wait at its commit, and a second one, which has row 2 in common with it, begin to write its own rows. What is sent to what it returns becomes of the first one's
// commit: nil lets it take place.
func (b *bed) share() chan<- error {
	verdict, held := make(chan error), false
	b.t.Cleanup(func() { close(verdict) })
	b.d.onCommit = func(m relay.Mark) error {
		if m.Repair() || held {
			return nil
		}
		held = true
		return <-verdict
	}
	var second atomic.Bool
	b.d.onWrite = func(_ context.Context, m relay.Mark) error {
		if !m.Repair() && m.Range.From == 2 {
			second.Store(true)
		}
		return nil
	}
	b.start()
	b.settle()
	b.receive(2, now(), nil, insert("1||first"), insert("2||first"))
	eventually(b.t, "the first to be planned", func() bool { return b.a.Status().Pending == 2 })
	b.receive(2, now(), nil, update("2||first", "2||second"), insert("3||second"), insert("4||second"))
	eventually(b.t, "the second to write its own rows", second.Load)
	return verdict
}

// shared is what both transactions leave.
var shared = map[string]string{"1": "1||first", "2": "2||second", "3": "3||second", "4": "4||second"}

// TestSharedRowsWait has a transaction write the rows that it has for itself while the one before it, which it shares another row with, is still to commit. Whatever becomes of that one,
// both come to what they should.
func TestSharedRowsWait(t *testing.T) {
	for what, verdict := range map[string]error{"it commits": nil, "it is tried again": errLockWait} {
		t.Run(what, func(t *testing.T) {
			b := newBed(t, 2)
			b.share() <- verdict
			b.converged()
			b.requireTable("app.t", shared)
		})
	}
}

// TestSharedRowThatIsRefused has the database refuse a row of the first transaction when the second one has written what it has for itself: the row is not written by the second one before
// its letter is, and takes its place then.
func TestSharedRowThatIsRefused(t *testing.T) {
	b := newBed(t, 2)
	proceed := b.share()
	b.d.hook(func(d *database) { d.refuses = check("2||first") })
	proceed <- rejection{Reason: relay.CheckViolated, Table: "app.t"}
	eventually(t, "the rows to stand", func() bool { return maps.Equal(b.table("app.t"), shared) && len(b.letters()) == 0 })
	b.converged()
}
