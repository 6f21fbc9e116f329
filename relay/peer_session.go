package relay

import (
	"context"
	"errors"
	"fmt"
)

// session subscribes and receives until something fails.
func (p *peer) session(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	p.mu.Lock()
	p.stop = cancel
	p.breaker.Allow(p.r.cfg.Clock.Now())
	p.mu.Unlock()
	if p.paused() {
		return errPaused
	}
	if p.evicted() {
		return errEvicted
	}
	hello, feed, err := p.r.cfg.Dialer.Subscribe(ctx, p.cfg, p.r.Self(), Want{First: p.last() + 1})
	if err != nil {
		return err
	}
	defer feed.Close() //nolint:errcheck // the connection is given up
	if err := p.meet(ctx, hello); err != nil {
		return err
	}
	err = p.receive(ctx, hello.Region, feed)
	return errors.Join(err, p.takeBack(parent))
}

// takeBack drops what was sent ahead and has not been confirmed: the next session may bring something else in its place. It returns when nobody works on it any more.
func (p *peer) takeBack(ctx context.Context) error {
	p.mu.Lock()
	id := p.facts.Region
	p.mu.Unlock()
	if !p.r.cfg.Log.Received(id).TakeBack() {
		return nil
	}
	return p.r.cfg.Applier.TakeBack(ctx, id)
}

// meet checks who answered, and remembers it.
func (p *peer) meet(ctx context.Context, h Hello) error {
	if err := p.check(h); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	p.mu.Lock()
	fresh := p.facts.Region != h.Region || p.facts.Store != h.Store || p.facts.Rules != h.Rules || p.facts.Flavour != h.Flavour || p.facts.Joins != 0 || p.facts.Parted
	p.facts.Region, p.facts.Store, p.facts.Rules, p.facts.Flavour, p.facts.Joins, p.facts.Parted = h.Region, h.Store, h.Rules, h.Flavour, 0, false
	p.status.ID, p.status.LastError = h.Region, ""
	p.setState("connected")
	p.mu.Unlock()
	if fresh {
		if err := p.save(ctx); err != nil {
			return err
		}
	}
	p.r.cfg.Applier.Meet(h)
	p.hold()
	return nil
}

func (p *peer) check(h Hello) error {
	p.mu.Lock()
	known := p.facts
	p.mu.Unlock()
	if _, err := Agree(h, p.r.Self()); err != nil {
		return err
	}
	switch {
	case h.Cluster != p.r.cfg.Cluster:
		return fmt.Errorf("the relay at %s belongs to cluster %q, this one to %q: correct the peer's address or region.cluster", p.cfg.Address, h.Cluster, p.r.cfg.Cluster)
	case h.Name != p.cfg.Name:
		return fmt.Errorf("the relay at %s is region %q, the configuration says %q: correct the peer's address or name", p.cfg.Address, h.Name, p.cfg.Name)
	case h.Region == p.r.cfg.Region || !h.Region.Valid():
		return fmt.Errorf("the relay at %s has region id %d, which is this region's own or none: give every region its own region.id", p.cfg.Address, h.Region)
	case known.Region.Valid() && known.Region != h.Region:
		return fmt.Errorf("region %s had id %d and now says %d: a region's id must never change", p.cfg.Name, known.Region, h.Region)
	case known.Store != "" && known.Store != h.Store:
		return fmt.Errorf("the relay log of region %s is not the one that was read before: it has been lost or replaced, and the region must join again: octant join --keep there", p.cfg.Name)
	}
	return p.r.unique(p, h.Region)
}

// unique tells whether another peer has the id.
func (r *Relay) unique(p *peer, id Region) error {
	for _, other := range r.peers {
		if other == p {
			continue
		}
		other.mu.Lock()
		taken := other.facts.Region == id
		other.mu.Unlock()
		if taken {
			return fmt.Errorf("regions %s and %s both have id %d: give every region its own region.id", p.cfg.Name, other.cfg.Name, id)
		}
	}
	return nil
}

// receive takes what the feed of a region brings, until it ends.
func (p *peer) receive(ctx context.Context, origin Region, feed Feed) error {
	in := inbox{r: p.r, origin: origin, stream: p.r.cfg.Log.Received(origin), guard: p.guardClock, heard: p.heard}
	defer in.discard()
	defer func() { p.took(in.kept) }()
	for {
		m, err := feed.Next(ctx)
		if err != nil {
			return err
		}
		if err := in.take(ctx, m); err != nil {
			return err
		}
		p.alive()
	}
}

// took notes the last transaction of a session that has ended.
func (p *peer) took(last Seq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = max(p.taken, last)
}

// heard takes a heartbeat: what the peer holds of our stream, and what it says of its own.
func (p *peer) heard(ctx context.Context, h Heartbeat) error {
	p.measured(h.Wall, h.echo(p.r.cfg.Region))
	p.guardOffset()
	if err := p.guardClock(h.Promise); err != nil {
		return err
	}
	p.mu.Lock()
	moved := false
	if self := int(p.r.cfg.Region); self < len(h.Received) && h.Received[self] > p.facts.Holds {
		moved = h.Received[self] >= p.facts.Holds+holdsStep
		p.status.Holds = h.Received[self]
		p.facts.Holds = h.Received[self]
	}
	p.facts.Received = h.Received
	p.echo = Echo{Wall: h.Wall, At: p.r.cfg.Clock.Now().UnixMicro()}
	p.status.Announced = leastOf(h.Announced)
	p.losses = h.Lost
	id := p.facts.Region
	p.mu.Unlock()
	p.r.cfg.Applier.Heard(id, h)
	if moved {
		if err := p.save(ctx); err != nil {
			return err
		}
	}
	return p.r.learn(ctx, p.cfg.Name, h.Lost)
}

// holdsStep is how many transactions pass before what a peer holds is remembered again.
const holdsStep = 10_000

// leastOf is the smallest clock above zero.
func leastOf(v Vector) HLC {
	var least HLC
	for _, h := range v {
		if h > 0 && (least == 0 || h < least) {
			least = h
		}
	}
	return least
}
