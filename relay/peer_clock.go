package relay

import (
	"fmt"
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
		p.measured(int64(h)) // no heartbeat may come through: so much its clock says at least
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
func (p *peer) measured(wall int64) time.Duration {
	now := p.r.cfg.Clock.Now()
	offset := time.Duration(wall-now.UnixMicro()) * time.Microsecond
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastHeard, p.status.Offset = now, offset
	return offset
}

// guardOffset says if a peer's physical clock is off. What it has stamped may be right all the same: see wall.go.
func (p *peer) guardOffset(offset time.Duration) {
	off := offset.Abs() > p.r.cfg.DriftWarn
	if p.drifts(off); !off {
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
