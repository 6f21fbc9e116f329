package regions_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestColumnsThatOnlySomeRegionsHave adds columns in one region while rows without them are on their way from the other one. They are written with the
// columns' defaults; rows with the columns wait where these are missing, and come when they are there.
func TestColumnsThatOnlySomeRegionsHave(t *testing.T) {
	e := pgtest.Oldest(t)
	b := start(t, "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE k (id int PRIMARY KEY, v text); CREATE TABLE big (id int PRIMARY KEY, v text)", e, e)
	a, o := b.regions[0], b.regions[1]
	a.server.Exec(t, "INSERT INTO app.t SELECT g, 'base' FROM generate_series(1, 4) g; INSERT INTO app.k VALUES (1, 'base'); INSERT INTO app.big SELECT g, 'v' FROM generate_series(1, 500) g")
	b.awaitIdentical(t, time.Minute, "app.t", "app.k", "app.big")
	o.server.Exec(t, "UPDATE app.t SET v = 'known' WHERE id = 3; INSERT INTO app.k VALUES (2, 'known')") // region a's applier knows the tables by now
	b.awaitIdentical(t, time.Minute, "app.t", "app.k")

	b.network.Isolate("a", testenv.Cut)
	const more = "ALTER TABLE app.t ADD w int, ADD x varchar(10) NOT NULL DEFAULT 'd', ADD y timestamptz DEFAULT '2024-01-01 00:00+00', ADD z int[] NOT NULL DEFAULT '{1,2}'"
	a.server.Exec(t, more+"; UPDATE app.t SET w = 1, x = 'a', y = NULL, z = '{}' WHERE id IN (1, 2, 4); INSERT INTO app.t VALUES (10, 'a', 10, 'a'); ALTER TABLE app.k ADD need int NOT NULL DEFAULT random()")
	o.server.Exec(t, "SELECT pg_sleep(0.01); UPDATE app.t SET v = 'later' WHERE id IN (1, 3); DELETE FROM app.t WHERE id = 4; INSERT INTO app.t VALUES (11, 'b'), (10, 'later'); UPDATE app.k SET v = 'held' WHERE id = 1")
	b.network.Heal()
	rows := "SELECT concat_ws(' ', id, v, coalesce(w::text, '-'), x, coalesce(to_char(y, 'YYYY-MM-DD'), '-'), z) FROM app.t ORDER BY id"
	want := []string{"1 later - d 2024-01-01 {1,2}", "2 base 1 a - {}", "3 later - d 2024-01-01 {1,2}", "10 later - d 2024-01-01 {1,2}", "11 b - d 2024-01-01 {1,2}"}
	b.awaitQuery(t, a, rows, want...)
	b.awaitProblem(t, o, "dead_letter", "app.t", "column w is missing here")
	b.awaitProblem(t, a, "dead_letter", "app.k", "column need stands only here, and rows cannot do without it")
	o.server.Exec(t, more)
	a.server.Exec(t, "ALTER TABLE app.k DROP need")
	b.awaitIdentical(t, time.Minute, "app.t", "app.k")
	b.awaitQuery(t, o, rows, want...)

	writing, stop := context.WithCancel(envtest.Context(t, time.Minute))
	defer stop()
	var writers sync.WaitGroup
	for i, r := range b.regions {
		writers.Go(func() { touch(writing, t, r, i) })
	}
	for i := range 3 {
		for _, r := range []*region{b.regions[i%2], b.regions[1-i%2]} {
			r.server.Exec(t, fmt.Sprintf("ALTER TABLE app.big ADD y%d int NOT NULL DEFAULT %d; UPDATE app.big SET y%d = 100 WHERE id %% 3 = 0", i, i, i))
		}
	}
	stop()
	writers.Wait()
	b.awaitIdentical(t, time.Minute, "app.big")
	if got := b.growth(t, 2*time.Second); got != 0 {
		t.Errorf("%d transactions were born while nobody wrote", got)
	}
}

// touch changes rows of app.big, by names that every definition has, until ctx ends.
func touch(ctx context.Context, t *testing.T, r *region, seed int) {
	conn := r.server.Connect(t, pgtest.Super, pgtest.Database)
	for i := seed; ctx.Err() == nil; i++ {
		id := 1 + i*7919%500
		for _, s := range []string{
			fmt.Sprintf("UPDATE app.big SET v = '%s%d' WHERE id IN (%d, %d)", r.name, i, id, 1+i*104729%500),
			fmt.Sprintf("DELETE FROM app.big WHERE id = %d", id+1),
			fmt.Sprintf("INSERT INTO app.big (id, v) VALUES (%d, '%s') ON CONFLICT DO NOTHING", id+1, r.name),
		} {
			if _, err := conn.PgConn().Exec(context.WithoutCancel(ctx), s).ReadAll(); err != nil && !strings.Contains(err.Error(), "deadlock") {
				t.Errorf("%s: %v", s, err)
			}
		}
	}
}

// awaitQuery waits until a region's database answers so.
func (b *bed) awaitQuery(t *testing.T, r *region, query string, want ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		got := r.server.Query(t, query)
		if slices.Equal(got, want) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("region %s has %q, want %q\n%s", r.name, got, want, r.relay.LogTail())
		}
		b.pause()
	}
}
