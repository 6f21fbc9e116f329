//go:build bench

package bench_test

import (
	"context"
	"slices"
	"testing"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
)

// memory reads the relays' resident sets while the load runs.
func (l *lagBench) memory(t *testing.T, ctx context.Context, bed *testenv.Bed) {
	t.Helper()
	pause(ctx, l.settle)
	row := func(what string) *bench.Comparison {
		c := bench.Comparison{What: l.what + ": " + what, Unit: "MiB", Goal: bench.Below, Target: 150}
		return l.report.row(c)
	}
	largest, median := row("RSS of the largest relay"), row("RSS of the median relay")
	anonymous := row("anonymous memory of the largest relay")
	var all []memory
	for _, r := range bed.Regions {
		m := memoryOf(t, r.Relay.PID())
		t.Logf("relay %s: RSS %.0f MiB, anonymous %.0f, files %.0f", r.Name, m.rss, m.anonymous, m.files)
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b memory) int { return int(a.rss - b.rss) })
	now := load(t)
	largest.Add(all[len(all)-1].rss, 0, now)
	median.Add(all[len(all)/2].rss, 0, now)
	anonymous.Add(all[len(all)-1].anonymous, 0, now)
	if l.profiles != "" {
		l.fetch(t, bed.Regions[0].Relay, "/debug/pprof/heap", "memory.heap")
	}
}
