//go:build bench

package bench_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// rivalry is two regions, a and b, and a stock follower of region a's database, which holds the same tables. What the relays bring to region b
// and what the engine's own replication brings to the follower is measured in turns.
type rivalry struct {
	settings
	engine  string
	rival   string // how the follower replicates, for people
	lagGoal float64
	rows    int // of each table
	a, b    *sql.DB
	relayA  *testenv.Relay
	relayB  *testenv.Relay
	session *sql.DB // with region b's relay
	serverB int     // process that is region b's database, or has started those that are

	follower       *sql.DB
	followerServer int
	follow         func(context.Context) error
	stopFollow     func(context.Context) error
}

// run measures lag first, since the backlogs grow the tables' logs.
func (v *rivalry) run(t *testing.T, r *report) {
	ctx := envtest.Context(t, 40*time.Minute)
	v.lag(t, ctx, r)
	v.backlogs(t, ctx, r)
}

// backlogs measures apply alone.
func (v *rivalry) backlogs(t *testing.T, ctx context.Context, r *report) {
	v.apply(t, ctx, r)
	v.requireSame(t, ctx)
}

// apply has both take a backlog that was written while they were away.
func (v *rivalry) apply(t *testing.T, ctx context.Context, r *report) {
	t.Helper()
	row := r.row(bench.Comparison{
		What: fmt.Sprintf("%s, apply to tables of %d rows: relay | %s", v.engine, v.rows, v.rival), Unit: "s", Goal: bench.Faster, Target: 1,
	})
	cost := r.row(bench.Comparison{
		What: fmt.Sprintf("%s, apply to tables of %d rows: CPU of relay and database | of the follower", v.engine, v.rows), Unit: "s", Goal: bench.ForScale,
	})
	v.takeBacklog(t, ctx, 0) // not counted: tables that were just filled have no room on their pages, and statements are prepared
	for round := range v.rounds {
		b := v.takeBacklog(t, ctx, round+1)
		now := load(t)
		row.Add(b.ours, b.theirs, now)
		cost.Add(b.relay+b.database, b.follower, now)
		t.Logf("%s, round %d: relay %.2f s (CPU %.2f s, of its database %.2f s), %s %.2f s (%.2f s), load %.1f", v.engine, round+1, b.ours, b.relay, b.database,
			v.rival, b.theirs, b.follower, now)
	}
}

// taken is what it took to bring a backlog to region b and to the follower, in seconds.
type taken struct {
	ours, theirs              float64
	relay, database, follower float64 // processor time
}

// takeBacklog writes a backlog that both sides take in one after the other. They take turns at being the first, who finds what the load has left done.
func (v *rivalry) takeBacklog(t *testing.T, ctx context.Context, n int) (b taken) {
	t.Helper()
	mustStop(t, ctx, v)
	writeTransactions(t, ctx, v.a, v.rows, v.transactions, uint64(n))
	mustExec(t, ctx, v.a, fmt.Sprintf("INSERT INTO bench.done VALUES (%d)", n))
	await(t, ctx, "the backlog is captured", func() (bool, error) {
		s, err := snapshot(ctx, v.relayA)
		return err == nil && s.Status.Capture.CaughtUp && s.Status.Capture.Merged == s.Status.Capture.LSN, err
	})
	turns := [...]func(*testing.T, context.Context, int, *taken){v.relayed, v.followed}
	turns[n%2](t, ctx, n, &b)
	turns[1-n%2](t, ctx, n, &b)
	return b
}

// relayed has region b take a backlog.
func (v *rivalry) relayed(t *testing.T, ctx context.Context, n int, b *taken) {
	t.Helper()
	profile := v.profile(t, v.relayB, v.engine)
	relay, database := cpuSeconds(t, v.relayB.PID()), familySeconds(t, v.serverB)
	b.ours = v.time(t, ctx, v.b, n, func() error { return v.steer(ctx, "START") })
	b.relay, b.database = cpuSeconds(t, v.relayB.PID())-relay, familySeconds(t, v.serverB)-database
	v.finish(t, v.relayB, profile, v.engine)
}

// followed has the follower take it.
func (v *rivalry) followed(t *testing.T, ctx context.Context, n int, b *taken) {
	t.Helper()
	before := familySeconds(t, v.followerServer)
	b.theirs = v.time(t, ctx, v.follower, n, func() error { return v.follow(ctx) })
	b.follower = familySeconds(t, v.followerServer) - before
}

