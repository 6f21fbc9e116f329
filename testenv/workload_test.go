package testenv_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

func TestCounterIsExactThoughItsServerIsKilled(t *testing.T) {
	t.Parallel()
	bed := envtest.Start(t, testenv.Options{Regions: 1, Relaxed: true, Schema: testenv.CounterSchema})
	counter := testenv.NewCounter(bed.Sites(), testenv.CounterOptions{Writers: 4, Seed: 7})
	ctx, stop := context.WithCancel(envtest.Context(t, 2*time.Minute))
	var result error
	var wg sync.WaitGroup
	wg.Go(func() { result = counter.Run(ctx) })
	for kill := range int64(5) {
		waitFor(t, "increments", func() bool { return counter.Tally(0).Committed > 200*(kill+1) })
		if err := bed.Region("a").Server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	wg.Wait()
	if result != nil {
		t.Fatal(result)
	}
	if err := counter.Check(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("tally: %+v", counter.Tally(0))
	exec(t, bed.Region("a").Server, "UPDATE app.counter SET n=n+1 WHERE id=2")
	if err := counter.Check(t.Context()); err == nil || !contains(err.Error(), "counter 2 of region 1 is") {
		t.Errorf("a transaction applied twice goes unnoticed: %v", err)
	}
}

func TestCounterMissesLostTransactions(t *testing.T) {
	t.Parallel()
	bed := envtest.Start(t, testenv.Options{Regions: 2, Relaxed: true, Schema: testenv.CounterSchema})
	counter := testenv.NewCounter(bed.Sites(), testenv.CounterOptions{})
	ctx, stop := context.WithCancel(envtest.Context(t, time.Minute))
	var wg sync.WaitGroup
	wg.Go(func() { _ = counter.Run(ctx) })
	waitFor(t, "increments", func() bool { return counter.Tally(0).Committed > 5 && counter.Tally(1).Committed > 5 })
	stop()
	wg.Wait()
	if err := counter.Check(t.Context()); err == nil {
		t.Error("two sites that never met have each other's counters")
	}
}

func TestSteadyKeepsItsRateAndProbeSeesRows(t *testing.T) {
	t.Parallel()
	bed := envtest.Start(t, testenv.Options{Regions: 1, Relaxed: true, Schema: testenv.SteadySchema + testenv.ProbeSchema})
	site := bed.Sites()[0]
	steady := testenv.NewSteady(bed.Sites(), testenv.SteadyOptions{Rate: 100})
	ctx, stop := context.WithCancel(envtest.Context(t, time.Minute))
	var wg sync.WaitGroup
	wg.Go(func() { steady.Run(ctx) })
	probe := testenv.Probe{From: site, To: site}
	for range 2 { // a second probe meets the first one's rows
		lags, err := probe.Measure(ctx, 20)
		if err != nil {
			t.Fatal(err)
		}
		if len(lags) != 20 || lags.Percentile(50) <= 0 || lags.Percentile(50) > lags.Percentile(99) {
			t.Errorf("strange lags: %v", lags)
		}
		probe = testenv.Probe{From: site, To: site}
	}
	waitFor(t, "steady commits", func() bool { return steady.Tally(0).Committed > 20 })
	stop()
	wg.Wait()
	if tally := steady.Tally(0); tally.Aborted+tally.Unknown > 0 {
		t.Errorf("a steady load without conflicts: %+v", tally)
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	lags := testenv.Lags{10, 20, 30, 40}
	for p, want := range map[float64]time.Duration{0: 10, 25: 10, 50: 20, 51: 30, 99: 40, 100: 40} {
		if got := lags.Percentile(p); got != want {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
	if got := (testenv.Lags)(nil).Percentile(50); got != 0 {
		t.Errorf("median of nothing is %v", got)
	}
	if got := lags.Merge(testenv.Lags{25}).Percentile(50); got != 25 {
		t.Errorf("median of merged lags is %v", got)
	}
}
