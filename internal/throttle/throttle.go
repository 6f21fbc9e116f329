// Package throttle makes guessing passwords slow. Every port that asks for one uses it.
package throttle

import (
	"context"
	"sync"
	"time"
)

const (
	freeFailures = 3                      // of a host, which cost nothing
	step         = 200 * time.Millisecond // doubled with every further failure
	most         = 5 * time.Second
	forgetAfter  = 10 * time.Minute // after the last failure
	remembered   = 4096             // hosts
	queue        = 8                // connections of one host that may wait for their refusal
)

// Throttle lets the answer to a wrong password wait longer with every failure of the same host. Its methods may be called concurrently.
type Throttle struct {
	now func() time.Time

	mu       sync.Mutex
	failures map[string]failure
	waiting  map[string]int // connections that wait for their refusal, by host
}

type failure struct {
	count int
	last  time.Time
}

// New makes one whose time comes from now.
func New(now func() time.Time) *Throttle {
	return &Throttle{now: now, failures: map[string]failure{}, waiting: map[string]int{}}
}

// Refuse notes a failure of the host and returns when it may hear of it, or when ctx ends.
func (t *Throttle) Refuse(ctx context.Context, host string) {
	wait := time.NewTimer(t.failed(host))
	defer wait.Stop()
	defer t.leave(host)
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// failed notes a failure, and that the host waits for its refusal; leave must follow. It returns how long the answer shall wait.
func (t *Throttle) failed(host string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[host]++
	t.forget()
	f := t.failures[host]
	f.count, f.last = f.count+1, t.now()
	t.failures[host] = f
	if f.count <= freeFailures {
		return 0
	}
	return min(step<<min(f.count-freeFailures-1, 10), most)
}

func (t *Throttle) leave(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[host]--; t.waiting[host] <= 0 {
		delete(t.waiting, host)
	}
}

// Blocked tells whether a host guesses on so many connections at once that it gets no further ones.
func (t *Throttle) Blocked(host string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting[host] >= queue
}

// Passed forgives a host.
func (t *Throttle) Passed(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failures, host)
}

// forget makes room when the table is full: old failures go, and if all are young, all.
func (t *Throttle) forget() {
	if len(t.failures) < remembered {
		return
	}
	for host, f := range t.failures {
		if t.now().Sub(f.last) > forgetAfter {
			delete(t.failures, host)
		}
	}
	if len(t.failures) >= remembered {
		clear(t.failures)
	}
}
