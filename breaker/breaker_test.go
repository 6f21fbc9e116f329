package breaker_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/breaker"
)

var start = time.Unix(1_700_000_000, 0)

func at(d time.Duration) time.Time { return start.Add(d) }

// TestCycle opens a breaker, lets a probe fail and one succeed.
func TestCycle(t *testing.T) {
	b := breaker.New(breaker.Settings{Failures: 2, First: time.Second, Most: 3 * time.Second})
	b.Fail(at(0), "one")
	if !b.Closed() || !b.Allow(at(0)) {
		t.Fatal("one failure opened it")
	}
	b.Fail(at(0), "two")
	if b.State() != breaker.Open || b.Reason() != "two" || b.Failures() != 2 || b.Opened() != 1 {
		t.Fatalf("%s because of %q after %d failures", b.State(), b.Reason(), b.Failures())
	}
	if b.Allow(at(time.Second - 1)) {
		t.Fatal("allowed within the pause")
	}
	if !b.Allow(at(time.Second)) || b.State() != breaker.HalfOpen || b.Allow(at(time.Second)) {
		t.Fatal("the pause is over: one attempt, and no second one beside it")
	}
	b.Fail(at(time.Second), "again")
	if b.Allow(at(3*time.Second-1)) || !b.Allow(at(3*time.Second)) {
		t.Fatal("the second pause is not twice the first one")
	}
	b.Fail(at(3*time.Second), "again")
	if b.Allow(at(6*time.Second-1)) || !b.Allow(at(6*time.Second)) {
		t.Fatal("the third pause is not the longest one")
	}
	b.Succeed(at(6 * time.Second))
	if !b.Closed() || b.Reason() != "" || b.Failures() != 0 || !b.Since().Equal(at(6*time.Second)) {
		t.Fatal("not closed as a new one")
	}
}

// TestHurry tries before the pause is over, and pauses from the beginning after that.
func TestHurry(t *testing.T) {
	b := breaker.Resume(breaker.Settings{First: time.Minute, Most: time.Hour}, start, 3, "before")
	if b.State() != breaker.Open || b.Failures() != 3 || b.Allow(start) {
		t.Fatal("not resumed open")
	}
	b.Hurry(at(time.Second))
	if !b.Allow(at(time.Second)) {
		t.Fatal("not allowed")
	}
	b.Fail(at(time.Second), "x")
	if next := b.Next().Sub(at(time.Second)); next != 2*time.Minute {
		t.Fatalf("pauses %s", next)
	}
}

// TestProperties plays random calls: a breaker never allows two attempts within its shortest pause unless it is closed or was hurried, never
// stays away for longer than its longest one, and is closed exactly after fewer failures than it takes.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := breaker.Settings{
			Failures: rapid.IntRange(0, 4).Draw(t, "failures"), First: time.Second,
			Most: time.Duration(rapid.IntRange(1, 100).Draw(t, "most")) * time.Second,
		}
		b := breaker.New(s)
		now, allowed := start, time.Time{}
		row := 0
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			switch rapid.IntRange(0, 4).Draw(t, "what") {
			case 0:
				was := b.State()
				if !b.Allow(now) {
					if b.Next().Sub(now) > s.Most {
						t.Fatalf("stays away for %s", b.Next().Sub(now))
					}
					break
				}
				if was == breaker.Closed {
					break
				}
				if b.State() != breaker.HalfOpen || now.Sub(allowed) < s.First {
					t.Fatalf("%s after %s", b.State(), now.Sub(allowed))
				}
				allowed = now
			case 1:
				b.Fail(now, "reason")
				row++
				if b.Reason() != "reason" {
					t.Fatal("does not say why")
				}
			case 2:
				b.Succeed(now)
				row, allowed = 0, time.Time{}
			case 3:
				if row++; b.Closed() {
					row = max(row, s.Failures, 1)
				}
				b.Trip(now, "reason")
			default:
				if b.State() == breaker.Open {
					b.Hurry(now)
					allowed = time.Time{}
				}
			}
			if b.Failures() != row || b.Closed() != (row < max(s.Failures, 1)) {
				t.Fatalf("%s after %d failures (%d counted)", b.State(), row, b.Failures())
			}
		}
	})
}
