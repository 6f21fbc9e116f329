package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/webhook"
)

const secret = "s3cret"

// hurried is a clock that runs fifty times as fast.
type hurried struct{ start time.Time }

func (c hurried) Now() time.Time                         { return c.start.Add(50 * time.Since(c.start)) }
func (c hurried) After(d time.Duration) <-chan time.Time { return time.After(d / 50) }

// taken is a document as it came.
type taken struct {
	ID, Kind, Cluster, Region, Subject, Detail string
	Fields                                     map[string]string
	Dropped                                    uint64 `json:"dropped_before"`
}

// inbox is a receiver.
type inbox struct {
	t       *testing.T
	mu      sync.Mutex
	answer  func(w http.ResponseWriter, n int) bool // n-th request; false: what came was not taken
	n       int
	taken   []taken
	changed relay.Signal
}

func (in *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender has given up
	}
	in.mu.Lock()
	answer, n := in.answer, in.n
	in.n++
	in.mu.Unlock()
	if answer != nil && !answer(w, n) {
		return
	}
	seconds, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Octant-Signature"), "t="), ",")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || webhook.Sign(secret, time.Unix(at, 0), body) != r.Header.Get("Octant-Signature") {
		in.t.Errorf("signature %q", r.Header.Get("Octant-Signature"))
	}
	var d taken
	if err := json.Unmarshal(body, &d); err != nil || d.ID == "" || d.ID != r.Header.Get("Idempotency-Key") {
		in.t.Errorf("document %s (%v), key %q", body, err, r.Header.Get("Idempotency-Key"))
	}
	in.mu.Lock()
	if !slices.ContainsFunc(in.taken, func(x taken) bool { return x.ID == d.ID }) {
		in.taken = append(in.taken, d)
	}
	in.mu.Unlock()
	in.changed.Raise()
}

func (in *inbox) respond(answer func(w http.ResponseWriter, n int) bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.answer = answer
}

// await returns the documents once there are as many.
func (in *inbox) await(n int) []taken {
	in.t.Helper()
	ctx, cancel := context.WithTimeout(in.t.Context(), 2*time.Minute)
	defer cancel()
	var list []taken
	err := in.changed.Wait(ctx, func() bool {
		in.mu.Lock()
		defer in.mu.Unlock()
		list = slices.Clone(in.taken)
		return len(list) >= n
	})
	if err != nil {
		in.t.Fatalf("%d documents came, want %d", len(list), n)
	}
	return list
}

type bed struct {
	t     *testing.T
	store *relaylog.DB
	full  atomic.Bool // the disk
	hooks []webhook.Hook
	s     *webhook.Sender
	stop  func()
}

// disk is a store that cannot be written while it is full.
type disk struct {
	relay.Store
	full *atomic.Bool
}

func (d disk) Write(ctx context.Context, pairs []relay.Pair) error {
	if d.full.Load() {
		return syscall.ENOSPC
	}
	return d.Store.Write(ctx, pairs)
}

