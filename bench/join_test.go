//go:build bench

package bench_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// joinSchema is like what applications have: a key, a secondary index, text.
const joinSchema = `CREATE DATABASE app;
CREATE TABLE app.orders (id INT PRIMARY KEY, customer INT NOT NULL, city VARCHAR(40), note VARCHAR(200), amount DECIMAL(12,2), at DATETIME(3), INDEX (customer));
CREATE TABLE app.hot (id INT PRIMARY KEY, n INT NOT NULL);`

// benchJoin fills a region's tables from another one's: by octant join, by mariadb-dump piped into mariadb, and by mydumper and myloader. And it looks at how much
// the join slows down one who writes in the donor region: with both regions on the machine that they share here, and with each on a processor of its own, as regions are.
func benchJoin(t *testing.T, s settings, r *report) {
	if _, err := exec.LookPath("mydumper"); err != nil {
		t.Skip(err)
	}
	speed := r.row(bench.Comparison{What: "join | mariadb-dump piped into mariadb", Unit: "rows/ms", Goal: bench.AtLeast, Target: 1})
	dumper := r.row(bench.Comparison{What: "join | mydumper and myloader, four threads", Unit: "rows/ms", Goal: bench.AtLeast, Target: 1})
	shared := r.row(bench.Comparison{What: "writes at the donor while a region on its processors joins | alone", Unit: "writes/s", Goal: bench.ForScale})
	impact := r.row(bench.Comparison{What: "writes at the donor while a region joins | alone", Unit: "writes/s", Goal: bench.AtLeast, Target: 0.85})
	rows := 10 * s.transactions
	ctx := envtest.Context(t, time.Hour)
	bed := envtest.Start(t, testenv.Options{Regions: 2, Octant: envtest.Octant(t), Schema: joinSchema, Relaxed: true})
	a, b := bed.Region("a"), bed.Region("b")
	fillOrders(t, ctx, a, rows)
	mustExec(t, ctx, a.Server.DB(), "INSERT INTO app.hot SELECT seq, 0 FROM app.seq_1_to_1000")
	forgotten(t, ctx, bed, a)
	if err := b.Relay.Kill(); err != nil {
		t.Fatal(err)
	}
	for range s.rounds {
		alone := writesWhile(t, ctx, a, func() { rest(ctx, 5*time.Second) })
		emptied(t, ctx, bed, b)
		dumped := timed(func() { mustCopy(t, ctx, a, b) })
		emptied(t, ctx, bed, b)
		loaded := timed(func() { mustMydumper(t, ctx, a, b) })
		emptied(t, ctx, bed, b)
		joined := timed(func() { joinFrom(t, ctx, b) })
		emptied(t, ctx, bed, b)
		beside := writesWhile(t, ctx, a, func() { joinFrom(t, ctx, b) })
		speed.Add(float64(rows)/joined.Seconds()/1000, float64(rows)/dumped.Seconds()/1000, load(t))
		dumper.Add(float64(rows)/joined.Seconds()/1000, float64(rows)/loaded.Seconds()/1000, load(t))
		shared.Add(beside, alone, load(t))
	}
	apart(t, ctx, bed, a, b)
	for range s.rounds {
		emptied(t, ctx, bed, b)
		alone := writesWhile(t, ctx, a, func() { rest(ctx, 5*time.Second) })
		var joined time.Duration
		beside := writesWhile(t, ctx, a, func() { joined = timed(func() { joinFrom(t, ctx, b, "taskset", "-c", "1") }) })
		impact.Add(beside, alone, load(t))
		t.Logf("the join beside it: %.1f rows/ms", float64(rows)/joined.Seconds()/1000)
	}
}

