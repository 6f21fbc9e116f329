package testenv

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Fault is something that Chaos does to one region, and undoes.
type Fault string

// The faults.
const (
	KillRelay    Fault = "kill relay"
	KillDatabase Fault = "kill database"
	KillBoth     Fault = "kill relay and database"
	CutRegion    Fault = "cut region off"
	StallRegion  Fault = "stall region's links"
	ResetLinks   Fault = "reset region's links"
)

// AllFaults are the faults that Chaos chooses from by default.
var AllFaults = []Fault{KillRelay, KillDatabase, KillBoth, CutRegion, StallRegion, ResetLinks}

// ChaosOptions says what chaos does.
type ChaosOptions struct {
	Seed   uint64
	Faults []Fault       // chosen from at random; empty means AllFaults
	Pause  time.Duration // the mean time between two faults; 0 means 1 s
	Down   time.Duration // the mean time for which a fault lasts; 0 means 1 s
	Log    *slog.Logger  // nil is silence
}

// Chaos breaks one region of a Bed after the other, at random moments, and mends each.
type Chaos struct {
	bed     *Bed
	options ChaosOptions
	rand    *rand.Rand
	log     *slog.Logger
	faults  atomic.Int64
}

// NewChaos makes chaos for a bed with relays.
func NewChaos(bed *Bed, o ChaosOptions) *Chaos {
	if len(o.Faults) == 0 {
		o.Faults = AllFaults
	}
	if o.Pause == 0 {
		o.Pause = time.Second
	}
	if o.Down == 0 {
		o.Down = time.Second
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Chaos{bed: bed, options: o, log: log, rand: rand.New(rand.NewPCG(o.Seed, 0))}
}

// Run makes faults until ctx ends, then mends all: when it returns, every database answers, every relay
// runs and every link is healthy. It fails when something cannot be mended; relays may still be on their
// way to readiness.
func (c *Chaos) Run(ctx context.Context) error {
	for pause(ctx, c.around(c.options.Pause)) == nil {
		fault := c.options.Faults[c.rand.IntN(len(c.options.Faults))]
		region := c.bed.Regions[c.rand.IntN(len(c.bed.Regions))]
		if err := c.strike(ctx, fault, region); err != nil {
			return errors.Join(err, c.bed.Mend(ctx))
		}
	}
	return c.bed.Mend(ctx)
}

// Faults returns how many faults there were so far.
func (c *Chaos) Faults() int { return int(c.faults.Load()) }

// around is a random duration with the given mean.
func (c *Chaos) around(mean time.Duration) time.Duration {
	return time.Duration(c.rand.Int64N(2 * int64(mean)))
}

func (c *Chaos) strike(ctx context.Context, fault Fault, r *Region) error {
	down := c.around(c.options.Down)
	c.faults.Add(1)
	c.log.Info("fault", "kind", string(fault), "region", r.Name, "seconds", down.Seconds())
	var err error
	switch fault {
	case KillRelay:
		err = r.Relay.Kill()
	case KillDatabase:
		err = r.Server.Kill()
	case KillBoth:
		err = errors.Join(r.Relay.Kill(), r.Server.Kill())
	case CutRegion:
		c.bed.Network.Isolate(r.Name, Cut)
	case StallRegion:
		c.bed.Network.Isolate(r.Name, Stalled)
	case ResetLinks:
		c.bed.Network.Reset(r.Name)
	}
	if err != nil {
		return fmt.Errorf("region %s: %s: %w", r.Name, fault, err)
	}
	_ = pause(ctx, down) // the end of chaos ends the fault early
	c.bed.Network.Rejoin(r.Name)
	return r.up(ctx)
}

// up starts what does not run. What ended by itself is not started again but reported: a relay or a
// database must never end unless it is killed.
func (r *Region) up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := r.Server.Start(ctx); err != nil {
		return fmt.Errorf("region %s: %w", r.Name, err)
	}
	if r.Relay == nil {
		return nil
	}
	if err := r.Relay.Start(); err != nil {
		return fmt.Errorf("region %s: %w", r.Name, err)
	}
	return nil
}

// Mend starts every database and relay that was stopped or killed and heals every link, also when ctx has
// ended. It does not wait for readiness.
func (b *Bed) Mend(ctx context.Context) error {
	if b.Network != nil {
		b.Network.Heal()
	}
	var g errgroup.Group
	for _, r := range b.Regions {
		g.Go(func() error { return r.up(ctx) })
	}
	return g.Wait()
}
