package applier_test

import (
	"context"
	"sync"
	"testing"

	"github.com/octant-db/octant/relay"
)

// holdFirst has the transaction that writes wait at its commit until something is sent to what it returns: nil lets it commit.
func holdFirst(b *bed, seq relay.Seq) chan<- error {
	verdict := make(chan error)
	b.t.Cleanup(func() { close(verdict) })
	done := false
	b.d.onCommit = func(m relay.Mark) error {
		if m.Repair() || done || m.Range.From > seq || m.Range.To < seq {
			return nil
		}
		done = true
		return <-verdict
	}
	return verdict
}

// writing returns a channel that is closed when a transaction that carries none before the given one begins to write.
func writing(b *bed, from relay.Seq) <-chan struct{} {
	begun := make(chan struct{})
	var once sync.Once
	b.d.onWrite = func(_ context.Context, m relay.Mark) error {
		if !m.Repair() && m.Range.From >= from {
			once.Do(func() { close(begun) })
		}
		return nil
	}
	return begun
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestSharedRowsWait has a transaction write the rows that it has for itself while the one before it, which it shares another row with, is still to commit. Whatever becomes of that one,
// both come to what they should.
func TestSharedRowsWait(t *testing.T) {
	for what, verdict := range map[string]error{"it commits": nil, "it is tried again": errLockWait} {
		t.Run(what, func(t *testing.T) {
			b := newBed(t, 2)
			proceed, second := holdFirst(b, 1), writing(b, 2)
			b.start()
			b.settle()
			b.receive(2, now(), nil, insert("1||first"), insert("2||first"))
			eventually(t, "the first to be planned", func() bool { return b.a.Status().Pending == 2 })
			b.receive(2, now(), nil, update("2||first", "2||second"), insert("3||second"), insert("4||second"))
			eventually(t, "the second to write", func() bool { return isClosed(second) })
			proceed <- verdict
			b.converged()
			b.requireTable("app.t", map[string]string{"1": "1||first", "2": "2||second", "3": "3||second", "4": "4||second"})
		})
	}
}

// TestSharedRowThatIsRefused has the database refuse a row of the first transaction when the second one has written what it has for itself: the row is not written by the second one before
// its letter is, and takes its place then.
func TestSharedRowThatIsRefused(t *testing.T) {
	b := newBed(t, 2)
	proceed, second := holdFirst(b, 1), writing(b, 2)
	b.start()
	b.settle()
	b.receive(2, now(), nil, insert("1||first"), insert("2||first"))
	eventually(t, "the first to be planned", func() bool { return b.a.Status().Pending == 2 })
	b.receive(2, now(), nil, update("2||first", "2||second"), insert("3||second"))
	eventually(t, "the second to write its own row", func() bool { return isClosed(second) })
	b.d.hook(func(d *database) { d.refuses = check("2||first") })
	proceed <- rejection{Reason: relay.CheckViolated, Table: "app.t"}
	eventually(t, "the rows to stand", func() bool {
		return b.d.row("app.t", "1") == "1||first" && b.d.row("app.t", "2") == "2||second" && b.d.row("app.t", "3") == "3||second" && len(b.letters()) == 0
	})
	b.converged()
}
