package conflict_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// TestLateWritesOfALongHistory merges the same writes of a row in order and a little out of order: the row comes to the same. Each write adds its number to what it
// is replayed on, so that none may be left out, done twice, or done too early.
func TestLateWritesOfALongHistory(t *testing.T) {
	const writes = 400
	rule := &conflict.Rule{Policy: conflict.Merge, Replay: func(onto, _, after conflict.Row) (conflict.Row, error) {
		return conflict.Row{Image: relay.Image(fmt.Sprintf("%.200s<%s", after.Image, onto.Image))}, nil
	}}
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, 5))
		var right, late *conflict.Engine
		for _, e := range []**conflict.Engine{&right, &late} {
			*e = conflict.New(1, []relay.Region{2, 3}, conflict.NewMemory(), conflict.Snapshot{}, 0, func(conflict.Conflict) {})
			(*e).Govern(func(conflict.Key) *conflict.Rule { return rule })
		}
		order := make([]int, writes)
		for i := range order {
			order[i] = i
		}
		for i := 1; i < writes-1; i++ { // the insert stays the first
			j := min(writes-1, i+rng.IntN(1+rng.IntN(90)))
			order[i], order[j] = order[j], order[i]
		}
		for i, n := range order {
			carryNumber(t, right, i)
			carryNumber(t, late, n)
			if i%7 == 0 {
				if _, _, err := late.Right("k"); err != nil {
					t.Fatal(err)
				}
			}
		}
		want, _, _ := right.Right("k")
		if got, _, err := late.Right("k"); err != nil || !got.Row.Same(want.Row) {
			t.Fatalf("seed %d: out of order the row is %.80q, in order %.80q (%v)", seed, got.Row.Image, want.Row.Image, err)
		}
	}
}

func carryNumber(t *testing.T, e *conflict.Engine, n int) {
	t.Helper()
	c := conflict.Change{Key: "k", Before: conflict.Row{Image: relay.Image("row")}, After: conflict.Row{Image: relay.Image(fmt.Sprint(n))}}
	if n == 0 {
		c.Before = conflict.Row{}
	}
	err := e.Carry(&conflict.Transaction{
		Origin: relay.Region(2 + n%2), Seq: relay.Seq(n + 1), HLC: relay.HLC(n + 1), Deps: relay.Vector{0, 0, 1, 1}, Changes: []conflict.Change{c},
	}, &conflict.Landed{})
	if err != nil {
		t.Fatal(err)
	}
}
