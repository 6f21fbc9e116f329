package primary_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/feed"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv/envtest"
)

// script is a publisher that sends given messages, and then heartbeats whenever beat is sent to.
type script struct {
	hello    relay.Hello
	refuse   error
	messages []relay.Message
	after    error // what Next gives after the messages, instead of waiting
	beat     chan relay.Heartbeat

	opened chan relay.Hello
	read   atomic.Int64 // bytes handed out
	closed atomic.Int32
}

func (s *script) Open(_ context.Context, from relay.Hello, _ relay.Want) (relay.Hello, relay.Feed, error) {
	if s.refuse != nil {
		return relay.Hello{}, nil, s.refuse
	}
	if s.opened != nil {
		s.opened <- from
	}
	return s.hello, &scripted{s: s, rest: s.messages, done: make(chan struct{})}, nil
}

type scripted struct {
	s    *script
	rest []relay.Message
	done chan struct{}
	once sync.Once
}

func (f *scripted) Next(ctx context.Context) (relay.Message, error) {
	if len(f.rest) > 0 {
		m := f.rest[0]
		f.rest = f.rest[1:]
		f.s.read.Add(int64(len(m.Chunk)))
		return m, nil
	}
	if f.s.after != nil {
		return relay.Message{}, f.s.after
	}
	select {
	case <-ctx.Done():
		return relay.Message{}, ctx.Err()
	case <-f.done:
		return relay.Message{}, relay.ErrClosed
	case h := <-f.s.beat:
		return relay.Message{Heartbeat: &h}, nil
	}
}

func (f *scripted) Close() error {
	f.once.Do(func() {
		close(f.done)
		f.s.closed.Add(1)
	})
	return nil
}

func transaction(seq relay.Seq, size int) (messages []relay.Message, native []byte) {
	native = make([]byte, size)
	r := rand.New(rand.NewPCG(uint64(seq), uint64(size)))
	for i := range native {
		native[i] = byte(r.Uint32())
	}
	messages = append(messages, relay.Message{Transaction: &relay.Transaction{
		Origin: 2, Seq: seq, HLC: relay.HLC(1000 + seq), Deps: relay.Vector{0, 7, 9}, Time: time.UnixMicro(int64(seq)).UTC(),
		GTID: fmt.Sprintf("2-2-%d", seq), Flavour: "mariadb", Size: int64(size),
	}})
	for rest := native; len(rest) > 0; {
		n := min(len(rest), 1+r.IntN(700<<10)) // longer than an event may be, too
		messages = append(messages, relay.Message{Chunk: rest[:n]})
		rest = rest[n:]
	}
	return append(messages, relay.Message{End: true}), native
}

var (
	publisherHello  = relay.Hello{Cluster: "shop", Name: "b", Region: 2, Store: "store-b", Protocol: relay.FeedProtocol}
	subscriberHello = relay.Hello{Cluster: "shop", Name: "a", Region: 1, Store: "store-a", Protocol: relay.FeedProtocol}
)

func publishing(t testing.TB, s *script) *relayServer {
	t.Helper()
	s.hello = publisherHello
	return startServer(t, func(c *primary.Config) { c.Publisher = s })
}

func peer(addr string) relay.Peer {
	return relay.Peer{Name: "b", Address: addr, User: "repl", Password: password}
}

