package simulation

import (
	"fmt"
	"maps"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// maxDrain bounds the drain; a cluster that is not level by then never will be.
const maxDrain = 1_000

// maxTries is how often in a row transactions may find something in their way.
const maxTries = 1000

// drain heals everything and lets the relays work until nothing is left to do. What databases refuse is owed longer than anything else
// is remembered.
func (c *Cluster) drain() error {
	clear(c.cut)
	c.joined()
	c.bury()
	if c.opt.Refusals || c.opt.Lacks {
		if err := c.level(); err != nil {
			return err
		}
		c.hush()
		c.relent()
		c.found()
	}
	return c.level()
}

func (c *Cluster) level() error {
	for range maxDrain {
		if !c.settle() {
			return nil
		}
	}
	return fmt.Errorf("seed %d: not level after %d rounds", c.opt.Seed, maxDrain)
}

// settle does everything that can be done once, and tells whether there was anything.
func (c *Cluster) settle() bool {
	busy := false
	for _, r := range c.regions {
		if c.dead(r) {
			continue
		}
		for r.capture() || r.merge() {
			busy = true
		}
		for _, o := range r.others {
			busy = c.settleFrom(r, c.regions[o-1]) || busy
		}
		if plan, _ := r.engine.Repair(100); r.depart(plan) {
			busy = true
		}
		for tries := 0; len(r.flights) > 0 && tries < maxTries; tries++ {
			r.arrive(0, c.now.Add(r.skew))
			busy = true
		}
		busy = c.mourn(r) || busy
		busy = c.name(r) || busy
	}
	return busy
}

func (c *Cluster) settleFrom(r, from *region) bool {
	busy := false
	for c.linked(from, r) {
		t := from.local(len(r.received[from.id]))
		if t == nil {
			break
		}
		r.received[from.id] = append(r.received[from.id], *t)
		busy = true
	}
	if held := r.received[from.id][r.engine.Planned(from.id):]; len(held) > 0 && c.prepared(r, &held[0]) {
		plan, err := r.plan(held[:uptoEmptied(held)])
		must(err)
		busy = r.depart(plan) || busy
	}
	return busy
}

// check compares what is left with what must be.
func (c *Cluster) check() error {
	checks := []func() error{c.folded, c.once, c.causal, c.recorded, c.drained}
	for _, check := range checks {
		if err := check(); err != nil {
			return fmt.Errorf("seed %d: %w", c.opt.Seed, err)
		}
	}
	return nil
}

// once: every transaction was applied exactly once in every other region.
func (c *Cluster) once() error {
	for _, r := range c.survivors() {
		next := maps.Clone(r.began)
		if next == nil {
			next = make(map[relay.Region]relay.Seq)
		}
		for _, l := range r.db.log {
			if l.mark == nil || l.mark.Repair() { // an application's, or a statement that was run before its mark
				continue
			}
			if l.mark.Range.From != next[l.mark.Origin]+1 {
				return fmt.Errorf("region %d applied %v of region %d after %d", r.id, l.mark.Range, l.mark.Origin, next[l.mark.Origin])
			}
			next[l.mark.Origin] = l.mark.Range.To
		}
		for _, o := range r.others {
			if want := c.left(c.regions[o-1]); next[o] != want {
				return fmt.Errorf("region %d applied %d of %d transactions of region %d", r.id, next[o], want, o)
			}
		}
	}
	return nil
}

// causal: whoever saw a row and then wrote it wrote a newer version.
func (c *Cluster) causal() error {
	for _, r := range c.regions {
		shown := make(map[conflict.Key]relay.Version)
		for i := range r.entries {
			if err := c.causalEntry(r, &r.entries[i], shown); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Cluster) causalEntry(r *region, e *entry, shown map[conflict.Key]relay.Version) error {
	if e.Kind == relay.Local {
		v := relay.Version{HLC: e.HLC, Region: r.id}
		wrote := make(map[conflict.Key]bool)
		for _, ch := range e.changes {
			if !wrote[ch.Key] && shown[ch.Key].Compare(v) >= 0 {
				return fmt.Errorf("region %d: write %v of %q is not newer than %v, which it had seen", r.id, v, ch.Key, shown[ch.Key])
			}
			shown[ch.Key], wrote[ch.Key] = v, true
		}
		return nil
	}
	if e.Kind != relay.Applied {
		return nil // of a time before the region joined, or a statement that was run before its mark
	}
	for seq := e.Mark.Range.From; !e.Mark.Repair() && seq <= e.Mark.Range.To; seq++ {
		t := r.received[e.Mark.Origin][seq-1]
		for _, ch := range t.Changes {
			if t.Version().After(shown[ch.Key]) {
				shown[ch.Key] = t.Version()
			}
		}
	}
	return nil
}

// drained: once everybody has heard from everybody, nothing is remembered any more.
func (c *Cluster) drained() error {
	c.hush()
	for _, r := range c.survivors() {
		r.checkpoint(false)
		must(r.engine.Forget())
		pinned := r.engine.Pinned()
		if registers, pending, repairs := r.engine.Size(); registers-pinned+pending+repairs > 0 || pinned > 0 && c.hidden == 0 {
			return fmt.Errorf("region %d still holds %d registers (%d pinned, %d hidden), %d pending, %d repairs",
				r.id, registers, pinned, c.hidden, pending, repairs)
		}
	}
	return nil
}

// hush has everybody hear from everybody, and forget.
func (c *Cluster) hush() {
	for range 3 {
		c.now = c.now.Add(3 * c.opt.Skew).Add(time.Second)
		for _, r := range c.regions {
			r.state.HLC = max(r.state.HLC, relay.HLC(c.now.Add(r.skew).UnixMicro()))
		}
		for _, r := range c.regions {
			for _, o := range r.others {
				from := c.regions[o-1]
				if c.apart(from, r) {
					continue
				}
				announced, _ := from.engine.Announce()
				r.engine.Heard(o, relay.Heartbeat{Last: from.state.Seq, Promise: from.state.HLC, Announced: announced})
			}
		}
	}
	for _, r := range c.regions {
		must(r.engine.Forget())
	}
}

func sameRows(a, b map[conflict.Key]string) error {
	for k, v := range a {
		if w, ok := b[k]; !ok || v != w {
			return fmt.Errorf("row %q is %q and %q", k, v, w)
		}
	}
	for k, w := range b {
		if _, ok := a[k]; !ok {
			return fmt.Errorf("row %q is missing and %q", k, w)
		}
	}
	return nil
}
