package relay

import (
	"math/rand/v2"
	"testing"
	"time"
)

const offsetLimit = 5 * time.Second

// correspondents are two relays with clocks of their own, of which one measures the other's. Time is the test's.
type correspondents struct {
	t      *testing.T
	bounds offsetBounds
	now    time.Time     // the measuring relay's clock
	ahead  time.Duration // the other one's
	jumped time.Time
	echo   Echo
}

func newCorrespondents(t *testing.T, ahead time.Duration) *correspondents {
	return &correspondents{t: t, now: time.UnixMicro(1_800_000_000_000_000), ahead: ahead}
}

// exchange has a heartbeat of ours reach the other relay after there, and one of its own that echoes it be read here after back.
func (c *correspondents) exchange(there, back time.Duration) {
	c.say(there)
	c.hear(back)
}

func (c *correspondents) say(there time.Duration) {
	sent := c.now
	c.now = c.now.Add(there)
	c.echo = Echo{Wall: sent.UnixMicro(), At: c.now.Add(c.ahead).UnixMicro()}
}

func (c *correspondents) hear(back time.Duration) {
	wall := c.now.Add(c.ahead)
	c.now = c.now.Add(back)
	c.bounds.heard(c.now, c.jumped, wall.UnixMicro(), c.echo)
}

// jump sets the measuring relay's clock.
func (c *correspondents) jump(by time.Duration) {
	c.now, c.ahead = c.now.Add(by), c.ahead-by
	if c.jumped = (time.Time{}); by > 0 {
		c.jumped = c.now
	}
}

func (c *correspondents) requireDrift(off, proved bool) {
	c.t.Helper()
	if o, p := c.bounds.drift(offsetLimit); o != off || p != proved {
		least, most, closed := c.bounds.between()
		c.t.Fatalf("off %v, proved %v; want %v, %v: between %v and %v (%v), is %v", o, p, off, proved, least, most, closed, c.ahead)
	}
}

func (c *correspondents) requireEstimate(want, within time.Duration) {
	c.t.Helper()
	if got := c.bounds.estimate(offsetLimit); (got - want).Abs() > within {
		c.t.Fatalf("offset %v, want %v ± %v", got, want, within)
	}
}

// TestBoundsHoldTheOffset: whatever is late, the clock's offset lies between the bounds, and no drift is told that is none.
func TestBoundsHoldTheOffset(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		late := func() time.Duration {
			return time.Duration(rng.ExpFloat64() * float64(2*time.Second)).Truncate(time.Microsecond)
		}
		c := newCorrespondents(t, time.Duration(rng.IntN(16_000_000)-8_000_000)*time.Microsecond)
		for range 60 {
			c.exchange(late(), late())
			least, most, closed := c.bounds.between()
			if !closed || c.ahead < least || c.ahead > most {
				t.Fatalf("seed %d: between %v and %v (%v), is %v", seed, least, most, closed, c.ahead)
			}
			if off, _ := c.bounds.drift(offsetLimit); off && c.ahead.Abs() <= offsetLimit {
				t.Fatalf("seed %d: a clock that is %v ahead is off", seed, c.ahead)
			}
		}
	}
}

// TestLateReadingProvesNothing: heartbeats that are read late, there or here, show no drift, and hide none that was proved in the last minute.
func TestLateReadingProvesNothing(t *testing.T) {
	const slow, quick = 10 * time.Second, time.Millisecond
	for name, ways := range map[string][2]time.Duration{"here": {quick, slow}, "there": {slow, quick}, "both": {slow, slow}} {
		t.Run(name, func(t *testing.T) {
			c := newCorrespondents(t, 0)
			for range 20 {
				c.exchange(ways[0], ways[1])
				c.requireDrift(false, false)
				c.requireEstimate(0, quick)
			}
			c.exchange(quick, quick)
			c.requireDrift(false, true)
		})
	}
	for _, ahead := range []time.Duration{8 * time.Second, -8 * time.Second} {
		c := newCorrespondents(t, ahead)
		c.exchange(quick, quick)
		for range 2 {
			c.requireDrift(true, true)
			c.requireEstimate(ahead, quick)
			c.exchange(slow, slow)
		}
	}
}

// TestBoundsFollowClocksThatAreSet: of either region, forth and back, by more than the limit or less.
func TestBoundsFollowClocksThatAreSet(t *testing.T) {
	const way = 2 * time.Millisecond
	for _, by := range []time.Duration{time.Hour, -time.Hour, 20 * time.Second, -20 * time.Second, time.Second, -time.Second} {
		for name, set := range map[string]func(*correspondents){
			"there": func(c *correspondents) { c.ahead += by },
			"here":  func(c *correspondents) { c.jump(by) },
		} {
			t.Run(name+" by "+by.String(), func(t *testing.T) {
				c := newCorrespondents(t, 0)
				for range 10 {
					c.exchange(way, way)
					c.now = c.now.Add(time.Second)
				}
				set(c)
				c.hear(way) // with an echo of before
				if least, most, closed := c.bounds.between(); closed && least > most {
					t.Fatalf("at least %v, at most %v", least, most)
				}
				for range 2 {
					c.now = c.now.Add(time.Second)
					c.exchange(way, way)
				}
				c.requireEstimate(c.ahead, way)
				c.requireDrift(c.ahead.Abs() > offsetLimit, true)
			})
		}
	}
}

// TestNothingIsSaidBeforeAnAnswerCounts: when our clock has just jumped, no echo is of a heartbeat since.
func TestNothingIsSaidBeforeAnAnswerCounts(t *testing.T) {
	c := newCorrespondents(t, 0)
	c.exchange(time.Millisecond, time.Millisecond)
	c.jump(20 * time.Second)
	c.hear(time.Millisecond)
	if !c.bounds.open() {
		t.Fatal("an echo of before counts")
	}
	c.requireDrift(false, false)
	c.exchange(time.Millisecond, time.Millisecond)
	c.requireDrift(true, true)
}

// TestAPeerThatSendsNoEchoes is an older release, or one that does not hear us: it is believed to be ahead, and not to be behind.
func TestAPeerThatSendsNoEchoes(t *testing.T) {
	c := newCorrespondents(t, 8*time.Second)
	c.hear(time.Millisecond)
	c.requireDrift(false, false) // it may be about to
	for range maxSilent {
		c.hear(time.Millisecond)
	}
	c.requireDrift(true, true)
	c = newCorrespondents(t, -8*time.Second)
	for range maxSilent {
		c.hear(time.Millisecond)
	}
	c.requireDrift(false, true)
	c.requireEstimate(-8*time.Second, time.Millisecond)
}