func subscribe(t testing.TB, addr string, d *feed.Dialer) relay.Feed {
	t.Helper()
	hello, f, err := d.Subscribe(t.Context(), peer(addr), subscriberHello, relay.Want{First: 1})
	if err != nil {
		t.Fatal(err)
	}
	if hello != publisherHello {
		t.Fatalf("publisher is %+v", hello)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFeedRoundTrip(t *testing.T) {
	s := &script{opened: make(chan relay.Hello, 1), beat: make(chan relay.Heartbeat, 1)}
	var natives [][]byte
	for i, size := range []int{1, 0, 5000, 256 << 10, 256<<10 + 1, 50 << 20, 3} {
		messages, native := transaction(relay.Seq(i+1), size)
		s.messages = append(s.messages, messages...)
		natives = append(natives, native)
	}
	server := publishing(t, s)
	f := subscribe(t, server.addr, &feed.Dialer{})
	if from := <-s.opened; from != subscriberHello {
		t.Errorf("publisher was told %+v", from)
	}
	ctx := envtest.Context(t, time.Minute)
	for i, native := range natives {
		want, _ := transaction(relay.Seq(i+1), len(native))
		tx, got := receive(ctx, t, f)
		if fmt.Sprint(*tx) != fmt.Sprint(*want[0].Transaction) || !bytes.Equal(got, native) {
			t.Fatalf("transaction %d came as %+v with %d bytes", i+1, *tx, len(got))
		}
	}
	beat := relay.Heartbeat{Last: 7, Promise: 5000, Announced: relay.Vector{0, 4}, Received: []relay.Seq{0, 3}, Wall: 12345}
	s.beat <- beat
	m, err := f.Next(ctx)
	if err != nil || m.Heartbeat == nil || fmt.Sprint(*m.Heartbeat) != fmt.Sprint(beat) {
		t.Fatalf("heartbeat came as %+v, %v", m, err)
	}
	if list := server.Replicas(); len(list) != 1 || list[0].Kind != "relay" || list[0].GTID != "2-2-7" {
		t.Errorf("replicas: %+v", list)
	}
	f.Close()
	waitFor(t, "publisher's feed to be closed", func() (bool, error) { return s.closed.Load() == 1, nil })
	if _, err := f.Next(ctx); !errors.Is(err, relay.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func receive(ctx context.Context, t *testing.T, f relay.Feed) (tx *relay.Transaction, native []byte) {
	t.Helper()
	for {
		m, err := f.Next(ctx)
		switch {
		case err != nil:
			t.Fatal(err)
		case m.Transaction != nil:
			tx = m.Transaction
		case m.End:
			return tx, native
		case len(m.Chunk) > feed.MaxChunk:
			t.Fatalf("chunk of %d bytes", len(m.Chunk))
		}
		native = append(native, m.Chunk...)
	}
}

func TestSubscriptionRefused(t *testing.T) {
	tests := []struct {
		name    string
		refuse  error
		peer    func(*relay.Peer)
		refused bool
		text    string
	}{
		{"by the publisher", fmt.Errorf("you are of cluster x: %w", relay.ErrRefused), nil, true, "you are of cluster x"},
		{"trimmed", relay.ErrTrimmed, nil, true, "no longer in the relay log"},
		{"shutting down", relay.ErrClosed, nil, false, "going away"},
		{"wrong password", nil, func(p *relay.Peer) { p.Password = "no" }, true, "Access denied"},
		{"missing role", nil, func(p *relay.Peer) { p.User = "reader" }, true, "role 'replicate'"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := publishing(t, &script{refuse: test.refuse})
			p := peer(server.addr)
			if test.peer != nil {
				test.peer(&p)
			}
			_, _, err := (&feed.Dialer{}).Subscribe(t.Context(), p, subscriberHello, relay.Want{First: 1})
			if err == nil || errors.Is(err, relay.ErrRefused) != test.refused || !strings.Contains(err.Error(), test.text) {
				t.Errorf("got %v", err)
			}
			if strings.Contains(err.Error(), password) {
				t.Error("the error shows the password")
			}
		})
	}
}

// A feed that breaks in the middle gives an error that is not final.
func TestFeedIsCut(t *testing.T) {
	messages, _ := transaction(1, 5<<20)
	s := &script{messages: messages[:len(messages)-1], after: io.ErrUnexpectedEOF}
	f := subscribe(t, publishing(t, s).addr, &feed.Dialer{})
	ctx := envtest.Context(t, time.Minute)
	var err error
	for err == nil {
		_, err = f.Next(ctx)
	}
	if errors.Is(err, relay.ErrRefused) || !strings.Contains(err.Error(), "going away") {
		t.Errorf("ended with %v", err)
	}
	if _, again := f.Next(ctx); again != err {
		t.Errorf("then with %v", again)
	}
}

func TestConnectionIsCut(t *testing.T) {
	messages, _ := transaction(1, 5<<20)
	server := publishing(t, &script{messages: messages})
	var conn net.Conn
	d := &feed.Dialer{Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		var err error
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return conn, err
	}}
	f := subscribe(t, server.addr, d)
	ctx := envtest.Context(t, time.Minute)
	if _, err := f.Next(ctx); err != nil {
		t.Fatal(err)
	}
	conn.(*net.TCPConn).CloseRead()
	var err error
	for err == nil {
		_, err = f.Next(ctx)
	}
	if errors.Is(err, relay.ErrRefused) {
		t.Errorf("ended with %v", err)
	}
}

func TestSilenceIsAnError(t *testing.T) {
	f := subscribe(t, publishing(t, &script{}).addr, &feed.Dialer{Timeout: 3 * time.Second})
	if _, err := f.Next(t.Context()); err == nil || !strings.Contains(err.Error(), "heartbeat") {
		t.Errorf("got %v", err)
	}
}

func TestNextEnds(t *testing.T) {
	server := publishing(t, &script{})
	byContext, byClose := subscribe(t, server.addr, &feed.Dialer{}), subscribe(t, server.addr, &feed.Dialer{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 2)
	go func() { _, err := byContext.Next(ctx); ended <- err }()
	go func() { _, err := byClose.Next(t.Context()); ended <- err }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("by context: %v", err)
	}
	byClose.Close()
	if err := <-ended; !errors.Is(err, relay.ErrClosed) {
		t.Errorf("by Close: %v", err)
	}
}

// A subscriber that does not read is not read ahead for without bound, and is put out.
func TestSlowSubscriber(t *testing.T) {
	s := &script{}
	for i := range 8 {
		messages, _ := transaction(relay.Seq(i+1), 8<<20)
		s.messages = append(s.messages, messages...)
	}
	s.hello = publisherHello
	server := startServer(t, func(c *primary.Config) { c.Publisher = s; c.WriteTimeout = time.Second })
	f := subscribe(t, server.addr, &feed.Dialer{})
	waitFor(t, "the subscriber to be put out", func() (bool, error) { return s.closed.Load() == 1, nil })
	if read := s.read.Load(); read > 40<<20 {
		t.Errorf("%d bytes were read from the publisher", read)
	}
	f.Close()
}
