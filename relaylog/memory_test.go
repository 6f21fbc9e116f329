package relaylog_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// BenchmarkMemory runs what a relay of eight regions does to its log, 200 transactions a second in each region, with readers at all
// tails, for 20 seconds, and reports the process's greatest resident set. Run it alone.
func BenchmarkMemory(b *testing.B) { benchmarkMemory(b, 1, 20*time.Second) }

// BenchmarkMemoryBusy is the same with ten times the load.
func BenchmarkMemoryBusy(b *testing.B) { benchmarkMemory(b, 10, 20*time.Second) }

func benchmarkMemory(b *testing.B, factor int, length time.Duration) {
	native := filler(benchNative)
	for b.Loop() {
		db := open(b, b.TempDir(), relaylog.Options{})
		ctx, cancel := context.WithTimeout(b.Context(), length)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { drain(ctx, db.Local().Read) })
		}
		wg.Go(func() { pace(ctx, factor, func() { appendBacklog(b, db, 2, native) }) })
		for r := relay.Region(2); r <= 8; r++ {
			stream := db.Received(r)
			seq := relay.Seq(0)
			wg.Go(func() { drain(ctx, stream.Read) })
			wg.Go(func() {
				pace(ctx, factor, func() {
					for range 2 {
						seq++
						w, err := stream.Begin(ctx, relay.Transaction{Origin: r, Seq: seq})
						if err == nil && w.Append(native) == nil {
							w.Commit()
						}
					}
				})
			})
		}
		reportPeak(ctx, b)
		wg.Wait()
		cancel()
		db.Close()
	}
}

// pace calls two 100*factor times a second until ctx ends.
func pace(ctx context.Context, factor int, two func()) {
	tick := time.NewTicker(10 * time.Millisecond / time.Duration(factor))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			two()
		}
	}
}

func drain[N relay.LSN | relay.Seq, T any](ctx context.Context, read func(N) (relay.Cursor[T], error)) {
	c, err := read(1)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		if _, _, err := c.Next(ctx); err != nil {
			return
		}
	}
}

// reportPeak looks at the resident set ten times a second.
func reportPeak(ctx context.Context, b *testing.B) {
	peaks := make(map[string]float64)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		<-tick.C
		for name, mb := range residentMB() {
			peaks[name] = max(peaks[name], mb)
		}
	}
	for _, name := range []string{"VmRSS", "RssAnon", "RssFile"} {
		b.ReportMetric(peaks[name], name+"-MB")
	}
}

func residentMB() map[string]float64 {
	status, err := os.Open("/proc/self/status")
	if err != nil {
		return nil
	}
	defer status.Close()
	sizes := make(map[string]float64)
	for lines := bufio.NewScanner(status); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		var kb float64
		if n, _ := fmt.Sscan(rest, &kb); n == 1 {
			sizes[name] = kb / 1000
		}
	}
	return sizes
}
