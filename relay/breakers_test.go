package relay_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
)

// doorman is a dialer whose attempts wait for the test to say how they end.
type doorman struct {
	relay.Dialer
	attempts chan chan error
}

func (d *doorman) Subscribe(ctx context.Context, to relay.Peer, self relay.Hello, w relay.Want) (relay.Hello, relay.Feed, error) {
	answer := make(chan error, 1)
	select {
	case d.attempts <- answer:
	case <-ctx.Done():
		return relay.Hello{}, nil, context.Cause(ctx)
	}
	select {
	case err := <-answer:
		if err != nil {
			return relay.Hello{}, nil, err
		}
	case <-ctx.Done():
		return relay.Hello{}, nil, context.Cause(ctx)
	}
	return d.Dialer.Subscribe(ctx, to, self, w)
}

// swift is a clock that runs twenty times as fast, whatever it is asked.
type swift struct{ start time.Time }

func (c swift) Now() time.Time                         { return c.start.Add(20 * time.Since(c.start)) }
func (c swift) After(d time.Duration) <-chan time.Time { return time.After(d / 20) }

// halting is a swift clock of which no wait ends while it is halted: what comes after a wait cannot come before the test has looked.
type halting struct {
	swift
	mu sync.Mutex // held while it is halted
}

func (c *halting) After(d time.Duration) <-chan time.Time {
	over := make(chan time.Time, 1)
	go func() {
		at := <-c.swift.After(d)
		c.mu.Lock()
		defer c.mu.Unlock()
		over <- at
	}()
	return over
}

// breaker waits until the node's breaker has the state after so many failures in a row, and returns it.
func (n *node) breaker(scope, state string, failures int) (found relay.BreakerStatus) {
	n.t.Helper()
	eventually(n.t, scope+" breaker "+state, func() bool {
		for _, b := range n.relay.Breakers() {
			if b.Scope == scope && b.State == state && b.Failures >= failures {
				found = b
				return true
			}
		}
		return false
	})
	return found
}

// told returns the next event about a breaker of a scope.
func told(t *testing.T, events <-chan relay.Event, scope string) relay.Event {
	t.Helper()
	for {
		select {
		case e := <-events:
			if e.Fields["scope"] == scope {
				return e
			}
		case <-time.After(patience):
			t.Fatalf("nobody was told of a breaker of a %s", scope)
		}
	}
}

// withEvents has a node tell of breakers.
func withEvents(n *node) <-chan relay.Event {
	events := make(chan relay.Event, 1000)
	n.config.Clock, n.config.DriftWarn, n.config.DriftStop = swift{time.Now()}, time.Hour, time.Hour // its time is nobody else's
	n.config.Notify = func(e relay.Event) {
		if e.Kind == relay.BreakerEvent {
			events <- e
		}
	}
	return events
}

// TestBreakerOfAPeer: a peer that does not answer is left alone after a few attempts, then tried once at a time, and heard again as soon as it answers.
func TestBreakerOfAPeer(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b"), newNode(t, net, 2, "a").start()
	door := &doorman{net, make(chan chan error)}
	a.config.Dialer = door
	events, clock := withEvents(a), &halting{swift: swift{time.Now()}}
	a.config.Clock = clock
	a.start()
	silent := errors.New("nobody answers")
	for i := range 4 {
		<-door.attempts <- silent
		if s := a.breaker("peer", "closed", i+1); s.Subject != "b" || !s.Next.IsZero() {
			t.Fatalf("after %d failures: %+v", i+1, s)
		}
	}
	attempt := <-door.attempts
	clock.mu.Lock()
	attempt <- silent
	opened := a.breaker("peer", "open", 5)
	clock.mu.Unlock()
	if opened.Reason != "nobody answers" || opened.Opened != 1 || !opened.Next.After(opened.Since) {
		t.Fatalf("opened: %+v", opened)
	}
	if e := told(t, events, "peer"); e.Subject != "b" || e.Fields["state"] != "open" || e.Detail != "nobody answers" {
		t.Fatalf("told of %+v", e)
	}
	probe := <-door.attempts
	if s := a.breaker("peer", "half-open", 5); s.Since.Before(opened.Next) {
		t.Fatalf("tried at %v, before %v", s.Since, opened.Next)
	}
	select {
	case <-door.attempts:
		t.Fatal("tried again beside an attempt")
	default:
	}
	clock.mu.Lock()
	probe <- silent
	again := a.breaker("peer", "open", 6)
	clock.mu.Unlock()
	if was, is := opened.Next.Sub(opened.Since), again.Next.Sub(again.Since); is < 2*was {
		t.Fatalf("left alone for %v, and for %v the second time", was, is)
	}
	<-door.attempts <- nil
	if s := a.breaker("peer", "closed", 0); s.Reason != "" || s.Failures != 0 {
		t.Fatalf("closed: %+v", s)
	}
	if e := told(t, events, "peer"); e.Fields["state"] != "closed" {
		t.Fatalf("told of %+v", e)
	}
	b.source.add(relay.Local, nil, []byte("x"))
	a.allArrived(b)
}

// TestBreakerOfTheDatabase: so is the relay's own database, while everything else goes on.
func TestBreakerOfTheDatabase(t *testing.T) {
	net := newNetwork()
	a, b := newNode(t, net, 1, "b"), newNode(t, net, 2, "a").start()
	events := withEvents(a)
	a.source.fail(errStumbled)
	a.start()
	if s := a.breaker("relay", "open", 5); s.Subject != "database log" || s.Reason != errStumbled.Error() || s.Next.IsZero() {
		t.Fatalf("opened: %+v", s)
	}
	if e := told(t, events, "relay"); e.Fields["state"] != "open" || e.Detail != errStumbled.Error() {
		t.Fatalf("told of %+v", e)
	}
	b.source.add(relay.Local, nil, []byte("meanwhile"))
	a.allArrived(b)
	a.source.fail(nil)
	a.source.add(relay.Local, nil, []byte("x"))
	a.captured()
	if s := a.breaker("relay", "closed", 0); s.Reason != "" {
		t.Fatalf("closed: %+v", s)
	}
	if e := told(t, events, "relay"); e.Fields["state"] != "closed" {
		t.Fatalf("told of %+v", e)
	}
}
