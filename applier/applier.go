package applier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Config says what an applier works with.
type Config struct {
	Self    relay.Region
	Regions int // other regions in the configuration, met or not
	Log     relay.Log
	Store   relay.Store
	Target  relay.Target
	// Prepare makes the target ready for use. It is called until it succeeds, before anything is written.
	Prepare  func(ctx context.Context) error
	Decoders map[relay.Flavour]relay.Decoder
	// Table reads an engine's own description of a table.
	Table func(relay.Flavour, []byte) (*relay.Table, error)
	// JSON shows a row, or only its primary key, to people.
	JSON    func(t *relay.Table, img relay.Image, keyOnly bool) string
	Include func(schema, table string) bool
	// Define says that definitions of other regions are run here, as far as the target can.
	Define  bool
	Flavour relay.Flavour // of the database
	Rules   Rules         // of conflicts; nil: the last writer wins everywhere, and nobody is asked
	Name    string        // the region's, as rules name it
	Report  func(relay.Problem)
	Notify  relay.Notify // nil: nobody is told of conflicts and dead letters
	Told    relay.Told   // asked before these are saved; nil: they are told at once
	Clock   relay.Clock
	Logger  *slog.Logger

	KeepConflicts time.Duration // for how long a conflict stays on record; 0: until there are too many

	Lanes     int   // database connections per origin; 0 means DefaultLanes
	BatchRows int   // changes that share a local commit at most; 0 means DefaultBatchRows
	HugeBytes int64 // larger transactions are streamed; 0 means DefaultHugeBytes
}

// Defaults of Config.
const (
	DefaultLanes     = 2
	DefaultBatchRows = 800 // some 10 ms: twice as many are not faster, half as many a quarter slower, and somebody may wait for the rows
	DefaultHugeBytes = 4 << 20
)

// FixedLanes is how many lanes an applier uses besides those of the origins: lane 0 for probes and lane 1 for repairs.
const FixedLanes = 2

// Applier applies other regions' transactions and follows the local log. Make it with New, then Run it.
type Applier struct {
	cfg    Config
	formed bool // the Store says that it has this program's form
	reader reader

	divisible bool // see relay.Divider

	mu      sync.Mutex // guards the fields below it
	engine  *conflict.Engine
	locks   locks
	origins map[relay.Region]*origin
	pool    *semaphore.Weighted // for what the origins have decoded
	tables  map[string]*tableCounts
	saved   savedState // the last checkpoint

	letters  *letters
	alerts   reminders
	namings  namings
	index    *index
	left     int // registers in it when it was last looked for what may be forgotten
	notes    *notebook
	kinds    map[kind]uint64       // conflicts since the start
	rules    map[string]*tableRule // by table
	peers    map[relay.Region]relay.Hello
	parted   map[relay.Region]bool // regions that are lost, and for which nobody waits
	merged   atomic.Uint64
	progress relay.Signal         // raised when the merger has passed an entry
	lookups  sync.RWMutex         // held while rows are looked up in the table and planned, and while something is forgotten; taken before the gate
	gate     sync.Mutex           // held while an entry is merged, or a checkpoint taken
	clock    relay.HLC            // of the region after the entry that was merged last; the gate guards it
	stormy   bool                 // rows waited for repair after it; the gate guards it
	broken   map[string]relay.Tie // chains that have ended here and elsewhere at a time, to be reported, by their names
	torn     []relay.Tie          // parents that have ended in two ways, to be reported
	probes   sync.Mutex           // lane 0
	writable atomic.Bool
	cut      atomic.Bool // stopping ended a checkpoint in the middle
	trouble  atomic.Pointer[string]
	loud     complaint // that a row cannot be repaired
	counters counters
	mishaps  atomic.Uint64 // errors that flights have met, counted when it was seen what is to be done
	saving   sync.Mutex    // held while letters are saved
	starts   chan *origin
}

type counters struct {
	transactions, rows, retries, repairs atomic.Uint64
}

