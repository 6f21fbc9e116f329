package relay_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
)

// stamp is the clock of a region's last entry.
func (n *node) stamp() time.Time { return time.UnixMicro(int64(n.db.State().HLC)) }

// closely is how near to the true time a stamp must be: much nearer than the hour that clocks are wrong by, and with room for what comes late on a busy machine.
const closely = 30 * time.Second

// isAbout tells whether a stamp is close to the time that it is.
func isAbout(stamp time.Time) bool { return time.Since(stamp).Abs() < closely }

// TestClockDrift warns of a region whose clock is ahead, and takes nothing from one whose stamps are far ahead: that region hears nobody, so
// that it cannot know.
func TestClockDrift(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1).start(), newNode(t, net, 2, "a").start()
	a.source.add(relay.Local, nil, []byte("one"))
	b.allArrived(a)
	if _, warned := b.problem("clock_drift"); warned {
		t.Fatal("warned of a clock that is right")
	}
	a.clock.offset.Store(int64(10 * time.Second))
	eventually(t, "a warning", func() bool { _, warned := b.problem("clock_drift"); return warned })
	a.source.add(relay.Local, nil, []byte("two"))
	b.allArrived(a)
	eventually(t, "the offset", func() bool { return b.peer("a").Offset > 9*time.Second })
	a.clock.offset.Store(int64(2 * time.Minute))
	eventually(t, "a stop", func() bool { return strings.Contains(b.peer("a").LastError, "until its clock is within 1m0s") })
	a.source.add(relay.Local, nil, []byte("three"))
	a.captured()
	before := b.peer("a").Reconnects
	eventually(t, "more attempts", func() bool { return b.peer("a").Reconnects > before+2 })
	if last := b.db.Received(1).Last(); last != 2 {
		t.Fatalf("took transaction %d", last)
	}
	b.clock.offset.Store(int64(2 * time.Minute))
	b.allArrived(a)
}

// TestALateReaderTellsNoDrift: b gets no processor, and reads what a says ten seconds later, from when a hears it. Their clocks are the same.
func TestALateReaderTellsNoDrift(t *testing.T) {
	net := newNetwork()
	var read atomic.Int64
	net.tap = func(to string, m relay.Message) {
		if to == "a" && m.Heartbeat != nil && (read.Load() > 0 || slices.ContainsFunc(m.Heartbeat.Echoes, func(e relay.Echo) bool { return e.Wall != 0 })) {
			m.Heartbeat.Wall -= int64(10 * time.Second / time.Microsecond)
			read.Add(1)
		}
	}
	a, b := newNode(t, net, 1, "b").start(), newNode(t, net, 2, "a").start()
	eventually(t, "heartbeats", func() bool { return read.Load() >= 20 })
	for _, n := range []*node{a, b} {
		for _, kind := range []string{"clock_drift", "clock_ahead"} {
			if p, told := n.problem(kind); told {
				t.Errorf("told of %+v", p)
			}
		}
	}
	if got := b.peer("a").Offset; got.Abs() > closely/10 {
		t.Errorf("the offset is %v", got)
	}
}

// TestClockBehind: the one region says that it is behind, the other that it is ahead.
func TestClockBehind(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b"), newNode(t, net, 2, "a")
	a.clock.offset.Store(-int64(10 * time.Second))
	a.start()
	b.start()
	for n, side := range map[*node]string{a: "ahead of", b: "behind"} {
		eventually(t, "a warning", func() bool { p, told := n.problem("clock_drift"); return told && strings.Contains(p.Detail, side) })
	}
}

// TestClockAnHourAhead has a region's clock, and its database's, jump ahead and back: it stamps with the others' time, so that nobody stops taking
// its transactions, nor do they win over those of others that come later.
func TestClockAnHourAhead(t *testing.T) {
	net := newNetwork()
	a, b, c := newNode(t, net, 1, "b", "c"), newNode(t, net, 2, "a", "c"), newNode(t, net, 3, "a", "b")
	events := make(chan relay.Event, 1000)
	b.config.Notify = func(e relay.Event) {
		if e.Kind == relay.DriftEvent {
			events <- e
		}
	}
	all := []*node{a, b, c}
	for _, n := range all {
		n.start()
	}
	eventually(t, "everybody to be heard", func() bool { return a.peer("b").Offset != 0 && a.peer("c").Offset != 0 })
	arrived := func() {
		t.Helper()
		b.allArrived(a)
		c.allArrived(a)
	}
	for _, offset := range []time.Duration{time.Hour, 0, -time.Hour, 2 * time.Hour, 0} {
		a.source.setSkew(offset)
		a.clock.offset.Store(int64(offset))
		if offset > 0 {
			eventually(t, "the region to notice", func() bool { return a.peer("b").Offset < -offset/2 && a.peer("c").Offset < -offset/2 })
			eventually(t, "the problem", func() bool { _, told := a.problem("clock_ahead"); return told })
		} else {
			eventually(t, "the region to notice", func() bool { return (a.peer("b").Offset - -offset).Abs() < time.Minute })
		}
		for range 3 {
			a.source.add(relay.Local, nil, []byte("x"))
		}
		arrived()
		if offset >= 0 && !isAbout(a.stamp()) {
			t.Fatalf("with a clock that is %s ahead the stamp is %s off", offset, time.Until(a.stamp()))
		}
		b.source.add(relay.Local, nil, []byte("y"))
		a.allArrived(b)
		if got, _, err := b.db.Received(1).Transaction(relay.Seq(b.db.Received(1).Last())); err != nil || time.Until(time.UnixMicro(int64(got.HLC))) > closely {
			t.Fatalf("took a clock of %s (%v)", time.UnixMicro(int64(got.HLC)), err)
		}
	}
	if e := <-events; e.Subject != "a" || e.Fields["state"] != "began" {
		t.Fatalf("event %+v", e)
	}
}

// TestCommitTimeAhead has one session of a database claim to commit in an hour's time.
func TestCommitTimeAhead(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b").start(), newNode(t, net, 2, "a").start()
	a.source.setSkew(time.Hour)
	a.source.add(relay.Local, nil, []byte("x"))
	b.allArrived(a)
	if !isAbout(a.stamp()) {
		t.Fatalf("the stamp is %s ahead", time.Until(a.stamp()))
	}
}
