package relay_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/relay"
)

// unreachable has n not find a peer.
func (n *node) unreachable(peer string) *node { return n.at(peer, "nowhere") }

// at has n look for a peer at an address.
func (n *node) at(peer, address string) *node {
	for i := range n.config.Peers {
		if n.config.Peers[i].Name == peer {
			n.config.Peers[i].Address = address
		}
	}
	return n
}

// standsAt waits until a peer is in a state at all of the nodes.
func standsAt(t *testing.T, peer, state string, nodes ...*node) {
	t.Helper()
	for _, n := range nodes {
		eventually(t, n.config.Name+" to have "+peer+" "+state, func() bool { return n.peer(peer).State == state })
	}
}

// TestSurvivorsLevelALostRegion: a and c have what d wrote before it was lost, c only in part, and b has never heard d at all.
func TestSurvivorsLevelALostRegion(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b", "c", "d"), newNode(t, net, 2, "a", "c", "d").unreachable("d").start()
	c, d := newNode(t, net, 3, "a", "b", "d").start(), newNode(t, net, 4, "a").start()
	var mu sync.Mutex
	kept := make(map[relay.Region]relay.Seq)
	a.config.Trim = func(needs func() (relay.LSN, map[relay.Region]relay.Seq)) error {
		mu.Lock()
		defer mu.Unlock()
		_, kept = needs()
		return nil
	}
	a.start()
	d.source.add(relay.Local, nil, []byte("all"))
	d.source.add(relay.Local, nil, []byte("have this"))
	a.allArrived(d)
	c.allArrived(d)
	c.halt()
	for _, text := range []string{"only", "a", "has this"} {
		d.source.add(relay.Local, nil, []byte(text))
	}
	a.allArrived(d)
	eventually(t, "a to keep what b lacks", func() bool { mu.Lock(); defer mu.Unlock(); return kept[4] <= 1 })
	if err := b.relay.Evict(t.Context(), "d"); err == nil || !strings.Contains(err.Error(), "never heard") {
		t.Errorf("b evicted whom it does not know: %v", err)
	}

	if err := a.relay.Evict(t.Context(), "d"); err != nil {
		t.Fatal(err)
	}
	standsAt(t, "d", "evicting", a, b)
	eventually(t, "b to have all", func() bool { return b.db.Received(4).Last() == 5 })
	b.checkReceived(d)
	eventually(t, "a to say for whom it waits", func() bool {
		p, _ := a.problem("eviction_waits")
		return p.Subject == "d" && strings.Contains(p.Detail, "region c")
	})
	d.source.add(relay.Local, nil, []byte("too late"))
	d.captured()
	hello := d.relay.Self()
	if _, _, err := a.relay.Open(t.Context(), hello, relay.Want{First: 1}); !errors.Is(err, relay.ErrRefused) || !strings.Contains(err.Error(), "is being evicted") {
		t.Errorf("d is served: %v", err)
	}
	net.set("d", nil)
	last, _, err := b.db.Received(4).Transaction(5)
	if err != nil {
		t.Fatal(err)
	}
	a.restart()
	for _, n := range []*node{a, b} {
		n.applier.shows(4, relay.SeqHLC{Seq: 5, HLC: last.HLC})
	}
	c.start()
	eventually(t, "c to have all", func() bool { return c.db.Received(4).Last() == 5 })
	standsAt(t, "d", "evicting", a, b, c)
	if slices.Contains(a.applier.partedFrom(), 4) {
		t.Error("a does not wait for c, whose database does not show d's transactions")
	}
	c.applier.shows(4, relay.SeqHLC{Seq: 5, HLC: last.HLC})
	standsAt(t, "d", "evicted", a, b, c)
	for _, n := range []*node{a, b, c} {
		if got := n.applier.partedFrom(); !slices.Equal(got, []relay.Region{4}) || n.db.Received(4).Last() != 5 {
			t.Errorf("%s has let go of %v, and holds %d", n.config.Name, got, n.db.Received(4).Last())
		}
	}
	c.restart()
	standsAt(t, "d", "evicted", c)
	t.Run("rejoins", func(t *testing.T) { rejoins(t, a, b, c, d) })
}

