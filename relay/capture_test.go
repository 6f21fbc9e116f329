package relay_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
)

// TestCaptureStumbles captures from a database whose connection breaks anywhere, in a relay that is restarted now and then.
func TestCaptureStumbles(t *testing.T) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 1))
			n := newNode(t, newNetwork(), 1)
			n.source.stumble = 25
			n.source.addRandom(rng, 40)
			n.start()
			for range 3 {
				n.source.addRandom(rng, 30)
				last := rng.Uint64N(uint64(n.source.len()))
				eventually(t, "some progress", func() bool { return n.db.Local().Last() >= last })
				n.restart()
			}
			n.captured()
			n.checkLocal()
			if n.relay.Status().Counters.CaptureReconnects == 0 && seed == 0 {
				t.Log("nothing stumbled after the last restart")
			}
		})
	}
}

// TestCaptureIsWatched follows the stream while it is being captured by stumbles: nothing torn, repeated or missing is ever visible.
func TestCaptureIsWatched(t *testing.T) {
	n := newNode(t, newNetwork(), 1)
	n.source.stumble = 15
	n.start()
	cursor, err := n.db.Local().Read(1)
	if err != nil {
		t.Fatal(err)
	}
	defer cursor.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	go n.source.addRandom(rand.New(rand.NewPCG(1, 1)), 150)
	for i := range 150 {
		e, body, err := cursor.Next(ctx)
		if err != nil {
			t.Fatal(err)
		}
		want, _, _ := n.source.at(i)
		if e.Position != want.Position || string(collect(t, body)) != string(want.bytes()) {
			t.Fatalf("entry %d at %s is not what the database has there", e.LSN, e.Position)
		}
	}
}

// TestDurablePositions has the source acknowledge everything in the end, and nothing before it was on disk.
func TestDurablePositions(t *testing.T) {
	n := newNode(t, newNetwork(), 1).start()
	n.source.addRandom(rand.New(rand.NewPCG(3, 1)), 60)
	eventually(t, "all to be acknowledged", func() bool {
		n.source.mu.Lock()
		defer n.source.mu.Unlock()
		return n.source.durable == 60
	})
	n.checkLocal()
}

// TestIdleClock raises the durable clock of a region in which nothing happens, but not while capture is behind.
func TestIdleClock(t *testing.T) {
	n := newNode(t, newNetwork(), 1)
	n.source.fail(errStumbled)
	n.start()
	eventually(t, "some attempts", func() bool { return n.relay.Status().Counters.CaptureReconnects > 5 })
	if s := n.relay.Status(); s.Ready || s.Capture.Connected || n.db.State().HLC > 1000 {
		t.Fatalf("a relay that never read the log is ready: %v, connected: %v, promised %d", s.Ready, s.Capture.Connected, n.db.State().HLC)
	}
	before := time.Now().UnixMicro()
	n.source.fail(nil)
	eventually(t, "a promise", func() bool { return int64(n.db.State().HLC) > before })
	eventually(t, "readiness", func() bool { return n.relay.Status().Ready })
	promised := n.db.State().HLC
	n.restart()
	n.source.add(relay.Local, nil, []byte("x"))
	n.captured()
	if e, _, err := n.db.Local().Entry(1); err != nil || e.HLC <= promised {
		t.Fatalf("clock %d after the promise of %d (%v)", e.HLC, promised, err)
	}
}

// TestAppliedIsAsOldAsItsCommit: a database may say of what was applied when its origin committed it. A region that takes in an old backlog is not behind its own log for that.
func TestAppliedIsAsOldAsItsCommit(t *testing.T) {
	n := newNode(t, newNetwork(), 1).start()
	eventually(t, "readiness", func() bool { return n.relay.Status().Ready })
	age := func() time.Duration { return time.Since(n.relay.Status().Capture.LastEvent) }
	n.source.setSkew(-2 * time.Hour)
	n.source.add(relay.Applied, &relay.Mark{Origin: 1, Nonce: 5}, []byte("applied"))
	n.captured()
	if age() > time.Hour {
		t.Errorf("what was applied just now is %s old", age())
	}
	n.source.add(relay.Local, nil, []byte("local"))
	n.captured()
	if age() < time.Hour {
		t.Errorf("what an application committed two hours ago is %s old", age())
	}
}

// TestSourceProblems tells the operator of a source that cannot go on, once for each kind.
func TestSourceProblems(t *testing.T) {
	n := newNode(t, newNetwork(), 1)
	n.source.fail(fmt.Errorf("read from 17: %w", relay.ErrPurged))
	n.start()
	count := func(kind string) uint64 { p, _ := n.problem(kind); return p.Count }
	eventually(t, "a purged source to be reported again", func() bool { return count("source_purged") >= 2 })
	n.source.fail(relay.ErrDiverged)
	eventually(t, "another database to be reported", func() bool { return count("source_diverged") >= 1 })
	list := n.relay.Problems()
	if len(list) != 2 || list[0].Kind != "source_purged" || !strings.Contains(list[0].Detail, "17") || list[0].Remedy == "" {
		t.Fatalf("problems: %+v", list)
	}
}

