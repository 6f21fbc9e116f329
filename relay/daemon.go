package relay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Applier brings other regions' transactions into the local database and follows the local stream.
type Applier interface {
	// Run works until ctx ends or the log fails.
	Run(ctx context.Context) error
	// Meet makes a region known, or what has changed about it; its received stream is applied from now on. Of the Hello Name, Region, Rules and Flavour
	// count.
	Meet(Hello)
	// Pause stops applying a region's transactions, or goes on.
	Pause(r Region, paused bool)
	// TakeBack returns once nothing is being done any more with what the region's received stream no longer has, and begins anew.
	TakeBack(ctx context.Context, r Region) error
	// Heard takes another region's heartbeat.
	Heard(Region, Heartbeat)
	// Announce returns what this region's database shows for good, nil if that cannot be said yet.
	Announce() Vector
	// Part has nobody wait for a region any more that is lost: every region shows all that there is of it. Meet takes it up again.
	Part(Region)
	// Fence returns once everything that is committed in the database now is in the local stream and has been merged.
	Fence(ctx context.Context) error
	// Needs says from where on the applier would read the log again after a crash.
	Needs() (LSN, map[Region]Seq)
	// Save makes a checkpoint now, so that Needs says no more than must be.
	Save(ctx context.Context) error
	ApplyView
}

// ApplyView shows what an Applier does.
type ApplyView interface {
	Status() ApplyStatus
	Count(*Counters)
	// Merged is the last entry of the local stream that has been taken into the version index.
	Merged() LSN
	// Origin returns the last transaction of a region that the local log has shown, and what holds up the next one.
	Origin(Region) (SeqHLC, string)
	// Promised is the clock that all that a region will yet do is above: others rely on that.
	Promised(Region) HLC
	// Dissent says for which tables a region has other rules than this one, "" if for none.
	Dissent(Region) string
	Lag(Region) time.Duration
	Tables() []TableStatus
	ConflictCounts() []ConflictCount
	Conflicts(context.Context) iter.Seq2[Conflict, error]
	Versions(context.Context) iter.Seq2[RowVersion, error]
	Letters
	Resolver
	// Breakers lists the circuit breakers of rows, of tables and of applying.
	Breakers() []BreakerStatus
}

// Resolver explains rows and decides conflicts anew. Errors are for the operator who asked.
type Resolver interface {
	// Explain tells, step by step, why a row of "schema.table" shows what it shows. Key has the values of its primary key, as text.
	Explain(ctx context.Context, table string, key []string) ([]Reasoning, error)
	// Resolve writes one of a conflict's rows, "local" or "remote", or a JSON object of columns, into the local database as an application would: it
	// goes everywhere, and is later than both. ErrNotFound: there is no such conflict.
	Resolve(ctx context.Context, id uint64, choice string) error
}

// Config says what a relay works with.
type Config struct {
	Cluster string
	Name    string // the region's
	Region  Region
	Store   string  // the log's own random name
	Engine  string  // for people: "mariadb 10.11.19"
	Rules   string  // what other relays are told of the rules of conflicts
	Flavour Flavour // of the database
	Address string  // of the database, for people
	Peers   []Peer

	Source  Source
	Log     Log
	Facts   Store
	Applier Applier
	Dialer  Dialer
	Clock   Clock
	Logger  *slog.Logger
	// Trim lets go of what the retention policy no longer keeps, and never of what needs says.
	Trim func(needs func() (LSN, map[Region]Seq)) error
	// Syncs counts how often the log has been brought to disk; nil: not known.
	Syncs func() uint64
	// Short tells what the relay has little left of; while that is anything, what comes in is slowed down. Nil: there is always enough.
	Short func() []Shortage
	// Files describes the end of the local stream and the log files in it, in the engine's words.
	Files func() LogStatus
	// Replicas lists who reads from the primary side, and how much it has served.
	Replicas func() (list []ReplicaStatus, transactions, bytes uint64)

	// ReplicaMemory is for how long the log is kept for a stock replica that has gone away; 0: while it is connected.
	ReplicaMemory time.Duration

	// Notify is told of breakers and of clocks that drift; nil: nobody is.
	Notify Notify

	DriftWarn, DriftStop time.Duration // how far another region's clock may be ahead
}

