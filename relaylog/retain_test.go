package relaylog_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// history is a stream of records with a time and a size.
type history struct {
	first uint64
	at    []int64
	size  []int64
}

func (h *history) First() uint64 { return h.first }
func (h *history) Last() uint64  { return h.first + uint64(len(h.at)) - 1 }
func (h *history) Bytes() int64  { return h.sum(0, len(h.size)) }

func (h *history) sum(from, to int) (sum int64) {
	for _, s := range h.size[from:to] {
		sum += s
	}
	return sum
}

func (h *history) At(number uint64) (int64, int64, error) {
	i := int(number - h.first)
	return h.at[i], h.sum(0, i), nil
}

func drawHistory(t *rapid.T) *history {
	h := &history{first: rapid.Uint64Range(1, 100).Draw(t, "first")}
	at := int64(1000)
	for range rapid.IntRange(0, 30).Draw(t, "records") {
		at += int64(rapid.IntRange(0, 20).Draw(t, "later"))
		h.at = append(h.at, at)
		h.size = append(h.size, int64(rapid.IntRange(0, 50).Draw(t, "size")))
	}
	return h
}

// TestDecide checks that needed records stay, that the rest obeys the policy, and that no more goes than the policy asks for.
func TestDecide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var streams []relaylog.History
		var needed []uint64
		for range rapid.IntRange(1, 4).Draw(t, "streams") {
			h := drawHistory(t)
			streams = append(streams, h)
			needed = append(needed, rapid.Uint64Range(0, 140).Draw(t, "needed"))
		}
		now := time.UnixMicro(int64(rapid.IntRange(1000, 2000).Draw(t, "now")))
		p := relaylog.Policy{
			MaxBytes: int64(rapid.IntRange(0, 1500).Draw(t, "bytes")),
			MaxAge:   time.Duration(rapid.IntRange(0, 700).Draw(t, "age")) * time.Microsecond,
		}
		keep, err := relaylog.Decide(p, streams, needed, now)
		if err != nil {
			t.Fatal(err)
		}
		checkDecision(t, p, streams, needed, keep, now)
	})
}

func checkDecision(t *rapid.T, p relaylog.Policy, streams []relaylog.History, needed, keep []uint64, now time.Time) {
	var free, newestGone int64 // bytes kept that nobody needs; when the newest that went was written
	sameTime := int64(0)
	for i, s := range streams {
		h := s.(*history)
		if keep[i] < h.First() || keep[i] > max(h.Last()+1, h.First()) {
			t.Fatalf("stream %d..%d is kept from %d", h.First(), h.Last(), keep[i])
		}
		if keep[i] > max(needed[i], h.First()) {
			t.Fatalf("stream %d is kept from %d and needed from %d", i, keep[i], needed[i])
		}
		for n := h.First(); n <= h.Last(); n++ {
			at, _, _ := h.At(n)
			switch {
			case n < keep[i]:
				newestGone = max(newestGone, at)
			case n < needed[i]:
				free += h.size[n-h.first]
				if p.MaxAge > 0 && at < now.Add(-p.MaxAge).UnixMicro() {
					t.Fatalf("record %d of stream %d is too old and was kept", n, i)
				}
			}
		}
	}
	if p.MaxBytes > 0 && free > p.MaxBytes {
		t.Fatalf("%d bytes that nobody needs were kept", free)
	}
	if p.MaxBytes == 0 && p.MaxAge == 0 && newestGone > 0 {
		t.Fatal("something went without a limit")
	}
	for _, s := range streams {
		h := s.(*history)
		for i, at := range h.at {
			if at >= newestGone {
				sameTime += h.size[i]
			}
		}
	}
	young := p.MaxAge == 0 || newestGone >= now.Add(-p.MaxAge).UnixMicro()
	if newestGone > 0 && young && sameTime <= p.MaxBytes {
		t.Fatalf("what was written at %d would have fitted", newestGone)
	}
}

// TestRetain trims a real log by bytes and by age, and not what is needed.
func TestRetain(t *testing.T) {
	now := time.UnixMicro(1_000_000)
	db := open(t, t.TempDir(), relaylog.Options{Now: func() time.Time { return now }})
	defer mustClose(t, db)
	for range 50 {
		now = now.Add(time.Second)
		commit(t, db, make([]byte, 100))
		receive(t, db, 2, string(make([]byte, 100)))
		receive(t, db, 3, string(make([]byte, 100)))
	}
	needs := func() (relay.LSN, map[relay.Region]relay.Seq) {
		return 40, map[relay.Region]relay.Seq{2: 1000} // region 3 is not named: kept whole
	}
	for _, test := range []struct {
		policy       relaylog.Policy
		local, peer2 uint64
	}{
		{relaylog.Policy{}, 1, 1},
		{relaylog.Policy{MaxBytes: 12_000}, 11, 11},
		{relaylog.Policy{MaxAge: 20 * time.Second}, 30, 30},
		{relaylog.Policy{MaxAge: time.Second}, 40, 49},
	} {
		if err := db.Retain(test.policy, needs, now); err != nil {
			t.Fatal(err)
		}
		if l, p, q := db.Local().First(), db.Received(2).First(), db.Received(3).First(); l != test.local || p != test.peer2 || q != 1 {
			t.Fatalf("with %+v the streams begin at %d, %d and %d", test.policy, l, p, q)
		}
	}
}