// rejoins has region d, which was evicted, come back: not with its old log, and with a new one by joining.
func rejoins(t *testing.T, a, b, c, d *node) {
	for _, joins := range []bool{false, true} {
		var err error
		if joins {
			_, err = a.relay.Admit(t.Context(), d.relay.Self())
		} else {
			_, _, err = a.relay.Open(t.Context(), d.relay.Self(), relay.Want{First: 1})
		}
		if err == nil || !strings.Contains(err.Error(), "must join again") {
			t.Errorf("d is taken with its old log (joining: %v): %v", joins, err)
		}
	}
	hello := d.relay.Self()
	hello.Store = "another"
	for _, n := range []*node{a, b, c} {
		admission, err := n.relay.Admit(t.Context(), hello)
		if err != nil || admission.Received.Seq != 5 || !admission.Parted {
			t.Fatalf("%s: %+v, %v", n.config.Name, admission, err)
		}
	}
	keepsFrom(t, a, hello)
	for _, n := range []*node{a, b, c} {
		beats := len(n.applier.beats(1)) + len(n.applier.beats(2))
		eventually(t, "heartbeats", func() bool { return len(n.applier.beats(1))+len(n.applier.beats(2)) > beats+4 })
		if state := n.peer("d").State; state == "evicting" || state == "evicted" {
			t.Errorf("%s has d %s again", n.config.Name, state)
		}
		if _, feed, err := n.relay.Open(t.Context(), hello, relay.Want{}); err != nil {
			t.Errorf("%s does not serve d: %v", n.config.Name, err)
		} else {
			feed.Close()
		}
	}
}

// keepsFrom has a region keep its log from an earlier entry on than where it was when the newcomer was admitted: not from a later one, nor from one that is gone, nor for a stranger.
func keepsFrom(t *testing.T, n *node, newcomer relay.Hello) {
	t.Helper()
	n.source.add(relay.Local, nil, []byte("one more"))
	begin := func() relay.LSN {
		a, err := n.relay.Admit(t.Context(), newcomer)
		if err != nil {
			t.Fatal(err)
		}
		return a.Begin
	}
	if err := n.relay.KeepFrom(t.Context(), newcomer, 0); !errors.Is(err, relay.ErrTrimmed) {
		t.Errorf("the log is kept from before its first entry on: %v", err)
	}
	was := begin()
	for _, first := range []relay.LSN{was + 2, 1, 2} {
		if err := n.relay.KeepFrom(t.Context(), newcomer, first); err != nil {
			t.Fatal(err)
		}
		if got, want := begin(), min(was, first-1); got != want {
			t.Errorf("kept from %d on, it begins behind %d, not %d", first, got, want)
		}
		was = begin()
	}
	stranger := newcomer
	stranger.Store = "a third"
	if err := n.relay.KeepFrom(t.Context(), stranger, 1); err == nil || !strings.Contains(err.Error(), "has not been admitted") {
		t.Errorf("the log is kept for a stranger: %v", err)
	}
	n.restart()
	if got := begin(); got != was {
		t.Errorf("after a restart it begins behind %d, not %d", got, was)
	}
	if a, err := n.relay.Admit(t.Context(), newcomer); err != nil || !a.Parted {
		t.Errorf("after a restart it is not said that the newcomer had been evicted: %+v, %v", a, err)
	}
}

