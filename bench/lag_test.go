//go:build bench

package bench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// warmup is how long the load runs before lag is measured: tables and caches fill.
const warmup = 5 * time.Second

// patience is how long a round of probes may take. A machine that cannot carry the load has a lag that only grows.
const patience = time.Minute

// drain is how long the regions may take to become identical after the load: it may have piled up.
const drain = 15 * time.Minute

// probeEvery is the pause between probes. It shares no period with the load.
const probeEvery = 7 * time.Millisecond

// benchLag measures the lag between regions under load, that of a stock replica beside them, and then that of
// stock servers on their own under the same load.
func benchLag(t *testing.T, s settings, r *report, regions int) {
	l := lagBench{settings: s, report: r, regions: regions, what: fmt.Sprintf("lag, %d regions at %.0f tx/s", regions, s.rate)}
	var ours, beside, alone []testenv.Lags
	t.Run("octant", func(t *testing.T) { ours, beside = l.octant(t) })
	t.Run("stock", func(t *testing.T) { alone = l.stock(t) })
	target := bench.Comparison{Goal: bench.ForScale}
	if regions == 2 {
		target = bench.Comparison{Goal: bench.AtMost, Target: 3}
	}
	l.compare("p50, relay | replica beside it", ours, beside, 50, target)
	l.compare("p99, relay | replica beside it", ours, beside, 99, bench.Comparison{Goal: bench.ForScale})
	l.compare("p50, relay | stock servers alone", ours, alone, 50, bench.Comparison{Goal: bench.ForScale})
	l.compare("p99, relay | stock servers alone", ours, alone, 99, bench.Comparison{Goal: bench.ForScale})
}

type lagBench struct {
	settings
	report  *report
	regions int
	what    string
	loads   []float64
}

func (l *lagBench) compare(what string, ours, theirs []testenv.Lags, percentile float64, c bench.Comparison) {
	c.What, c.Unit = l.what+": "+what, "ms"
	row := l.report.row(c)
	for i := range min(len(ours), len(theirs)) {
		row.Add(milliseconds(ours[i].Percentile(percentile)), milliseconds(theirs[i].Percentile(percentile)), l.loads[i])
	}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// octant measures a bed of relays, and a stock replica of region a in the same minutes.
func (l *lagBench) octant(t *testing.T) (ours, beside []testenv.Lags) {
	ctx := envtest.Context(t, 30*time.Minute)
	bed := envtest.Start(t, testenv.Options{
		Regions: l.regions, Octant: envtest.Octant(t), Schema: testenv.SteadySchema + testenv.ProbeSchema, Relaxed: true,
	})
	replica := startReplica(t, ctx, bed)
	stop := l.load(t, ctx, bed.Sites())
	profile := l.profile(t, bed.Regions[0].Relay, fmt.Sprintf("lag%d", l.regions))
	probes := probesFrom(bed.Sites())
	stock := []*testenv.Probe{{From: bed.Regions[0].Site(), To: replica, Interval: probeEvery}}
	for round := range l.rounds {
		ours = append(ours, l.measure(t, ctx, probes))
		beside = append(beside, l.measure(t, ctx, stock))
		l.loads = append(l.loads, load(t))
		t.Logf("round %d: relays %s; replica %s; load %.1f", round+1, inWords(ours[round]), inWords(beside[round]), l.loads[round])
	}
	l.finish(t, bed.Regions[0].Relay, profile, fmt.Sprintf("lag%d", l.regions))
	l.memory(t, ctx, bed)
	stop()
	oracle := testenv.Oracle{Sites: append(bed.Sites(), replica), Databases: []string{"app"}, ShowValues: true}
	t.Logf("identical %.1f s after the load", envtest.WaitIdentical(t, oracle, drain).Seconds())
	return ours, beside
}

// stock measures servers that follow each other without relays.
func (l *lagBench) stock(t *testing.T) (lags []testenv.Lags) {
	ctx := envtest.Context(t, 30*time.Minute)
	bed := envtest.Start(t, testenv.Options{
		Regions: l.regions, Schema: testenv.SteadySchema + testenv.ProbeSchema, Relaxed: true,
		// Everyone follows everyone, so nobody passes on what came from another one.
		ServerArgs: []string{"--skip-log-slave-updates"},
	})
	joinStock(t, ctx, bed)
	stop := l.load(t, ctx, bed.Sites())
	probes := probesFrom(bed.Sites())
	for round := range l.rounds {
		lags = append(lags, l.measure(t, ctx, probes))
		t.Logf("round %d: %s; load %.1f", round+1, inWords(lags[round]), load(t))
	}
	stop()
	oracle := testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}}
	t.Logf("identical %.1f s after the load", envtest.WaitIdentical(t, oracle, drain).Seconds())
	return lags
}

