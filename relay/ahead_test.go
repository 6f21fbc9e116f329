package relay_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/octant-db/octant/relay"
)

// slowDisk is a log whose end is on its way to the disk for as long as the test wants.
type slowDisk struct {
	relay.Log

	mu      sync.Mutex
	state   relay.State
	entries []relay.Entry // that are on their way
	losses  uint64
	comes   relay.Signal
}

func (l *slowDisk) Local() relay.LocalStream { return &slowStream{l.Log.Local(), l} }

func (l *slowDisk) State() relay.State {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

func (l *slowDisk) set(change func()) {
	l.mu.Lock()
	change()
	l.mu.Unlock()
	l.comes.Raise()
}

type slowStream struct {
	relay.LocalStream
	l *slowDisk
}

func (s *slowStream) Coming(seq relay.Seq) (relay.Entry, relay.Body, bool) {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	i := slices.IndexFunc(s.l.entries, func(e relay.Entry) bool { return e.Seq == seq })
	if i < 0 {
		return relay.Entry{}, nil, false
	}
	return s.l.entries[i], func(yield func([]byte, error) bool) { yield([]byte("native"), nil) }, true
}

func (s *slowStream) Comes() <-chan struct{} { return s.l.comes.Next() }

func (s *slowStream) Losses() uint64 {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	return s.l.losses
}

// publishing is a relay on a slow disk, and what it sends to a subscriber that speaks a version of feeds.
func publishing(t *testing.T, version int) (*slowDisk, func() string) {
	disk, feed := publication(t, version)
	return disk, func() string { return next(t, feed) }
}

func publication(t *testing.T, version int) (*slowDisk, relay.Feed) {
	disk := new(slowDisk)
	n := newNode(t, newNetwork(), 1)
	n.wrap = func(l relay.Log) relay.Log { disk.Log = l; return disk }
	n.start()
	_, feed, err := n.relay.Open(t.Context(), relay.Hello{Cluster: "shop", Name: "b", Region: 2, Store: "s", Protocol: version, Oldest: 1}, relay.Want{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { feed.Close() })
	return disk, feed
}

// silent tells that the feed has nothing to bring.
func silent(t *testing.T, feed relay.Feed) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if m, err := feed.Next(ctx); err == nil && m.Heartbeat == nil {
		t.Errorf("the feed brings %+v", m)
	}
}

// next says what the feed brings next, heartbeats apart.
func next(t *testing.T, feed relay.Feed) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		m, err := feed.Next(ctx)
		switch {
		case err != nil:
			return err.Error()
		case m.Ahead != nil:
			return fmt.Sprint("ahead ", m.Ahead.Seq)
		case m.Confirmed != 0:
			return fmt.Sprint("confirmed ", m.Confirmed)
		case m.Transaction != nil:
			return fmt.Sprint("transaction ", m.Transaction.Seq)
		case m.End:
			return "end"
		case m.Chunk != nil:
			return string(m.Chunk)
		}
	}
}

func wants(t *testing.T, next func() string, list ...string) {
	t.Helper()
	for _, want := range list {
		if got := next(); got != want {
			t.Fatalf("the feed brings %q, want %q", got, want)
		}
	}
}

func coming(seqs ...relay.Seq) (list []relay.Entry) {
	for _, seq := range seqs {
		list = append(list, relay.Entry{Kind: relay.Local, Seq: seq, Size: 6})
	}
	return list
}

func TestTransactionsAreSentAheadOfTheDisk(t *testing.T) {
	disk, next := publishing(t, relay.FeedProtocol)
	disk.set(func() { disk.entries = coming(1, 2) })
	wants(t, next, "ahead 1", "native", "end", "ahead 2", "native", "end")
	disk.set(func() { disk.state.Seq = 1 })
	wants(t, next, "confirmed 1")
	disk.set(func() { disk.entries = coming(2, 3) })
	wants(t, next, "ahead 3", "native", "end")
	disk.set(func() { disk.state.Seq = 3 })
	wants(t, next, "confirmed 3")
}

// TestWhatIsLostIsNotConfirmed ends the feed, though something else is on disk in the place of what was sent.
func TestWhatIsLostIsNotConfirmed(t *testing.T) {
	disk, next := publishing(t, relay.FeedProtocol)
	disk.set(func() { disk.entries = coming(1) })
	wants(t, next, "ahead 1", "native", "end")
	disk.set(func() { disk.losses, disk.state.Seq = 1, 1 })
	if got := next(); !strings.Contains(got, "could not be written") {
		t.Errorf("the feed brings %q", got)
	}
}

