package relay_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// eventually returns once ok holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for tick := time.NewTicker(time.Millisecond); !ok(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

// hurried is a clock whose waits are a twentieth of what they should be, and that can be wrong.
type hurried struct{ offset atomic.Int64 }

func (c *hurried) Now() time.Time                         { return time.Now().Add(time.Duration(c.offset.Load())) }
func (c *hurried) After(d time.Duration) <-chan time.Time { return time.After(d / 20) }

// logged is one entry of a fake database's log.
type logged struct {
	relay.Captured
	pieces [][]byte
}

func (l *logged) bytes() []byte { return bytes.Join(l.pieces, nil) }

// database is a Source: a log that grows, read by somebody who stumbles.
type database struct {
	mu      sync.Mutex
	log     []logged
	grown   chan struct{}
	rng     *rand.Rand
	skew    time.Duration // of its clock
	stumble int           // fail once in so many steps; 0: never
	err     error         // fail always
	onDisk  func() relay.Position
	told    func(durable int) // called when it is acknowledged that so many entries are on disk; nil: nobody asks
	durable int
	faults  []string
}

var errStumbled = errors.New("the connection broke")

func newDatabase(seed uint64) *database {
	return &database{grown: make(chan struct{}), rng: rand.New(rand.NewPCG(seed, 7))}
}

func (d *database) add(kind relay.EntryKind, mark *relay.Mark, pieces ...[]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := relay.Captured{Kind: kind, Mark: mark, Flavour: "test", Position: relay.Position(strconv.Itoa(len(d.log) + 1))}
	if kind != relay.Frame {
		c.Physical = time.Now().Add(d.skew).Truncate(time.Microsecond).UTC()
		c.GTID = fmt.Sprint("0-1-", len(d.log)+1)
		c.Keys = []string{"g" + c.GTID}
	}
	d.log = append(d.log, logged{c, pieces})
	close(d.grown)
	d.grown = make(chan struct{})
}

// addRandom adds entries of all kinds and sizes. Marks are of region 60.
func (d *database) addRandom(rng *rand.Rand, n int) {
	for range n {
		pieces := make([][]byte, 1+rng.IntN(4))
		for i := range pieces {
			size := rng.IntN(300)
			if rng.IntN(40) == 0 {
				size = rng.IntN(700 << 10)
			}
			pieces[i] = make([]byte, 1+size)
			for j := range pieces[i] {
				pieces[i][j] = byte(rng.Uint32())
			}
		}
		kind := []relay.EntryKind{relay.Frame, relay.Local, relay.Local, relay.Applied, relay.History}[rng.IntN(5)]
		var mark *relay.Mark
		if kind == relay.Applied {
			seq := relay.Seq(d.len() + 1)
			mark = &relay.Mark{Origin: 60, Range: relay.Range{From: seq, To: seq}, HLC: relay.HLC(time.Now().UnixMicro() + rng.Int64N(1e6))}
		}
		d.add(kind, mark, pieces...)
	}
}

func (d *database) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

func (d *database) at(i int) (l logged, ok bool, grown <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i < len(d.log) {
		return d.log[i], true, nil
	}
	return l, false, d.grown
}

func (d *database) step() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return d.err
	}
	if d.stumble > 0 && d.rng.IntN(d.stumble) == 0 {
		return errStumbled
	}
	return nil
}

func (d *database) setSkew(skew time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skew = skew
}

func (d *database) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.err = err
}

