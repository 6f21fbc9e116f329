package primary_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

// standing is how long a reader may wait for others within any time so long.
func standing(t time.Duration) time.Duration { return primary.AllowanceMost + t/primary.AllowanceShare }

// A reader that waits as often as it is let does so for no more of any stretch of time than was said.
func TestReadersWaitForAShareOfTheirTime(t *testing.T) {
	const step = 100 * time.Microsecond
	for seed := range uint64(20) {
		var a primary.Allowance
		r := rand.New(rand.NewPCG(seed, 1))
		now := time.Unix(1_000_000, 0)
		waited := []time.Duration{0} // until each step
		for len(waited) < 20_000 {
			wait := 0
			if r.IntN(4) == 0 {
				wait = min(int(a.Left(now)/step), 1+r.IntN(500))
			}
			for range wait {
				now = now.Add(step)
				waited = append(waited, waited[len(waited)-1]+step)
			}
			if wait > 0 {
				a.Waited(now)
			}
			now = now.Add(step)
			waited = append(waited, waited[len(waited)-1])
		}
		if all := time.Duration(len(waited)) * step; waited[len(waited)-1] < all/primary.AllowanceShare/2 {
			t.Errorf("seed %d: the reader was let wait for only %v of %v", seed, waited[len(waited)-1], all)
		}
		for range 20_000 {
			from := r.IntN(len(waited) - 1)
			to := from + 1 + r.IntN(len(waited)-from-1)
			if stood, within := waited[to]-waited[from], time.Duration(to-from)*step; stood > standing(within) {
				t.Fatalf("seed %d: the reader waited for %v of %v", seed, stood, within)
			}
		}
	}
}
