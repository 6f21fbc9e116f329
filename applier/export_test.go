package applier

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// RowPatience is how long an edit waits for its row.
const RowPatience = rowPatience

// Merge passes one entry to the engine, as the merger does.
func (a *Applier) Merge(ctx context.Context, e *relay.Entry, body relay.Body) error {
	return a.mergeEntry(ctx, e, body)
}

// StepsBack tells whether the merger would step back now for capture, if it has merged all there is.
func (a *Applier) StepsBack(now time.Time) bool {
	c := courtesy{a: a, last: relay.LSN(a.cfg.Log.Local().Last())}
	return c.backlog(now)
}

// Checkpoint saves now.
func (a *Applier) Checkpoint(ctx context.Context) error { return a.checkpoint(ctx) }

// SaveConflicts saves the conflicts alone.
func (a *Applier) SaveConflicts(ctx context.Context) error { return a.saveNotes(ctx) }

// Forget drops now what every region has seen.
func (a *Applier) Forget() error {
	_, _, err := a.forget()
	return err
}

// Cool lets go of what is saved, as if too much were in memory.
func (a *Applier) Cool() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.index.busy = nil
	return a.index.cool()
}

// Cut is how events are cut into blocks if these blocks are in the store, and which of them stay.
func Cut(stored [][]*conflict.Event, events []*conflict.Event) (list [][]*conflict.Event, stays []bool) {
	var blocks []block
	for i, b := range stored {
		blocks = append(blocks, block{number: uint64(i + 1), events: b})
	}
	for _, b := range (blocking{long: 16, events: 8, bytes: 4 << 10}).cut(blocks, &conflict.History{Events: events}) {
		list, stays = append(list, b.events), append(stays, b.number > 0)
	}
	return list, stays
}

// CoolBusy lets go of what is saved and not written all the time.
func (a *Applier) CoolBusy() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.index.cool()
}

// ShortBlocks has histories of few events be kept in blocks, and those be small.
func (a *Applier) ShortBlocks() { a.index.blocking = blocking{long: 2, events: 2, bytes: 1 << 10} }

// Blocks is how many histories are in blocks, and the highest number of a block.
func (a *Applier) Blocks() (histories int, last uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.index.blocks), a.index.lastBlock
}

// Register looks a row up in the version index.
func (a *Applier) Register(k conflict.Key) (conflict.Register, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.index.Get(k)
}

// Snapshot returns what a checkpoint would save besides the index.
func (a *Applier) Snapshot() conflict.Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.engine.Snapshot()
}

// TurnBehindLost asks a flight whether it may commit when the one before it has been given up.
func TurnBehindLost(ctx context.Context, clock relay.Clock) error {
	lost := newFlight(&conflict.Plan{})
	close(lost.done)
	f := newFlight(&conflict.Plan{})
	f.previous = lost
	close(f.safe)
	return f.turn(ctx, clock, nil)
}

// TurnBehindStumbled asks a flight whether it may commit, of which the one before it rolled back: before or after this one began to write. While this one waits, that
// one commits.
func TurnBehindStumbled(ctx context.Context, after bool) error {
	first, f := newFlight(&conflict.Plan{}), newFlight(&conflict.Plan{})
	f.previous = first
	close(f.safe)
	if !after {
		first.stumbled.Raise()
	}
	stumbled := f.stumbledBefore()
	clock := waited(func() {
		first.committed = true
		close(first.done)
	})
	if after {
		first.stumbled.Raise()
		clock = func() {}
	}
	return f.turn(ctx, clock, stumbled)
}

// TurnBehindOthers asks a flight whether it may commit that waits for one before it, while others before that one begin to commit so many times. When nothing moves any more,
// the time that it may wait is over.
func TurnBehindOthers(ctx context.Context, moves int, ends bool) error {
	first, f := newFlight(&conflict.Plan{}), newFlight(&conflict.Plan{})
	f.previous = first
	close(f.safe)
	over := make(chan time.Time)
	close(over)
	return f.turn(ctx, moving{f: f, left: &moves, last: func() {
		if ends {
			first.committed = true
			close(first.done)
			f.headway.Raise()
		}
	}, over: over}, nil)
}

// moving is a clock whose time is over when nothing moves any more.
type moving struct {
	f    *flight
	left *int
	last func()
	over <-chan time.Time
}

func (m moving) Now() time.Time { return time.Time{} }
func (m moving) After(time.Duration) <-chan time.Time {
	if *m.left--; *m.left > 0 {
		m.f.headway.Raise()
		return nil
	}
	m.last()
	if closed(m.f.previous.done) {
		return nil
	}
	return m.over
}

