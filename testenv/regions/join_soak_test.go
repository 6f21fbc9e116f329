//go:build soak

package regions_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// fillBig puts rows into app.big as a dump does that is loaded before the region is taken into use: its relay does not see them.
func fillBig(t *testing.T, r *testenv.Region, step, steps int) {
	t.Helper()
	const unlogged = "SET SESSION sql_log_bin=0"
	run(t, r, unlogged, rowsOfBig(step))
	for i := 1; i < steps; i++ {
		run(t, r, unlogged, fmt.Sprintf("INSERT INTO app.big SELECT id + %d, u + %d, v, 0 FROM app.big WHERE id <= %d", i*step, i*step, step))
	}
	t.Logf("%s is filled", r.Name)
}

// TestSoakJoinOfFiveMillionRows has region c join from b while seven regions write. The join is killed three times on the way.
func TestSoakJoinOfFiveMillionRows(t *testing.T) {
	const step, steps = 100_000, 50
	bed := envtest.Start(t, testenv.Options{
		Regions: 8, Octant: envtest.Octant(t), Engine: envtest.Engine(t), Relaxed: true, Schema: joinSchema,
		Configure: func(c *testenv.RelayConfig) {
			c.Rules = []testenv.RuleConfig{{Tables: []string{"app.sums"}, Policy: "merge", Counters: []string{"n"}}}
		},
	})
	c := bed.Region("c")
	stranger(t, bed)
	run(t, bed.Region("a"), rowsOfSums)
	for _, r := range bed.Regions {
		if r != c {
			waitRows(t, r.Server.DB(), "SELECT COUNT(*) FROM app.sums", "20")
			fillBig(t, r, step, steps)
		}
	}
	expected(t, bed)
	writing, stop := context.WithCancel(t.Context())
	defer stop()
	var writers sync.WaitGroup
	added := make([]int, len(bed.Regions))
	for i, r := range bed.Regions {
		if r != c {
			writers.Go(func() { added[i] = churn(writing, t, r, step*steps) })
		}
	}
	for try := range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(10+10*try)*time.Second)
		if out, err := octantJoin(ctx, t, bed, "c", "--from", "b"); err == nil {
			t.Errorf("the join was over before it could be killed:\n%s", out)
		}
		cancel()
	}
	began := time.Now()
	out, err := octantJoin(t.Context(), t, bed, "c", "--from", "b")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("joined in %v after the last kill\n%s", time.Since(began), out)
	if err := c.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	waitRows(t, relaySQL(t, bed, "c"), "SELECT COUNT(*) FROM octant.peers WHERE state = 'connected'", "7")
	stop()
	writers.Wait()
	if err := bed.WaitReady(envtest.Context(t, 20*time.Minute)); err != nil {
		t.Fatal(err)
	}
	envtest.WaitIdentical(t, testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}}, 20*time.Minute)
	total := 0
	for _, n := range added {
		total += n
	}
	if got := rowsAt(t, c, "SELECT SUM(n) FROM app.sums"); got != fmt.Sprint(total) {
		t.Errorf("the sums are %s, want %d", got, total)
	}
}