// TestRegionsThatEvictEachOtherAreBothLost: each of two regions takes the other for lost, c hears of the one and d of the other. They let go of both, and come to have the same of them.
// They hear each other only then: a verdict that comes to both of them first stands alone, since they take nothing more from who it is about.
func TestRegionsThatEvictEachOtherAreBothLost(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b", "c", "d").start(), newNode(t, net, 2, "a", "c", "d").start()
	c, d := newNode(t, net, 3, "a", "b", "d").unreachable("b").at("d", "d later").start(), newNode(t, net, 4, "a", "b", "c").unreachable("a").at("c", "c later").start()
	a.source.add(relay.Local, nil, []byte("a's"))
	b.source.add(relay.Local, nil, []byte("b's"))
	c.allArrived(a)
	d.allArrived(b)
	if err := errors.Join(a.relay.Evict(t.Context(), "b"), b.relay.Evict(t.Context(), "a")); err != nil {
		t.Fatal(err)
	}
	standsAt(t, "b", "evicting", c)
	standsAt(t, "a", "evicting", d)
	net.set("c later", c.relay)
	net.set("d later", d.relay)
	for _, n := range []*node{c, d} {
		for _, lost := range []*node{a, b} {
			eventually(t, n.config.Name+" to have the other's copy", func() bool { return n.db.Received(lost.config.Region).Last() == 1 })
			n.checkReceived(lost)
			last, _, err := n.db.Received(lost.config.Region).Transaction(1)
			if err != nil {
				t.Fatal(err)
			}
			n.applier.shows(lost.config.Region, relay.SeqHLC{Seq: 1, HLC: last.HLC})
		}
	}
	for _, lost := range []*node{a, b} {
		standsAt(t, lost.config.Name, "evicted", c, d)
		for _, n := range []*node{c, d} {
			if _, _, err := n.relay.Open(t.Context(), lost.relay.Self(), relay.Want{First: 1}); err == nil || !strings.Contains(err.Error(), "must join again") {
				t.Errorf("%s serves %s: %v", n.config.Name, lost.config.Name, err)
			}
		}
		eventually(t, lost.config.Name+" to say why it is alone", func() bool {
			_, told := lost.problem("evicted")
			refusal, refused := lost.problem("peer_refused")
			return told || refused && strings.Contains(refusal.Detail, "evicted")
		})
	}
}

// TestOnlyLostRegionsAreServedByOthers: nobody gets a living region's transactions from another one.
func TestOnlyLostRegionsAreServedByOthers(t *testing.T) {
	net := newNetwork()
	a := newNode(t, net, 1, "b", "c").start()
	b, c := newNode(t, net, 2, "a").start(), newNode(t, net, 3, "a", "b").start()
	b.source.add(relay.Local, nil, []byte("x"))
	a.allArrived(b)
	_, _, err := a.relay.Open(t.Context(), c.relay.Self(), relay.Want{Origin: 2, First: 1})
	if !errors.Is(err, relay.ErrRefused) || !strings.Contains(err.Error(), "not lost") {
		t.Errorf("got %v", err)
	}
}

// TestARegionThatLostItsLogIsToldWhatItHadSent: by who has it, of which the last transaction is kept however long nobody lacks it.
func TestARegionThatLostItsLogIsToldWhatItHadSent(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b"), newNode(t, net, 2, "a").start()
	var kept atomic.Uint64
	a.config.Trim = func(needs func() (relay.LSN, map[relay.Region]relay.Seq)) error {
		_, received := needs()
		kept.Store(uint64(received[2]))
		return nil
	}
	a.start()
	for range 3 {
		b.source.add(relay.Local, nil, []byte("x"))
	}
	a.allArrived(b)
	eventually(t, "a to need only the last one", func() bool { return kept.Load() == 3 })
	hello := b.relay.Self()
	b.halt()
	hello.Store = "another"
	admission, err := a.relay.Admit(t.Context(), hello)
	if err != nil || admission.Received.Seq != 3 || admission.Parted {
		t.Fatalf("%+v, %v", admission, err)
	}
	_, feed, err := a.relay.Open(t.Context(), hello, relay.Want{Origin: 2, First: 3})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	for {
		m, err := feed.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if m.Transaction != nil {
			if m.Transaction.Seq != 3 || m.Transaction.HLC != admission.Received.HLC {
				t.Errorf("got %+v", m.Transaction)
			}
			return
		}
	}
}