// New returns an applier that goes on where the last checkpoint in the store left off. Others are the regions that have been met.
func New(cfg Config, others []relay.Hello) (*Applier, error) {
	cfg.Lanes = orDefault(cfg.Lanes, DefaultLanes)
	cfg.BatchRows = orDefault(cfg.BatchRows, DefaultBatchRows)
	if cfg.HugeBytes == 0 {
		cfg.HugeBytes = DefaultHugeBytes
	}
	if cfg.Notify == nil {
		cfg.Notify = func(relay.Event) {}
	}
	if cfg.Told == nil {
		cfg.Told = func(context.Context) error { return nil }
	}
	a := &Applier{
		cfg:     cfg,
		reader:  reader{target: cfg.Target, flavour: cfg.Flavour, decoders: cfg.Decoders, include: cfg.Include},
		locks:   newLocks(),
		origins: make(map[relay.Region]*origin),
		pool:    semaphore.NewWeighted(pool),
		tables:  make(map[string]*tableCounts),
		kinds:   make(map[kind]uint64),
		rules:   make(map[string]*tableRule),
		peers:   make(map[relay.Region]relay.Hello),
		parted:  make(map[relay.Region]bool),
		notes:   newNotebook(cfg.Store, cfg.Clock, cfg.KeepConflicts, cfg.JSON),
		starts:  make(chan *origin, relay.MaxRegions),
		namings: newNamings(),

		divisible: relay.Divides(cfg.Target),
	}
	a.reader.era.Store(1)
	var err error
	if a.formed, err = checkForm(cfg.Store, cfg.Table); err != nil {
		return nil, err
	}
	saved, err := loadCheckpoint(cfg.Store)
	if err != nil {
		return nil, err
	}
	a.index, err = openIndex(cfg.Store, cfg.Table)
	if err != nil {
		return nil, err
	}
	a.saved = saved
	if a.letters, err = openLetters(cfg.Store, cfg.Clock.Now(), relay.LSN(cfg.Log.Local().Last())); err != nil {
		return nil, err
	}
	if a.alerts, err = openReminders(cfg.Store, cfg.Clock.Now()); err != nil {
		return nil, err
	}
	a.merged.Store(uint64(saved.merged))
	nonce := uint64(cfg.Clock.Now().UnixMicro())
	a.engine = conflict.New(cfg.Self, nil, a.index, saved.snapshot, nonce, a.noteConflict)
	if a.letters.level > saved.merged {
		a.engine.Again(a.letters.level)
	}
	a.engine.Govern(a.rule)
	a.engine.Withhold(a.withheld)
	a.engine.Bereave(a.bereave)
	a.engine.Follow(a.follow, heir, relay.Follows)
	a.engine.Torn(rival, a.noteTorn)
	a.engine.Broken(a.noteBroken)
	a.engine.Await(cfg.Regions)
	for _, h := range others {
		a.Meet(h)
	}
	return a, nil
}

func orDefault(n, d int) int {
	if n == 0 {
		return d
	}
	return n
}

// Meet makes another region known, or what has changed about it. Its transactions are applied from now on, unless it is paused.
func (a *Applier) Meet(h relay.Hello) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := h.Region
	if r == a.cfg.Self {
		return
	}
	if known, ok := a.peers[r]; !ok || known.Rules != h.Rules || known.Flavour != h.Flavour {
		a.peers[r] = h
		a.rejudge()
	}
	if a.parted[r] {
		delete(a.parted, r)
		a.engine.Meet(r)
	}
	if a.origins[r] != nil {
		return
	}
	o := newOrigin(a, r, FixedLanes+len(a.origins)*a.cfg.Lanes)
	a.origins[r] = o
	a.engine.Meet(r)
	a.engine.Await(max(0, a.cfg.Regions-len(a.origins)))
	a.starts <- o
}

// Part implements relay.Applier.
func (a *Applier) Part(r relay.Region) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.parted[r] = true
	a.engine.Part(r)
}

// Run applies until ctx ends or the store fails. It owns all goroutines of the applier.
func (a *Applier) Run(ctx context.Context) error {
	if err := a.keepForm(ctx); err != nil {
		return err
	}
	a.remindAgain()
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.runMerger(ctx) })
	g.Go(func() error { return a.runKeeper(ctx) })
	g.Go(func() error { return a.runOrigins(ctx) })
	err := g.Wait()
	return errors.Join(err, a.saveLast())
}

// saveLast leaves a checkpoint, so that the next start has little to fold again.
func (a *Applier) saveLast() error {
	if a.cut.Load() {
		return nil // to find out what was saved takes longer than to fold the log again
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return a.checkpoint(ctx)
}

// runOrigins opens the way to the database, then applies.
func (a *Applier) runOrigins(ctx context.Context) error {
	if err := a.open(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return a.runRepairs(ctx) })
	g.Go(func() error { return a.runNaming(ctx) })
	for {
		select {
		case o := <-a.starts:
			g.Go(func() error { return o.run(ctx) })
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), g.Wait())
		}
	}
}

