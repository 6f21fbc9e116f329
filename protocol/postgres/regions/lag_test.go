package regions_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestLag measures how long it takes from a commit in one region until the row shows in the other. Without OCTANT_LAG it is skipped.
func TestLag(t *testing.T) {
	if os.Getenv("OCTANT_LAG") == "" {
		t.Skip("OCTANT_LAG is not set")
	}
	e := pgtest.Oldest(t)
	b := start(t, "CREATE TABLE lag (id int PRIMARY KEY)", e, e)
	ctx := envtest.Context(t, 2*time.Minute)
	here := b.regions[0].server.Connect(t, pgtest.Super, pgtest.Database)
	there := b.regions[1].server.Connect(t, pgtest.Super, pgtest.Database)
	var lags []time.Duration
	for i := range 300 {
		if _, err := here.Exec(ctx, "INSERT INTO app.lag VALUES ($1)", i); err != nil {
			t.Fatal(err)
		}
		began, found := time.Now(), false
		for !found {
			if err := there.QueryRow(ctx, "SELECT EXISTS (SELECT FROM app.lag WHERE id = $1)", i).Scan(&found); err != nil {
				t.Fatal(err)
			}
		}
		lags = append(lags, time.Since(began))
	}
	slices.Sort(lags)
	t.Logf("lag: p50 %s, p99 %s, most %s", lags[len(lags)/2], lags[len(lags)*99/100], lags[len(lags)-1])
}
