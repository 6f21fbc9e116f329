package relay

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// A region whose clock is ahead would win all conflicts, and its transactions would be taken by nobody until the others' clocks have come as far. So
// a relay stamps with no later time than it has itself, whatever the database says of a commit; if it is ahead of most other regions by
// more than DriftWarn, with their time; and if its clock jumps ahead, as if it had not, until others have been heard. A clock that jumps back is
// harmless: stamps never do.

// offsetAge is how long what a heartbeat said of a peer's clock counts, and a jump is doubted while nobody is heard.
const offsetAge = time.Minute

// wallClock is physical time as far as it can be believed.
type wallClock struct {
	mu     sync.Mutex
	last   time.Time     // that was read
	ahead  time.Duration // how far the clock is ahead, as far as that is too far
	jumped time.Time     // when it last jumped ahead, by itself
	behind time.Duration // how far it is behind most others, as far as that is too far
}

// wall is the latest time to stamp with.
func (r *Relay) wall() time.Time {
	w := &r.clock
	w.mu.Lock()
	defer w.mu.Unlock()
	now := r.cfg.Clock.Now().Round(0) // without the monotonic reading, which knows no jumps
	switch step := now.Sub(w.last); {
	case len(r.peers) == 0 || w.last.IsZero():
	case step > r.cfg.DriftWarn:
		w.ahead, w.jumped = w.ahead+step, now
	case step < -r.cfg.DriftWarn: // set right, or back
		w.ahead, w.jumped = max(0, w.ahead+step), time.Time{}
	}
	w.last = now
	return now.Add(-w.ahead)
}

// jumpedAt is when the clock last jumped ahead.
func (w *wallClock) jumpedAt() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.jumped
}

// stampedBy is when a transaction was committed, as far as that can be believed.
func (r *Relay) stampedBy(committed time.Time) time.Time {
	if wall := r.wall(); committed.After(wall) {
		return wall
	}
	return committed
}

// measure finds out whether this region's clock is ahead of most others.
func (r *Relay) measure() {
	r.wall()
	now := r.cfg.Clock.Now().Round(0)
	jumped := r.clock.jumpedAt()
	offsets := r.offsets(now, jumped)
	if len(offsets) == 0 && now.Sub(jumped).Abs() < offsetAge {
		return
	}
	ahead := -median(offsets)
	if ahead <= r.cfg.DriftWarn {
		ahead = 0
	}
	r.clock.mu.Lock()
	if r.clock.jumped.Equal(jumped) {
		r.clock.ahead, r.clock.behind = ahead, behind(offsets, r.cfg.DriftWarn)
	}
	r.clock.mu.Unlock()
	if ahead > 0 {
		r.Report(Problem{
			Kind: "clock_ahead", Subject: r.cfg.Name,
			Detail: fmt.Sprintf("this region's clock is %s ahead of most others; transactions are stamped with the others' time", ahead.Round(time.Millisecond)),
			Remedy: "set the clock of this machine, and of its database's, right (NTP)",
		})
	}
}

// believed is the time that other regions' stamps are compared with.
func (r *Relay) believed() time.Time {
	r.clock.mu.Lock()
	defer r.clock.mu.Unlock()
	return r.cfg.Clock.Now().Add(r.clock.behind)
}

// behind is how far this region is behind most others. One region alone is not believed: it may be ahead.
func behind(offsets []time.Duration, bound time.Duration) time.Duration {
	if len(offsets) < 2 {
		return 0
	}
	slices.Sort(offsets)
	if d := offsets[(len(offsets)-1)/2]; d > bound {
		return d
	}
	return 0
}

// offsets are how far the clocks of other regions are ahead of this one, of those that were heard lately and since it jumped.
func (r *Relay) offsets(now, jumped time.Time) []time.Duration {
	var list []time.Duration
	for _, p := range r.peers {
		p.mu.Lock()
		if at := p.measuredAt; !at.IsZero() && now.Sub(at).Abs() < offsetAge && !at.Before(jumped) {
			list = append(list, p.status.Offset)
		}
		p.mu.Unlock()
	}
	return list
}

// median is the middle of some offsets, of two the greater one; 0 of none.
func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	slices.Sort(list)
	return list[len(list)/2]
}
