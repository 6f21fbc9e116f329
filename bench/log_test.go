//go:build bench

package bench_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/testenv/envtest"
)

const (
	logEntry = 2200      // native bytes, as a transaction of sysbench's has
	logGroup = 4 << 20   // bytes that the plain file syncs at once, as the log does
	logBatch = 256 << 20 // bytes of one append round
)

// benchLog appends to the log and to a plain file, and then finds a place in a large log whose files are in no cache.
func benchLog(t *testing.T, s settings, r *report) {
	ctx := envtest.Context(t, 30*time.Minute)
	dir := filepath.Join(envtest.Dir(t), "log")
	log := openLog(t, dir)
	rates := r.row(bench.Comparison{What: "log: append, synced | a plain file with a checksum and the same syncs", Unit: "MiB/s", Goal: bench.ForScale})
	written := int64(0)
	for round := range s.rounds {
		ours, theirs := appendLog(t, ctx, log), appendPlain(t, filepath.Join(dir, "plain"))
		written += logBatch
		rates.Add(ours, theirs, load(t))
		t.Logf("round %d: log %.0f MiB/s, plain file %.0f MiB/s", round+1, ours, theirs)
	}
	for ; written < s.logBytes; written += logBatch {
		appendLog(t, ctx, log)
	}
	last := log.State().LSN
	closeLog(t, log)
	opened := r.row(bench.Comparison{What: fmt.Sprintf("log: open %d GiB, nothing cached", written>>30), Unit: "ms", Goal: bench.Below, Target: 2000})
	first := r.row(bench.Comparison{What: fmt.Sprintf("log: first entry from a cold place in %d GiB", written>>30), Unit: "ms", Goal: bench.Below, Target: 50})
	for range s.rounds {
		dropCaches(t, dir)
		began := time.Now()
		log := openLog(t, dir)
		opened.Add(milliseconds(time.Since(began)), 0, load(t))
		for range 20 {
			first.Add(milliseconds(coldEntry(t, ctx, log, 1+relay.LSN(rand.Uint64N(uint64(last))))), 0, load(t))
		}
		closeLog(t, log)
	}
}

func openLog(t *testing.T, dir string) *relaylog.DB {
	t.Helper()
	log, err := relaylog.Open(dir, relaylog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func closeLog(t *testing.T, log *relaylog.DB) {
	t.Helper()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
}

func fileKey(lsn relay.LSN) string { return fmt.Sprintf("pmariadb-bin.000001\x00%016x", lsn) }

// appendLog commits a batch as fast as it can, and returns MiB per second.
func appendLog(t *testing.T, ctx context.Context, log *relaylog.DB) float64 {
	t.Helper()
	native := incompressible(logEntry)
	state := log.State()
	began := time.Now()
	for range logBatch / logEntry {
		w := log.Local().Begin(ctx)
		state.LSN++
		state.Seq++
		state.HLC++
		e := relay.Entry{Kind: relay.Local, HLC: state.HLC, Seq: state.Seq, Flavour: "mariadb", Keys: []string{fileKey(state.LSN)}}
		if err := w.Append(native); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(e, state); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Local().WaitDurable(ctx, state.LSN); err != nil {
		t.Fatal(err)
	}
	return logBatch / (1 << 20) / time.Since(began).Seconds()
}

func incompressible(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// appendPlain writes as many bytes to a file.
func appendPlain(t *testing.T, name string) float64 {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer os.Remove(name)
	defer f.Close()
	group := incompressible(logGroup)
	table := crc32.MakeTable(crc32.Castagnoli)
	began := time.Now()
	for range logBatch / logGroup {
		group[0] = byte(crc32.Checksum(group, table))
		if _, err := f.Write(group); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Fdatasync(int(f.Fd())); err != nil {
			t.Fatal(err)
		}
	}
	return logBatch / (1 << 20) / time.Since(began).Seconds()
}

// dropCaches has the system forget what it holds of the files.
func dropCaches(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		const dontNeed = 4 // POSIX_FADV_DONTNEED
		if _, _, errno := syscall.Syscall6(syscall.SYS_FADVISE64, f.Fd(), 0, 0, dontNeed, 0, 0); errno != 0 {
			return errno
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// coldEntry finds an entry by its place in the database's log, as a replica would that comes back.
func coldEntry(t *testing.T, ctx context.Context, log *relaylog.DB, lsn relay.LSN) time.Duration {
	t.Helper()
	began := time.Now()
	found, err := log.Local().Floor("p", fileKey(lsn))
	if err != nil || found != lsn {
		t.Fatalf("entry %d was found at %d: %v", lsn, found, err)
	}
	c, err := log.Local().Read(found)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, body, err := c.Next(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range body {
		if err != nil {
			t.Fatal(err)
		}
	}
	return time.Since(began)
}
