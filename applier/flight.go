package applier

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// flight is one database transaction on its way: a plan, and what it has to wait for.
type flight struct {
	plan     *conflict.Plan
	locks    []string            // row keys and unique values that nobody else may write meanwhile
	after    []*flight           // flights that hold one of them, or held it when this one took off
	shared   map[string]struct{} // the locks that these had
	previous *flight             // of the same origin: it commits first
	stream   *stream             // set if the transaction is too large to be planned whole
	clear    bool                // it has met a row that has a unique value that it needs, and may delete such rows
	rows     int
	refusals int       // attempts that the database refused
	oldest   time.Time // when its first transaction was committed at its origin

	safe      chan struct{} // closed when what the flight carries can no longer be lost, here or at its origin
	done      chan struct{} // closed when it has been committed, or given up because the applier stops
	committed bool          // valid once done is closed
	aware     uint64        // of so many mishaps, when was last looked at what the database refuses
	mishap    uint64        // number of the last one that it has met, or a flight that it was behind; 0: none; valid once done is closed
	left      []*flight     // of a flight that was given up, those that it was behind; valid once done is closed
	stumbled  relay.Signal  // raised when it rolls back: those that wait behind it let go of their locks
	headway   *relay.Signal // raised when a flight of the same origin begins to commit, or has ended
	began     time.Time     // when it began to write
}

func newFlight(p *conflict.Plan) *flight {
	return &flight{plan: p, safe: make(chan struct{}), done: make(chan struct{}), headway: new(relay.Signal)}
}

// fly takes a flight to its end on a lane. It returns an error only when ctx has ended.
func (a *Applier) fly(parent context.Context, f *flight, lane int) error {
	defer a.settle(f)
	f.plan.Mark.Lane = lane
	g, ctx := errgroup.WithContext(parent)
	g.Go(func() error { return a.secure(ctx, f) })
	g.Go(func() error { return a.cross(ctx, f) })
	return g.Wait()
}

// secure tells the flight when what it carries is safe: its rows may be written before, and not be committed.
func (a *Applier) secure(ctx context.Context, f *flight) error {
	m := f.plan.Mark
	if !m.Repair() {
		if err := a.safe(ctx, m.Origin, m.Range.To); err != nil {
			return err
		}
	}
	close(f.safe)
	return nil
}

// safe returns when a transaction can no longer be lost.
func (a *Applier) safe(ctx context.Context, origin relay.Region, seq relay.Seq) error {
	return a.received(ctx, seq, a.cfg.Log.Received(origin).WaitSafe)
}

// durable returns when a transaction is part of the stream.
func (a *Applier) durable(ctx context.Context, origin relay.Region, seq relay.Seq) error {
	return a.received(ctx, seq, a.cfg.Log.Received(origin).WaitDurable)
}

