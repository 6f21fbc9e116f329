package relay

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// errEvicted ends the session with a region that is lost.
var errEvicted = errors.New("the region has been evicted")

// Evict implements Controller.
func (r *Relay) Evict(ctx context.Context, name string) error {
	for _, p := range r.peers {
		if p.cfg.Name != name {
			continue
		}
		p.mu.Lock()
		x := loss{Region: p.facts.Region, Name: name, Store: p.facts.Store}
		p.mu.Unlock()
		if !x.Region.Valid() {
			return fmt.Errorf("region %s was never heard here: evict it in a region that has heard it, or remove it with CALL octant.remove_peer", name)
		}
		return r.declare(ctx, x)
	}
	return fmt.Errorf("no peer is called %q", name)
}

// declare takes a region for lost from now on, durably. Nothing more is taken from it.
func (r *Relay) declare(ctx context.Context, x loss) error {
	if _, lost := r.losses.get(x.Region); lost {
		return nil
	}
	if err := r.losses.put(ctx, x); err != nil {
		return err
	}
	r.cfg.Logger.Warn("a region is evicted: nothing more is taken from it", "peer", x.Name)
	for _, p := range r.peers {
		if p.cfg.Name == x.Name {
			return p.part(ctx, x.Region)
		}
	}
	return nil
}

// part has the peer's session end for good. What was received of it is applied even if it was paused.
func (p *peer) part(ctx context.Context, id Region) error {
	p.mu.Lock()
	met := p.facts.Region.Valid()
	p.facts.Region, p.facts.Paused = id, false
	p.status.ID = id
	p.setState("evicting")
	stop := p.stop
	p.mu.Unlock()
	if err := p.save(ctx); err != nil {
		return err
	}
	if stop != nil {
		stop(errEvicted)
	}
	if !met {
		p.r.cfg.Applier.Meet(Hello{Name: p.cfg.Name, Region: id, Rules: p.r.cfg.Rules})
	}
	p.hold()
	p.woken.Raise()
	return nil
}

// evicted tells whether the peer is lost.
func (p *peer) evicted() bool {
	p.mu.Lock()
	id := p.facts.Region
	p.mu.Unlock()
	_, lost := p.r.losses.get(id)
	return lost
}

