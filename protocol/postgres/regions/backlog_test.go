package regions_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestBacklog measures how fast a region takes what another one wrote while they were apart. OCTANT_BACKLOG is the number of transactions of four
// rows; without it the test is skipped.
func TestBacklog(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("OCTANT_BACKLOG"))
	if err != nil {
		t.Skip("OCTANT_BACKLOG is not set")
	}
	e := pgtest.Oldest(t)
	b := start(t, "CREATE TABLE w (id int PRIMARY KEY, v text, n bigint)", e, e)
	ctx := envtest.Context(t, 5*time.Minute)
	if err := b.regions[1].relay.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	b.regions[0].server.Exec(t, fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP
 INSERT INTO app.w SELECT i * 4 + k, md5(i::text), i FROM generate_series(0, 3) k; COMMIT; END LOOP; END $$`, n))
	began := time.Now()
	if err := b.regions[1].relay.Start(); err != nil {
		t.Fatal(err)
	}
	for b.regions[1].server.Query(t, "SELECT count(*) FROM app.w WHERE id >= 4")[0] == "0" {
		b.pause()
	}
	first := time.Since(began)
	rows := strconv.Itoa(4 * n)
	for b.regions[1].server.Query(t, "SELECT count(*) FROM app.w")[0] != rows {
		b.pause()
	}
	took := time.Since(began)
	t.Logf("%d transactions: first after %s, all after %s: %.0f rows/s", n, first.Round(time.Millisecond), took.Round(time.Millisecond), float64(4*n)/took.Seconds())
}