func (d *database) Capture(ctx context.Context, from relay.Position, rec relay.Recorder) error {
	next, _ := strconv.Atoi(string(from))
	for {
		if err := d.step(); err != nil {
			return err
		}
		l, ok, grown := d.at(next)
		if !ok {
			if err := rec.CaughtUp(); err != nil {
				return err
			}
			select {
			case <-grown:
				continue
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		for _, p := range l.pieces {
			buf := bytes.Clone(p)
			if err := rec.Append(buf); err != nil {
				return err
			}
			clear(buf) // what was appended must have been copied
			if err := d.step(); err != nil {
				return err
			}
		}
		if err := rec.Commit(l.Captured); err != nil {
			return err
		}
		next++
	}
}

func (d *database) Durable(p relay.Position) {
	n, _ := strconv.Atoi(string(p))
	onDisk, _ := strconv.Atoi(string(d.onDisk()))
	defer func() {
		if d.told != nil {
			d.told(n)
		}
	}()
	d.mu.Lock()
	defer d.mu.Unlock()
	if n > onDisk {
		d.faults = append(d.faults, fmt.Sprintf("position %d acknowledged, %d on disk", n, onDisk))
	}
	if n < d.durable {
		d.faults = append(d.faults, fmt.Sprintf("position %d acknowledged after %d", n, d.durable))
	}
	d.durable = n
}

// follower is an Applier that only notes what it is told.
type follower struct {
	relay.ApplyView
	mu      sync.Mutex
	met     map[relay.Region]int
	paused  map[relay.Region]bool
	heard   map[relay.Region][]relay.Heartbeat
	needs   relay.LSN
	savable relay.LSN // what Save makes of needs
	parted  []relay.Region
	shown   map[relay.Region]relay.SeqHLC

	takenBack atomic.Int32
}

func newFollower() *follower {
	return &follower{
		met: make(map[relay.Region]int), paused: make(map[relay.Region]bool), heard: make(map[relay.Region][]relay.Heartbeat),
		needs: 1 << 60, shown: make(map[relay.Region]relay.SeqHLC),
	}
}

func (f *follower) Run(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }

func (f *follower) Meet(h relay.Hello) {
	r := h.Region
	f.mu.Lock()
	defer f.mu.Unlock()
	f.met[r]++
}

func (f *follower) Pause(r relay.Region, paused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.paused[r] = paused
}

func (f *follower) TakeBack(context.Context, relay.Region) error {
	f.takenBack.Add(1)
	return nil
}

func (f *follower) Heard(r relay.Region, h relay.Heartbeat) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard[r] = append(f.heard[r], h)
}

func (f *follower) Fence(context.Context) error { return nil }

func (f *follower) Promised(relay.Region) relay.HLC { return 0 }

func (f *follower) Announce() relay.Vector {
	f.mu.Lock()
	defer f.mu.Unlock()
	v := relay.Vector{0, 5, 5}
	for r, s := range f.shown {
		v.Raise(r, s.HLC)
	}
	return v
}

// shows has the database show a region's transactions up to one.
func (f *follower) shows(r relay.Region, last relay.SeqHLC) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shown[r] = last
}

func (f *follower) Origin(r relay.Region) (relay.SeqHLC, string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.shown[r], ""
}

func (f *follower) Part(r relay.Region) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.parted = append(f.parted, r)
}

func (f *follower) partedFrom() []relay.Region {
	f.mu.Lock()
	defer f.mu.Unlock()
	parted := f.parted
	f.parted = nil
	return parted
}

func (f *follower) beats(r relay.Region) []relay.Heartbeat {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard[r]
}

func (f *follower) Needs() (relay.LSN, map[relay.Region]relay.Seq) {
	f.mu.Lock()
	defer f.mu.Unlock()
	needs := make(map[relay.Region]relay.Seq)
	for r := range f.met {
		needs[r] = 1 << 60
	}
	return f.needs, needs
}

// Save makes a checkpoint at savable, if that is later than the last one.
func (f *follower) Save(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.needs = max(f.needs, f.savable)
	return nil
}

func (f *follower) isPaused(r relay.Region) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.paused[r]
}

func (f *follower) lastHeard(r relay.Region) relay.Heartbeat {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.heard[r]); n > 0 {
		return f.heard[r][n-1]
	}
	return relay.Heartbeat{}
}

func (f *follower) Status() relay.ApplyStatus             { return relay.ApplyStatus{Writable: true} }
func (f *follower) Count(*relay.Counters)                 {}
func (f *follower) Merged() relay.LSN                     { return 1 << 60 }
func (f *follower) Dissent(relay.Region) string           { return "" }
func (f *follower) Lag(relay.Region) time.Duration        { return 0 }
func (f *follower) Tables() []relay.TableStatus           { return nil }
func (f *follower) ConflictCounts() []relay.ConflictCount { return nil }
func (f *follower) Conflicts(context.Context) iter.Seq2[relay.Conflict, error] {
	return func(func(relay.Conflict, error) bool) {}
}

func (f *follower) Versions(context.Context) iter.Seq2[relay.RowVersion, error] {
	return func(func(relay.RowVersion, error) bool) {}
}

// network is a Dialer that calls the publishers in this process, and can cut their feeds.
type network struct {
	mu    sync.Mutex
	nodes map[string]relay.Publisher
	rng   *rand.Rand
	cut   int // a feed breaks once in so many messages; 0: never
	tap   func(to string, m relay.Message)
	feeds map[relay.Feed]string // open ones, and where they come from
}