// Relay is the daemon of one region: the loops that connect a Source, a Log, an Applier and the other regions.
type Relay struct {
	cfg      Config
	started  time.Time
	capture  *capture
	peers    []*peer
	replicas *replicas
	losses   *losses
	problems problems
	pressure pressure
	durable  Signal

	clock      wallClock
	reconnects atomic.Uint64
	received   struct{ transactions, bytes atomic.Uint64 }
}

var (
	_ Publisher  = (*Relay)(nil)
	_ Inspector  = (*Relay)(nil)
	_ Controller = (*Relay)(nil)
)

// New returns a relay; Run starts it.
func New(cfg Config) (*Relay, error) {
	if cfg.Notify == nil {
		cfg.Notify = func(Event) {}
	}
	if cfg.Syncs == nil {
		cfg.Syncs = func() uint64 { return 0 }
	}
	if cfg.Short == nil {
		cfg.Short = func() []Shortage { return nil }
	}
	r := &Relay{cfg: cfg, started: cfg.Clock.Now(), problems: newProblems(cfg.Clock, cfg.Logger)}
	var err error
	if r.capture, err = newCapture(r); err != nil {
		return nil, err
	}
	if r.replicas, err = loadReplicas(r); err != nil {
		return nil, err
	}
	if r.losses, err = loadLosses(cfg.Facts); err != nil {
		return nil, err
	}
	for _, p := range cfg.Peers {
		peer, err := newPeer(r, p)
		if err != nil {
			return nil, err
		}
		r.peers = append(r.peers, peer)
	}
	for _, x := range r.losses.all() {
		if x.Gone {
			cfg.Applier.Part(x.Region)
		}
	}
	return r, nil
}

// Met returns the regions whose ids this relay has learned, in this run or an earlier one, as they introduced themselves last. Store, Cluster and
// Protocol are left out.
func Met(facts Store, peers []Peer) ([]Hello, error) {
	var met []Hello
	for _, p := range peers {
		f, err := loadPeerFacts(facts, p.Name)
		if err != nil {
			return nil, err
		}
		if f.Region.Valid() {
			met = append(met, Hello{Name: p.Name, Region: f.Region, Rules: f.Rules, Flavour: f.Flavour})
		}
	}
	return met, nil
}

// Report takes down a problem that an operator must know of. It may be called from anywhere.
func (r *Relay) Report(p Problem) { r.problems.report(p) }

// Run works until parent ends; it then returns nil. It owns all goroutines of the relay.
func (r *Relay) Run(parent context.Context) error {
	g, ctx := errgroup.WithContext(parent)
	before := r.cfg.Log.State().LSN // what is captured from now on is acknowledged
	g.Go(func() error { return r.capture.run(ctx) })
	g.Go(func() error { return r.cfg.Applier.Run(ctx) })
	g.Go(func() error { return r.runDurable(ctx, before) })
	g.Go(func() error { return r.runPulse(ctx) })
	g.Go(func() error { return r.runRetention(ctx) })
	g.Go(func() error { return r.replicas.run(ctx) })
	g.Go(func() error { return r.runEvictions(ctx) })
	for _, p := range r.peers {
		g.Go(func() error { return p.run(ctx) })
	}
	err := g.Wait()
	if parent.Err() != nil {
		return nil
	}
	return err
}

// runDurable tells those who wait for the local stream, and the source, what has reached the disk behind an entry.
func (r *Relay) runDurable(ctx context.Context, told LSN) error {
	for {
		if err := r.cfg.Log.Local().WaitDurable(ctx, told+1); err != nil {
			r.capture.interrupt(err)
			if err := r.endure(ctx, "write the relay log", err); err != nil {
				return err
			}
			continue
		}
		state := r.cfg.Log.State() // more may be durable by now; what comes after it is told the next time
		r.cfg.Source.Durable(state.Position)
		r.durable.Raise()
		told = state.LSN
	}
}

