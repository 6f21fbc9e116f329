package regions_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const schema = `CREATE TABLE t (id int PRIMARY KEY, v text, n numeric(12,3), big text);
CREATE TABLE u (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name varchar(40) UNIQUE, at timestamptz DEFAULT now());
CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES t ON DELETE CASCADE);
CREATE TABLE sums (id int PRIMARY KEY, v text, n numeric, big text); ALTER TABLE sums REPLICA IDENTITY FULL;
ALTER TABLE sums ALTER big SET STORAGE EXTERNAL`

// TestWritesReachTheOtherRegion follows inserts, updates, deletes and moved keys from both sides.
func TestWritesReachTheOtherRegion(t *testing.T) {
	e := pgtest.Oldest(t)
	b := start(t, schema, e, e)
	a, o := b.regions[0].server, b.regions[1].server
	a.Exec(t, `INSERT INTO app.t VALUES (1, 'one', 1.5, repeat('x', 20000)), (2, 'two', NULL, ''), (3, NULL, 3, NULL)`)
	b.awaitIdentical(t, time.Minute, "app.t")
	o.Exec(t, `UPDATE app.t SET v = 'uno' WHERE id = 1; DELETE FROM app.t WHERE id = 2; UPDATE app.t SET id = 4 WHERE id = 3`)
	b.awaitIdentical(t, time.Minute, "app.t")
	a.Exec(t, `BEGIN; INSERT INTO app.child VALUES (1, 1), (2, 4); UPDATE app.t SET v = v || '!'; COMMIT`)
	b.awaitIdentical(t, time.Minute, "app.t", "app.child")
	if got := o.Query(t, "SELECT id || ' ' || coalesce(v, '-') || ' ' || coalesce(length(big), -1) FROM app.t ORDER BY id"); !slices.Equal(got, []string{"1 uno! 20000", "4 - -1"}) {
		t.Errorf("region b has %q", got)
	}
	b.looksWell(t)
	b.needsRowsBefore(t)
	b.crashTakesBack(t)
}

// crashTakesBack has region b's server die before what the relay has just committed there is on its disk. Nothing more comes from region a that could find that out.
func (b *bed) crashTakesBack(t *testing.T) {
	a, o := b.regions[0].server, b.regions[1].server
	o.Exec(t, "ALTER SYSTEM SET wal_writer_delay = '10s'")
	o.Exec(t, "SELECT pg_reload_conf()")
	for i := range 3 {
		a.Exec(t, fmt.Sprintf("INSERT INTO app.t VALUES (%d, 'lost?', NULL, NULL)", 100+i))
		b.awaitIdentical(t, 2*time.Minute, "app.t")
		o.Kill()
		o.Run()
		t.Logf("after the crash region b has %q", o.Query(t, "SELECT id FROM app.t WHERE v = 'lost?'"))
		b.awaitIdentical(t, 2*time.Minute, "app.t")
	}
}

