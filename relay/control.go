package relay

import (
	"context"
	"errors"
	"fmt"
)

// Pause implements Controller.
func (r *Relay) Pause(ctx context.Context, name string) error { return r.setPaused(ctx, name, true) }

// Resume implements Controller.
func (r *Relay) Resume(ctx context.Context, name string) error { return r.setPaused(ctx, name, false) }

func (r *Relay) setPaused(ctx context.Context, name string, paused bool) error {
	for _, p := range r.peers {
		if p.cfg.Name == name {
			return p.setPaused(ctx, paused)
		}
	}
	return fmt.Errorf("no peer is called %q", name)
}

func (p *peer) setPaused(ctx context.Context, paused bool) error {
	p.mu.Lock()
	changed := p.facts.Paused != paused
	p.facts.Paused = paused
	stop := p.stop
	switch {
	case paused:
		p.setState("paused")
	case changed:
		p.setState("connecting")
	}
	p.mu.Unlock()
	if err := p.save(ctx); err != nil {
		return err
	}
	p.hold()
	if paused && stop != nil {
		stop(errPaused)
	}
	p.woken.Raise()
	return nil
}

// hold tells the applier whether it may write what the peer sends: not while the peer is paused, nor while the relay's own source is
// stopped. Without the local log nothing of what is written could be judged.
func (p *peer) hold() {
	p.mu.Lock()
	id, paused := p.facts.Region, p.facts.Paused
	p.mu.Unlock()
	if id.Valid() {
		p.r.cfg.Applier.Pause(id, paused || p.r.capture.isStopped())
	}
}

// StopSource implements Controller.
func (r *Relay) StopSource(ctx context.Context) error {
	if err := r.capture.setStopped(ctx, true); err != nil {
		return err
	}
	return r.capture.changed.Wait(ctx, func() bool { return !r.capture.isRunning() })
}

// StartSource implements Controller.
func (r *Relay) StartSource(ctx context.Context) error { return r.capture.setStopped(ctx, false) }

// Purge implements Controller. Who purges sees which replicas are there: those need what they have not been sent.
func (r *Relay) Purge(ctx context.Context, before LSN, force bool) error {
	if own, _ := r.cfg.Applier.Needs(); before > own {
		if err := r.cfg.Applier.Save(ctx); err != nil {
			return fmt.Errorf("save the applier's checkpoint, up to which can be purged: %w", err)
		}
	}
	needed, why := r.neededBy((*knownReplica).wants)
	if own, _ := r.cfg.Applier.Needs(); force {
		needed, why = own, "the applier"
	}
	if before > needed {
		return fmt.Errorf("entries from %d on are still needed by %s: purge up to that", needed, why)
	}
	return r.cfg.Log.Local().Trim(uint64(before))
}

// sourceKey is where it is remembered that the operator stopped the source.
var sourceKey = []byte("s")

var errStopped = errors.New("stopped by the operator")

// loadSourceStopped tells whether the source was left stopped.
func loadSourceStopped(facts Store) (bool, error) {
	switch _, err := facts.Get(sourceKey); {
	case errors.Is(err, ErrNotFound):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("read whether the source was stopped: %w", err)
	}
	return true, nil
}

// setStopped writes down what the operator wants, and then does it.
func (c *capture) setStopped(ctx context.Context, stopped bool) error {
	c.steering.Lock()
	defer c.steering.Unlock()
	pair := Pair{Key: sourceKey}
	if stopped {
		pair.Value = []byte("stopped")
	}
	if err := c.r.cfg.Facts.Write(ctx, []Pair{pair}); err != nil {
		return fmt.Errorf("remember whether the source is stopped: %w", err)
	}
	c.mu.Lock()
	if c.stopped != stopped {
		c.since = c.r.cfg.Clock.Now()
	}
	c.stopped = stopped
	switch {
	case !stopped:
	case c.running:
		c.stop(errStopped)
	default: // it had just ended by itself, which may not have been noted yet
		c.disconnected()
	}
	c.mu.Unlock()
	for _, p := range c.r.peers {
		p.hold()
	}
	c.changed.Raise()
	return nil
}

// RetryLetter implements Controller.
func (r *Relay) RetryLetter(ctx context.Context, id uint64) error {
	return r.cfg.Applier.RetryLetter(ctx, id)
}

// SkipLetter implements Controller.
func (r *Relay) SkipLetter(ctx context.Context, id uint64) error {
	return r.cfg.Applier.SkipLetter(ctx, id)
}

// EditLetter implements Controller.
func (r *Relay) EditLetter(ctx context.Context, id uint64, row string) error {
	return r.cfg.Applier.EditLetter(ctx, id, row)
}

// Resolve implements Controller.
func (r *Relay) Resolve(ctx context.Context, id uint64, choice string) error {
	return r.cfg.Applier.Resolve(ctx, id, choice)
}
