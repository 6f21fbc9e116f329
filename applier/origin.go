package applier

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// origin applies the transactions of one other region, in their order.
type origin struct {
	a      *Applier
	region relay.Region
	lanes  []int
	budget budget

	mu       sync.Mutex
	prepared map[relay.Seq]*prepared // decoded, until capture has passed them
	paused   bool
	stop     context.CancelCauseFunc // of the session that is going on
	sessions int                     // that have begun
	busy     bool                    // one is going on
	ended    relay.Signal            // raised when one has ended
	woken    relay.Signal

	last    *flight        // the latest one; only the dispatcher touches it
	landing *conflict.Plan // committed last; the applier's lock guards it
	headway relay.Signal
	held    atomic.Pointer[string]
	loud    complaint // that it is held up
}

// prepared is a transaction that has been read and decoded.
type prepared struct {
	conflict.Transaction
	unique []string
	time   time.Time
	room   grant
	huge   bool   // Changes are left out
	era    uint64 // by which definitions the rows were identified

	source      relay.Transaction
	definitions []relay.Change // to be run before the changes are written
	defined     chan struct{}  // closed when they have been; nil without any

	failure error // why there is no transaction: it could not be decoded
}

func newOrigin(a *Applier, r relay.Region, firstLane int) *origin {
	o := &origin{
		a: a, region: r, budget: newBudget(a.pool), prepared: make(map[relay.Seq]*prepared),
	}
	for i := range a.cfg.Lanes {
		o.lanes = append(o.lanes, firstLane+i)
	}
	return o
}

// originOf returns what applies a region's transactions, nil before it was met.
func (a *Applier) originOf(r relay.Region) *origin {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.origins[r]
}

// run applies until ctx ends, with breaks while the origin is paused.
func (o *origin) run(ctx context.Context) error {
	for {
		if err := o.woken.Wait(ctx, func() bool { return !o.isPaused() }); err != nil {
			return err
		}
		err := o.session(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil && !errors.Is(err, errPaused) && !errors.Is(err, errTakenBack) {
			o.hold(err)
			if err := relay.Sleep(ctx, o.a.cfg.Clock, time.Second); err != nil {
				return err
			}
			o.a.reader.refresh()
		}
	}
}

// session reads, decides and writes until something fails or the origin is paused.
func (o *origin) session(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	o.begin(cancel)
	defer o.end()
	if o.isPaused() {
		return errPaused
	}
	if err := o.a.resume(ctx, o); err != nil {
		return err
	}
	o.discard() // what the database has lost is read again
	g, ctx := errgroup.WithContext(ctx)
	ready := make(chan *prepared, 4096)
	g.Go(func() error { return o.prepare(ctx, ready) })
	g.Go(func() error { return o.dispatch(ctx, g, ready) })
	g.Go(func() error { return o.watch(ctx) })
	err := g.Wait()
	o.discard()
	return err
}

// discard forgets what was prepared and not planned.
func (o *origin) discard() {
	o.a.mu.Lock()
	planned := o.a.engine.Planned(o.region)
	o.a.mu.Unlock()
	o.mu.Lock()
	defer o.mu.Unlock()
	for seq, p := range o.prepared {
		if seq > planned {
			o.release(p)
		}
	}
}

// drop lets go of transactions that turned out to be applied already.
func (o *origin) drop(batch []*prepared) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, p := range batch {
		if o.prepared[p.Seq] == p {
			o.release(p)
		}
	}
}

func (o *origin) release(p *prepared) {
	delete(o.prepared, p.Seq)
	p.room.release()
}

