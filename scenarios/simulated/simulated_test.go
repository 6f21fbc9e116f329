package simulated_test

import (
	"flag"
	"testing"

	"github.com/octant-db/octant/scenarios"
	"github.com/octant-db/octant/scenarios/simulated"
)

var (
	seeds = flag.Uint64("seeds", 100, "how often each scenario is played")
	seed  = flag.Uint64("seed", 0, "play with this seed alone")
)

// TestScenariosInTheSimulation plays each scenario with many seeds: what is expected must be so in whatever order things happen.
func TestScenariosInTheSimulation(t *testing.T) {
	all, err := scenarios.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(s.Name, func(t *testing.T) {
			if !s.In("simulation") {
				t.Skip(s.Reason)
			}
			t.Parallel()
			first, last := uint64(1), *seeds
			if *seed != 0 {
				first, last = *seed, *seed
			}
			for n := first; n <= last; n++ {
				if err := simulated.Play(s, n); err != nil {
					t.Fatalf("%v (replay: go test ./scenarios/simulated -run /%s$ -seed %d)", err, s.Name, n)
				}
			}
		})
	}
}
