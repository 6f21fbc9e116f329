package relay

import (
	"context"
	"time"
)

// begin notes that a session is under way, unless the operator has stopped the source.
func (c *capture) begin(stop context.CancelCauseFunc) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stop, c.running = stop, !c.stopped
	if c.running {
		c.breaker.Allow(c.r.cfg.Clock.Now())
	}
	return c.running
}

// end notes that nothing is being read any more. Who stopped the source sees that at once.
func (c *capture) end() {
	c.mu.Lock()
	c.running = false
	if c.stopped {
		c.disconnected()
	}
	c.mu.Unlock()
	c.changed.Raise()
}

// disconnected notes that the source is not read because the operator wants that. The caller holds mu.
func (c *capture) disconnected() { c.connected, c.caughtUp, c.err = false, false, nil }

func (c *capture) isStopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

func (c *capture) isRunning() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.running
}

// note writes down that the connection is lost, or that it ended as it should, with no error.
func (c *capture) note(connected bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.connected != connected {
		c.since = c.r.cfg.Clock.Now()
	}
	c.connected, c.caughtUp, c.err = connected, false, err
	if err != nil {
		was := c.breaker.Closed()
		c.breaker.Fail(c.r.cfg.Clock.Now(), err.Error())
		c.r.tell(BreakerChanged("relay", captureSubject, was, c.breaker))
	}
}

// connect notes that the database was heard. The caller holds mu.
func (c *capture) connect() {
	if !c.connected {
		c.since = c.r.cfg.Clock.Now()
	}
	c.connected, c.err = true, nil
	if c.breaker.Failures() > 0 {
		was := c.breaker.Closed()
		c.breaker.Succeed(c.r.cfg.Clock.Now())
		c.r.tell(BreakerChanged("relay", captureSubject, was, c.breaker))
	}
}

// rest is how long to wait before the next attempt: what the breaker says once it has opened.
func (c *capture) rest(attempt int) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.breaker.Closed() {
		return reconnectPause(attempt)
	}
	return max(c.breaker.Next().Sub(c.r.cfg.Clock.Now()), reconnectPause(0))
}

// captureSubject is what the breaker of capture is about.
const captureSubject = "database log"

func (c *capture) breakerStatus() BreakerStatus {
	c.mu.Lock()
	defer c.mu.Unlock()
	return StatusOf("relay", captureSubject, c.breaker)
}

// pause waits before the next attempt. What the operator does cuts it short.
func (c *capture) pause(ctx context.Context, d time.Duration) error {
	changed := c.changed.Next()
	if c.isStopped() {
		return nil
	}
	select {
	case <-c.r.cfg.Clock.After(d):
	case <-changed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
