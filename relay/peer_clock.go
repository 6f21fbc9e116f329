package relay

import (
	"fmt"
	"slices"
	"time"
)

// maxAhead is as far ahead as guardClock can say; a clock may be further than a Duration holds.
const maxAhead = 100 * 365 * 24 * time.Hour

// guardClock keeps a region whose clock is far ahead from owning all future writes.
func (p *peer) guardClock(h HLC) error {
	us := int64(h) - p.r.believed().UnixMicro()
	ahead := time.Duration(min(us, int64(maxAhead/time.Microsecond))) * time.Microsecond
	if ahead <= p.r.cfg.DriftWarn {
		return nil
	}
	p.drifts(true)
	problem := Problem{
		Kind: "clock_drift", Subject: p.cfg.Name,
		Detail: fmt.Sprintf("its clock is %s ahead of this region's", ahead.Round(time.Millisecond)),
		Remedy: "set the clocks right (NTP); writes of the region that is ahead win over all others meanwhile",
	}
	p.r.Report(problem)
	if ahead > p.r.cfg.DriftStop {
		p.measured(int64(h), Echo{}) // no heartbeat may come through: so much its clock says at least
		return fmt.Errorf("%s: taking nothing more from it until its clock is within %s", problem.Detail, p.r.cfg.DriftStop)
	}
	return nil
}

// drifts tells once that the peer's clock is off, and once that it no longer is.
func (p *peer) drifts(off bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drifting == off {
		return
	}
	p.drifting = off
	e := Event{Kind: DriftEvent, Subject: p.cfg.Name, Detail: "its clock is within bounds again", Fields: map[string]string{"state": "ended"}}
	if off {
		e.Detail = fmt.Sprintf("its clock and this region's are more than %s apart", p.r.cfg.DriftWarn)
		e.Fields["state"] = "began"
	}
	p.r.tell(e, true)
}

// measured notes how far the peer's physical clock is ahead of this region's.
func (p *peer) measured(wall int64, echo Echo) {
	heard, jumped := p.r.cfg.Clock.Now(), p.r.clock.jumpedAt()
	now := heard.Round(0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastHeard = heard
	p.bounds.heard(now, jumped, wall, echo)
	if p.bounds.open() {
		return
	}
	p.measuredAt, p.status.Offset = now, p.bounds.estimate(p.r.cfg.DriftWarn)
}

// echoes are by region id what was heard of the peers last, as far as that was lately.
func (r *Relay) echoes() (list []Echo) {
	now := r.cfg.Clock.Now()
	for _, p := range r.peers {
		p.mu.Lock()
		id, echo := p.facts.Region, p.echo
		p.mu.Unlock()
		if !id.Valid() || now.Sub(time.UnixMicro(echo.At)).Abs() > offsetAge {
			continue
		}
		list = slices.Grow(list, int(id))
		for len(list) <= int(id) {
			list = append(list, Echo{})
		}
		list[id] = echo
	}
	return list
}

// guardOffset says if a peer's physical clock is off. What it has stamped may be right all the same: see wall.go.
func (p *peer) guardOffset() {
	p.mu.Lock()
	offset := p.status.Offset
	off, proved := p.bounds.drift(p.r.cfg.DriftWarn)
	p.mu.Unlock()
	if proved {
		p.drifts(off)
	}
	if !off {
		return
	}
	side := "ahead of"
	if offset < 0 {
		side = "behind"
	}
	p.r.Report(Problem{
		Kind: "clock_drift", Subject: p.cfg.Name,
		Detail: fmt.Sprintf("its clock is %s %s this region's", offset.Abs().Round(time.Millisecond), side),
		Remedy: "set the clocks right (NTP); where a clock is ahead of most others, transactions are stamped with the others' time meanwhile",
	})
}
