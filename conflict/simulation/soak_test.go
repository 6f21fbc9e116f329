//go:build soak

package simulation_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// TestSoakHistories runs histories that no run before has seen, for as long as OCTANT_SOAK says. A seed that fails is printed and replays.
func TestSoakHistories(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("OCTANT_SOAK"))
	if err != nil {
		t.Fatalf("OCTANT_SOAK must be a duration such as 1h: %v", err)
	}
	kinds := [3]uint64{0, dense, following}
	first, played := rand.Uint64()|1, 0
	play(t, func(yield func(uint64) bool) {
		for end := time.Now().Add(duration); time.Now().Before(end) && yield((first+uint64(played)/3)&^(dense|following)|kinds[played%3]); {
			played++
		}
	})
	t.Logf("%d histories, the first of seed %d", played, first)
}
