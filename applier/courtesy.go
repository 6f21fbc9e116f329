package applier

import (
	"context"
	"time"

	"github.com/octant-db/octant/relay"
)

// courtesy makes the merger step back while capture reads a backlog: that the database's log is safe here comes first, and both want the same processors.
type courtesy struct {
	a     *Applier
	began time.Time // of the present stretch of work
	last  relay.LSN // of the log at its beginning
}

const (
	stretch = 5 * time.Millisecond // of work, between two looks
	rest    = 4                    // times as long as it worked, the merger stays away
	behind  = 5 * time.Second      // capture reads a backlog if what it read last is older than this
)

// pause steps back if it is time to.
func (c *courtesy) pause(ctx context.Context) error {
	clock := c.a.cfg.Clock
	now := clock.Now()
	worked := now.Sub(c.began)
	if worked < stretch {
		return nil
	}
	last := relay.LSN(c.a.cfg.Log.Local().Last())
	grew := last != c.last
	c.last, c.began = last, now
	if !grew || !c.backlog(now) {
		return nil
	}
	err := relay.Sleep(ctx, clock, rest*min(worked, 4*stretch))
	c.began = clock.Now()
	return err
}

// backlog tells whether what capture has read last is the application's, and old. What comes from other regions says nothing: it is as old as they have made it, and the merger must keep up
// with it, since what is applied next waits for that.
func (c *courtesy) backlog(now time.Time) bool {
	e, _, err := c.a.cfg.Log.Local().Entry(c.last)
	return err == nil && e.Kind == relay.Local && now.Sub(e.Time) > behind
}
