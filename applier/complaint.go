package applier

import (
	"sync"
	"time"
)

// complaint says when a trouble that lasts is logged: when it begins, then after a pause that grows, and when it is over. What is wrong just
// now is in octant.peers and octant.problems all the while. The zero value is ready.
type complaint struct {
	mu    sync.Mutex
	since time.Time // of the first; zero: there is no trouble
	next  time.Time
	pause time.Duration
}

// The pauses between two lines about one trouble.
const (
	firstPause = 10 * time.Second
	lastPause  = time.Hour
)

// due tells whether the trouble, which is there now, is to be logged.
func (c *complaint) due(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since.IsZero() {
		c.since, c.next, c.pause = now, now, firstPause
	}
	if now.Before(c.next) {
		return false
	}
	c.next, c.pause = now.Add(c.pause), min(2*c.pause, lastPause)
	return true
}

// over ends the trouble, and tells for how long it lasted; false if there was none.
func (c *complaint) over(now time.Time) (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.since.IsZero() {
		return 0, false
	}
	lasted := now.Sub(c.since)
	c.since = time.Time{}
	return lasted, true
}
