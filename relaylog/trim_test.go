package relaylog_test

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// TestTrimTakesTheSameForAnyNumber trims much: the entries are not touched one by one, neither by Trim, which writes one mark, nor by what makes room, which
// removes whole files and leaves all others as they are.
func TestTrimTakesTheSameForAnyNumber(t *testing.T) {
	const entries, bytesEach = 6000, 200
	dir := t.TempDir()
	var groups atomic.Int64
	opts := relaylog.Options{SegmentBytes: 128 << 10, CacheBytes: 1}.WithStep(func(step string) {
		if step == "built" {
			groups.Add(1)
		}
	})
	db := open(t, dir, opts)
	defer func() { mustClose(t, db) }()
	for n := range relay.Seq(entries) {
		w := db.Local().Begin(t.Context())
		if err := w.Append(make([]byte, bytesEach)); err != nil {
			t.Fatal(err)
		}
		if err := w.Commit(relay.Entry{Kind: relay.Local, Seq: n + 1}, relay.State{Seq: n + 1}); err != nil {
			t.Fatal(err)
		}
		if (n+1)%200 != 0 { // what is written at once is in one segment
			continue
		}
		if err := db.Local().WaitDurable(t.Context(), relay.LSN(n+1)); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Tidy(); err != nil {
		t.Fatal(err)
	}
	before := segments(t, dir)

	var start, end runtime.MemStats
	groups.Store(0)
	runtime.ReadMemStats(&start)
	if err := db.Local().Trim(entries - 100); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&end)
	if n := groups.Load(); n != 1 {
		t.Errorf("trimming %d entries wrote %d times, want once", entries, n)
	}
	if n := end.Mallocs - start.Mallocs; n > entries/4 {
		t.Errorf("trimming %d entries took %d allocations", entries, n)
	}
	if err := db.Tidy(); err != nil {
		t.Fatal(err)
	}
	after := segments(t, dir)
	if len(before)-len(after) < 5 {
		t.Errorf("%d segments became %d", len(before), len(after))
	}
	for name, content := range after {
		if old, ok := before[name]; ok && !bytes.HasPrefix(content, old) {
			t.Errorf("segment %s was written anew", name)
		}
	}
}

// segments are the files of the log, without the room at the end of the newest.
func segments(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "log", "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%d segments, %v", len(files), err)
	}
	content := map[string][]byte{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		content[filepath.Base(file)] = bytes.TrimRight(b, "\x00")
	}
	return content
}