// waited is a clock that calls a function when somebody begins to wait, and whose time does not go on.
type waited func()

func (w waited) Now() time.Time { return time.Time{} }
func (w waited) After(time.Duration) <-chan time.Time {
	w()
	return nil
}

// Reserve and Pool are the sizes of budgets.
const (
	Reserve = reserve
	Pool    = pool
)

// NewBudgets returns the budgets of several origins.
func NewBudgets(origins int) (acquire []func(context.Context, int64) (release func(), err error)) {
	shared := semaphore.NewWeighted(pool)
	for range origins {
		b := newBudget(shared)
		acquire = append(acquire, func(ctx context.Context, n int64) (func(), error) {
			g, err := b.acquire(ctx, n)
			return g.release, err
		})
	}
	return acquire
}

// Complaint is a complaint, for tests of when it is heard.
type Complaint struct{ c complaint }

// Due calls due.
func (c *Complaint) Due(now time.Time) bool { return c.c.due(now) }

// Over calls over.
func (c *Complaint) Over(now time.Time) (time.Duration, bool) { return c.c.over(now) }

// Known are the keys of all registers.
func (a *Applier) Known() ([]conflict.Key, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	keys, err := a.index.Under("")
	slices.Sort(keys)
	return slices.Compact(keys), err
}

// Spill saves what is known, as if it were too much for memory in the midst of an entry.
func (a *Applier) Spill(ctx context.Context) error {
	a.gate.Lock()
	defer a.gate.Unlock()
	a.mu.Lock()
	a.index.kept = -hotBytes - 1
	a.mu.Unlock()
	return a.spill(ctx, nil)
}

// Notes is a conflict log by itself.
type Notes struct {
	lock   sync.Mutex
	notes  *notebook
	tables *tableStore
}

// NewNotes opens the conflict log of a store.
func NewNotes(store relay.Store, parse func(relay.Flavour, []byte) (*relay.Table, error), show func(*relay.Table, relay.Image, bool) string) *Notes {
	tables, err := openTables(store, parse)
	if err != nil {
		panic(err)
	}
	return &Notes{notes: newNotebook(store, relay.SystemClock{}, 0, show), tables: tables}
}

// Note takes a conflict down.
func (n *Notes) Note(c *conflict.Conflict) {
	n.lock.Lock()
	defer n.lock.Unlock()
	n.notes.note(c, "app.t")
}

// SaveIfFull does what the keeper does.
func (n *Notes) SaveIfFull(ctx context.Context) error {
	n.lock.Lock()
	defer n.lock.Unlock()
	if !n.notes.full() {
		return nil
	}
	return n.notes.save(ctx, &n.lock, n.tables, func() {})
}

// DecodeNote reads a saved conflict.
func DecodeNote(data []byte) (savedNote, error) { return decodeNote(data) }

// EncodeNote is a conflict with these texts and image, as it is saved.
func EncodeNote(images [3]string) ([]byte, error) {
	c := savedNote{Conflict: relay.Conflict{Local: images[0], Remote: images[1], Key: `{"id":1}`}, Image: relay.Image(images[2])}
	if images[2] == "" {
		c.Image = nil
	}
	var w noteWriter
	return w.encode(c)
}

// HoldLocks is how long a flight that wrote for a moment keeps its locks while nothing moves.
const HoldLocks = holdLocks

// Hold is how long one does that has written for so long.
func Hold(wrote time.Duration) time.Duration {
	now := time.Now()
	return (&flight{began: now.Add(-wrote)}).hold(now)
}

// GivesWay tells whether a flight that knew of so many mishaps when it began gives way to one of the number, which was met by one that it knows nothing of: the flight before it was behind
// that one.
func GivesWay(ctx context.Context, mishap, aware uint64) bool {
	a := &Applier{cfg: Config{Clock: relay.SystemClock{}}, locks: newLocks()}
	var flights [3]*flight
	for i := range flights {
		flights[i] = newFlight(&conflict.Plan{})
		flights[i].committed = true
		if i > 0 {
			flights[i].after = []*flight{flights[i-1]}
		}
	}
	flights[0].mishap = mishap
	a.settle(flights[0])
	a.settle(flights[1])
	flights[2].aware = aware
	return errors.Is(a.writeInTwo(ctx, flights[2], noRows{}), errGaveWay)
}

// noRows is a transaction that takes rows and writes none.
type noRows struct{ relay.Tx }

func (noRows) Write(context.Context, []relay.Write) error { return nil }