// looksWell asks the relay what people ask, and what a stock replica would.
func (b *bed) looksWell(t *testing.T) {
	db, err := b.regions[0].relay.Open("admin", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, query := range []string{
		"SELECT * FROM octant.peers", "SELECT * FROM octant.log", "SELECT * FROM octant.conflicts", "SELECT * FROM octant.versions",
		"SELECT * FROM octant.tables", "SHOW MASTER STATUS", "SHOW BINARY LOGS", "SHOW SLAVE STATUS", "SELECT VERSION()",
	} {
		rows, err := db.Query(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		n := 0
		for rows.Next() {
			n++
		}
		t.Logf("%s: %d rows, %v", query, n, rows.Err())
		rows.Close()
	}
	if out, err := exec.Command(envtest.Octant(t), "doctor", "--config", b.regions[0].relay.ConfigFile()).CombinedOutput(); err != nil {
		t.Errorf("octant doctor: %v: %s", err, out)
	} else {
		t.Logf("octant doctor: %s", out)
	}
	host, port, err := net.SplitHostPort(b.regions[0].relay.Addr())
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{"4", "0-1-1"} { // a place, a GTID
		out, err := exec.Command("mariadb-binlog", "--no-defaults", "--read-from-remote-server", "--host="+host, "--port="+port,
			"--user=peer", "--password=secret", "--start-position="+from, "binlog.000001").CombinedOutput()
		if err == nil {
			t.Errorf("a stock replica is served from %q on: %s", from, out)
		}
		t.Logf("a stock replica hears: %v: %s", err, out)
	}
}

// TestLargeTransactions: more rows than are held in memory at once, from both sides.
func TestLargeTransactions(t *testing.T) {
	e := pgtest.Oldest(t)
	b := start(t, "CREATE TABLE l (id int PRIMARY KEY, v text, n int)", e, e)
	sum := func(r *region) string {
		return r.server.Query(t, "SELECT count(*) || ' ' || coalesce(md5(string_agg(l::text, '|' ORDER BY id)), '') FROM app.l l")[0]
	}
	for i, sql := range []string{
		"INSERT INTO app.l SELECT k, repeat('x', 100), k FROM generate_series(1, 60000) k",
		"UPDATE app.l SET n = n + 1, v = v || 'y' WHERE id % 3 > 0",
		"BEGIN; DELETE FROM app.l WHERE id % 2 = 0; UPDATE app.l SET id = id + 1000000 WHERE id <= 20000; COMMIT",
	} {
		b.regions[i%2].server.Exec(t, sql)
		want := sum(b.regions[i%2])
		for limit := time.Now().Add(2 * time.Minute); sum(b.regions[1-i%2]) != want; b.pause() {
			if time.Now().After(limit) {
				t.Fatalf("after %q: %s, want %s: %s", sql, sum(b.regions[1-i%2]), want, b.regions[1-i%2].relay.LogTail())
			}
		}
	}
}

// TestConvergence: three regions write the same rows, lines are cut, relays and a server are killed, and all end with the same tables.
func TestConvergence(t *testing.T) {
	engines := pgtest.Engines()
	if len(engines) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	start(t, schema, byTurns(engines, 3)...).stormUnderFaults(t)
}

// stormUnderFaults ends when all regions are the same.
func (b *bed) stormUnderFaults(t *testing.T) {
	ctx := envtest.Context(t, 5*time.Minute)
	var writers sync.WaitGroup
	stop := make(chan struct{})
	for _, r := range b.regions {
		writers.Go(func() { storm(ctx, t, r, rand.Uint64(), stop) })
	}
	b.settle(ctx)
	b.network.Isolate("a", testenv.Cut)
	for _, r := range b.regions {
		b.settle(ctx)
		if err := r.relay.Restart(); err != nil {
			t.Error(err)
		}
	}
	b.network.Heal()
	b.settle(ctx)
	b.network.Isolate("c", testenv.Stalled)
	b.regions[1].server.Kill()
	b.regions[1].server.Run()
	b.settle(ctx)
	b.network.Heal()
	close(stop)
	writers.Wait()
	for _, r := range b.regions {
		if err := r.relay.WaitReady(ctx, "peers=all"); err != nil {
			t.Fatal(err)
		}
	}
	b.awaitIdentical(t, 2*time.Minute, "app.t", "app.u", "app.child")
}

// byTurns returns the oldest and the newest engine in turn.
func byTurns(engines []pgtest.Engine, n int) []pgtest.Engine {
	var list []pgtest.Engine
	for i := range n {
		e := engines[0]
		if i%2 == 1 {
			e = engines[len(engines)-1]
		}
		list = append(list, e)
	}
	return list
}

// settle lets the cluster run for a while.
func (b *bed) settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	<-ctx.Done()
}

// storm writes to a few rows, again and again, in transactions of some statements.
func storm(ctx context.Context, t *testing.T, r *region, seed uint64, stop <-chan struct{}) {
	conn := r.server.Connect(t, pgtest.Super, pgtest.Database)
	random := rand.New(rand.NewPCG(seed, 7))
	written := 0
	for {
		select {
		case <-stop:
			t.Logf("region %s: %d transactions", r.name, written)
			return
		case <-ctx.Done():
			return
		default:
		}
		sql := "BEGIN;"
		for range 1 + random.IntN(3) {
			sql += statement(random, r.name, written)
		}
		if _, err := conn.PgConn().Exec(ctx, sql+"COMMIT").ReadAll(); err != nil {
			_, _ = conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll() // a conflict of the storm with the applier
			conn = r.again(ctx, conn)
			continue
		}
		written++
	}
}

// again returns a session that works, if the server does.
func (r *region) again(ctx context.Context, conn *pgx.Conn) *pgx.Conn {
	if !conn.IsClosed() {
		return conn
	}
	if fresh, err := pgx.Connect(ctx, r.server.URL(pgtest.Super, pgtest.Database)); err == nil {
		return fresh
	}
	return conn
}

func statement(random *rand.Rand, region string, n int) string {
	id, other := random.IntN(20), random.IntN(20)
	switch random.IntN(7) {
	case 0:
		return fmt.Sprintf("DELETE FROM app.t WHERE id = %d AND NOT EXISTS (SELECT FROM app.child WHERE parent = %d);", id, id)
	case 1:
		return fmt.Sprintf("UPDATE app.t SET v = '%s%d', n = coalesce(n, 0) + 1 WHERE id = %d;", region, n, id)
	case 2:
		return fmt.Sprintf("INSERT INTO app.t VALUES (%d, '%s%d', 0, repeat('%s', 9000)) ON CONFLICT (id) DO UPDATE SET big = excluded.big;", id, region, n, region)
	case 3:
		return fmt.Sprintf("UPDATE app.t SET id = %d WHERE id = %d AND NOT EXISTS (SELECT FROM app.t WHERE id = %d) AND NOT EXISTS (SELECT FROM app.child WHERE parent = %d);",
			other+100, id, other+100, id)
	default:
		return fmt.Sprintf("INSERT INTO app.t VALUES (%d, '%s%d') ON CONFLICT (id) DO UPDATE SET v = excluded.v;", id, region, n)
	}
}
