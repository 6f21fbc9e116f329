package regions_test

import (
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// startMySQL starts a storm's bed of three MySQL regions.
func startMySQL(t *testing.T) *testenv.Bed {
	t.Helper()
	return envtest.Start(t, testenv.Options{
		Octant: envtest.Octant(t), Engine: testenv.MySQL97, Regions: 3, Relaxed: true, Schema: testenv.StormSchema + testenv.CounterSchema,
	})
}

func TestThreeMySQLRegionsConvergeAfterAStormUnderFaults(t *testing.T) {
	bed := startMySQL(t)
	stormUnderFaults(t, bed, newLoad(bed, 11), 11, 40*time.Second)
}
