//go:build bench

package bench_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver pgx

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// benchPostgres compares with a subscription, as it is by default: its commits do not wait for the disk. Nor do the relay's, of what comes from other regions.
func benchPostgres(t *testing.T, s settings, r *report) {
	ctx := envtest.Context(t, 20*time.Minute)
	s.rivalPostgres(t, ctx, rowsOfTable).run(t, r)
}

// benchLargePostgres has tables so large that batches seldom have a row in common.
func benchLargePostgres(t *testing.T, s settings, r *report) {
	ctx := envtest.Context(t, 20*time.Minute)
	s.rivalPostgres(t, ctx, manyRows).backlogs(t, ctx, r)
}

func (s settings) rivalPostgres(t *testing.T, ctx context.Context, rows int) *rivalry {
	t.Helper()
	engine := pgtest.Oldest(t)
	var servers [3]*pgtest.Server
	var dbs [3]*sql.DB
	for i := range servers {
		servers[i] = pgtest.Start(t, engine, "fsync=on", "shared_buffers=128MB", "max_wal_size=2GB", "max_worker_processes=8")
		servers[i].Prepare(t, "")
		servers[i].Exec(t, "CREATE SCHEMA bench AUTHORIZATION octant")
		dbs[i] = openPostgres(t, servers[i])
		fillPostgres(t, ctx, dbs[i], rows)
	}
	relays := pairPostgres(t, ctx, servers[0], servers[1])
	mustExec(t, ctx, dbs[0], "CREATE PUBLICATION native FOR TABLES IN SCHEMA bench")
	mustExec(t, ctx, dbs[2], fmt.Sprintf("CREATE SUBSCRIPTION native CONNECTION '%s' PUBLICATION native WITH (copy_data = false)",
		servers[0].URL(pgtest.Super, pgtest.Database)))
	alter := func(what string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := dbs[2].ExecContext(ctx, "ALTER SUBSCRIPTION native "+what)
			return err
		}
	}
	return &rivalry{
		settings: s, rows: rows, engine: engine.Name, rival: "subscription", lagGoal: 6, a: dbs[0], b: dbs[1], relayA: relays[0], relayB: relays[1],
		session: openRelay(t, relays[1], password), serverB: postmaster(t, servers[1]),
		follower: dbs[2], followerServer: postmaster(t, servers[2]), follow: alter("ENABLE"), stopFollow: alter("DISABLE"),
	}
}

// postmaster is the process that has started all others of a server.
func postmaster(t *testing.T, s *pgtest.Server) int {
	t.Helper()
	first, _, _ := strings.Cut(readFile(t, filepath.Join(s.Data(), "postmaster.pid")), "\n")
	return atoi(t, first)
}

// openPostgres returns sessions that take several statements in one text.
func openPostgres(t *testing.T, s *pgtest.Server) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", s.URL(pgtest.Super, pgtest.Database)+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// fillPostgres makes the tables of fillTables, each with so many rows.
func fillPostgres(t *testing.T, ctx context.Context, db *sql.DB, rows int) {
	t.Helper()
	text := []string{"SET ROLE octant", "CREATE TABLE bench.done (id INT PRIMARY KEY)", "CREATE TABLE bench.probe (id INT PRIMARY KEY)"}
	for i := range workTables {
		text = append(text,
			fmt.Sprintf("CREATE TABLE bench.sbtest%d (id INT PRIMARY KEY, k INT NOT NULL DEFAULT 0, c TEXT NOT NULL DEFAULT '', pad TEXT NOT NULL DEFAULT '')", i),
			fmt.Sprintf("CREATE INDEX ON bench.sbtest%d (k)", i),
			fmt.Sprintf("INSERT INTO bench.sbtest%d SELECT n, n, repeat(md5(n::text), 4), repeat(md5(n::text), 2) FROM generate_series(1, %d) n", i, rows))
	}
	mustExec(t, ctx, db, strings.Join(append(text, "RESET ROLE"), ";"))
}

// pairPostgres runs a relay at each of two servers.
func pairPostgres(t *testing.T, ctx context.Context, servers ...*pgtest.Server) []*testenv.Relay {
	t.Helper()
	dir, names := envtest.Dir(t), []string{"a", "b"}
	ports := []*testenv.Port{reservePort(t), reservePort(t)}
	var relays []*testenv.Relay
	for i, s := range servers {
		home := filepath.Join(dir, names[i])
		r, err := testenv.NewRelay(testenv.RelayOptions{Binary: envtest.Octant(t), Dir: home, Config: testenv.RelayConfig{
			Region: testenv.RegionConfig{Cluster: "bench", Name: names[i], ID: i + 1, DataDir: filepath.Join(home, "data")},
			Database: testenv.DatabaseConfig{
				URL:      fmt.Sprintf("postgres://%s@%s/%s", pgtest.User, s.Addr(), pgtest.Database),
				Password: pgtest.Password, Include: []string{"bench.*"},
			},
			Listen: testenv.ListenConfig{MySQL: ports[i].Addr()},
			Users: []testenv.UserConfig{
				{Name: testenv.PeerUser, Password: password, Roles: []string{"replicate"}},
				{Name: testenv.AdminUser, Password: password, Roles: []string{"admin"}},
			},
			Peers: []testenv.PeerConfig{{Region: names[1-i], Address: ports[1-i].Addr(), User: testenv.PeerUser, Password: password}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = r.Close() })
		if err := r.Start(); err != nil {
			t.Fatal(err)
		}
		relays = append(relays, r)
	}
	for _, r := range relays {
		if err := r.WaitReady(ctx, "peers=all"); err != nil {
			t.Fatalf("%v\n%s", err, r.LogTail())
		}
	}
	return relays
}