// open proves with a canary that a mark survives the round trip through the database and its log. Before that nothing
// is applied: what we write would come back as somebody's new transaction.
func (a *Applier) open(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		err := a.canary(ctx)
		if err == nil {
			a.trouble.Store(nil)
			a.writable.Store(true)
			return nil
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		text := err.Error()
		a.trouble.Store(&text)
		a.cfg.Logger.Error("cannot apply yet", "error", err)
		if err := relay.Sleep(ctx, a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
}

// canaryWait is how long a canary may take to come back before its absence is reported.
const canaryWait = 30 * time.Second

func (a *Applier) canary(ctx context.Context) error {
	if err := a.cfg.Prepare(ctx); err != nil {
		return fmt.Errorf("prepare the database: %w", err)
	}
	if err := a.remembers(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, canaryWait, errors.New(
		"the canary did not come back: what the relay writes to octant.applied does not show in the database's log, or capture does not run"+
			" (look at binlog_do_db, binlog_ignore_db and the capture state)"))
	defer cancel()
	return a.fence(ctx)
}

// remembers tells whether the relay's log has everything that the database has applied: it was safe before. A log that has not is another one or was set back, and
// with it went what is known of rows. What came then would be decided wrongly.
func (a *Applier) remembers(ctx context.Context) error {
	applied, err := a.cfg.Target.Applied(ctx)
	if err != nil {
		return fmt.Errorf("read the ledger octant.applied: %w", err)
	}
	for r, last := range applied {
		origin := relay.Region(r)
		if !origin.Valid() || origin == a.cfg.Self {
			continue
		}
		stream := a.cfg.Log.Received(origin)
		if err := stream.Reclaim(ctx, last.Seq); err != nil {
			return err
		}
		if held := relay.Seq(stream.Last()); last.Seq > held {
			return fmt.Errorf("the database has applied transaction %d of region %d (octant.applied), and the relay log has only %d: the log was lost, replaced or set back. "+
				"Bring it back, or empty data_dir and run octant join --keep, which sends what no other region has before it loads this one again", last.Seq, origin, held)
		}
	}
	return nil
}

// resume tells the engine what the database's ledger says of an origin.
func (a *Applier) resume(ctx context.Context, o *origin) error {
	for attempt := 0; ; attempt++ {
		applied, err := a.cfg.Target.Applied(ctx)
		if err == nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			if int(o.region) < len(applied) {
				a.engine.Resume(o.region, applied[o.region].Seq)
			} else {
				a.engine.Resume(o.region, 0)
			}
			return nil
		}
		a.cfg.Logger.Warn("read the ledger octant.applied", "error", err)
		if err := relay.Sleep(ctx, a.cfg.Clock, backoff(attempt)); err != nil {
			return err
		}
	}
}

// Fence implements relay.Applier. It commits a mark, and waits until it comes back.
func (a *Applier) Fence(ctx context.Context) error {
	if !a.writable.Load() {
		return errors.New("wait for the log: the relay cannot write to its database yet")
	}
	return a.fence(ctx)
}

// fence returns once capture has passed everything that is committed in the database now.
func (a *Applier) fence(ctx context.Context) error {
	a.probes.Lock()
	defer a.probes.Unlock()
	a.mu.Lock()
	p := a.engine.Probe()
	a.mu.Unlock()
	if err := a.mark(ctx, p.Mark); err != nil {
		a.mu.Lock()
		a.engine.Drop(p)
		a.mu.Unlock()
		return fmt.Errorf("write a mark: %w", err)
	}
	return a.progress.Wait(ctx, func() bool {
		a.mu.Lock()
		defer a.mu.Unlock()
		return a.engine.Landed(p)
	})
}

// mark commits a transaction that holds nothing but a mark.
func (a *Applier) mark(ctx context.Context, m relay.Mark) error {
	tx, err := a.cfg.Target.Begin(ctx, m)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // harmless after Commit
	return tx.Commit(ctx)
}

// Heard takes another region's heartbeat.
func (a *Applier) Heard(r relay.Region, h relay.Heartbeat) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.engine.Heard(r, h)
}

// Announce returns what this region's database shows for good; nil if that cannot be said yet.
func (a *Applier) Announce() relay.Vector {
	a.mu.Lock()
	defer a.mu.Unlock()
	if v, ok := a.engine.Announce(); ok {
		return v
	}
	return a.engine.Announced()
}
