package applier

import (
	"context"
	"fmt"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// A database may lose in a crash what it has committed, as long as its log has not shown it; see relay.Tx. The next transaction of the origin finds that out, but there
// may be none. So what has been committed last, and is not shown after a while, is looked for: a mark that is committed and shown has everything before it.

// watchEvery is how long the last commit may take to be shown before it is looked for.
const watchEvery = time.Second

// watch ends the session if the database has lost what was committed last.
func (o *origin) watch(ctx context.Context) error {
	var before *conflict.Plan
	for {
		if err := relay.Sleep(ctx, o.a.cfg.Clock, watchEvery); err != nil {
			return err
		}
		p := o.unshown()
		if p == nil || p != before {
			before = p
			continue
		}
		if err := o.a.fence(ctx); err != nil {
			continue // the database is away; it is tried again
		}
		if o.unshown() == p {
			return fmt.Errorf("transaction %d of region %d was committed and is not in the database's log: %w", p.Mark.Range.To, o.region, relay.ErrTailLost)
		}
	}
}

// unshown is the last plan that was committed, if capture has not passed it.
func (o *origin) unshown() *conflict.Plan {
	o.a.mu.Lock()
	defer o.a.mu.Unlock()
	if o.landing != nil && o.a.engine.Landed(o.landing) {
		o.landing = nil
	}
	return o.landing
}
