package applier_test

import (
	"context"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
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

// lenient is a clock by which nobody has held locks for long.
type lenient struct{ relay.SystemClock }

func (c lenient) After(d time.Duration) <-chan time.Time {
	if d == applier.HoldLocks {
		return nil
	}
	return c.SystemClock.After(d)
}

// TestGivingWayIsNotHandedDown has each transaction share a row with the one before it, and be on its way before that one commits. When the first one has to be written again, so have those
// that are on their way by then, and none that comes after them.
func TestGivingWayIsNotHandedDown(t *testing.T) {
	const last = 200
	b := newBed(t, 2)
	b.config = func(c *applier.Config) { c.Clock, c.Lanes, c.BatchRows = lenient{}, 4, 2 }
	var begun atomic.Uint64
	var moved relay.Signal
	b.d.onWrite = func(_ context.Context, m relay.Mark) error {
		for from, most := uint64(m.Range.From), begun.Load(); !m.Repair() && from > most; most = begun.Load() {
			if begun.CompareAndSwap(most, from) {
				moved.Raise()
			}
		}
		return nil
	}
	var stumbled atomic.Bool
	b.d.onCommit = func(m relay.Mark) error {
		if m.Repair() {
			return nil
		}
		err := moved.Wait(t.Context(), func() bool { return begun.Load() > min(uint64(m.Range.To), last-1) })
		if err == nil && !stumbled.Swap(true) {
			return errLockWait
		}
		return err
	}
	b.start()
	b.settle()
	b.receive(2, now(), nil, insert("0||new"), insert("1||new"))
	for i := 2; i <= last; i++ {
		b.receive(2, now(), nil, update(fmt.Sprintf("%d||new", i-1), fmt.Sprintf("%d||old", i-1)), insert(fmt.Sprintf("%d||new", i)))
	}
	b.converged()
	var c relay.Counters
	if b.a.Count(&c); c.ApplyRetries < 2 || c.ApplyRetries > last/4 {
		t.Errorf("of %d transactions, of which the first met a lock, %d were written again", last, c.ApplyRetries)
	}
}

// TestMishapsAreHandedDown: a transaction gives way to what one before it has met since it began, also if another one stands between them, and not to what was over by then.
func TestMishapsAreHandedDown(t *testing.T) {
	for aware, gives := range map[uint64]bool{4: true, 5: false} {
		if got := applier.GivesWay(t.Context(), 5, aware); got != gives {
			t.Errorf("a transaction that knows of %d mishaps gives way to the fifth: %v, want %v", aware, got, gives)
		}
	}
}

// TestLocksAreHeldAsLongAsWritingTakes: who has written for long does not let go of it all after a moment.
func TestLocksAreHeldAsLongAsWritingTakes(t *testing.T) {
	for wrote, want := range map[time.Duration]time.Duration{
		time.Millisecond: 50 * time.Millisecond, 300 * time.Millisecond: 300 * time.Millisecond, time.Minute: time.Second,
	} {
		if got := applier.Hold(wrote); got != want {
			t.Errorf("after %s of writing, locks are held for %s, want %s", wrote, got, want)
		}
	}
}
