package relay_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
)

// turnstile is a clock that hands a transaction's wait for room to the test.
type turnstile struct {
	hurried
	waits chan chan time.Time
}

func (c *turnstile) After(d time.Duration) <-chan time.Time {
	if d != 100*time.Millisecond {
		return c.hurried.After(d)
	}
	over := make(chan time.Time, 1)
	c.waits <- over
	return over
}

// wait returns what ends the next wait for room.
func (c *turnstile) wait(t *testing.T) chan<- time.Time {
	t.Helper()
	select {
	case over := <-c.waits:
		return over
	case <-time.After(patience):
		t.Fatal("no transaction waits for room")
		return nil
	}
}

// short is a disk that has little left.
var short = []relay.Shortage{{Of: "disk", Detail: "the mark is passed", Remedy: "make room"}}

// pressed makes a node that is short of disk until eased.
func pressed(n *node) (clock *turnstile, ease func()) {
	clock = &turnstile{waits: make(chan chan time.Time, 1000)}
	var eased atomic.Bool
	n.config.Clock = clock
	n.config.Short = func() []relay.Shortage {
		if eased.Load() {
			return nil
		}
		return short
	}
	return clock, func() { eased.Store(true) }
}

// TestShortagesSlowDownWhatComesIn lets one transaction after the other in while the disk is short, and all that waited once it no longer is.
func TestShortagesSlowDownWhatComesIn(t *testing.T) {
	t.Run("captured", func(t *testing.T) {
		n := newNode(t, newNetwork(), 1)
		clock, ease := pressed(n)
		n.start()
		eventually(t, "the shortage to be reported", func() bool { p, ok := n.problem("disk_short"); return ok && strings.Contains(p.Detail, "slowed down") })
		for i := range 5 {
			n.source.add(relay.Local, nil, fmt.Append(nil, "write ", i))
		}
		oneByOne(t, clock, n.db.Local().Last)
		ease()
		n.captured()
		n.checkLocal()
	})
	t.Run("received", func(t *testing.T) {
		net := newNetwork()
		a, b := newNode(t, net, 1, "b"), newNode(t, net, 2, "a")
		clock, ease := pressed(b)
		a.start()
		b.start()
		eventually(t, "the shortage to be reported", func() bool { _, ok := b.problem("disk_short"); return ok })
		for i := range 5 {
			a.source.add(relay.Local, nil, fmt.Append(nil, "write ", i))
		}
		oneByOne(t, clock, func() uint64 { return b.relay.Status().Counters.ReceivedTransactions })
		ease()
		eventually(t, "all to be received", func() bool { return b.db.Received(1).Last() == 5 })
		b.checkReceived(a)
	})
}

// oneByOne sees two transactions wait, and come in when their wait is over.
func oneByOne(t *testing.T, clock *turnstile, last func() uint64) {
	t.Helper()
	for i := range uint64(2) {
		over := clock.wait(t)
		eventually(t, "what was let in", func() bool { return last() == i })
		over <- time.Time{}
	}
	clock.wait(t)
	eventually(t, "what was let in", func() bool { return last() == 2 })
}
