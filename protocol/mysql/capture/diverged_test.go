package capture_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// someCaptured is a server with some transactions that were captured.
func someCaptured(t *testing.T, e testenv.Engine) (*testenv.Server, *memory) {
	t.Helper()
	s := startEngine(t, e)
	m := newMemory()
	run(t, s, "INSERT INTO app.t VALUES (1, 'a')")
	stop := captured(t, capture.New(configFor(s)), m)
	m.waitFor(t, s)
	run(t, s, "INSERT INTO app.t VALUES (2, 'b')")
	m.waitFor(t, s)
	requireIs(t, stop(), context.Canceled)
	noDump(t, s)
	return s, m
}

// noDump waits until the server has noticed that its replica is gone: a file that is being sent cannot be purged.
func noDump(t *testing.T, s *testenv.Server) {
	t.Helper()
	eventually(t, "the end of the dump", func() bool {
		return ask(t, s, "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'") == "0"
	})
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("waited too long for %s", what)
		}
	}
}

func again(t *testing.T, s *testenv.Server, m *memory) error {
	t.Helper()
	n := len(m.entries)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := capture.New(configFor(s)).Capture(ctx, m.position, m)
	if len(m.entries) != n {
		t.Errorf("%d entries were captured", len(m.entries)-n)
	}
	return err
}

func TestPurged(t *testing.T) { envtest.EachEngine(t, testPurged) }

func testPurged(t *testing.T, e testenv.Engine) {
	s, m := someCaptured(t, e)
	first, _, _ := strings.Cut(status(t, s), ":")
	run(t, s, "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (3, 'c')", "FLUSH BINARY LOGS")
	eventually(t, "the purge", func() bool { // the server keeps what it may need for its own recovery
		current, _, _ := strings.Cut(status(t, s), ":")
		run(t, s, fmt.Sprintf("PURGE BINARY LOGS TO '%s'", current))
		_, err := os.Stat(s.BinlogFile(first))
		return errors.Is(err, os.ErrNotExist)
	})
	requireIs(t, again(t, s, m), relay.ErrPurged)
}

// reset is how a server is told to begin its log anew.
func reset(e testenv.Engine) string {
	if e.IsMySQL() {
		return "RESET BINARY LOGS AND GTIDS"
	}
	return "RESET MASTER"
}

func TestReset(t *testing.T) { envtest.EachEngine(t, testReset) }

func testReset(t *testing.T, e testenv.Engine) {
	s, m := someCaptured(t, e)
	run(t, s, reset(e))
	requireIs(t, again(t, s, m), relay.ErrDiverged)
	run(t, s, "INSERT INTO app.t VALUES (3, REPEAT('c', 5000)),(4,'d')") // the file is long enough again
	for i := range 10 {
		run(t, s, fmt.Sprintf("INSERT INTO app.t VALUES (%d, 'c')", 10+i)) // and the sequences are used again
	}
	requireIs(t, again(t, s, m), relay.ErrDiverged)
}

func TestResetWhileCapturing(t *testing.T) { envtest.EachEngine(t, testResetWhileCapturing) }

func testResetWhileCapturing(t *testing.T, e testenv.Engine) {
	s, m := someCaptured(t, e)
	stop := captured(t, capture.New(configFor(s)), m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	run(t, s, "FLUSH BINARY LOGS")
	m.waitFor(t, s)
	run(t, s, reset(e), "INSERT INTO app.t VALUES (3, 'c')")
	_ = stop()
	requireIs(t, again(t, s, m), relay.ErrDiverged)
}

// The server comes back with the data and log of an earlier time, and goes on from there.
func TestRestored(t *testing.T) { envtest.EachEngine(t, testRestored) }

func testRestored(t *testing.T, e testenv.Engine) {
	s := startEngine(t, e)
	run(t, s, "INSERT INTO app.t VALUES (1, 'a')")
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	data := filepath.Clean(s.BinlogFile("."))
	backup := t.TempDir()
	if err := os.CopyFS(filepath.Join(backup, "data"), os.DirFS(data)); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	stop := captured(t, capture.New(configFor(s)), m)
	run(t, s, "INSERT INTO app.t VALUES (2, 'b')", "INSERT INTO app.t VALUES (3, 'c')")
	m.waitFor(t, s)
	_ = stop()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(data); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(data, os.DirFS(filepath.Join(backup, "data"))); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	requireIs(t, again(t, s, m), relay.ErrDiverged)
	// Now it has as many transactions as we have read, with the same names, of other sizes.
	run(t, s, "INSERT INTO app.t VALUES (4, 'dd')", "INSERT INTO app.t VALUES (5, 'eeeee')", "INSERT INTO app.t VALUES (6, 'f')")
	requireIs(t, again(t, s, m), relay.ErrDiverged)
}

// A server without sync_binlog lost the end of its log with the power.
func TestLostTail(t *testing.T) { envtest.EachEngine(t, testLostTail) }

func testLostTail(t *testing.T, e testenv.Engine) {
	s, m := someCaptured(t, e)
	p, err := binlog.ParsePosition(string(m.position))
	if err != nil {
		t.Fatal(err)
	}
	before, err := binlog.ParsePosition(string(m.entries[len(m.entries)-2].Position))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.BinlogFile(p.File), int64(before.Offset)); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	requireIs(t, again(t, s, m), relay.ErrDiverged)
	run(t, s, "INSERT INTO app.t VALUES (20, 'x')", "INSERT INTO app.t VALUES (21, 'x')") // the name is used again
	requireIs(t, again(t, s, m), relay.ErrDiverged)
}

// A crash left the beginning of a group at the end of a file.
func TestTornGroup(t *testing.T) {
	s, m := someCaptured(t, testenv.MariaDB1011)
	run(t, s, "INSERT INTO app.t VALUES (3, 'c')")
	p, err := binlog.ParsePosition(string(m.position))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	const gtidEvent = 42
	if err := os.Truncate(s.BinlogFile(p.File), int64(p.Offset)+gtidEvent); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop := captured(t, capture.New(configFor(s)), m)
	run(t, s, "INSERT INTO app.t VALUES (30, 'x')")
	m.waitFor(t, s)
	_ = stop()
	m.compareFiles(t, s)
	torn := -1
	for i, e := range m.entries {
		at, _ := binlog.ParsePosition(string(e.Position))
		if at.File == p.File && at.Offset == p.Offset+gtidEvent {
			torn = i
		}
	}
	if torn < 0 || m.entries[torn].Kind != relay.Frame || m.entries[torn].GTID != "" {
		t.Fatalf("the torn group is entry %d", torn)
	}
	// A relay that stopped right there goes on.
	rest := newMemory()
	for name, b := range m.files {
		if name <= p.File {
			rest.files[name] = b
		}
	}
	rest.position = m.entries[torn].Position
	captured(t, capture.New(configFor(s)), rest)
	rest.waitFor(t, s)
}
