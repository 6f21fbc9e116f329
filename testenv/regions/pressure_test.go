package regions_test

import (
	"context"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestRegionsConvergeWhileTheyAreShortOfMemory: what comes in is slowed down, said so in SQL, and nothing is dropped.
func TestRegionsConvergeWhileTheyAreShortOfMemory(t *testing.T) {
	ctx := envtest.Context(t, 2*time.Minute)
	bed := envtest.Start(t, testenv.Options{
		Regions: 2, Octant: envtest.Octant(t), Memory: true, Schema: "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v INT)",
	})
	a := bed.Regions[0].Relay
	restartWith(ctx, t, a, map[string]any{"pressure": map[string]any{"memory": "1MiB"}})
	for i := range 30 {
		for v, r := range bed.Regions {
			if _, err := r.Server.DB().ExecContext(ctx, "REPLACE INTO app.t VALUES (?, ?)", i%20, v); err != nil {
				t.Fatal(err)
			}
		}
	}
	envtest.WaitIdentical(t, testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}, ShowValues: true}, time.Minute)
	waitFor(t, "octant.problems to say so", func(context.Context) (bool, string) {
		said := askRelay(t, bed, "a", "SELECT count(*) FROM octant.problems WHERE kind = 'memory_short'")
		return said == "1", said
	})
}

// restartWith restarts a relay with more configuration.
func restartWith(ctx context.Context, t *testing.T, r *testenv.Relay, extra map[string]any) {
	t.Helper()
	if err := r.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := r.Configure(func(c *testenv.RelayConfig) { c.Extra = extra }); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.WaitReady(ctx, ""); err != nil {
		t.Fatal(err)
	}
}
