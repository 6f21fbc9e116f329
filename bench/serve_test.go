//go:build bench

package bench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// manyReaders is how many follow one relay at once.
const manyReaders = 8

// benchServe reads the same backlog from a relay and from the server that it has it from: first with a reader that looks at every packet, then, timed, with
// readers that know how much there is.
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
	work := r.row(bench.Comparison{What: "serve: processor time per GiB, eight readers | the server's", Unit: "s", Goal: bench.ForScale})
	resident := r.row(bench.Comparison{What: "serve: RSS with eight readers", Unit: "MiB", Goal: bench.Below, Target: 200})
	profile := s.profile(t, source.relay, "serve")
	defer func() { s.finish(t, source.relay, profile, "serve") }()
	server, relay := source.server.Addr(), source.relay.Addr()
	size := make(map[string]int64)
	for addr, user := range map[string]string{server: testenv.DatabaseUser, relay: testenv.PeerUser} {
		bytes, err := drainFile(ctx, addr, user, file)
		if err != nil {
			t.Fatal(err)
		}
		size[addr] = bytes
	}
	for round := range s.rounds {
		rate := func(readers int, addr, user string) float64 {
			mibs, err := discardAll(ctx, readers, addr, user, file, size[addr])
			if err != nil {
				t.Fatal(err)
			}
			return mibs
		}
		server1, relay1 := rate(1, server, testenv.DatabaseUser), rate(1, relay, testenv.PeerUser)
		server8, serverWork := working(t, serverPID(t, source.serverDir()), func() float64 { return rate(manyReaders, server, testenv.DatabaseUser) })
		relay8, relayWork := working(t, source.relay.PID(), func() float64 { return rate(manyReaders, relay, testenv.PeerUser) })
		m, now := memoryOf(t, source.relay.PID()), load(t)
		one.Add(relay1, server1, now)
		many.Add(relay8, server1, now)
		same.Add(relay8, server8, now)
		gib := manyReaders * float64(s.serveBytes) / (1 << 30)
		work.Add(relayWork/gib, serverWork/gib, now)
		resident.Add(m.rss, 0, now)
		t.Logf("round %d: server %.0f and %.0f MiB/s, relay %.0f and %.0f MiB/s with %.0f MiB resident (%.0f anonymous), %.2f and %.2f s of processors per GiB, load %.1f",
			round+1, server1, server8, relay1, relay8, m.rss, m.anonymous, serverWork/gib, relayWork/gib, now)
	}
}

// working tells how much processor time a process has used meanwhile.
func working(t *testing.T, pid int, do func() float64) (result, seconds float64) {
	t.Helper()
	used := cpuSeconds(t, pid)
	result = do()
	return result, cpuSeconds(t, pid) - used
}

// Rows and transactions of the backlog that is served: each updates some rows, with both images in the log.
const (
	bulkRows  = 20_000
	bulkRow   = 180
	bulkBatch = 20
)

// writeBulk fills the server's log, and returns the name of the file in which that begins: a file has at most 1 GiB, and the rest goes into the next one.
func writeBulk(t *testing.T, ctx context.Context, s *station, bytes int64) (file string) {
	t.Helper()
	db := s.server.DB()
	mustExec(t, ctx, db, fmt.Sprintf(`CREATE TABLE bench.bulk (id INT PRIMARY KEY, n INT NOT NULL, pad CHAR(%d) NOT NULL) CHARSET=latin1;
		INSERT INTO bench.bulk SELECT seq, 0, REPEAT('p', %d) FROM bench.seq_1_to_%d; FLUSH BINARY LOGS`, bulkRow, bulkRow, bulkRows))
	if err := db.QueryRowContext(ctx, "SHOW MASTER STATUS").Scan(&file, new(int64), new(string), new(string)); err != nil {
		t.Fatal(err)
	}
	g, gctx := errgroup.WithContext(ctx)
	for l := range loaders {
		g.Go(func() error {
			r := rand.New(rand.NewPCG(3, uint64(l)))
			for range bytes / (2 * bulkBatch * bulkRow * loaders) {
				// Each loader has rows of its own, so that none waits for another one.
				from := l*(bulkRows/loaders) + 1 + r.IntN(bulkRows/loaders-bulkBatch)
				if _, err := db.ExecContext(gctx, "UPDATE bench.bulk SET n = n+1 WHERE id BETWEEN ? AND ?", from, from+bulkBatch-1); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return file
}