// endure reports that the log cannot be written, and waits before it is tried again: a full disk may be given room. It returns an error
// only when ctx has ended or the log is closed.
func (r *Relay) endure(ctx context.Context, doing string, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, ErrClosed) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	r.Report(Problem{
		Kind: "log_unwritable", Subject: "relay log", Detail: fmt.Sprintf("%s: %v", doing, err),
		Remedy: "give the data directory room or mend its disk; the relay goes on by itself",
	})
	return Sleep(ctx, r.cfg.Clock, time.Second)
}

// pulse is how often an idle region promises a clock value, and how often heartbeats are sent.
const pulse = 250 * time.Millisecond

// runPulse looks at clocks and watermarks, and raises the clock of an idle region, so that the others need not remember what was written before.
func (r *Relay) runPulse(ctx context.Context) error {
	for {
		if err := Sleep(ctx, r.cfg.Clock, pulse); err != nil {
			return err
		}
		r.measure()
		r.press()
		if h := r.capture.idleClock(); h > 0 {
			if err := r.cfg.Log.Promise(ctx, h); err != nil {
				if err := r.endure(ctx, "promise a clock value", err); err != nil {
					return err
				}
			}
		}
	}
}

// retainEvery is how often the log is trimmed.
const retainEvery = 10 * time.Second

func (r *Relay) runRetention(ctx context.Context) error {
	for {
		if err := Sleep(ctx, r.cfg.Clock, retainEvery); err != nil {
			return err
		}
		if err := errors.Join(r.replicas.save(ctx), r.cfg.Trim(r.needs)); err != nil && ctx.Err() == nil {
			r.cfg.Logger.Warn("trim the relay log", "error", err)
		}
	}
}

// needs is from where on the log must be kept: for the applier after a crash, for every configured peer and for known replicas. What was received of a
// region is kept for those that lack it: the region may be lost.
func (r *Relay) needs() (LSN, map[Region]Seq) {
	_, received := r.cfg.Applier.Needs()
	for origin := range received {
		received[origin] = min(received[origin], r.firstLacked(origin))
	}
	lsn, _ := r.neededBy((*knownReplica).mayLack)
	return lsn, received
}

// firstLacked is the first transaction of a region that another one may lack. The last one is kept in any case: a region that loses its log finds out by its name where
// in its database's log to go on.
func (r *Relay) firstLacked(origin Region) Seq {
	first := Seq(r.cfg.Log.Received(origin).Last())
	if x, lost := r.losses.get(origin); lost && x.Gone {
		return first + 1
	}
	for _, p := range r.peers {
		p.mu.Lock()
		id, held := p.facts.Region, p.facts.Received
		p.mu.Unlock()
		if _, lost := r.losses.get(id); lost || id == origin {
			continue
		}
		if int(origin) >= len(held) {
			return 0
		}
		first = min(first, held[origin]+1)
	}
	return first
}

// neededBy is the first entry that must be kept, and for whom; ofReplicas is what a replica needs.
func (r *Relay) neededBy(ofReplicas func(*knownReplica, time.Time) LSN) (LSN, string) {
	lsn, _ := r.cfg.Applier.Needs()
	who := "the applier"
	for _, p := range r.peers {
		if first := r.firstUnheld(p); first < lsn {
			lsn, who = first, "peer "+p.cfg.Name
		}
	}
	if first, replica := r.replicas.first(ofReplicas); first < lsn {
		lsn, who = first, replica
	}
	return lsn, who
}

// firstUnheld is the first entry that a peer may still ask for.
func (r *Relay) firstUnheld(p *peer) LSN {
	holds, state := p.holds(), r.cfg.Log.State()
	if joins := p.joins(); joins > 0 {
		return joins
	}
	if holds >= state.Seq || p.evicted() {
		return state.LSN + 1
	}
	lsn, err := r.cfg.Log.Local().BySeq(holds + 1)
	if err != nil {
		return 0
	}
	return lsn
}
