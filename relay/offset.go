package relay

import (
	"cmp"
	"slices"
	"time"
)

// A heartbeat says what time it was where it was sent. It is read later by as long as it was on its way, and it may be so for seconds where a relay gets no processor or is behind: so it only shows how far
// the other clock is ahead at least. How far at most shows its echo, as in NTP: when the peer had read one of our heartbeats, by its clock, and when we had sent that, by ours. Of both the
// tightest are kept, those with the shortest ways. What lies between is not known, and nobody is told of a drift that the bounds do not prove.

// Echo is what a relay says of a heartbeat that it had from another one.
type Echo struct {
	Wall int64 // as the heartbeat had it; 0: none was heard lately
	At   int64 // when it was read, by the reader's physical clock, µs since the Unix epoch
}

// offsetBounds are what is known of how far a peer's clock is ahead of this one's. Times are without monotonic readings: these know no jumps.
type offsetBounds struct {
	floors   []offsetBound // it is ahead by so much at least
	ceilings []offsetBound // and by so much at most
	silent   int           // heartbeats since one had an echo
}

type offsetBound struct {
	at time.Time // when that was found out, by our clock
	by time.Duration
}

// heard takes a heartbeat's time and its echo of one of ours. What was found out before our clock jumped counts no more.
func (b *offsetBounds) heard(now, jumped time.Time, wall int64, echo Echo) {
	stale := func(x offsetBound) bool {
		return x.at.After(now) || now.Sub(x.at) > offsetAge || x.at.Before(jumped)
	}
	b.floors = append(slices.DeleteFunc(b.floors, stale), offsetBound{now, time.UnixMicro(wall).Sub(now)})
	b.ceilings = slices.DeleteFunc(b.ceilings, stale)
	if b.silent++; echo.Wall != 0 {
		b.silent = 0
	}
	ours := offsetBound{time.UnixMicro(echo.Wall), time.Duration(echo.At-echo.Wall) * time.Microsecond}
	if n := len(b.ceilings); b.silent == 0 && !stale(ours) && (n == 0 || b.ceilings[n-1] != ours) {
		b.ceilings = append(b.ceilings, ours)
	}
	b.agree()
}

// agree forgets what cannot be true any more, since a clock has been set: of bounds that exclude each other the newest are true.
func (b *offsetBounds) agree() {
	if least, most, closed := b.between(); !closed || least <= most {
		return
	}
	b.floors, b.ceilings = b.floors[len(b.floors)-1:], b.ceilings[len(b.ceilings)-1:]
	if least, most, _ := b.between(); least > most {
		b.ceilings = nil // of before
	}
}

// between returns the bounds; without closed there is no upper one.
func (b *offsetBounds) between() (least, most time.Duration, closed bool) {
	if len(b.floors) == 0 {
		return 0, 0, false
	}
	by := func(x, y offsetBound) int { return cmp.Compare(x.by, y.by) }
	least = slices.MaxFunc(b.floors, by).by
	if len(b.ceilings) == 0 {
		return least, 0, false
	}
	return least, slices.MinFunc(b.ceilings, by).by, true
}

// maxSilent is how many heartbeats may come without an echo before a peer is taken to send none: it may be about to hear us.
const maxSilent = 4

// open tells whether the upper bound is about to be known, and nothing can be said until it is.
func (b *offsetBounds) open() bool { return b.silent < maxSilent && len(b.ceilings) == 0 }

// estimate is how far the clock is ahead: about so much if the bounds are no further apart than what matters, else what is proved. A peer that sends no echoes, since it is of an older release or
// cannot hear us, is taken to be heard at once.
func (b *offsetBounds) estimate(matters time.Duration) time.Duration {
	least, most, closed := b.between()
	switch {
	case !closed:
		return least
	case most-least <= matters:
		return least + (most-least)/2
	}
	return min(max(least, 0), most)
}

// drift tells whether the clock is off by more than a limit, as far as that is proved: one that is not may be either.
func (b *offsetBounds) drift(limit time.Duration) (off, proved bool) {
	least, most, closed := b.between()
	switch {
	case b.open():
		return false, false
	case least > limit, closed && most < -limit:
		return true, true
	case !closed:
		return false, true
	}
	return false, least >= -limit && most <= limit
}