func newNetwork() *network {
	return &network{
		nodes: make(map[string]relay.Publisher), rng: rand.New(rand.NewPCG(1, 2)), feeds: make(map[relay.Feed]string),
	}
}

func (n *network) Subscribe(ctx context.Context, to relay.Peer, self relay.Hello, w relay.Want) (relay.Hello, relay.Feed, error) {
	n.mu.Lock()
	p := n.nodes[to.Address]
	n.mu.Unlock()
	if p == nil {
		return relay.Hello{}, nil, errors.New("nobody answers")
	}
	h, f, err := p.Open(ctx, self, w)
	if err != nil {
		return relay.Hello{}, nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.feeds[f] = to.Address
	return h, &cable{Feed: f, n: n, to: to.Name}, nil
}

func (n *network) set(address string, p relay.Publisher) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nodes[address] = p
	for f, at := range n.feeds {
		if at == address {
			f.Close() //nolint:errcheck // as when its relay ends
			delete(n.feeds, f)
		}
	}
}

func (n *network) setCut(cut int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut = cut
}

func (n *network) breaks() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.cut > 0 && n.rng.IntN(n.cut) == 0
}

type cable struct {
	relay.Feed
	n  *network
	to string
}

func (c *cable) Next(ctx context.Context) (relay.Message, error) {
	if c.n.breaks() {
		return relay.Message{}, errors.New("cut")
	}
	m, err := c.Feed.Next(ctx)
	if err == nil && c.n.tap != nil {
		c.n.tap(c.to, m)
	}
	return m, err
}

// node is one region: a fake database, a real log and a relay.
type node struct {
	t       *testing.T
	net     *network
	dir     string
	clock   *hurried
	source  *database
	applier *follower
	config  relay.Config
	wrap    func(relay.Log) relay.Log

	db    *relaylog.DB
	relay *relay.Relay
	stop  func()
}

// newNode returns the region that has the id; its peers are found at their names. It is not running.
func newNode(t *testing.T, net *network, id relay.Region, peers ...string) *node {
	name := string('a' + rune(id) - 1)
	n := &node{
		t: t, net: net, dir: t.TempDir(), clock: new(hurried), source: newDatabase(uint64(id)), applier: newFollower(),
		config: relay.Config{
			Cluster: "shop", Name: name, Region: id, Dialer: net, Logger: slog.New(slog.DiscardHandler),
			DriftWarn: 5 * time.Second, DriftStop: time.Minute,
			Files:    func() relay.LogStatus { return relay.LogStatus{} },
			Replicas: func() ([]relay.ReplicaStatus, uint64, uint64) { return nil, 0, 0 },
		},
	}
	for _, p := range peers {
		n.config.Peers = append(n.config.Peers, relay.Peer{Name: p, Address: p})
	}
	return n
}

// start opens the log and runs the relay until halt.
func (n *node) start() *node {
	n.t.Helper()
	db, err := relaylog.Open(n.dir, relaylog.Options{MinFree: -1})
	if err != nil {
		n.t.Fatal(err)
	}
	n.db = db
	if db.Received(60).Last() == 0 { // where the random marks lead
		if err := db.Reset(n.t.Context(), 60, 1<<40); err != nil {
			n.t.Fatal(err)
		}
	}
	n.source.onDisk = func() relay.Position { return db.State().Position }
	c := n.config
	c.Store, c.Source, c.Log, c.Facts, c.Applier = db.StoreID(), n.source, db, db, n.applier
	if c.Clock == nil {
		c.Clock = n.clock
	}
	if n.wrap != nil {
		c.Log = n.wrap(db)
	}
	if c.Trim == nil {
		c.Trim = func(func() (relay.LSN, map[relay.Region]relay.Seq)) error { return nil }
	}
	if n.relay, err = relay.New(c); err != nil {
		n.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.relay.Run(ctx) }()
	n.net.set(c.Name, n.relay)
	n.stop = sync.OnceFunc(func() {
		n.net.set(c.Name, nil)
		cancel()
		select {
		case err := <-done:
			if err != nil {
				n.t.Errorf("Run returned %v", err)
			}
		case <-time.After(patience):
			n.t.Error("Run does not return")
		}
		if err := db.Close(); err != nil {
			n.t.Error(err)
		}
	})
	n.t.Cleanup(n.stop)
	return n
}

