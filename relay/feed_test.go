package relay_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
)

// allArrived waits until n has all that from has captured of its own.
func (n *node) allArrived(from *node) {
	n.t.Helper()
	from.captured()
	eventually(n.t, "transactions to arrive", func() bool {
		return relay.Seq(n.db.Received(from.config.Region).Last()) >= from.db.State().Seq
	})
}

// TestFeeds runs three regions, each of which writes, over feeds that break anywhere and relays that are restarted.
func TestFeeds(t *testing.T) {
	net := newNetwork()
	nodes := []*node{newNode(t, net, 1, "b", "c"), newNode(t, net, 2, "a", "c"), newNode(t, net, 3, "a", "b")}
	for _, n := range nodes {
		n.start()
	}
	net.setCut(60)
	rng := rand.New(rand.NewPCG(5, 5))
	for round := range 4 {
		for _, n := range nodes {
			n.source.addRandom(rng, 30)
		}
		nodes[round%3].restart()
	}
	net.setCut(0)
	for _, n := range nodes {
		for _, from := range nodes {
			if n != from {
				n.allArrived(from)
				n.checkReceived(from)
			}
		}
		n.checkLocal()
	}
}

// TestHugeTransaction sends one of many chunks.
func TestHugeTransaction(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b").start(), newNode(t, net, 2, "a").start()
	piece := make([]byte, 300<<10)
	for i := range piece {
		piece[i] = byte(i * i >> 3)
	}
	a.source.add(relay.Local, nil, piece, piece[:100], piece, piece, piece[:77777], piece)
	a.source.add(relay.Local, nil, []byte("small"))
	b.allArrived(a)
	b.checkReceived(a)
	if c := b.relay.Status().Counters; c.ReceivedTransactions != 2 || c.ReceivedBytes != uint64(a.db.Local().Bytes()) {
		t.Fatalf("counted %d transactions of %d bytes", c.ReceivedTransactions, c.ReceivedBytes)
	}
}

// TestPromises listens to feeds under random load: no transaction is ever at or below what was promised before it, and what a heartbeat says is
// received is durable there.
func TestPromises(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b"), newNode(t, net, 2, "a")
	var mu sync.Mutex
	promise, beats := make(map[string]relay.Heartbeat), 0
	net.tap = func(to string, m relay.Message) {
		mu.Lock()
		defer mu.Unlock()
		if h := m.Heartbeat; h != nil {
			beats++
			if last := promise[to]; h.Promise < last.Promise || h.Last < last.Last {
				t.Errorf("heartbeat %+v after %+v", *h, last)
			}
			promise[to] = *h
			if to == "b" && len(h.Received) > 1 && uint64(h.Received[1]) > b.db.Received(1).Last() {
				t.Errorf("b says that it holds %d of a, it has %d", h.Received[1], b.db.Received(1).Last())
			}
		}
		for _, tx := range []*relay.Transaction{m.Transaction, m.Ahead} {
			if tx != nil && tx.Seq > promise[to].Last && tx.HLC <= promise[to].Promise {
				t.Errorf("transaction %d of %s has clock %d, %d was promised", tx.Seq, to, tx.HLC, promise[to].Promise)
			}
		}
	}
	a.start()
	b.start()
	rng := rand.New(rand.NewPCG(6, 6))
	for i := range 40 {
		a.source.addRandom(rng, rng.IntN(8))
		b.source.addRandom(rng, rng.IntN(4))
		if i%20 == 10 {
			a.restart()
		}
		mu.Lock()
		seen := beats
		mu.Unlock()
		eventually(t, "a heartbeat", func() bool { mu.Lock(); defer mu.Unlock(); return beats > seen })
	}
	a.allArrived(b)
	b.allArrived(a)
	eventually(t, "a to learn what b holds", func() bool { return a.peer("b").Holds == a.db.State().Seq })
	h := b.applier.lastHeard(1)
	if p := b.peer("a"); p.State != "connected" || p.ID != 1 || p.Received.Seq != a.db.State().Seq || p.Announced != 5 || h.Promise == 0 {
		t.Fatalf("peer a of b: %+v, heard %+v", p, h)
	}
}

