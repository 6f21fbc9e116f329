// Package webhook tells other systems what happened: each event is a signed POST of a JSON document, at least once, in the order of the
// events.
//
//	Notify ─► buffer ─► outbox in the Store ─► POST, again and again until it is taken
//
// Who keeps what an event is about calls Flush first: then either both are on disk, or the event comes up again.
//
// Nothing waits for a receiver. The outbox is bounded: while a receiver is away for too long, newer events are dropped and counted, and
// the first document that it takes after that says how many.
//
// A document is signed: Octant-Signature: t=<seconds since 1970>,v1=<hex>, the HMAC-SHA256 under the hook's secret of the seconds, a dot and
// the body. Idempotency-Key is the same each time that an event is sent.
package webhook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/breaker"
	"github.com/octant-db/octant/relay"
)

// Hook is a receiver.
type Hook struct {
	URL    string
	Secret string
	Events []string // kinds; none: all
}

// Config says what a Sender works with.
type Config struct {
	Cluster, Region string // whose events they are
	StoreID         string // the relay log's own name: it makes keys of events unique
	Hooks           []Hook
	Store           relay.Store
	Client          *http.Client
	Clock           relay.Clock
	Jitter          func() float64 // 0 up to 1
	Timeout         time.Duration  // for one request and its answer; 0: DefaultTimeout
	Logger          *slog.Logger
}

// Bounds of what waits.
const (
	maxBuffered = 2000   // events, not yet in the outbox
	maxWaiting  = 10_000 // events in the outbox, for each hook
)

// DefaultTimeout is how long a receiver may take to answer.
const DefaultTimeout = 10 * time.Second

// pauses are those after a receiver did not take an event.
var pauses = breaker.Settings{First: time.Second, Most: 5 * time.Minute}

// Sender sends events to hooks. Make it with New, then Run it.
type Sender struct {
	cfg    Config
	hooks  []*receiver
	filled relay.Signal

	keeping sync.Mutex // held while events go from the buffer into the outboxes

	mu     sync.Mutex
	buffer []buffered
	lost   uint64 // events that the buffer had no room for, since the last one in it
}

// buffered is an event that is not yet in the outboxes.
type buffered struct {
	relay.Event
	lost uint64 // events right before it that the buffer had no room for
}

// New returns a sender that goes on with what the outbox holds.
func New(cfg Config) (*Sender, error) {
	client := *cfg.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // it could become a GET
	cfg.Client = &client
	if cfg.Timeout == 0 {
		cfg.Timeout = DefaultTimeout
	}
	s := &Sender{cfg: cfg}
	for _, h := range cfg.Hooks {
		r, err := newReceiver(s, h)
		if err != nil {
			return nil, err
		}
		s.hooks = append(s.hooks, r)
	}
	return s, nil
}

// Notify implements relay.Notify.
func (s *Sender) Notify(e relay.Event) {
	if !slices.ContainsFunc(s.hooks, func(r *receiver) bool { return r.wants(e.Kind) }) {
		return
	}
	if e.At.IsZero() {
		e.At = s.cfg.Clock.Now()
	}
	s.mu.Lock()
	if len(s.buffer) < maxBuffered {
		s.buffer, s.lost = append(s.buffer, buffered{e, s.lost}), 0
	} else {
		s.lost++
	}
	s.mu.Unlock()
	s.filled.Raise()
}

// Breakers shows the hooks' circuit breakers.
func (s *Sender) Breakers() []relay.BreakerStatus {
	var list []relay.BreakerStatus
	for _, r := range s.hooks {
		list = append(list, r.status())
	}
	return list
}

// Run sends until ctx ends.
func (s *Sender) Run(ctx context.Context) error {
	if err := s.forgetStrangers(ctx); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.runWriter(ctx) })
	for _, r := range s.hooks {
		g.Go(func() error { return r.run(ctx) })
	}
	return g.Wait()
}

// runWriter takes events into the outboxes.
func (s *Sender) runWriter(ctx context.Context) error {
	for {
		if err := s.filled.Wait(ctx, s.hasBuffered); err != nil {
			return err
		}
		err := s.Flush(ctx)
		if err == nil {
			continue
		}
		s.cfg.Logger.Warn("webhooks: events wait in memory", "error", err)
		if err := relay.Sleep(ctx, s.cfg.Clock, time.Second); err != nil {
			return err
		}
	}
}

// Flush puts into the outbox, on disk, what Notify has taken. After an error all of it is there still to be put.
func (s *Sender) Flush(ctx context.Context) error {
	s.keeping.Lock()
	defer s.keeping.Unlock()
	s.mu.Lock()
	events := slices.Clone(s.buffer)
	s.mu.Unlock()
	if len(events) == 0 {
		return nil
	}
	batch := outgoing{}
	for _, r := range s.hooks {
		if err := r.add(&batch, events); err != nil {
			return fmt.Errorf("keep events for a webhook: %w", err)
		}
	}
	if err := batch.write(ctx, s.cfg.Store); err != nil {
		return fmt.Errorf("write the outbox of webhooks: %w", err)
	}
	s.mu.Lock()
	s.buffer = slices.Delete(s.buffer, 0, len(events))
	s.mu.Unlock()
	return nil
}

func (s *Sender) hasBuffered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.buffer) > 0
}

// forgetStrangers removes what waits for hooks that are no longer configured.
func (s *Sender) forgetStrangers(ctx context.Context) error {
	var gone []relay.Pair
	for pair, err := range s.cfg.Store.Scan([]byte{prefix}, nil) {
		if err != nil {
			return fmt.Errorf("read the outbox of webhooks: %w", err)
		}
		if !slices.ContainsFunc(s.hooks, func(r *receiver) bool { return r.owns(pair.Key) }) {
			gone = append(gone, relay.Pair{Key: slices.Clone(pair.Key)})
		}
	}
	for part := range slices.Chunk(gone, maxBuffered) {
		if err := s.cfg.Store.Write(ctx, part); err != nil {
			return errors.Join(errors.New("clear the outbox of webhooks"), err)
		}
	}
	return nil
}