func (n *node) halt() { n.stop() }

func (n *node) restart() { n.halt(); n.start() }

// captured waits until everything that the database has is in the log.
func (n *node) captured() {
	n.t.Helper()
	eventually(n.t, "capture to reach the end", func() bool { return int(n.db.Local().Last()) >= n.source.len() })
}

// checkLocal compares the log with the database.
func (n *node) checkLocal() {
	n.t.Helper()
	if last := int(n.db.Local().Last()); last != n.source.len() {
		n.t.Fatalf("the log has %d entries, the database %d", last, n.source.len())
	}
	var seq relay.Seq
	var clock relay.HLC
	n.source.mu.Lock()
	defer n.source.mu.Unlock()
	for i, l := range n.source.log {
		e, body, err := n.db.Local().Entry(relay.LSN(i + 1))
		if err != nil {
			n.t.Fatal(err)
		}
		if l.Kind == relay.Local {
			seq++
			if e.Seq != seq || e.HLC <= clock {
				n.t.Fatalf("entry %d has sequence %d and clock %d after %d and %d", i+1, e.Seq, e.HLC, seq-1, clock)
			}
		}
		clock = e.HLC
		if e.Kind != l.Kind || e.Position != l.Position || e.GTID != l.GTID {
			n.t.Fatalf("entry %d is %v %s, want %v %s", i+1, e.Kind, e.Position, l.Kind, l.Position)
		}
		if got := collect(n.t, body); !bytes.Equal(got, l.bytes()) {
			n.t.Fatalf("entry %d came back with other bytes: %d instead of %d", i+1, len(got), len(l.bytes()))
		}
	}
	for _, fault := range n.source.faults {
		n.t.Error(fault)
	}
}

// checkReceived compares what n has of another region with what that has of itself.
func (n *node) checkReceived(from *node) {
	n.t.Helper()
	stream, state := n.db.Received(from.config.Region), from.db.State()
	if relay.Seq(stream.Last()) != state.Seq {
		n.t.Fatalf("%s has %d transactions of %d", n.config.Name, stream.Last(), state.Seq)
	}
	for seq := relay.Seq(1); seq <= state.Seq; seq++ {
		lsn, err := from.db.Local().BySeq(seq)
		if err != nil {
			n.t.Fatal(err)
		}
		e, body, err := from.db.Local().Entry(lsn)
		if err != nil {
			n.t.Fatal(err)
		}
		got, gotBody, err := stream.Transaction(seq)
		if err != nil {
			n.t.Fatal(err)
		}
		if want := e.Transaction(from.config.Region); fmt.Sprint(got) != fmt.Sprint(want) {
			n.t.Fatalf("transaction %d arrived as %v, was %v", seq, got, want)
		}
		if !bytes.Equal(collect(n.t, gotBody), collect(n.t, body)) {
			n.t.Fatalf("transaction %d arrived with other bytes", seq)
		}
	}
}

func (n *node) peer(name string) relay.PeerStatus {
	for _, p := range n.relay.Peers() {
		if p.Region == name {
			return p
		}
	}
	n.t.Fatalf("no peer %s", name)
	return relay.PeerStatus{}
}

func (n *node) problem(kind string) (relay.Problem, bool) {
	for _, p := range n.relay.Problems() {
		if p.Kind == kind {
			return p, true
		}
	}
	return relay.Problem{}, false
}

func collect(t *testing.T, body relay.Body) []byte {
	t.Helper()
	var all []byte
	for piece, err := range body {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, piece...)
	}
	return all
}

func (*follower) DeadLetters(context.Context) iter.Seq2[relay.DeadLetter, error] {
	return func(yield func(relay.DeadLetter, error) bool) {
		for r := range relay.Region(4) {
			if !yield(relay.DeadLetter{Region: r}, nil) {
				return
			}
		}
	}
}
func (*follower) RetryLetter(context.Context, uint64) error        { return nil }
func (*follower) SkipLetter(context.Context, uint64) error         { return nil }
func (*follower) EditLetter(context.Context, uint64, string) error { return nil }
func (*follower) LetterCounts() map[relay.Reason]int               { return nil }
func (*follower) Breakers() []relay.BreakerStatus                  { return nil }

func (*follower) Explain(context.Context, string, []string) ([]relay.Reasoning, error) {
	return nil, nil
}
func (*follower) Resolve(context.Context, uint64, string) error { return nil }