// openRelay returns a session with a relay, of one who may do everything.
func openRelay(t *testing.T, r *testenv.Relay, password string) *sql.DB {
	t.Helper()
	db, err := r.Open(testenv.AdminUser, password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// steer has region b's relay receive from region a's, or stop it, as ALTER SUBSCRIPTION and START REPLICA do with the follower.
func (v *rivalry) steer(ctx context.Context, verb string) error {
	_, err := v.session.ExecContext(ctx, verb+" SLAVE 'a'")
	return err
}

// mustStop holds region b's relay and the follower.
func mustStop(t *testing.T, ctx context.Context, v *rivalry) {
	t.Helper()
	if err := v.steer(ctx, "STOP"); err != nil {
		t.Fatal(err)
	}
	if err := v.stopFollow(ctx); err != nil {
		t.Fatal(err)
	}
}

// time returns the seconds from a start to the row that ends the round's backlog.
func (v *rivalry) time(t *testing.T, ctx context.Context, db *sql.DB, round int, start func() error) float64 {
	t.Helper()
	began := time.Now()
	if err := start(); err != nil {
		t.Fatal(err)
	}
	await(t, ctx, "the backlog is applied", func() (bool, error) { return exists(ctx, db, "bench.done", round) })
	return time.Since(began).Seconds()
}

func exists(ctx context.Context, db *sql.DB, table string, id int) (bool, error) {
	n := 0
	err := db.QueryRowContext(ctx, fmt.Sprintf("SELECT COUNT(*) FROM %s WHERE id = %d", table, id)).Scan(&n)
	return n > 0, err
}

// lag measures from the answer to COMMIT to the row at the other end, in turns, under a steady load.
func (v *rivalry) lag(t *testing.T, ctx context.Context, r *report) {
	t.Helper()
	p50 := r.row(bench.Comparison{What: v.engine + ", lag: p50, relay | " + v.rival, Unit: "ms", Goal: bench.AtMost, Target: v.lagGoal})
	p99 := r.row(bench.Comparison{What: v.engine + ", lag: p99, relay | " + v.rival, Unit: "ms", Goal: bench.ForScale})
	stop := v.load(ctx)
	defer stop()
	pause(ctx, warmup)
	id := 0
	for round := range v.rounds {
		var ours, theirs []float64
		for range v.probes {
			for to, lags := range map[*sql.DB]*[]float64{v.b: &ours, v.follower: &theirs} {
				id++
				*lags = append(*lags, v.probe(t, ctx, to, id))
				pause(ctx, probeEvery)
			}
		}
		now := load(t)
		p50.Add(percentile(ours, 50), percentile(theirs, 50), now)
		p99.Add(percentile(ours, 99), percentile(theirs, 99), now)
		t.Logf("%s, round %d: lag p50 %.2f ms of the relay, %.2f ms of %s, load %.1f", v.engine, round+1, percentile(ours, 50), percentile(theirs, 50), v.rival, now)
	}
}

// probe returns milliseconds.
func (v *rivalry) probe(t *testing.T, ctx context.Context, to *sql.DB, id int) float64 {
	t.Helper()
	mustExec(t, ctx, v.a, fmt.Sprintf("INSERT INTO bench.probe VALUES (%d)", id))
	began := time.Now()
	for {
		found, err := exists(ctx, to, "bench.probe", id)
		if err != nil {
			t.Fatal(err)
		}
		if found {
			return float64(time.Since(began)) / float64(time.Millisecond)
		}
	}
}

func percentile(values []float64, p int) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)*p/100]
}

// load writes transactions of two rows in region a until stop is called.
func (v *rivalry) load(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(time.Duration(float64(time.Second) / v.rate))
		defer tick.Stop()
		for n := 1; ctx.Err() == nil; n++ {
			// A transaction that fails at the end is missed by nobody.
			_, _ = v.a.ExecContext(ctx, fmt.Sprintf("BEGIN; UPDATE bench.sbtest0 SET k=%d WHERE id=%d; UPDATE bench.sbtest1 SET k=%d WHERE id=%d; COMMIT",
				n, 1+n%v.rows, n, 1+n%v.rows))
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	return func() { cancel(); running.Wait() }
}

// requireSame compares what the three databases hold.
func (v *rivalry) requireSame(t *testing.T, ctx context.Context) {
	t.Helper()
	for table := range workTables {
		sum := fmt.Sprintf("SELECT CONCAT(COUNT(*), ' ', SUM(k), ' ', SUM(id * LENGTH(c)), ' ', MAX(c), ' ', MIN(pad)) FROM bench.sbtest%d", table)
		want := ""
		if err := v.a.QueryRowContext(ctx, sum).Scan(&want); err != nil {
			t.Fatal(err)
		}
		for name, db := range map[string]*sql.DB{"region b": v.b, "the follower": v.follower} {
			await(t, ctx, fmt.Sprintf("table %d of %s is that of region a", table, name), func() (bool, error) {
				got := ""
				err := db.QueryRowContext(ctx, sum).Scan(&got)
				return got == want, err
			})
		}
	}
}