// TestNotEverythingIsSentAhead keeps back what is large, and what is too much.
func TestNotEverythingIsSentAhead(t *testing.T) {
	disk, feed := publication(t, relay.FeedProtocol)
	next := func() string { return next(t, feed) }
	var all []relay.Seq
	for seq := range relay.Seq(relay.MaxAhead + 1) {
		all = append(all, seq+1)
	}
	disk.set(func() { disk.entries = coming(all...) })
	for seq := range relay.MaxAhead {
		wants(t, next, fmt.Sprint("ahead ", seq+1), "native", "end")
	}
	silent(t, feed)
	disk.set(func() { disk.state.Seq = 5 })
	wants(t, next, "confirmed 5", fmt.Sprint("ahead ", relay.MaxAhead+1), "native", "end")
	large := coming(relay.MaxAhead + 2)
	large[0].Size = relay.MaxAheadBytes + 1
	disk.set(func() { disk.entries, disk.state.Seq = large, relay.MaxAhead })
	wants(t, next, fmt.Sprint("confirmed ", relay.MaxAhead))
	silent(t, feed)
	disk.set(func() { disk.state.Seq = relay.MaxAhead + 1 })
	wants(t, next, fmt.Sprint("confirmed ", relay.MaxAhead+1))
}

// TestOlderRelaysAreSentWhatIsDurable speaks the version before.
func TestOlderRelaysAreSentWhatIsDurable(t *testing.T) {
	disk, next := publishing(t, 1)
	disk.set(func() { disk.entries = coming(1) })
	disk.set(func() { disk.state.Seq = 1 }) // what the log has not is asked of it
	if got := next(); strings.HasPrefix(got, "ahead") {
		t.Errorf("the feed brings %q", got)
	}
}

// script is a publisher that says in each session what it was told to, and then breaks off.
type script struct {
	mu       sync.Mutex
	sessions [][]relay.Message
	asked    []relay.Seq
}

func (s *script) Open(_ context.Context, _ relay.Hello, w relay.Want) (relay.Hello, relay.Feed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, w.First)
	if len(s.sessions) == 0 {
		return relay.Hello{}, nil, errors.New("nobody answers any more")
	}
	f := &recital{messages: s.sessions[0]}
	s.sessions = s.sessions[1:]
	return relay.Hello{Cluster: "shop", Name: "a", Region: 1, Store: "s", Protocol: relay.FeedProtocol, Oldest: 1}, f, nil
}

type recital struct{ messages []relay.Message }

func (r *recital) Next(context.Context) (relay.Message, error) {
	if len(r.messages) == 0 {
		return relay.Message{}, errors.New("cut")
	}
	m := r.messages[0]
	r.messages = r.messages[1:]
	return m, nil
}

func (r *recital) Close() error { return nil }

func ahead(seq relay.Seq, native string) []relay.Message {
	return []relay.Message{
		{Ahead: &relay.Transaction{Origin: 1, Seq: seq, HLC: relay.HLC(seq), Size: int64(len(native))}}, {Chunk: []byte(native)}, {End: true},
	}
}

// TestWhatIsNotConfirmedIsForgotten cuts a feed before the confirmation. What comes next may be something else.
func TestWhatIsNotConfirmedIsForgotten(t *testing.T) {
	net := newNetwork()
	a := &script{sessions: [][]relay.Message{
		slices.Concat(ahead(1, "one"), ahead(2, "never was"), []relay.Message{{Confirmed: 1}}),
		slices.Concat(ahead(2, "two"), ahead(3, "three"), []relay.Message{{Confirmed: 3}}),
		slices.Concat(ahead(4, "four")[:2]),
	}}
	net.set("a", a)
	b := newNode(t, net, 2, "a").start()
	eventually(t, "all sessions to be over", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return len(a.asked) > 3 })
	stream := b.db.Received(1)
	eventually(t, "three transactions", func() bool { return stream.Last() >= 3 })
	for i, want := range []string{"one", "two", "three"} {
		if _, body, err := stream.Transaction(relay.Seq(i + 1)); err != nil {
			t.Error(err)
		} else if got := string(collect(t, body)); got != want {
			t.Errorf("transaction %d is %q, want %q", i+1, got, want)
		}
	}
	if stream.Last() != 3 || b.applier.takenBack.Load() != 1 {
		t.Errorf("the stream ends at %d, and the applier was told %d times that something was taken back", stream.Last(), b.applier.takenBack.Load())
	}
	eventually(t, "the last error to be shown", func() bool { return strings.Contains(b.peer("a").LastError, "nobody answers") })
}
