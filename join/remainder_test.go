package join_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/join"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// survivor is another region, with what it has of region 1, whose relay's log is lost.
type survivor struct {
	relay.Donor
	name string

	mu       sync.Mutex
	has      []relay.Transaction // by number, from 1
	promised relay.HLC
	parted   bool
}

func (s *survivor) Admit(context.Context, relay.Hello) (relay.Admission, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := relay.Admission{Self: relay.Hello{Name: s.name}, Applied: relay.Seq(len(s.has)), Promised: s.promised, Parted: s.parted}
	if n := len(s.has); n > 0 {
		a.Received = relay.SeqHLC{Seq: s.has[n-1].Seq, HLC: s.has[n-1].HLC}
	}
	return a, nil
}

// take subscribes as the region's relay does, and takes what comes until it has so many.
func (s *survivor) take(ctx context.Context, p relay.Publisher, until int) error {
	_, feed, err := p.Open(ctx, relay.Hello{Cluster: "c", Name: s.name, Region: 7, Protocol: relay.FeedProtocol, Oldest: relay.FeedOldest}, relay.Want{First: relay.Seq(len(s.has) + 1)})
	if err != nil {
		return err
	}
	defer feed.Close()
	for len(s.has) < until {
		m, err := feed.Next(ctx)
		if err != nil {
			return err
		}
		if m.Transaction != nil {
			s.mu.Lock()
			s.has = append(s.has, *m.Transaction)
			s.mu.Unlock()
		}
	}
	return nil
}

// Subscribe gives region 1 its transactions back.
func (s *survivor) Subscribe(_ context.Context, to relay.Peer, _ relay.Hello, w relay.Want) (relay.Hello, relay.Feed, error) {
	if to.Name != s.name || w.Origin != 1 {
		return relay.Hello{}, nil, fmt.Errorf("region %s was asked for transactions of region %d", to.Name, w.Origin)
	}
	f := &given{messages: []relay.Message{{Heartbeat: &relay.Heartbeat{}}}}
	for _, t := range s.has[w.First-1:] {
		f.messages = append(f.messages, relay.Message{Transaction: &t}, relay.Message{Chunk: []byte(t.GTID)}, relay.Message{End: true})
	}
	return relay.Hello{}, f, nil
}

type given struct{ messages []relay.Message }

func (g *given) Next(context.Context) (relay.Message, error) {
	m := g.messages[0]
	g.messages = g.messages[1:]
	return m, nil
}

func (*given) Close() error { return nil }

// kept is the log of region 1's database.
type kept struct {
	relay.Source
	list   []relay.Captured
	purged bool
	behind bool // what is read comes behind the last transaction that others have
}

func (k kept) Before(context.Context, string) (relay.Position, bool, error) {
	if k.purged {
		return "", false, relay.ErrPurged
	}
	return "0", k.behind, nil
}