func inWords(lags testenv.Lags) string {
	return fmt.Sprintf("p50 %.2f ms, p90 %.2f ms, p99 %.2f ms",
		milliseconds(lags.Percentile(50)), milliseconds(lags.Percentile(90)), milliseconds(lags.Percentile(99)))
}

// startReplica makes a server a stock replica of region a, which its relay writes to as well.
func startReplica(t *testing.T, ctx context.Context, bed *testenv.Bed) testenv.Site {
	t.Helper()
	source := bed.Regions[0].Server
	replica := envtest.Server(t, testenv.ServerOptions{
		Dir: filepath.Join(envtest.Dir(t), "db"), ID: 100, Regions: len(bed.Regions), Relaxed: true,
	})
	err := replica.Follow(ctx, testenv.Source{Addr: source.Addr(), User: testenv.DatabaseUser, Password: bed.Password})
	if err != nil {
		t.Fatal(err)
	}
	if err := replica.WaitReplicated(ctx, source); err != nil {
		t.Fatal(err)
	}
	return testenv.Site{Name: "replica", ID: replica.ID(), DB: replica.DB()}
}

// joinStock makes every server of the bed a replica of all others, from now on.
func joinStock(t *testing.T, ctx context.Context, bed *testenv.Bed) {
	t.Helper()
	var all string // everything so far happened at all of them
	for i, r := range bed.Regions {
		var own string
		if err := r.Server.DB().QueryRowContext(ctx, "SELECT @@GLOBAL.gtid_binlog_pos").Scan(&own); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			all += ","
		}
		all += own
	}
	for _, r := range bed.Regions {
		mustExec(t, ctx, r.Server.DB(), fmt.Sprintf("SET GLOBAL gtid_slave_pos='%s'", all))
		for _, other := range bed.Regions {
			if other == r {
				continue
			}
			mustExec(t, ctx, r.Server.DB(), fmt.Sprintf(
				"CHANGE MASTER '%s' TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='%s', MASTER_PASSWORD='%s', MASTER_USE_GTID=slave_pos; START SLAVE '%s'",
				other.Name, other.Server.Port(), testenv.DatabaseUser, bed.Password, other.Name))
		}
	}
}

// load writes to all sites until stop is called; stop logs how much was written.
func (l *lagBench) load(t *testing.T, ctx context.Context, sites []testenv.Site) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(ctx)
	steady := testenv.NewSteady(sites, testenv.SteadyOptions{Rate: l.rate})
	var running sync.WaitGroup
	began := time.Now()
	running.Go(func() { steady.Run(ctx) })
	pause(ctx, warmup)
	return func() {
		cancel()
		running.Wait()
		seconds := time.Since(began).Seconds()
		least, most := 0.0, 0.0
		for i := range sites {
			rate := float64(steady.Tally(i).Committed) / seconds
			if i == 0 || rate < least {
				least = rate
			}
			most = max(most, rate)
		}
		t.Logf("load: %.0f to %.0f transactions per second and region of %.0f that were wanted, for %.0f s", least, most, l.rate, seconds)
	}
}

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// probesFrom returns a probe from the first site to each of the others.
func probesFrom(sites []testenv.Site) []*testenv.Probe {
	var probes []*testenv.Probe
	for _, to := range sites[1:] {
		probes = append(probes, &testenv.Probe{From: sites[0], To: to, Interval: probeEvery})
	}
	return probes
}

// measure shares a round's probes out. A round that takes too long is cut short: the probe that was still out then counts with
// the time that it had.
func (l *lagBench) measure(t *testing.T, ctx context.Context, probes []*testenv.Probe) (all testenv.Lags) {
	t.Helper()
	for _, p := range probes {
		limited, cancel := context.WithTimeout(ctx, patience/time.Duration(len(probes)))
		began := time.Now()
		lags, err := p.Measure(limited, max(1, l.probes/len(probes)))
		cut := limited.Err() != nil && ctx.Err() == nil
		cancel()
		switch {
		case cut:
			t.Logf("from %s to %s: cut short after %d probes", p.From.Name, p.To.Name, len(lags))
			lags = lags.Merge(testenv.Lags{time.Since(began) - sum(lags)})
		case err != nil:
			t.Fatal(err)
		}
		all = all.Merge(lags)
	}
	return all
}

func sum(lags testenv.Lags) (total time.Duration) {
	for _, lag := range lags {
		total += lag
	}
	return total
}
