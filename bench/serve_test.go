//go:build bench

package bench_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// manyReaders is how many follow one relay at once.
const manyReaders = 8

// benchServe reads the same backlog from a relay and from the server that it has it from.
func benchServe(t *testing.T, s settings, r *report) {
	ctx := envtest.Context(t, 30*time.Minute)
	source := newStation(t, ctx, "a", 1)
	source.addRelay(t, envtest.Octant(t), "a", reservePort(t), "b", reservePort(t))
	source.startRelay(t, ctx, "")
	file := writeBulk(t, ctx, source, s.serveBytes)
	await(t, ctx, "the backlog is captured", func() (bool, error) {
		snap, err := snapshot(ctx, source.relay)
		return err == nil && snap.Status.Capture.CaughtUp && snap.Status.Capture.Merged == snap.Status.Capture.LSN, err
	})
	one := r.row(bench.Comparison{What: "serve: one reader | the server's own", Unit: "MiB/s", Goal: bench.AtLeast, Target: 1})
	many := r.row(bench.Comparison{What: "serve: eight readers together | the server's one", Unit: "MiB/s", Goal: bench.AtLeast, Target: 3})
	same := r.row(bench.Comparison{What: "serve: eight readers together | the server's eight", Unit: "MiB/s", Goal: bench.ForScale})
	resident := r.row(bench.Comparison{What: "serve: RSS with eight readers", Unit: "MiB", Goal: bench.Below, Target: 200})
	for round := range s.rounds {
		rate := func(readers int, addr, user string) float64 {
			mibs, err := drainAll(ctx, readers, addr, user, file)
			if err != nil {
				t.Fatal(err)
			}
			return mibs
		}
		server, relay := source.server.Addr(), source.relay.Addr()
		server1, relay1 := rate(1, server, testenv.DatabaseUser), rate(1, relay, testenv.PeerUser)
		server8, relay8 := rate(manyReaders, server, testenv.DatabaseUser), rate(manyReaders, relay, testenv.PeerUser)
		m, now := memoryOf(t, source.relay.PID()), load(t)
		one.Add(relay1, server1, now)
		many.Add(relay8, server1, now)
		same.Add(relay8, server8, now)
		resident.Add(m.rss, 0, now)
		t.Logf("round %d: server %.0f and %.0f MiB/s, relay %.0f and %.0f MiB/s with %.0f MiB resident, load %.1f",
			round+1, server1, server8, relay1, relay8, m.rss, now)
	}
}

// writeBulk fills one file of the server's log with rows of some kilobytes, and returns its name.
func writeBulk(t *testing.T, ctx context.Context, s *station, bytes int64) (file string) {
	t.Helper()
	db := s.server.DB()
	mustExec(t, ctx, db, "CREATE TABLE bench.bulk (id INT PRIMARY KEY AUTO_INCREMENT, v MEDIUMTEXT) CHARSET=latin1; FLUSH BINARY LOGS")
	const row, rows = 8 << 10, 64
	values := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("(REPEAT('v',%d)),", row), rows), ",")
	for written := int64(0); written < bytes; written += row * rows {
		mustExec(t, ctx, db, "INSERT INTO bench.bulk (v) VALUES "+values+"; TRUNCATE bench.bulk")
	}
	if err := db.QueryRowContext(ctx, "SHOW MASTER STATUS").Scan(&file, new(int64), new(string), new(string)); err != nil {
		t.Fatal(err)
	}
	return file
}
