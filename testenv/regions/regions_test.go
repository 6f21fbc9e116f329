package regions_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// settle is how long eight regions on a small machine may take to converge once writes have stopped and
// faults are mended: recovery of databases, reconnection with back-off, and the backlog.
const settle = 3 * time.Minute

func startBed(t *testing.T) *testenv.Bed {
	t.Helper()
	return envtest.Start(t, testenv.Options{
		Octant:  envtest.Octant(t),
		Engine:  envtest.Engine(t),
		Relaxed: true,
		Schema:  testenv.StormSchema + testenv.CounterSchema,
	})
}

// requireConverged waits until the bed is whole again and checks all that must hold then: identical tables,
// exact counters, and nothing that echoes.
func requireConverged(t *testing.T, bed *testenv.Bed, counter *testenv.Counter) {
	t.Helper()
	if err := bed.WaitReady(envtest.Context(t, settle)); err != nil {
		t.Fatal(err)
	}
	oracle := testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}, ShowValues: true}
	t.Logf("identical after %v", envtest.WaitIdentical(t, oracle, settle))
	envtest.WaitQuiet(t, bed.Sites(), 5*time.Second, settle)
	diff, err := oracle.Compare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := diff.Err(); err != nil {
		t.Fatalf("regions were identical and then were not: %v", err)
	}
	if err := counter.Check(t.Context()); err != nil {
		t.Errorf("transactions were lost or applied twice: %v", err)
	}
	for _, r := range bed.Regions { // the index is empty: nothing is left to decide
		waitRows(t, relaySQL(t, bed, r.Name), "SELECT COUNT(*) FROM octant.versions", "0")
	}
}

// load is a storm and a counter in every region.
type load struct {
	storm   *testenv.Storm
	counter *testenv.Counter
}

func newLoad(bed *testenv.Bed, seed uint64) load {
	return load{
		storm:   testenv.NewStorm(bed.Sites(), testenv.StormOptions{Seed: seed, Keys: 50, Pause: 40 * time.Millisecond}),
		counter: testenv.NewCounter(bed.Sites(), testenv.CounterOptions{Seed: seed, Writers: 1, Pause: 50 * time.Millisecond}),
	}
}

// run writes until ctx ends, while meanwhile runs.
func (l load) run(ctx context.Context, t *testing.T, meanwhile func(context.Context) error) {
	t.Helper()
	var wg sync.WaitGroup
	wg.Go(func() { l.storm.Run(ctx) })
	wg.Go(func() {
		if err := l.counter.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Go(func() {
		if err := meanwhile(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	t.Logf("storm: %+v", l.storm.Total())
}

func stormUnderFaults(t *testing.T, bed *testenv.Bed, load load, seed uint64, duration time.Duration) {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	chaos := testenv.NewChaos(bed, testenv.ChaosOptions{Seed: seed, Log: log})
	load.run(envtest.Context(t, duration), t, chaos.Run)
	if t.Failed() {
		t.FailNow()
	}
	t.Logf("%d faults", chaos.Faults())
	requireConverged(t, bed, load.counter)
}

func TestEightRegionsConvergeAfterAStormUnderFaults(t *testing.T) {
	bed := startBed(t)
	stormUnderFaults(t, bed, newLoad(bed, 1), 1, time.Minute)
}

func TestRegionThatWasCutOffConvergesWithTheOthers(t *testing.T) {
	bed := startBed(t)
	load := newLoad(bed, 2)
	bed.Network.Isolate("c", testenv.Cut)
	load.run(envtest.Context(t, 15*time.Second), t, func(ctx context.Context) error {
		<-ctx.Done()
		return nil
	})
	oracle := testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}}
	if diff, err := oracle.Compare(t.Context()); err != nil || diff.Identical() {
		t.Fatalf("a region that was cut off is identical: the network has no teeth (%v)", err)
	}
	bed.Network.Heal()
	requireConverged(t, bed, load.counter)
}

func TestWholeClusterSurvivesKillOfEverythingAtOnce(t *testing.T) {
	bed := startBed(t)
	load := newLoad(bed, 3)
	load.run(envtest.Context(t, 15*time.Second), t, func(ctx context.Context) error {
		<-ctx.Done() // the last transactions are still on their way
		for _, r := range bed.Regions {
			if err := r.Relay.Kill(); err != nil {
				return err
			}
		}
		return nil
	})
	for _, r := range bed.Regions {
		if err := r.Server.Kill(); err != nil {
			t.Fatal(err)
		}
	}
	if err := bed.Mend(t.Context()); err != nil {
		t.Fatal(err)
	}
	requireConverged(t, bed, load.counter)
}
