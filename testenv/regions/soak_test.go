//go:build soak

package regions_test

import (
	"os"
	"testing"
	"time"
)

// TestSoak runs storms under faults on one bed, each with another seed, for as long as OCTANT_SOAK says.
// The bed stays, so what a round leaves behind in the relays is there in the next.
func TestSoak(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("OCTANT_SOAK"))
	if err != nil {
		t.Fatalf("OCTANT_SOAK must be a duration such as 30m: %v", err)
	}
	bed := startBed(t)
	counter := newLoad(bed, 0).counter // one for all rounds: its sums go on
	seed := uint64(time.Now().UnixNano())
	for end := time.Now().Add(duration); time.Now().Before(end); seed++ {
		t.Logf("round with seed %d", seed)
		load := newLoad(bed, seed)
		load.counter = counter
		stormUnderFaults(t, bed, load, seed, 2*time.Minute)
	}
}