// TestRefusals has somebody subscribe who must not.
func TestRefusals(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b").start(), newNode(t, net, 2, "a", "c").start()
	for range 5 {
		a.source.add(relay.Local, nil, []byte("x"))
	}
	b.allArrived(a)
	eventually(t, "a to meet b", func() bool { return a.peer("b").ID == 2 })
	a.relay.Purge(t.Context(), 3, false) //nolint:errcheck // looked at below
	eventually(t, "room", func() bool { return a.relay.Purge(t.Context(), 3, false) == nil })
	good := relay.Hello{Cluster: "shop", Name: "b", Region: 2, Store: b.db.StoreID(), Protocol: relay.FeedProtocol}
	for _, test := range []struct {
		name   string
		change func(*relay.Hello)
		first  relay.Seq
		want   []string
	}{
		{"cluster", func(h *relay.Hello) { h.Cluster = "shed" }, 6, []string{`"shop"`, `"shed"`}},
		{"protocol", func(h *relay.Hello) { h.Oldest, h.Protocol = relay.FeedProtocol+1, relay.FeedProtocol+2 }, 6, []string{"versions 3 to 4", "a release in between"}},
		{"own id", func(h *relay.Hello) { h.Name, h.Region = "d", 1 }, 6, []string{"must be unique"}},
		{"own name", func(h *relay.Hello) { h.Name, h.Region = "a", 9 }, 6, []string{"must be unique"}},
		{"taken id", func(h *relay.Hello) { h.Name = "d" }, 6, []string{"d and b both have id 2"}},
		{"new id", func(h *relay.Hello) { h.Region = 7 }, 6, []string{"had id 2 and now says 7"}},
		{"no id", func(h *relay.Hello) { h.Name, h.Region = "d", 0 }, 6, []string{"has the id 0"}},
		{"another log", func(h *relay.Hello) { h.Store = "s" }, 6, []string{"not the one that was known here", "join again"}},
		{"ahead", func(*relay.Hello) {}, 7, []string{"holds 6 transactions", "only 5", "lost or set back"}},
		{"trimmed", func(*relay.Hello) {}, 2, []string{"transaction 2", "no longer in its relay log", "join again"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := good
			test.change(&h)
			_, feed, err := a.relay.Open(t.Context(), h, relay.Want{First: test.first})
			if err == nil {
				feed.Close()
			}
			if !errors.Is(err, relay.ErrRefused) {
				t.Fatalf("not refused: %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q lacks %q", err, want)
				}
			}
		})
	}
	good.Protocol++ // a later release, which still speaks what this one does
	hello, feed, err := a.relay.Open(t.Context(), good, relay.Want{First: 3})
	if err != nil || hello != a.relay.Self() {
		t.Fatalf("%v %v", hello, err)
	}
	feed.Close()
	if m, err := feed.Next(t.Context()); !errors.Is(err, relay.ErrClosed) {
		t.Fatalf("a closed feed goes on with %+v", m)
	}
}

// TestAgree is about relays of different releases.
func TestAgree(t *testing.T) {
	for _, test := range []struct{ oldest, newest, othersOldest, othersNewest, want int }{
		{1, 1, 1, 1, 1}, {1, 1, 1, 2, 1}, {1, 2, 2, 3, 2}, {2, 5, 1, 9, 5}, {1, 1, 2, 2, 0}, {3, 4, 1, 2, 0},
	} {
		one := relay.Hello{Name: "a", Oldest: test.oldest, Protocol: test.newest}
		other := relay.Hello{Name: "b", Oldest: test.othersOldest, Protocol: test.othersNewest}
		for range 2 {
			got, err := relay.Agree(one, other)
			if got != test.want || (err == nil) != (test.want > 0) {
				t.Errorf("%+v: got %d, %v", test, got, err)
			}
			one, other = other, one
		}
	}
}

// TestStrangers has a relay reach somebody whom it did not expect.
func TestStrangers(t *testing.T) {
	for _, test := range []struct {
		name, want string
		change     func(b *node)
	}{
		{"cluster", `this relay belongs to cluster "shed"`, func(b *node) { b.config.Cluster = "shed" }},
		{"name", `is region "x", the configuration says "b"`, func(b *node) { b.config.Name = "x" }},
		{"own id", "must be unique", func(b *node) { b.config.Region = 1 }},
		{"id of another", "both have id 3", func(b *node) { b.config.Region = 3 }},
	} {
		t.Run(test.name, func(t *testing.T) {
			net := newNetwork()
			a := newNode(t, net, 1, "c", "b").start()
			newNode(t, net, 3, "a").start()
			eventually(t, "a to meet c", func() bool { return a.peer("c").ID == 3 })
			b := newNode(t, net, 2)
			test.change(b)
			b.start()
			net.set("b", b.relay)
			var p relay.Problem
			eventually(t, "the refusal to be reported", func() (told bool) {
				p, told = a.problem("peer_refused")
				return told
			})
			if a.peer("b").State != "refused" || p.Subject != "b" || !strings.Contains(p.Detail, test.want) {
				t.Fatalf("%+v does not say %q", p, test.want)
			}
		})
	}
}

