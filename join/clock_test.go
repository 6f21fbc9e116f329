package join_test

import (
	"sync"
	"time"
)

// instantly is a clock in which waiting takes no time.
type instantly struct {
	mu  sync.Mutex
	now time.Time
}

func (c *instantly) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *instantly) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	done := make(chan time.Time, 1)
	done <- c.now
	return done
}
