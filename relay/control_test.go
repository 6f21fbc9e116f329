package relay_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
)

// TestStoppedSource stops the source: nothing is captured any more, nothing of a peer is applied, and that stays so over a restart.
func TestStoppedSource(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b").start(), newNode(t, net, 2, "a").start()
	eventually(t, "a to hear b", func() bool { return a.peer("b").State == "connected" })
	a.source.addRandom(rand.New(rand.NewPCG(1, 2)), 20)
	a.captured()
	if err := a.relay.StopSource(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := a.db.Local().Last()
	a.source.add(relay.Local, nil, []byte("while stopped"))
	s := a.relay.Status()
	if !s.Capture.Stopped || s.Capture.Connected || s.Capture.Err != "" || s.Ready || !strings.Contains(s.Reason, "START SLAVE") {
		t.Errorf("a stopped source shows %+v", s)
	}
	if !a.applier.isPaused(2) || a.peer("b").State != "connected" {
		t.Error("a stopped source does not hold what comes from peers, or lets them go")
	}
	a.restart()
	eventually(t, "a to meet b again", func() bool { return a.peer("b").State == "connected" })
	if !a.relay.Status().Capture.Stopped || !a.applier.isPaused(2) {
		t.Error("a restart forgets that the source was stopped")
	}
	if got := a.db.Local().Last(); got != last {
		t.Errorf("the log has grown from %d to %d entries while the source was stopped", last, got)
	}
	if err := a.relay.StartSource(t.Context()); err != nil {
		t.Fatal(err)
	}
	a.captured()
	if a.applier.isPaused(2) || a.relay.Status().Capture.Stopped {
		t.Error("a started source still holds what comes from peers")
	}
	b.halt()
}

// TestStopStartSourceManyTimes steers a source whose connection breaks anywhere: nothing is lost or repeated.
func TestStopStartSourceManyTimes(t *testing.T) {
	n := newNode(t, newNetwork(), 1)
	n.source.stumble = 25
	n.start()
	rng := rand.New(rand.NewPCG(7, 2))
	for range 20 {
		n.source.addRandom(rng, 5)
		if err := n.relay.StopSource(t.Context()); err != nil {
			t.Fatal(err)
		}
		had := n.source.len()
		n.source.addRandom(rng, 5)
		if s := n.relay.Status().Capture; s.Connected || s.CaughtUp || int(n.db.Local().Last()) > had {
			t.Fatalf("a stopped source is read: %d of %d entries, %+v", n.db.Local().Last(), had, s)
		}
		if err := n.relay.StartSource(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	n.captured()
	n.checkLocal()
}

// TestWhatReplicasWereSentMayBeLost keeps what a replica was sent shortly before its connection broke, and lets that go which it was sent before.
func TestWhatReplicasWereSentMayBeLost(t *testing.T) {
	n := newNode(t, newNetwork(), 1)
	n.config.ReplicaMemory = time.Hour
	var there atomic.Pointer[relay.ReplicaStatus]
	n.config.Replicas = func() (list []relay.ReplicaStatus, _, _ uint64) {
		if s := there.Load(); s != nil {
			list = append(list, *s)
		}
		return list, 0, 0
	}
	var kept atomic.Uint64
	n.config.Trim = func(needs func() (relay.LSN, map[relay.Region]relay.Seq)) error {
		lsn, _ := needs()
		kept.Store(uint64(lsn))
		return nil
	}
	n.start()
	n.source.addRandom(rand.New(rand.NewPCG(1, 2)), 30)
	n.captured()
	n.applier.mu.Lock()
	n.applier.needs, n.applier.savable = relay.LSN(n.db.Local().Last()), relay.LSN(n.db.Local().Last())
	n.applier.mu.Unlock()
	needs := func(why string, first relay.LSN) {
		t.Helper()
		err := n.relay.Purge(t.Context(), 30, false)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("from %d on", first)) || !strings.Contains(err.Error(), "replica 77") {
			t.Errorf("%s: purged what a replica needs: %v", why, err)
		}
	}
	began := n.clock.Now()
	at := func(since time.Time, lsn relay.LSN) relay.ReplicaStatus {
		return relay.ReplicaStatus{ServerID: 77, Kind: "replica", Since: since, LSN: lsn}
	}
	n.relay.Followed(at(began, 12))
	more := at(began, 20)
	there.Store(&more)
	needs("while it is there", 20)
	eventually(t, "retention to keep what is on its way", func() bool { return kept.Load() == 12 })
	there.Store(nil)
	n.relay.Followed(more)
	needs("a moment after it was sent more", 12)
	n.clock.offset.Add(int64(time.Minute))
	n.relay.Followed(at(began, 21))
	n.clock.offset.Add(int64(time.Minute))
	n.relay.Followed(at(began, 25))
	needs("a minute after it was sent more", 21)
	again := n.clock.Now()
	n.relay.Followed(at(again, 15))
	needs("it has come back, and asked for more than was thought", 15)
	n.relay.Followed(at(began, 25))
	needs("its former connection ends only now", 15)
}

// TestKnownReplicasAreWaitedFor keeps what a replica has not been sent, also when it is away and over a restart, but not for ever.
func TestKnownReplicasAreWaitedFor(t *testing.T) {
	n := newNode(t, newNetwork(), 1)
	var mu sync.Mutex
	list := []relay.ReplicaStatus{{ServerID: 77, Kind: "replica", Host: "10.0.9.9", LSN: 12}, {Kind: "replica", LSN: 3}, {ServerID: 5, Kind: "replica"}}
	n.config.Replicas = func() ([]relay.ReplicaStatus, uint64, uint64) {
		mu.Lock()
		defer mu.Unlock()
		return list, 0, 0
	}
	n.config.ReplicaMemory = time.Hour
	trimmed := make(chan relay.LSN, 100)
	n.config.Trim = func(needs func() (relay.LSN, map[relay.Region]relay.Seq)) error {
		lsn, _ := needs()
		select {
		case trimmed <- lsn:
		default:
		}
		return nil
	}
	n.start()
	n.source.addRandom(rand.New(rand.NewPCG(1, 2)), 30)
	n.captured()
	n.applier.mu.Lock()
	n.applier.needs, n.applier.savable = 1, relay.LSN(n.db.Local().Last()) // a purge has a checkpoint made first
	n.applier.mu.Unlock()
	refused := func(when string) {
		t.Helper()
		err := n.relay.Purge(t.Context(), 20, false)
		if err == nil || !strings.Contains(err.Error(), "from 12 on") || !strings.Contains(err.Error(), "replica 77 at 10.0.9.9") {
			t.Fatalf("%s: purged what a replica needs: %v", when, err)
		}
	}
	refused("while it is connected")
	eventually(t, "retention to run", func() bool { return len(trimmed) > 0 })
	if lsn := <-trimmed; lsn > 12 {
		t.Errorf("retention may trim up to %d", lsn)
	}
	mu.Lock()
	list = nil
	mu.Unlock()
	refused("while it is away")
	n.restart()
	refused("after a restart")
	n.clock.offset.Store(int64(2 * time.Hour))
	if err := n.relay.Purge(t.Context(), 20, false); err != nil {
		t.Fatalf("two hours later: %v", err)
	}
	if err := n.relay.Purge(t.Context(), 25, true); err != nil || n.db.Local().First() > 25 {
		t.Fatalf("by force: %v", err)
	}
	if err := n.relay.Purge(t.Context(), relay.LSN(n.db.Local().Last()+1), true); err == nil || !strings.Contains(err.Error(), "the applier") {
		t.Fatalf("by force what the relay itself needs: %v", err)
	}
}
