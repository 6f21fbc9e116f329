package applier

import (
	"context"
	"time"

	"github.com/octant-db/octant/relay"
)

// repairRows is how many rows are repaired in one transaction.
const repairRows = 200

// repairPause is how long the repairer waits when a row cannot be repaired yet because something is on its way to it.
const repairPause = 20 * time.Millisecond

// runRepairs writes again what an older write covered.
func (a *Applier) runRepairs(ctx context.Context) error {
	for {
		if err := a.progress.Wait(ctx, a.needsRepair); err != nil {
			return err
		}
		f, err := a.takeOffRepair()
		if err != nil {
			return err
		}
		if f == nil {
			if err := relay.Sleep(ctx, a.cfg.Clock, repairPause); err != nil {
				return err
			}
			continue
		}
		if err := a.fly(ctx, f, 1); err != nil {
			return err
		}
	}
}

func (a *Applier) needsRepair() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _, repairs := a.engine.Size()
	return repairs > 0
}

func (a *Applier) takeOffRepair() (*flight, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	plan, err := a.engine.Repair(repairRows)
	if err != nil || plan == nil {
		return nil, err
	}
	f := newFlight(plan)
	a.locks.take(f, plan.Writes, nil)
	return f, nil
}