// fillOrders writes rows into app.orders of a region.
func fillOrders(t *testing.T, ctx context.Context, r *testenv.Region, rows int) {
	t.Helper()
	for from := 0; from < rows; from += 10_000 {
		mustExec(t, ctx, r.Server.DB(), fmt.Sprintf(`INSERT INTO app.orders SELECT %d+seq, seq*7919 %% 50000, CONCAT('city ',seq %% 300), REPEAT(CHAR(97+seq %% 26), 30+seq %% 100),
 seq/7, '2026-01-01' + INTERVAL seq SECOND FROM app.seq_1_to_%d`, from, min(10_000, rows-from)))
	}
}

// forgotten waits until all regions have what was written, and know that: else the newcomer would have to take over what is known of every row.
func forgotten(t *testing.T, ctx context.Context, bed *testenv.Bed, r *testenv.Region) {
	t.Helper()
	db, err := r.Relay.Open(testenv.AdminUser, bed.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	await(t, ctx, "the version index is empty again", func() (bool, error) {
		var left int
		err := db.QueryRowContext(ctx, "SELECT index_entries FROM octant.status").Scan(&left)
		return left < 1000, err
	})
}

func timed(do func()) time.Duration {
	began := time.Now()
	do()
	return time.Since(began)
}

func rest(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// writesWhile is how many rows a second somebody can write, one after the other, until do returns.
func writesWhile(t *testing.T, ctx context.Context, r *testenv.Region, do func()) float64 {
	t.Helper()
	writing, stop := context.WithCancel(ctx)
	written, began := 0, time.Now()
	var writer sync.WaitGroup
	writer.Go(func() {
		for writing.Err() == nil {
			mustExec(t, ctx, r.Server.DB(), fmt.Sprintf("UPDATE app.hot SET n = n + 1 WHERE id = %d", 1+written%1000))
			written++
		}
	})
	do()
	stop()
	writer.Wait()
	return float64(written) / time.Since(began).Seconds()
}

// emptied leaves a region without tables, without a ledger, and without a relay's log.
func emptied(t *testing.T, ctx context.Context, bed *testenv.Bed, r *testenv.Region) {
	t.Helper()
	mustExec(t, ctx, r.Server.DB(), "DROP DATABASE IF EXISTS app")
	mustExec(t, ctx, r.Server.DB(), "DROP DATABASE IF EXISTS octant")
	mustExec(t, ctx, r.Server.DB(), "RESET MASTER")
	if err := os.RemoveAll(filepath.Join(bed.Dir, r.Name, "relay", "data")); err != nil {
		t.Fatal(err)
	}
}

// apart keeps the donor region, its database and its relay, on the first processor, and the newcomer's database on the second.
func apart(t *testing.T, ctx context.Context, bed *testenv.Bed, donor, newcomer *testenv.Region) {
	t.Helper()
	database := func(r *testenv.Region) int { return serverPID(t, filepath.Join(bed.Dir, r.Name, "db")) }
	for core, pids := range [][]int{{database(donor), donor.Relay.PID()}, {database(newcomer)}} {
		for _, pid := range pids {
			mustSucceed(t, ctx, "taskset", "--all-tasks", "--cpu-list", "--pid", strconv.Itoa(core), strconv.Itoa(pid))
		}
	}
}

// joinFrom has a region join from a. The command is run by another one, if any is given.
func joinFrom(t *testing.T, ctx context.Context, r *testenv.Region, by ...string) {
	t.Helper()
	args := append(by, envtest.Octant(t), "join", "--from", "a", "--config", r.Relay.ConfigFile())
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("join: %v\n%s", err, out)
	}
}

func mustCopy(t *testing.T, ctx context.Context, from, to *testenv.Region) {
	t.Helper()
	if err := testenv.CopyByDump(ctx, from.Server, to.Server, "app"); err != nil {
		t.Fatal(err)
	}
}

func mustMydumper(t *testing.T, ctx context.Context, from, to *testenv.Region) {
	t.Helper()
	if err := testenv.CopyByMydumper(ctx, from.Server, to.Server, "app", filepath.Join(t.TempDir(), "dump")); err != nil {
		t.Fatal(err)
	}
}
