package protocoltest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/octant-db/octant/relay"
)

// entry is one entry that was captured.
type entry struct {
	relay.Captured
	native []byte
}

// capturing is a capture under way, and a relay.Recorder that keeps everything.
type capturing struct {
	stop context.CancelFunc
	done chan error

	mu       sync.Mutex
	changed  relay.Signal
	open     []byte
	entries  []entry
	last     relay.Position
	problems []relay.Problem
}

// captureFrom captures until the case ends or stop is called.
func (b *bed) captureFrom(from relay.Position) *capturing {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.ctx)
	c := &capturing{stop: cancel, done: make(chan error, 1), last: from}
	source := b.Source(b.t)
	go func() { c.done <- source.Capture(ctx, from, c) }()
	b.t.Cleanup(func() { c.end() })
	if err := source.Begun(b.ctx); err != nil {
		c.end()
		b.t.Fatalf("%v: %v", err, c.problems)
	}
	return c
}

// end stops the capture, and drops what it had not finished, as a relay does.
func (c *capturing) end() {
	c.stop()
	if err, ok := <-c.done; ok && err != nil {
		close(c.done)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = nil
}

// Append implements relay.Recorder.
func (c *capturing) Append(native []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, native...)
	return nil
}

// Commit implements relay.Recorder.
func (c *capturing) Commit(e relay.Captured) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries = append(c.entries, entry{e, c.open})
	c.open, c.last = nil, e.Position
	c.changed.Raise()
	return nil
}

// CaughtUp implements relay.Recorder.
func (c *capturing) CaughtUp() error { return nil }

// Report implements relay.Recorder.
func (c *capturing) Report(p relay.Problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.problems = append(c.problems, p)
}

// position is where the last entry ends.
func (c *capturing) position() relay.Position {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.last
}

// await waits for the transaction of a mark.
func (c *capturing) await(t testing.TB, m relay.Mark) {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), patience, errors.New("it was not captured"))
	defer cancel()
	err := c.changed.Wait(ctx, func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		for i := range c.entries {
			if mark := c.entries[i].Mark; mark != nil && mark.Range == m.Range && mark.Origin == m.Origin {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Fatalf("mark %v: %v", m.Range, err)
	}
}

// take returns the entries of a kind, and forgets all.
func (c *capturing) take(kind relay.EntryKind) (list []entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.entries {
		if e.Kind == kind {
			list = append(list, e)
		}
	}
	c.entries = nil
	return list
}

// forget forgets all that was captured.
func (c *capturing) forget() { c.take(relay.Frame) }
