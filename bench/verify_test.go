//go:build bench

package bench_test

import (
	"context"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// benchVerify compares one table in two places: octant verify two regions that anybody may write to, pt-table-checksum a stock replica with its source. Both work in
// chunks whose digests the databases compute.
func benchVerify(t *testing.T, s settings, r *report) {
	if _, err := exec.LookPath("pt-table-checksum"); err != nil {
		t.Skip(err)
	}
	speed := r.row(bench.Comparison{What: "verify | pt-table-checksum of a stock replica", Unit: "rows/ms", Goal: bench.AtLeast, Target: 1})
	rows := 10 * s.transactions
	ctx := envtest.Context(t, time.Hour)
	bed := envtest.Start(t, testenv.Options{Regions: 2, Octant: envtest.Octant(t), Schema: joinSchema, Relaxed: true})
	a, b := bed.Region("a"), bed.Region("b")
	fillOrders(t, ctx, a, rows)
	forgotten(t, ctx, bed, a)
	forgotten(t, ctx, bed, b)
	replica := envtest.Server(t, testenv.ServerOptions{Engine: envtest.Engine(t), ID: 100, Regions: 3, Relaxed: true})
	followForChecksums(t, ctx, a, replica)
	for range s.rounds {
		ours := timed(func() {
			mustSucceed(t, ctx, envtest.Octant(t), "verify", "--config", a.Relay.ConfigFile(), "app.orders")
		})
		theirs := timed(func() {
			mustSucceed(t, ctx, "pt-table-checksum", "--socket="+a.Server.Socket(), "--user=root", "--tables=app.orders", "--quiet", "--no-version-check",
				"--no-check-binlog-format", "--no-check-replication-filters", "--recursion-method=dsn=S="+a.Server.Socket()+",u=root,D=percona,t=dsns")
		})
		speed.Add(float64(rows)/ours.Seconds()/1000, float64(rows)/theirs.Seconds()/1000, load(t))
	}
}

// followForChecksums makes a stock replica of a region's database and tells pt-table-checksum where it is.
func followForChecksums(t *testing.T, ctx context.Context, r *testenv.Region, replica *testenv.Server) {
	t.Helper()
	mustExec(t, ctx, r.Server.DB(), "CREATE USER 'repl'@'%' IDENTIFIED BY 'repl'; GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%'")
	if err := replica.Follow(ctx, testenv.Source{Addr: r.Server.Addr(), User: "repl", Password: "repl"}); err != nil {
		t.Fatal(err)
	}
	mustExec(t, ctx, r.Server.DB(), fmt.Sprintf(`CREATE DATABASE percona; CREATE TABLE percona.dsns (id INT PRIMARY KEY, parent_id INT, dsn VARCHAR(255));
INSERT INTO percona.dsns VALUES (1, NULL, 'S=%s,u=root')`, replica.Socket()))
	if err := replica.WaitReplicated(ctx, r.Server); err != nil {
		t.Fatal(err)
	}
}

func mustSucceed(t *testing.T, ctx context.Context, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(ctx, program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}