func (k kept) Capture(ctx context.Context, _ relay.Position, rec relay.Recorder) error {
	for _, c := range k.list {
		if err := errors.Join(rec.Append([]byte(c.GTID)), rec.Commit(c)); err != nil {
			return err
		}
	}
	if err := rec.CaughtUp(); err != nil {
		return err
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func remembered(seq relay.Seq) relay.Transaction {
	name := fmt.Sprint("local ", seq)
	return relay.Transaction{Origin: 1, Seq: seq, HLC: relay.HLC(seq * 10), Deps: relay.Vector{0, 0, 5}, GTID: name, Size: int64(len(name))}
}

// disaster is region 1, whose relay's log is lost, and two others.
type disaster struct {
	b, c *survivor
	log  kept
	ends int // the last transaction
}

func newDisaster() *disaster {
	d := &disaster{b: &survivor{name: "b"}, c: &survivor{name: "c"}, ends: 8}
	for seq := range relay.Seq(5) {
		d.b.has = append(d.b.has, remembered(seq+1))
	}
	d.c.has = slices.Clone(d.b.has[:3])
	at := func(kind relay.EntryKind, name string, micros int64, mark *relay.Mark) relay.Captured {
		return relay.Captured{Kind: kind, GTID: name, Physical: time.UnixMicro(micros), Mark: mark, Position: "p"}
	}
	d.log.list = []relay.Captured{
		at(relay.Local, "local 4", 40, nil), at(relay.Local, "local 5", 50, nil),
		at(relay.Local, "local 6", 60, nil), // only the relay that is gone had it
		at(relay.Frame, "", 0, nil),
		at(relay.Applied, "b's", 61, &relay.Mark{Origin: 2, Range: relay.Range{From: 3, To: 4}, HLC: 100}),
		at(relay.Applied, "repaired", 62, &relay.Mark{Origin: 1, Nonce: 3}),
		at(relay.Local, "local 7", 70, nil),
		at(relay.Local, "local 8", 1<<60, nil), // the clock is wrong
	}
	return d
}

func (d *disaster) send(t *testing.T) (int, *relaylog.DB, error) {
	t.Helper()
	log, err := relaylog.Open(t.TempDir(), relaylog.Options{Identity: "a", MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	r := &join.Remainder{
		Self:    relay.Hello{Cluster: "c", Name: "a", Region: 1, Protocol: relay.FeedProtocol, Oldest: relay.FeedOldest},
		Members: []join.Member{{Name: "c", Side: d.c, Peer: relay.Peer{Name: "c"}}, {Name: "b", Side: d.b, Peer: relay.Peer{Name: "b"}}},
		Source:  d.log, Log: log, Applied: []relay.SeqHLC{2: {Seq: 9, HLC: 200}}, Dialer: d.b, Clock: relay.SystemClock{}, Logger: slog.New(slog.DiscardHandler),
		Serve: func(ctx context.Context, p relay.Publisher) error {
			if err := errors.Join(d.c.take(ctx, p, d.ends), d.b.take(ctx, p, d.ends)); err != nil {
				return err
			}
			<-ctx.Done()
			return context.Cause(ctx)
		},
	}
	n, err := r.Send(t.Context())
	return n, log, err
}

// TestWhatNobodyHadIsSent: what one region has goes to the other one as it was, and what none has follows, later than all that anybody relies on.
func TestWhatNobodyHadIsSent(t *testing.T) {
	d := newDisaster()
	d.b.promised = 90
	n, _, err := d.send(t)
	if err != nil || n != 3 {
		t.Fatalf("%d were sent, %v", n, err)
	}
	for _, s := range []*survivor{d.b, d.c} {
		if len(s.has) != 8 {
			t.Fatalf("region %s has %d transactions", s.name, len(s.has))
		}
		for i, got := range s.has {
			if got.Seq != relay.Seq(i+1) || got.GTID != fmt.Sprint("local ", i+1) || got.Origin != 1 {
				t.Errorf("transaction %d of region %s is %+v", i+1, s.name, got)
			}
		}
		for i, want := range []relay.HLC{40, 50, 91, 101} {
			if got := s.has[i+3].HLC; got != want {
				t.Errorf("transaction %d of region %s has the clock %d, want %d", i+4, s.name, got, want)
			}
		}
		if now := relay.HLC(time.Now().UnixMicro()); s.has[7].HLC > now {
			t.Errorf("the last one is later than now")
		}
		if before, after := s.has[5].Deps.Get(2), s.has[6].Deps.Get(2); before != 5 || after != 100 {
			t.Errorf("of region 2 the sixth has seen %d and the seventh %d", before, after)
		}
	}
}

// TestWhatAJoinWroteIsNotSent: what comes between the marks is nobody's.
func TestWhatAJoinWroteIsNotSent(t *testing.T) {
	d := newDisaster()
	joining := func(hlc relay.HLC) relay.Captured {
		return relay.Captured{Kind: relay.Applied, GTID: "mark", Mark: &relay.Mark{Origin: 1, HLC: hlc}}
	}
	d.log.list = slices.Insert(d.log.list, 7, joining(relay.Joined))
	d.log.list = slices.Insert(d.log.list, 6, joining(relay.Joining))
	d.ends = 7
	if n, _, err := d.send(t); n != 2 || err != nil {
		t.Fatalf("%d were sent, %v", n, err)
	}
	if last := d.b.has[6]; last.GTID != "local 8" {
		t.Errorf("the last one is %s", last.GTID)
	}
}

// TestALogThatBeginsLater: what is missing of it does not make the rest earlier than what its authors had seen.
func TestALogThatBeginsLater(t *testing.T) {
	d := newDisaster()
	d.log.list, d.log.behind = d.log.list[6:7], true
	d.ends = 6
	if n, _, err := d.send(t); n != 1 || err != nil {
		t.Fatalf("%d were sent, %v", n, err)
	}
	if got := d.b.has[5].HLC; got != 201 {
		t.Errorf("it has the clock %d, want 201", got)
	}
}

// TestNothingIsSentWhereThatIsNotSafe: the region joins as the copy of another one all the same.
func TestNothingIsSentWhereThatIsNotSafe(t *testing.T) {
	for name, spoil := range map[string]func(*disaster){
		"a region had evicted it":     func(d *disaster) { d.b.parted = true },
		"nobody has anything of it":   func(d *disaster) { d.b.has, d.c.has = nil, nil },
		"the log no longer goes back": func(d *disaster) { d.log.purged = true },
		"the log is another one's":    func(d *disaster) { d.log.list = d.log.list[2:] },
		"it has begun to join":        func(d *disaster) { d.log.list[5].Mark.HLC = relay.Joining },
		"the log has nothing":         func(d *disaster) { d.log.list = nil },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDisaster()
			spoil(d)
			if n, _, err := d.send(t); n != 0 || !errors.Is(err, join.ErrNoRemainder) {
				t.Errorf("%d were sent, %v", n, err)
			}
		})
	}
}

// TestARemainderIsForTheOthers: who asks for something else is told what there is.
func TestARemainderIsForTheOthers(t *testing.T) {
	d := newDisaster()
	_, log, err := d.send(t)
	if err != nil {
		t.Fatal(err)
	}
	p := &relay.Remainder{Self: relay.Hello{Cluster: "c", Name: "a", Region: 1, Protocol: relay.FeedProtocol, Oldest: relay.FeedOldest}, Log: log, Clock: relay.SystemClock{}}
	b := relay.Hello{Cluster: "c", Name: "b", Region: 2, Protocol: relay.FeedProtocol, Oldest: relay.FeedOldest}
	stranger, old := b, b
	stranger.Cluster, old.Protocol, old.Oldest = "other", 0, 0
	for _, c := range []struct {
		from relay.Hello
		want relay.Want
	}{
		{stranger, relay.Want{First: 9}}, {old, relay.Want{First: 9}}, {b, relay.Want{Origin: 2, First: 9}}, {b, relay.Want{First: 3}}, {b, relay.Want{First: 10}},
	} {
		if _, _, err := p.Open(t.Context(), c.from, c.want); !errors.Is(err, relay.ErrRefused) {
			t.Errorf("%+v by %+v: %v", c.want, c.from, err)
		}
	}
	_, feed, err := p.Open(t.Context(), b, relay.Want{})
	if err != nil {
		t.Fatal(err)
	}
	defer feed.Close()
	if m, err := feed.Next(t.Context()); err != nil || m.Heartbeat == nil || m.Heartbeat.Last != 8 || m.Heartbeat.Promise != log.State().HLC {
		t.Errorf("it says %+v, %v", m, err)
	}
}