// prepare reads the received stream ahead and decodes it.
func (o *origin) prepare(ctx context.Context, ready chan<- *prepared) error {
	o.a.mu.Lock()
	next := o.a.engine.Planned(o.region) + 1
	o.a.mu.Unlock()
	cursor, err := o.a.cfg.Log.Received(o.region).Follow(next)
	if err != nil {
		return fmt.Errorf("read what was received, from %d on: %w", next, err)
	}
	defer cursor.Close()
	for {
		t, body, err := cursor.Next(ctx)
		if err != nil {
			return err
		}
		p, err := o.decode(ctx, &t, body)
		if err != nil {
			p = &prepared{failure: fmt.Errorf("transaction %d: %w", t.Seq, err)}
		}
		select {
		case ready <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		if err != nil {
			return nil
		}
		if p.defined == nil {
			continue
		}
		if err := wait(ctx, p.defined); err != nil { // what follows can only be read with the new definition
			return err
		}
	}
}

// decode reads a transaction into memory, unless it is huge.
func (o *origin) decode(ctx context.Context, t *relay.Transaction, body relay.Body) (*prepared, error) {
	p := &prepared{
		Transaction: conflict.Transaction{Origin: t.Origin, Seq: t.Seq, HLC: t.HLC, Deps: t.Deps},
		time:        t.Time,
		huge:        t.Size > o.a.cfg.HugeBytes,
		era:         o.a.reader.era.Load(),
	}
	if p.huge {
		return p, o.collect(p, t, body)
	}
	var err error
	if p.room, err = o.budget.acquire(ctx, 2*t.Size+256); err != nil {
		return nil, err
	}
	if err := o.fill(ctx, p, t, body); err != nil {
		p.room.release()
		if errors.Is(err, errDense) {
			p.stream()
			return p, o.collect(p, t, body)
		}
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.prepared[p.Seq] = p
	return p, nil
}

// denseChange is how many native bytes a change must have for its transaction not to count as dense: in memory each takes some hundred, however small its row is.
const denseChange = 64

// errDense says that a transaction has so many small changes that it has to be streamed.
var errDense = errors.New("the transaction has many small changes")

// stream has a transaction streamed that turned out to be dense. Nothing of it is held.
func (p *prepared) stream() { p.huge, p.Changes, p.unique = true, nil, nil }

// collect looks for a transaction's definitions, wherever they stand among its rows: those that can be carried do no harm to rows before them.
func (o *origin) collect(p *prepared, t *relay.Transaction, body relay.Body) error {
	p.definitions, p.Emptied = nil, nil
	for c, err := range o.a.reader.rows(t.Flavour, body) {
		if err != nil {
			return err
		}
		if c.Op != relay.Statement {
			continue
		}
		p.Emptied = append(p.Emptied, o.a.emptiedBy(&part{definitions: []relay.Change{c}})...)
		p.define(*t, c)
	}
	return nil
}

func (o *origin) fill(ctx context.Context, p *prepared, t *relay.Transaction, body relay.Body) error {
	p.Changes, p.unique = nil, nil
	for part, err := range o.a.reader.parts(ctx, t.Flavour, body) {
		if err != nil {
			return err
		}
		if p.defined == nil || !closed(p.defined) {
			p.Emptied = append(p.Emptied, o.a.emptiedBy(&part)...)
		}
		for _, c := range part.definitions {
			p.define(*t, c)
		}
		if p.defined != nil && !closed(p.defined) && len(part.definitions) == 0 {
			return o.collect(p, t, body) // rows that come after it can be read when it has been run
		}
		if p.Changes == nil {
			p.Changes = part.changes // of most transactions all
		} else {
			p.Changes = append(p.Changes, part.changes...)
		}
		p.unique = append(p.unique, part.unique...)
		if int64(len(p.Changes)) > o.a.cfg.HugeBytes/denseChange {
			return errDense
		}
	}
	return o.a.checkTables(ctx, p.Changes)
}

// dispatch forms batches of what is ready and sends them off, each on a lane of its own.
func (o *origin) dispatch(ctx context.Context, g *errgroup.Group, ready <-chan *prepared) error {
	free := make(chan int, len(o.lanes))
	for _, lane := range o.lanes {
		free <- lane
	}
	o.last = nil
	var left *prepared
	for {
		first, err := o.first(ctx, left, ready)
		if err != nil {
			return err
		}
		var lane int
		select {
		case lane = <-free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		batch, next := o.batch(first, ready)
		left = next
		if err := o.define(ctx, first); err != nil {
			return err
		}
		f, err := o.takeOff(ctx, batch)
		if err != nil {
			return err
		}
		if f == nil {
			o.drop(batch)
			free <- lane
			continue
		}
		g.Go(func() error {
			defer func() { free <- lane }()
			return o.a.fly(ctx, f, lane)
		})
	}
}

// first takes the next transaction. One that could not be decoded ends the session, but only when those before it have been committed:
// they must not be given up for it each time that it is tried again.
func (o *origin) first(ctx context.Context, left *prepared, ready <-chan *prepared) (*prepared, error) {
	p := left
	if p == nil {
		select {
		case p = <-ready:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	if p.failure == nil {
		return p, nil
	}
	if o.last != nil {
		if err := wait(ctx, o.last.done); err != nil {
			return nil, err
		}
	}
	return nil, p.failure
}

// batch takes what is ready now and fits. Huge transactions stay alone. The one that did not fit is returned too.
func (o *origin) batch(first *prepared, ready <-chan *prepared) (batch []*prepared, left *prepared) {
	batch, rows := []*prepared{first}, len(first.Changes)
	for !first.huge && first.defined == nil {
		select {
		case p := <-ready:
			if p.huge || p.defined != nil || p.failure != nil || rows+len(p.Changes) > o.a.cfg.BatchRows {
				return batch, p
			}
			batch, rows = append(batch, p), rows+len(p.Changes)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// takeOff has the engine decide a batch, and gives the flight its locks. It returns nil if there is nothing to do.
func (o *origin) takeOff(ctx context.Context, batch []*prepared) (f *flight, err error) {
	if batch[0].huge {
		return o.takeOffHuge(ctx, batch[0])
	}
	transactions, unique := make([]conflict.Transaction, len(batch)), []string(nil)
	list := make([]*conflict.Transaction, len(batch))
	for i, p := range batch {
		transactions[i], list[i] = p.Transaction, &transactions[i]
		unique = append(unique, p.unique...)
	}
	err = o.a.withBelow(ctx, list, func() error {
		f, err = o.plan(transactions, unique, batch)
		return err
	})
	return f, err
}

// plan is takeOff once everything is known.
func (o *origin) plan(transactions []conflict.Transaction, unique []string, batch []*prepared) (*flight, error) {
	o.a.mu.Lock()
	defer o.a.mu.Unlock()
	changes := make([][]conflict.Change, len(transactions))
	for i := range transactions {
		changes[i] = transactions[i].Changes
	}
	if err := o.a.index.prefetch(changes...); err != nil {
		return nil, err
	}
	plan, err := o.a.engine.Plan(transactions)
	if err != nil || plan == nil {
		return nil, err
	}
	plan.Era = eraOf(batch)
	f := o.follow(plan, batch[0].time)
	for i := range transactions {
		f.rows += len(transactions[i].Changes)
	}
	o.a.locks.take(f, plan.Writes, unique)
	return f, nil
}

func (o *origin) follow(plan *conflict.Plan, oldest time.Time) *flight {
	f := newFlight(plan)
	f.previous, f.oldest, f.headway = o.last, oldest, &o.headway
	o.last = f
	return f
}

// settle ends a flight: its locks are free, and those behind it may commit.
func (a *Applier) settle(f *flight) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !f.committed {
		a.engine.Drop(f.plan)
	}
	a.locks.release(f)
	f.inherit()
	f.previous, f.after = nil, nil
	close(f.done)
	f.headway.Raise()
}

// landed counts a committed flight.
func (a *Applier) landed(f *flight) {
	if f.plan.Mark.Repair() {
		a.counters.repairs.Add(uint64(len(f.plan.Writes)))
		if lasted, was := a.loud.over(a.cfg.Clock.Now()); was {
			a.cfg.Logger.Info("rows are repaired again", "held_for", lasted.Round(time.Millisecond))
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.repaired(f.plan.Writes)
		return
	}
	r := f.plan.Mark.Range
	a.counters.transactions.Add(uint64(r.To - r.From + 1))
	a.counters.rows.Add(uint64(f.rows))
	a.mu.Lock()
	defer a.mu.Unlock()
	a.countApplied(f.plan.Writes)
	if o := a.origins[f.plan.Mark.Origin]; o != nil {
		o.landing = f.plan
		o.free()
	}
}

// held says loudly that an origin's transactions cannot be written now.
func (a *Applier) held(f *flight, err error) {
	if f.plan.Mark.Repair() {
		if a.loud.due(a.cfg.Clock.Now()) {
			a.cfg.Logger.Error("a row cannot be repaired", "error", err)
		}
		a.cfg.Report(relay.Problem{Kind: "repair_held", Subject: "repair", Detail: err.Error(), Remedy: "mend the cause; the repair is tried again by itself"})
		return
	}
	o := a.originOf(f.plan.Mark.Origin)
	o.hold(err)
}

// free notes that a transaction of the origin was committed.
func (o *origin) free() {
	o.held.Store(nil)
	if lasted, was := o.loud.over(o.a.cfg.Clock.Now()); was {
		o.a.cfg.Logger.Info("transactions of a region are applied again", "origin", o.region, "held_for", lasted.Round(time.Millisecond))
	}
}

func (o *origin) hold(err error) {
	text := err.Error()
	o.held.Store(&text)
	if o.loud.due(o.a.cfg.Clock.Now()) {
		o.a.cfg.Logger.Error("transactions of a region are held up", "origin", o.region, "error", err)
	}
	o.a.cfg.Report(relay.Problem{
		Kind: "apply_held", Subject: fmt.Sprintf("region %d", o.region), Detail: text,
		Remedy: "mend the cause; the transaction is tried again by itself",
	})
}
