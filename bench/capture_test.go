//go:build bench

package bench_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// benchCapture reads the backlog with a relay and with mariadb-binlog, in turns.
func (b *backlog) benchCapture(t *testing.T, r *report) {
	ctx := envtest.Context(t, 20*time.Minute)
	wall := r.row(bench.Comparison{What: "capture: relay log, synced | mariadb-binlog --raw", Unit: "s", Goal: bench.Faster, Target: 1.2})
	cpu := r.row(bench.Comparison{What: "capture: CPU of the reader", Unit: "s", Goal: bench.ForScale})
	merged := r.row(bench.Comparison{What: "capture: rows in the version index too", Unit: "s", Goal: bench.ForScale})
	for round := range b.rounds {
		theirs := b.copyRaw(t, ctx)
		ours := b.capture(t, ctx)
		now := load(t)
		wall.Add(ours.captured, theirs.seconds, now)
		cpu.Add(ours.cpu, theirs.cpu, now)
		merged.Add(ours.merged, theirs.seconds, now)
		t.Logf("round %d: relay %.2f s (%.2f s until merged, %.2f s CPU), mariadb-binlog %.2f s (%.2f s CPU), load %.1f",
			round+1, ours.captured, ours.merged, ours.cpu, theirs.seconds, theirs.cpu, now)
	}
}

// captured is how long one capture took, in seconds.
type captured struct{ captured, merged, cpu float64 }

// capture starts the source's relay as it was before the backlog. The relay runs afterwards.
func (b *backlog) capture(t *testing.T, ctx context.Context) (c captured) {
	t.Helper()
	b.source.stopRelay(t, ctx)
	b.source.restoreRelay(t, ctx)
	began := time.Now()
	if err := b.source.relay.Start(); err != nil {
		t.Fatal(err)
	}
	profile := b.profile(t, b.source.relay, "capture")
	b.awaitCaptured(t, ctx)
	c.captured = time.Since(began).Seconds()
	await(t, ctx, "the backlog is merged", func() (bool, error) {
		s, err := snapshot(ctx, b.source.relay)
		return err == nil && s.Status.Capture.Merged == s.Status.Capture.LSN, err
	})
	c.merged, c.cpu = time.Since(began).Seconds(), cpuSeconds(t, b.source.relay.PID())
	b.finish(t, b.source.relay, profile, "capture")
	return c
}

// copied is what one copy of the backlog took, in seconds.
type copied struct{ seconds, cpu float64 }

// copyRaw has mariadb-binlog fetch the file that holds the backlog.
func (b *backlog) copyRaw(t *testing.T, ctx context.Context) copied {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.CommandContext(ctx, "mariadb-binlog", "--no-defaults", "--read-from-remote-server", "--raw",
		"--protocol=tcp", "--host=127.0.0.1", "--port="+portOf(t, b.source.server.Addr()), "--user="+testenv.DatabaseUser,
		"--result-file="+dir+"/", b.file)
	cmd.Env = append(os.Environ(), "MYSQL_PWD="+password)
	began := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("mariadb-binlog: %v: %s", err, out)
	}
	took := time.Since(began).Seconds()
	info, err := os.Stat(filepath.Join(dir, b.file))
	if err != nil {
		t.Fatal(err)
	}
	if uint64(info.Size()) < b.end {
		t.Fatalf("mariadb-binlog copied %d bytes of at least %d", info.Size(), b.end)
	}
	state := cmd.ProcessState
	return copied{took, (state.UserTime() + state.SystemTime()).Seconds()}
}