func newBed(t *testing.T, hooks ...webhook.Hook) *bed {
	store, err := relaylog.Open(t.TempDir(), relaylog.Options{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bed{t: t, store: store, hooks: hooks}
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

func (b *bed) start() {
	var err error
	b.s, err = webhook.New(webhook.Config{
		Cluster: "shop", Region: "a", StoreID: "x1", Hooks: b.hooks, Store: disk{b.store, &b.full}, Client: &http.Client{}, Clock: hurried{time.Now()}, Timeout: time.Second / 2,
		Jitter: func() float64 { return 0.5 }, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.s.Run(ctx) }()
	b.stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
}

// refused waits until the first hook's receiver has refused an event, and returns the hook's breaker.
func (b *bed) refused(reason string) (status relay.BreakerStatus) {
	b.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		status = b.s.Breakers()[0]
		switch {
		case strings.Contains(status.Reason, reason):
			return status
		case time.Now().After(deadline):
			b.t.Fatalf("no answer of %s is known: %+v", reason, status)
		}
	}
}

func (b *bed) waiting() (n int) {
	for range b.store.Scan([]byte("o"), nil) {
		n++
	}
	return n
}

func serve(t *testing.T) (*inbox, string) {
	in := &inbox{t: t}
	server := httptest.NewServer(in)
	t.Cleanup(server.Close)
	return in, server.URL + "/hook?token=t0ken"
}

func refuse(status int) func(http.ResponseWriter, int) bool {
	return func(w http.ResponseWriter, _ int) bool {
		w.WriteHeader(status)
		return false
	}
}

func event(i int) relay.Event {
	return relay.Event{Kind: relay.DeadLetterEvent, Subject: "app.t", Detail: fmt.Sprint(i), Fields: map[string]string{"reason": "check"}}
}

// inOrder fails the test unless the documents are the events from..to, each once.
func inOrder(t *testing.T, list []taken, to int) {
	t.Helper()
	for i, d := range list {
		if d.Detail != fmt.Sprint(i) || d.Cluster != "shop" || d.Region != "a" || d.Fields["reason"] != "check" {
			t.Fatalf("document %d is %+v", i, d)
		}
	}
	if len(list) != to {
		t.Fatalf("%d documents, want %d", len(list), to)
	}
}

// TestReceiverFailsHangsAndRedirects has every event come in the end, in order, each once for a receiver that heeds the keys.
func TestReceiverFailsHangsAndRedirects(t *testing.T) {
	in, url := serve(t)
	hung := make(chan struct{})
	t.Cleanup(func() { close(hung) })
	in.respond(func(w http.ResponseWriter, n int) bool {
		switch {
		case n == 3 || n == 4:
			w.WriteHeader(http.StatusInternalServerError)
		case n == 6:
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusFound)
		case n == 8:
			panic(http.ErrAbortHandler)
		case n == 9:
			<-hung
			panic(http.ErrAbortHandler)
		default:
			return true
		}
		return false
	})
	b := newBed(t, webhook.Hook{URL: url, Secret: secret})
	for i := range 20 {
		b.s.Notify(event(i))
	}
	inOrder(t, in.await(20), 20)
}

// TestReceiverIsAway keeps events over restarts of the relay while nobody takes them; another hook is not kept waiting.
func TestReceiverIsAway(t *testing.T) {
	in, url := serve(t)
	other, otherURL := serve(t)
	in.respond(refuse(http.StatusServiceUnavailable))
	b := newBed(t, webhook.Hook{URL: url, Secret: secret}, webhook.Hook{URL: otherURL, Secret: secret, Events: []string{relay.DeadLetterEvent}})
	for i := range 5 {
		b.s.Notify(event(i))
	}
	inOrder(t, other.await(5), 5)
	if status := b.refused("503"); status.Scope != "webhook" || status.State == "closed" || strings.Contains(status.Subject, "t0ken") {
		t.Errorf("breaker %+v", status)
	}
	b.stop()
	b.start()
	for i := range 5 {
		b.s.Notify(event(5 + i))
	}
	other.await(10)
	in.respond(nil)
	inOrder(t, in.await(10), 10)
	inOrder(t, other.await(10), 10)
}

// TestCrashAfterAnAnswer sends an event again whose answer was lost, under the same key.
func TestCrashAfterAnAnswer(t *testing.T) {
	in, url := serve(t)
	in.respond(func(w http.ResponseWriter, n int) bool {
		if n == 0 { // taken, and the answer is lost
			in.mu.Lock()
			in.taken = append(in.taken, taken{})
			in.mu.Unlock()
			panic(http.ErrAbortHandler)
		}
		return true
	})
	b := newBed(t, webhook.Hook{URL: url, Secret: secret})
	b.s.Notify(event(0))
	if d := in.await(2)[1]; d.Detail != "0" {
		t.Fatalf("came %+v", d)
	}
}

// TestOutboxIsBounded drops what is too much, says how much, and never waits for a receiver.
func TestOutboxIsBounded(t *testing.T) {
	in, url := serve(t)
	in.respond(refuse(http.StatusTooManyRequests))
	b := newBed(t, webhook.Hook{URL: url, Secret: secret})
	const sent = 5000  // and the buffer holds 2000
	b.full.Store(true) // so that the outbox takes nothing out of the buffer meanwhile
	for i := range sent {
		b.s.Notify(event(i))
	}
	b.full.Store(false)
	came := make(chan struct{})
	in.respond(func(http.ResponseWriter, int) bool {
		select {
		case <-came:
		default:
			close(came)
		}
		return true
	})
	<-came
	var list []taken
	for n := 1; !slices.ContainsFunc(list, func(d taken) bool { return d.Dropped > 0 }); n++ {
		b.s.Notify(event(sent + n - 1)) // the first one that is kept after others were not tells of them
		list = in.await(n)
	}
	next := 0
	for _, d := range list {
		if next += int(d.Dropped); d.Detail != fmt.Sprint(next) {
			t.Fatalf("event %s comes after %d were dropped, want %d", d.Detail, d.Dropped, next)
		}
		next++
	}
}

// TestHooks sends what each hook wants, and forgets what waits for one that is gone.
func TestHooks(t *testing.T) {
	in, url := serve(t)
	in.respond(refuse(http.StatusGone))
	some, someURL := serve(t)
	b := newBed(t, webhook.Hook{URL: url, Secret: secret}, webhook.Hook{URL: someURL, Secret: secret, Events: []string{relay.DriftEvent}})
	for i := range 5 {
		b.s.Notify(event(i))
	}
	b.s.Notify(relay.Event{Kind: relay.DriftEvent, Subject: "b"})
	if list := some.await(1); list[0].Kind != relay.DriftEvent || list[0].Subject != "b" {
		t.Fatalf("came %+v", list)
	}
	b.stop()
	if b.waiting() < 2 {
		t.Fatalf("%d wait", b.waiting())
	}
	b.hooks = b.hooks[1:]
	b.start()
	b.s.Notify(relay.Event{Kind: relay.DriftEvent})
	if some.await(2); b.waiting() > 2 {
		t.Fatal("what waited for a hook that is gone is still there")
	}
}

// TestFlushIsOnDisk: what was flushed comes after a crash, although nothing had been sent yet.
func TestFlushIsOnDisk(t *testing.T) {
	in, url := serve(t)
	b := newBed(t, webhook.Hook{URL: url, Secret: secret})
	b.stop()
	b.s.Notify(event(0))
	b.s.Notify(event(1))
	if err := b.s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := b.waiting(); n != 2 {
		t.Fatalf("%d events are on disk", n)
	}
	b.start()
	inOrder(t, in.await(2), 2)
}

// TestFlushFails: what could not be written is still there to be written, each event once.
func TestFlushFails(t *testing.T) {
	in, url := serve(t)
	b := newBed(t, webhook.Hook{URL: url, Secret: secret})
	b.stop()
	b.full.Store(true)
	b.s.Notify(event(0))
	if err := b.s.Flush(t.Context()); err == nil {
		t.Fatal("flushed to a disk that is full")
	}
	b.full.Store(false)
	b.s.Notify(event(1))
	if err := b.s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.start()
	inOrder(t, in.await(2), 2)
}