// received waits for a transaction. One that was lost to a failed write is received again.
func (a *Applier) received(ctx context.Context, seq relay.Seq, wait func(context.Context, relay.Seq) error) error {
	for attempt := 0; ; attempt++ {
		if wait(ctx, seq) == nil {
			return nil
		}
		if err := relay.Sleep(ctx, a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
}

// cross writes and commits.
func (a *Applier) cross(ctx context.Context, f *flight) error {
	for attempt := 0; ; attempt++ {
		write := a.writeInTwo
		if attempt > 0 || !a.divides(f) {
			write = a.write
			if err := f.waitBehind(ctx); err != nil {
				return err
			}
		}
		f.aware = a.mishaps.Load()
		if !a.excuse(f) {
			return nil
		}
		err := a.attempt(ctx, f, write)
		if err == nil {
			f.committed = true
			a.landed(f)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f.stumbled.Raise()
		recovered := a.recover(ctx, f, err, attempt)
		if !errors.Is(err, errGaveWay) { // that alone leaves everything as it was
			f.mishap = a.mishaps.Add(1)
		}
		if recovered != nil {
			return recovered
		}
		if f.committed {
			a.landed(f)
			return nil
		}
	}
}

// waitBehind waits until all flights are done that the flight shares a row with. One that is given up, since its origin is paused, has perhaps not waited for those before it.
func (f *flight) waitBehind(ctx context.Context) error {
	for other := range withLeft(f.after) {
		if err := wait(ctx, other.done); err != nil {
			return err
		}
	}
	return nil
}

// withLeft yields flights, and of each that was given up those that it was behind, every one once. What a flight has left is looked at when the loop is done with it.
func withLeft(flights []*flight) iter.Seq[*flight] {
	return func(yield func(*flight) bool) {
		var met []*flight
		for next := slices.Clone(flights); len(next) > 0; next = next[1:] {
			f := next[0]
			if slices.Contains(met, f) {
				continue
			}
			if !yield(f) {
				return
			}
			met, next = append(met, f), append(next, f.left...)
		}
	}
}

// errGaveWay says that a flight rolled back because it held its locks for long, and the one before it may be waiting for them.
var errGaveWay = errors.New("gave way to others while it waited")

// attempt writes and commits once.
func (a *Applier) attempt(ctx context.Context, f *flight, write func(context.Context, *flight, relay.Tx) error) error {
	stumbled := f.stumbledBefore()
	f.began = a.cfg.Clock.Now()
	tx, err := a.cfg.Target.Begin(ctx, f.plan.Mark)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // harmless after Commit; before it the server rolls back in any case
	if err := write(ctx, f, tx); err != nil {
		return err
	}
	if err := f.turn(ctx, a.cfg.Clock, stumbled); err != nil {
		return err
	}
	f.headway.Raise()
	// A commit is not cut short: whether it took place would have to be found out again.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	return tx.Commit(ctx)
}

// commitTimeout is how long a commit may take before its connection counts as lost.
const commitTimeout = 5 * time.Minute

func (a *Applier) write(ctx context.Context, f *flight, tx relay.Tx) error {
	if f.stream != nil {
		return f.stream.write(ctx, tx, f)
	}
	if err := named(f.plan.Writes); err != nil {
		return err
	}
	return tx.Write(ctx, writesOf(f.plan.Writes, f.clear))
}

// A flight keeps its row locks for a time while it waits for its turn and nothing moves. The application's writes come first: one that waits for these locks may
// be what the first of those before it is waiting for. While they commit one after the other, it is not, and to write everything again would only make them slower.
// It is as patient as writing again would take: on a slow database, where all those before it write for long, less would have everything be written twice.
const (
	holdLocks     = 50 * time.Millisecond
	holdLocksMost = time.Second
)

// hold is how long the flight waits from now on while nothing moves.
func (f *flight) hold(now time.Time) time.Duration {
	return min(max(now.Sub(f.began), holdLocks), holdLocksMost)
}

// turn waits until what this flight carries is safe, and the flight before it has committed. Stumbled is closed when that one has rolled back since this
// one began to write.
func (f *flight) turn(ctx context.Context, clock relay.Clock, stumbled <-chan struct{}) error {
	for _, gate := range f.gates() {
		if err := f.pass(ctx, clock, gate, stumbled); err != nil {
			return err
		}
	}
	return f.outcomeBefore()
}

// pass waits at one gate.
func (f *flight) pass(ctx context.Context, clock relay.Clock, gate, stumbled <-chan struct{}) error {
	hold := f.hold(clock.Now())
	for {
		moved := f.headway.Next()
		if closed(gate) {
			return nil
		}
		select {
		case <-gate:
			return nil
		case <-moved:
		case <-stumbled:
			return errGaveWay
		case <-clock.After(hold):
			return errGaveWay
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// inherit takes over the mishaps of those that the flight was behind, which are done. Who comes next may know of no other.
func (f *flight) inherit() {
	for other := range withLeft(f.after) {
		if closed(other.done) { // else what the flight carries had been committed before
			f.mishap = max(f.mishap, other.mishap)
		}
	}
}

// gates are closed when the flight may commit.
func (f *flight) gates() []<-chan struct{} {
	if f.previous == nil {
		return []<-chan struct{}{f.safe}
	}
	return []<-chan struct{}{f.safe, f.previous.done}
}

// stumbledBefore is closed when the flight before this one rolls back from now on; nil if there is none. That it did so before says nothing: it writes
// again meanwhile, and if this one gave way for that too, so would all behind it, one after the other, and everything would be written twice.
func (f *flight) stumbledBefore() <-chan struct{} {
	if f.previous == nil || closed(f.previous.done) {
		return nil
	}
	return f.previous.stumbled.Next()
}

// outcomeBefore is the outcome of the flight before this one, which is done.
func (f *flight) outcomeBefore() error {
	if f.previous == nil {
		return nil
	}
	return f.previous.outcome()
}

// errGivenUp says that a flight before was given up because applying stops: what comes after it must not be committed.
var errGivenUp = errors.New("the transaction before it was given up")

// outcome tells whether those behind a flight that is done may commit.
func (f *flight) outcome() error {
	if !f.committed {
		return errGivenUp
	}
	return nil
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// recover prepares the next attempt after an error.
func (a *Applier) recover(ctx context.Context, f *flight, err error, attempt int) error {
	a.counters.retries.Add(1)
	switch {
	case errors.Is(err, errGaveWay):
		return f.wait(ctx)
	case errors.Is(err, relay.ErrTailLost):
		return err
	case errors.Is(err, relay.ErrPresence) && attempt < patience:
		return a.lookAgain(ctx, f)
	case errors.Is(err, relay.ErrUnique) && attempt < patience:
		f.clear = true
		return a.lookAgain(ctx, f)
	case relay.Retryable(err):
		return relay.Sleep(ctx, a.cfg.Clock, backoff(min(attempt, 5)))
	case errors.Is(err, relay.ErrOutcomeUnknown):
		return a.findOut(ctx, f)
	case errors.Is(err, relay.ErrApplied):
		f.committed = true
		return nil
	}
	if _, refused := rejected(err, attempt); refused {
		return a.refusedOnce(ctx, f, err)
	}
	a.held(f, err)
	return a.tryAgain(ctx, f, attempt)
}

// refusedOnce tries a transaction again that the database refused, and after a few times leaves out what it refuses.
func (a *Applier) refusedOnce(ctx context.Context, f *flight, err error) error {
	if f.refusals++; f.refusals >= tries {
		found, why := a.isolate(ctx, f)
		if found || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a.held(f, errors.Join(err, why))
	}
	return a.tryAgain(ctx, f, f.refusals)
}

// tryAgain waits, and looks at everything anew.
func (a *Applier) tryAgain(ctx context.Context, f *flight, attempt int) error {
	if err := relay.Sleep(ctx, a.cfg.Clock, backoff(attempt)); err != nil {
		return err
	}
	a.reader.refresh()
	return a.lookAgain(ctx, f)
}

// wait returns when the flight may commit, as far as others are concerned.
func (f *flight) wait(ctx context.Context) error {
	for _, gate := range f.gates() {
		if err := wait(ctx, gate); err != nil {
			return err
		}
	}
	return nil
}

// tries is how often the database may refuse a transaction before what it refuses is left out.
const tries = 3

// patience is how often a transaction may find a row otherwise than expected before it counts as held up.
const patience = 5

// lookAgain waits until capture has passed everything that is in the database now, and decides the writes again.
func (a *Applier) lookAgain(ctx context.Context, f *flight) error {
	for again := 0; ; again++ {
		err := a.fence(ctx)
		if err == nil {
			break
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a.cfg.Logger.Warn("wait for capture to pass what is committed", "error", err)
		if err := relay.Sleep(ctx, a.cfg.Clock, backoff(again)); err != nil {
			return err
		}
	}
	if f.stream != nil {
		f.stream.look = true
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.engine.Reconsider(f.plan)
}

// findOut asks whether a commit whose answer was lost took place.
func (a *Applier) findOut(ctx context.Context, f *flight) error {
	for attempt := 0; ; attempt++ {
		committed, err := a.cfg.Target.Committed(ctx, f.plan.Mark)
		if err == nil {
			f.committed = committed
			return nil
		}
		a.cfg.Logger.Warn("find out whether a transaction was committed", "origin", f.plan.Mark.Origin, "error", err)
		if err := relay.Sleep(ctx, a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
}

// backoff grows from 10 ms to about 5 s.
func backoff(attempt int) time.Duration {
	return min(10*time.Millisecond<<min(attempt, 10), 5*time.Second)
}

// wait returns when done is closed or ctx has ended.
func wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// alike tells whether images of two tables can stand side by side.
func alike(a, b *relay.Table) bool {
	return a == b || a != nil && b != nil && bytes.Equal(a.Native, b.Native)
}

// writesOf turns the engine's writes into the target's. A row that was not there and shall not be needs none.
func writesOf(writes []conflict.Write, clear bool) []relay.Write {
	list := make([]relay.Write, 0, len(writes))
	for _, w := range writes {
		r := relay.Write{Table: w.After.Table, Before: w.Before.Image, Expect: w.Expect, Clear: clear}
		switch {
		case w.After.Exists():
			r.After = w.After.Image
			if !alike(w.Before.Table, w.After.Table) {
				r.Before = nil // it is of another definition; After has the key too
			}
		case w.Expect == relay.Absent:
			continue
		default:
			r.Before = w.After.Image
		}
		list = append(list, r)
	}
	return list
}