// conclude returns once what was taken from the peer that is lost is on disk, or lost: its copy does not grow any more by that.
func (p *peer) conclude(ctx context.Context) error {
	p.mu.Lock()
	id, taken, concluded := p.facts.Region, p.taken, p.concluded
	p.mu.Unlock()
	if concluded {
		return nil
	}
	if taken > 0 {
		_ = p.r.cfg.Log.Received(id).WaitDurable(ctx, taken) // on an error it is lost
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.concluded = true
	return nil
}

// lostRegions is what this relay tells the others of lost regions.
func (r *Relay) lostRegions() []LostRegion {
	var list []LostRegion
	for _, x := range r.losses.all() {
		if !r.concluded(x.Region) {
			continue
		}
		last := Seq(r.cfg.Log.Received(x.Region).Last())
		list = append(list, LostRegion{Region: x.Region, Name: x.Name, Store: x.Store, Survivor: Survivor{Last: last, Level: x.Level}})
	}
	return list
}

// concluded tells whether nothing more can come from a lost region itself.
func (r *Relay) concluded(id Region) bool {
	for _, p := range r.peers {
		p.mu.Lock()
		same, concluded := p.facts.Region == id, p.concluded
		p.mu.Unlock()
		if same {
			return concluded
		}
	}
	return true
}

// learn takes up what another region says of lost ones: who is lost there is lost here.
func (r *Relay) learn(ctx context.Context, from string, list []LostRegion) error {
	for _, w := range list {
		switch {
		case w.Region == r.cfg.Region:
			r.toldOff(from, w)
		case w.Region.Valid() && r.believes(w):
			if err := r.declare(ctx, loss{Region: w.Region, Name: w.Name, Store: w.Store}); err != nil {
				return err
			}
		}
	}
	return nil
}

// believes tells whether a region that is lost elsewhere is so here: not if it has joined again since.
func (r *Relay) believes(w LostRegion) bool {
	for _, p := range r.peers {
		p.mu.Lock()
		id, store := p.facts.Region, p.facts.Store
		p.mu.Unlock()
		if id == w.Region || !id.Valid() && p.cfg.Name == w.Name {
			return store == w.Store || store == "" || w.Store == ""
		}
	}
	return false
}

// toldOff says that this region itself has been evicted.
func (r *Relay) toldOff(by string, w LostRegion) {
	if w.Store != r.cfg.Store && w.Store != "" {
		return // of an earlier time
	}
	r.Report(Problem{
		Kind: "evicted", Subject: r.cfg.Name, Detail: fmt.Sprintf("this region has been evicted, says region %s: nothing that is written here goes to the others any more", by),
		Remedy: "stop the applications; the region joins again with octant join, an empty data directory and --replace",
	})
}

// runEvictions brings evictions to their end.
func (r *Relay) runEvictions(ctx context.Context) error {
	for {
		if err := Sleep(ctx, r.cfg.Clock, pulse); err != nil {
			return err
		}
		for _, x := range r.losses.all() {
			if x.Gone {
				continue
			}
			if err := r.evict(ctx, x); err != nil && ctx.Err() == nil {
				r.waits(x, "does not go on: "+err.Error(), "it is tried again by itself")
			}
		}
	}
}

// evict goes one step on: see eviction.go.
func (r *Relay) evict(ctx context.Context, x loss) error {
	own := Seq(r.cfg.Log.Received(x.Region).Last())
	others, richest, silent := r.survivors(x)
	longest, known := Longest(own, others)
	switch {
	case !r.concluded(x.Region):
		return nil
	case own < longest:
		return r.fetch(ctx, x, richest, longest)
	case known && !x.Level && r.shows(x.Region, own):
		x.Level = true
		return r.losses.put(ctx, x)
	case known && Gone(x.Level, others):
		return r.finish(ctx, x)
	}
	if len(silent) == 0 {
		r.standing(x, "evicting", "waits until all survivors show its last transactions")
		return nil
	}
	r.waits(x, "waits for region "+strings.Join(silent, ", ")+", which may have transactions that nobody else has",
		"bring those regions back, or evict them too if they are lost for good")
	return nil
}

// shows tells whether the database shows a region's transactions up to a sequence for good.
func (r *Relay) shows(id Region, last Seq) bool {
	if last == 0 {
		return true
	}
	applied, _ := r.cfg.Applier.Origin(id)
	return applied.Seq >= last && r.cfg.Applier.Announce().Get(id) >= applied.HLC
}

// finish has nobody wait for the region any more.
func (r *Relay) finish(ctx context.Context, x loss) error {
	x.Gone = true
	if err := r.losses.put(ctx, x); err != nil {
		return err
	}
	r.cfg.Applier.Part(x.Region)
	r.standing(x, "evicted", "")
	r.cfg.Logger.Warn("a region has been evicted: all survivors have its last transactions", "peer", x.Name, "last", r.cfg.Log.Received(x.Region).Last())
	return nil
}

// survivors returns what each of the others says of a lost region, nil for who has said nothing; who has the most of it; and who is silent.
func (r *Relay) survivors(x loss) (others []*Survivor, richest *peer, silent []string) {
	var most Seq
	for _, p := range r.peers {
		if p.cfg.Name == x.Name || p.evicted() {
			continue
		}
		s := p.says(x)
		others = append(others, s)
		if s == nil {
			silent = append(silent, p.cfg.Name)
		} else if s.Last > most {
			richest, most = p, s.Last
		}
	}
	return others, richest, silent
}

// says is what the peer has said last of a lost region, nil for nothing.
func (p *peer) says(x loss) *Survivor {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.losses {
		if x.is(w) {
			return &w.Survivor
		}
	}
	return nil
}

// waits says why an eviction does not end.
func (r *Relay) waits(x loss, why, remedy string) {
	r.Report(Problem{Kind: "eviction_waits", Subject: x.Name, Detail: "the eviction " + why, Remedy: remedy})
	r.standing(x, "evicting", why)
}

// standing shows how far an eviction is.
func (r *Relay) standing(x loss, state, why string) {
	for _, p := range r.peers {
		if p.cfg.Name == x.Name {
			p.mu.Lock()
			p.setState(state)
			p.status.LastError = why
			p.mu.Unlock()
		}
	}
}

// refuseLost refuses a region that is lost. It comes back only by joining again, with another log and once nobody waits for it.
func (r *Relay) refuseLost(h Hello, joins bool) error {
	x, lost := r.losses.get(h.Region)
	switch {
	case !lost:
		return nil
	case !x.Gone:
		return fmt.Errorf("region %s is being evicted: when octant.peers says that it is evicted, it can join again", h.Name)
	case joins && h.Store != x.Store:
		return nil
	}
	return fmt.Errorf("region %s has been evicted: it must join again, with octant join, an empty data directory and --replace", h.Name)
}
