package primary

import (
	"sync"
	"time"
)

const (
	freeFailures   = 3                      // that cost nothing
	throttleStep   = 200 * time.Millisecond // doubled with every further failure
	throttleMost   = 5 * time.Second
	throttleForget = 10 * time.Minute // after the last failure
	throttleSize   = 4096             // hosts remembered
	throttleQueue  = 8                // connections of one host that may wait for their refusal
)

// throttle makes guessing passwords slow: the answer to a wrong one waits longer with every failure of the same host.
type throttle struct {
	now func() time.Time

	mu       sync.Mutex
	failures map[string]failure
	waiting  map[string]int // connections that wait for their refusal, by host
}

type failure struct {
	count int
	last  time.Time
}

func newThrottle(now func() time.Time) *throttle {
	return &throttle{now: now, failures: map[string]failure{}, waiting: map[string]int{}}
}

// failed notes a failure and returns how long the answer shall wait.
func (t *throttle) failed(host string) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.forget()
	f := t.failures[host]
	f.count, f.last = f.count+1, t.now()
	t.failures[host] = f
	wait := throttleStep << min(max(f.count-freeFailures-1, 0), 10)
	if f.count <= freeFailures {
		return 0
	}
	return min(wait, throttleMost)
}

// enter counts a connection that waits for its refusal; leave must follow.
func (t *throttle) enter(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[host]++
}

func (t *throttle) leave(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting[host]--; t.waiting[host] <= 0 {
		delete(t.waiting, host)
	}
}

// blocked tells whether a host guesses on so many connections at once that it gets no further ones.
func (t *throttle) blocked(host string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting[host] >= throttleQueue
}

// passed forgives a host.
func (t *throttle) passed(host string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failures, host)
}

// forget makes room when the table is full: old failures go, and if all are young, all.
func (t *throttle) forget() {
	if len(t.failures) < throttleSize {
		return
	}
	for host, f := range t.failures {
		if t.now().Sub(f.last) > throttleForget {
			delete(t.failures, host)
		}
	}
	if len(t.failures) >= throttleSize {
		clear(t.failures)
	}
}
