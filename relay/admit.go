package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Admit tells whether a region may join, and keeps for it what it needs from now on. A region that has lost its log comes back under its old name and id.
func (r *Relay) Admit(ctx context.Context, h Hello) (Admission, error) {
	var a Admission
	if err := errors.Join(r.admit(h, true), r.refuseLost(h, true)); err != nil {
		return a, err
	}
	if h.Rules != r.cfg.Rules {
		return a, fmt.Errorf("region %s has other rules of conflicts than region %s: make [[rules]] the same", h.Name, r.cfg.Name)
	}
	for _, p := range r.peers {
		if p.cfg.Name == h.Name {
			return r.expect(ctx, p, h)
		}
	}
	return a, fmt.Errorf("region %s does not know region %s yet, and might forget what it needs: CALL octant.add_peer('%s', 'host:port') there first",
		r.cfg.Name, h.Name, h.Name)
}

// expect notes that a peer is joining.
func (r *Relay) expect(ctx context.Context, p *peer, h Hello) (Admission, error) {
	p.mu.Lock()
	if p.facts.Store != h.Store || p.facts.Joins == 0 {
		p.facts.Region, p.facts.Store, p.facts.Rules = h.Region, h.Store, h.Rules
		p.facts.Holds, p.status.Holds, p.facts.Received = 0, 0, nil
		p.facts.Joins = LSN(r.cfg.Log.Local().Last() + 1)
	}
	if _, lost := r.losses.get(h.Region); lost {
		p.facts.Parted = true
	}
	a := Admission{Self: r.Self(), Begin: p.facts.Joins - 1, Parted: p.facts.Parted}
	p.mu.Unlock()
	if err := p.save(ctx); err != nil {
		return a, fmt.Errorf("note that region %s joins: %w", h.Name, err)
	}
	if err := r.readmit(ctx, p, h); err != nil {
		return a, err
	}
	applied, _ := r.cfg.Applier.Origin(h.Region)
	a.Applied, a.Promised = applied.Seq, r.cfg.Applier.Promised(h.Region)
	received := r.cfg.Log.Received(h.Region)
	if last := Seq(received.Last()); last > 0 {
		a.Received.Seq = last
		if t, _, err := received.Transaction(last); err == nil {
			a.Received.HLC = t.HLC
		}
	}
	return a, nil
}

// KeepFrom keeps the log from an entry on, which may be earlier than what is kept already, for a region that was admitted and joins.
func (r *Relay) KeepFrom(ctx context.Context, h Hello, first LSN) error {
	for _, p := range r.peers {
		if p.cfg.Name == h.Name {
			return r.keepFrom(ctx, p, h, first)
		}
	}
	return fmt.Errorf("region %s is no peer of region %s", h.Name, r.cfg.Name)
}

func (r *Relay) keepFrom(ctx context.Context, p *peer, h Hello, first LSN) error {
	p.mu.Lock()
	admitted, before := p.facts.Store == h.Store && p.facts.Joins > 0, p.facts.Joins
	if admitted {
		p.facts.Joins = min(before, first) // from now on nothing of it is trimmed; whether all of it is there can be told now
	}
	p.mu.Unlock()
	if !admitted {
		return fmt.Errorf("region %s has not been admitted by region %s, or has joined", h.Name, r.cfg.Name)
	}
	gone := LSN(r.cfg.Log.Local().First()) > first
	if gone {
		p.mu.Lock()
		p.facts.Joins = before
		p.mu.Unlock()
		return fmt.Errorf("the relay log of region %s no longer goes back to that: take a copy that is newer: %w", r.cfg.Name, ErrTrimmed)
	}
	if err := p.save(ctx); err != nil {
		return fmt.Errorf("note from where on region %s joins: %w", h.Name, err)
	}
	return nil
}

// readmit takes up a region again that was evicted and joins: from now on it is waited for.
func (r *Relay) readmit(ctx context.Context, p *peer, h Hello) error {
	if _, lost := r.losses.get(h.Region); !lost {
		return nil
	}
	r.cfg.Applier.Meet(h)
	p.mu.Lock()
	p.taken, p.concluded = 0, false
	p.setState("connecting")
	p.mu.Unlock()
	if err := r.losses.remove(ctx, h.Region); err != nil {
		return err
	}
	p.woken.Raise()
	return nil
}

// Lag is how far this relay is behind: what its database has logged, or what a region that it hears has sent. A region that cannot be heard does not count.
func (r *Relay) Lag() time.Duration {
	var lag time.Duration
	if s := r.capture.status(); !s.CaughtUp && !s.LastEvent.IsZero() {
		lag = r.cfg.Clock.Now().Sub(s.LastEvent)
	}
	for _, p := range r.Peers() {
		if p.State == "connected" {
			lag = max(lag, p.Lag)
		}
	}
	return lag
}

// Acquaint has a relay that begins behind another region's data know a peer, so that it asks for the right transactions from the first time on.
func Acquaint(ctx context.Context, facts Store, h Hello) error {
	data, err := json.Marshal(peerFacts{Region: h.Region, Store: h.Store, Rules: h.Rules, Flavour: h.Flavour})
	if err == nil {
		err = facts.Write(ctx, []Pair{{Key: peerKey(h.Name), Value: data}})
	}
	if err != nil {
		return fmt.Errorf("note who region %s is: %w", h.Name, err)
	}
	return nil
}