// TestProblemsAge lists what came up lately, the oldest first.
func TestProblemsAge(t *testing.T) {
	n := newNode(t, newNetwork(), 1).start()
	for i := range 3 {
		for _, subject := range []string{"b.t", "a.t"} {
			n.relay.Report(relay.Problem{Kind: "no_primary_key", Subject: subject, Detail: fmt.Sprint("table ", i), Remedy: "add one"})
		}
	}
	list := n.relay.Problems()
	if len(list) != 2 || list[0].Subject != "b.t" || list[0].Count != 3 || list[0].Detail != "table 2" {
		t.Fatalf("problems: %+v", list)
	}
	n.clock.offset.Store(int64(23 * time.Hour))
	n.relay.Report(relay.Problem{Kind: "no_primary_key", Subject: "a.t"})
	n.clock.offset.Store(int64(25 * time.Hour))
	if list = n.relay.Problems(); len(list) != 1 || list[0].Subject != "a.t" || list[0].Count != 4 {
		t.Fatalf("problems a day later: %+v", list)
	}
}

// TestRunEnds counts goroutines before and after.
func TestRunEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	net := newNetwork()
	a, b := newNode(t, net, 1, "b").start(), newNode(t, net, 2, "a").start()
	a.source.addRandom(rand.New(rand.NewPCG(1, 1)), 20)
	eventually(t, "transactions to arrive", func() bool { return b.db.Received(1).Last() > 0 })
	a.halt()
	b.halt()
	eventually(t, "all goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// fullDisk is a Log that loses what is committed while the disk is full, as a failed group commit does.
type fullDisk struct {
	relay.Log
	mu      sync.Mutex
	full    bool
	changed chan struct{}
	lost    int
}

func (l *fullDisk) set(full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full = full
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *fullDisk) state() (full bool, lost int, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.full, l.lost, l.changed
}

func (l *fullDisk) Promise(ctx context.Context, h relay.HLC) error {
	if full, _, _ := l.state(); full {
		return syscall.ENOSPC
	}
	return l.Log.Promise(ctx, h)
}

func (l *fullDisk) Local() relay.LocalStream { return &fullStream{l.Log.Local(), l} }

type fullStream struct {
	relay.LocalStream
	l *fullDisk
}

func (s *fullStream) Begin(ctx context.Context) relay.EntryWriter {
	return &fullWriter{s.LocalStream.Begin(ctx), s.l}
}

// WaitDurable fails while something is lost and the disk is full, and waits for what comes after.
func (s *fullStream) WaitDurable(ctx context.Context, lsn relay.LSN) error {
	for s.LocalStream.Last() < uint64(lsn) {
		full, lost, changed := s.l.state()
		if full && lost > 0 {
			return syscall.ENOSPC
		}
		wait, cancel := context.WithCancel(ctx)
		go func() {
			select {
			case <-changed:
				cancel()
			case <-wait.Done():
			}
		}()
		err := s.LocalStream.WaitDurable(wait, lsn)
		cancel()
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

type fullWriter struct {
	relay.EntryWriter
	l *fullDisk
}

func (w *fullWriter) Commit(e relay.Entry, s relay.State) error {
	w.l.mu.Lock()
	defer w.l.mu.Unlock()
	if !w.l.full {
		return w.EntryWriter.Commit(e, s)
	}
	w.EntryWriter.Discard()
	w.l.lost++
	close(w.l.changed)
	w.l.changed = make(chan struct{})
	return nil
}

// TestFullDisk loses entries that had been committed and were not durable. Capture reads them again once there is room, though the
// database has nothing new to say.
func TestFullDisk(t *testing.T) {
	disk := &fullDisk{changed: make(chan struct{})}
	n := newNode(t, newNetwork(), 1)
	n.wrap = func(l relay.Log) relay.Log { disk.Log = l; return disk }
	n.start()
	n.source.addRandom(rand.New(rand.NewPCG(1, 1)), 10)
	n.captured()
	disk.set(true)
	n.source.add(relay.Local, nil, []byte("lost at first"))
	eventually(t, "the loss to be reported", func() bool { _, ok := n.problem("log_unwritable"); return ok })
	disk.set(false)
	n.captured()
	n.source.addRandom(rand.New(rand.NewPCG(2, 1)), 10)
	n.captured()
	n.checkLocal()
}

// TestWhatComesToDiskMeanwhileIsAcknowledged: an entry is on disk before the one before it has been acknowledged, and a database that waits for that has nothing more to say.
func TestWhatComesToDiskMeanwhileIsAcknowledged(t *testing.T) {
	n := newNode(t, newNetwork(), 1)
	n.source.told = func(durable int) {
		if durable == 1 {
			n.source.add(relay.Local, nil, []byte("two"))
			eventually(t, "the second entry to be on disk", func() bool { return n.db.Local().Last() == 2 })
		}
	}
	n.start()
	n.source.add(relay.Local, nil, []byte("one"))
	eventually(t, "the second one to be acknowledged", func() bool {
		n.source.mu.Lock()
		defer n.source.mu.Unlock()
		return n.source.durable == 2
	})
}