// TestLostStores replaces a relay's log by an empty one.
func TestLostStores(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b").start(), newNode(t, net, 2, "a").start()
	a.source.add(relay.Local, nil, []byte("x"))
	b.allArrived(a)
	a.halt()
	a.dir = t.TempDir()
	a.source.fail(errStumbled) // it has not read anything yet
	a.start()
	eventually(t, "b to be refused", func() bool {
		p, _ := b.problem("peer_refused")
		return strings.Contains(p.Detail, "lost or set back")
	})
	a.source.fail(nil)
	eventually(t, "b to see another store", func() bool {
		p, _ := b.problem("peer_refused")
		return strings.Contains(p.Detail, "lost or replaced")
	})
	if b.peer("a").State != "refused" || b.db.Received(1).Last() != 1 {
		t.Fatalf("b went on with another log: %+v", b.peer("a"))
	}
}

// TestPause holds a peer, across a restart too.
func TestPause(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b").start(), newNode(t, net, 2, "a").start()
	eventually(t, "connection", func() bool { return b.peer("a").State == "connected" })
	if err := b.relay.Pause(t.Context(), "nobody"); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Fatalf("pausing nobody: %v", err)
	}
	if err := b.relay.Pause(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if !b.applier.isPaused(1) || b.peer("a").State != "paused" {
		t.Fatal("not paused")
	}
	eventually(t, "the feed to end", func() bool { return b.peer("a").Reconnects > 0 })
	a.source.add(relay.Local, nil, []byte("x"))
	a.captured()
	b.applier = newFollower()
	b.restart()
	if !b.applier.isPaused(1) || b.peer("a").State != "paused" || b.db.Received(1).Last() != 0 {
		t.Fatal("not paused after a restart")
	}
	if err := b.relay.Resume(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	b.allArrived(a)
	if b.applier.isPaused(1) {
		t.Fatal("the applier is still paused")
	}
	b.restart()
	eventually(t, "connection", func() bool { return b.peer("a").State == "connected" })
}

// TestResumeOfARunningPeer changes nothing.
func TestResumeOfARunningPeer(t *testing.T) {
	net := newNetwork()
	newNode(t, net, 1, "b").start()
	b := newNode(t, net, 2, "a").start()
	eventually(t, "connection", func() bool { return b.peer("a").State == "connected" })
	if err := b.relay.Resume(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if s := b.peer("a").State; s != "connected" {
		t.Fatalf("a peer that is connected is said to be %q", s)
	}
}

// forger is a publisher that says what it is told to.
type forger struct {
	hello    relay.Hello
	messages []relay.Message
}

func (f *forger) Open(context.Context, relay.Hello, relay.Want) (relay.Hello, relay.Feed, error) {
	return f.hello, &forgedFeed{f.messages}, nil
}

type forgedFeed struct{ messages []relay.Message }

func (f *forgedFeed) Next(ctx context.Context) (relay.Message, error) {
	if len(f.messages) == 0 {
		return relay.Message{}, errors.New("that was all")
	}
	m := f.messages[0]
	f.messages = f.messages[1:]
	return m, nil
}

func (f *forgedFeed) Close() error { return nil }

// TestBrokenFeeds sends what no relay should send: nothing of it is kept.
func TestBrokenFeeds(t *testing.T) {
	begin := func(tx relay.Transaction) relay.Message { return relay.Message{Transaction: &tx} }
	chunk, end := relay.Message{Chunk: []byte("bytes")}, relay.Message{End: true}
	tx := relay.Transaction{Origin: 2, Seq: 1, HLC: 1, Size: 5}
	with := func(change func(*relay.Transaction)) relay.Message { x := tx; change(&x); return begin(x) }
	for _, test := range []struct {
		name, want string
		messages   []relay.Message
	}{
		{"bytes outside", "outside of a transaction", []relay.Message{chunk}},
		{"end outside", "outside of a transaction", []relay.Message{end}},
		{"nested", "inside of another", []relay.Message{begin(tx), chunk, begin(tx)}},
		{"too short", "has 0 bytes, its header says 5", []relay.Message{begin(tx), end}},
		{"too long", "has 10 bytes, its header says 5", []relay.Message{begin(tx), chunk, chunk, end}},
		{"other origin", "sent a transaction of region 3", []relay.Message{with(func(t *relay.Transaction) { t.Origin = 3 })}},
		{"hole", "1 comes next", []relay.Message{with(func(t *relay.Transaction) { t.Seq = 2 }), chunk, end}},
		{"clock an hour ahead", "until its clock is within", []relay.Message{
			with(func(t *relay.Transaction) { t.HLC = relay.HLC(time.Now().Add(time.Hour).UnixMicro()) }), chunk, end,
		}},
		{"clock at the end of time", "until its clock is within", []relay.Message{
			with(func(t *relay.Transaction) { t.HLC = 1<<62 + 1<<61 }), chunk, end,
		}},
		{"promise at the end of time", "until its clock is within", []relay.Message{
			{Heartbeat: &relay.Heartbeat{Promise: 1<<62 + 1<<61}}, begin(tx), chunk, end,
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			net := newNetwork()
			a := newNode(t, net, 1, "b").start()
			net.set("b", &forger{relay.Hello{Cluster: "shop", Name: "b", Region: 2, Store: "s", Protocol: relay.FeedProtocol}, test.messages})
			eventually(t, "the feed to end", func() bool {
				e := a.peer("b").LastError
				return e != "" && e != "nobody answers"
			})
			var seen string
			eventually(t, "the reason", func() bool {
				if e := a.peer("b").LastError; e != "" {
					seen = e
				}
				return strings.Contains(seen, test.want) || seen == "that was all"
			})
			if seen == "that was all" || a.db.Received(2).Last() != 0 {
				t.Fatalf("it was taken: %d", a.db.Received(2).Last())
			}
		})
	}
}

// TestPurgeKeepsWhatPeersNeed trims under load, as far as it is allowed to, while a peer comes and goes: it never misses anything.
func TestPurgeKeepsWhatPeersNeed(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b"), newNode(t, net, 2, "a")
	a.config.Trim = func(needs func() (relay.LSN, map[relay.Region]relay.Seq)) error {
		lsn, _ := needs()
		return a.db.Local().Trim(uint64(lsn))
	}
	a.start()
	rng := rand.New(rand.NewPCG(8, 8))
	a.source.addRandom(rng, 20)
	a.source.add(relay.Local, nil, []byte("x"))
	a.captured()
	first, err := a.db.Local().BySeq(1)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.relay.Purge(t.Context(), relay.LSN(a.db.Local().Last()), false); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("from %d on", first)) {
		t.Fatalf("purged what a peer has never seen: %v", err)
	}
	b.start()
	for range 8 {
		a.source.addRandom(rng, 20)
		a.source.add(relay.Local, nil, []byte("x"))
		b.allArrived(a)
		b.restart()
	}
	b.allArrived(a)
	b.checkReceivedTail(a)
	eventually(t, "the log to be trimmed", func() bool { return a.db.Local().First() > 100 })
	a.applier.mu.Lock()
	a.applier.needs = relay.LSN(a.db.Local().Last())
	a.applier.mu.Unlock()
	if err := a.relay.Purge(t.Context(), relay.LSN(a.db.Local().Last()+1), false); err == nil {
		t.Fatal("purged what the applier needs")
	}
}

// checkReceivedTail tells whether n has all that there ever was.
func (n *node) checkReceivedTail(from *node) {
	n.t.Helper()
	seq := relay.Seq(0)
	for _, l := range from.source.log {
		if l.Kind != relay.Local {
			continue
		}
		seq++
		_, body, err := n.db.Received(from.config.Region).Transaction(seq)
		if err != nil {
			n.t.Fatal(err)
		}
		if string(collect(n.t, body)) != string(l.bytes()) {
			n.t.Fatalf("transaction %d has other bytes", seq)
		}
	}
}
