//go:build soak

package regions_test

import (
	"os"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
)

// TestSoakConvergence runs storms under faults on eight PostgreSQL regions, the oldest and the newest version by turns, for as long as OCTANT_SOAK says.
func TestSoakConvergence(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("OCTANT_SOAK"))
	if err != nil {
		t.Fatalf("OCTANT_SOAK must be a duration such as 30m: %v", err)
	}
	engines := pgtest.Engines()
	if len(engines) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	b := start(t, schema, byTurns(engines, 8)...)
	for end := time.Now().Add(duration); time.Now().Before(end); {
		b.stormUnderFaults(t)
	}
}
