package capture_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// memory is a recorder that keeps everything and checks what every recorder relies on: no hole, no repeat.
type memory struct {
	mu       sync.Mutex
	open     []byte
	files    map[string][]byte
	holes    map[string][]hole // nil: there must be none
	entries  []relay.Captured
	problems []relay.Problem
	position relay.Position
	caughtUp int // how often
	upTo     int // how many entries there were when it was said last
	changed  chan struct{}
	fail     error
}

// hole is a part of a file that was read before, from another server.
type hole struct{ from, to uint64 }

func newMemory() *memory {
	return &memory{files: map[string][]byte{}, changed: make(chan struct{})}
}

func (m *memory) notify() {
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *memory) Append(b []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = append(m.open, b...)
	return nil
}

func (m *memory) Commit(c relay.Captured) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, err := binlog.ParsePosition(string(c.Position))
	if err != nil {
		return err
	}
	file, offset, err := binlog.ParsePositionKey(c.Keys[len(c.Keys)-1])
	if err != nil {
		return err
	}
	if m.files[file] == nil {
		m.files[file] = []byte("\xfebin")
	}
	if have := uint64(len(m.files[file])); m.holes != nil && have < offset {
		m.holes[file] = append(m.holes[file], hole{have, offset})
		m.files[file] = append(m.files[file], make([]byte, offset-have)...)
	}
	if have := uint64(len(m.files[file])); have != offset || p.File != file || p.Offset != offset+uint64(len(m.open)) {
		return fmt.Errorf("entry at %s:%d to %s:%d of %d bytes, and we have %d", file, offset, p.File, p.Offset, len(m.open), have)
	}
	m.files[file] = append(m.files[file], m.open...)
	m.open = m.open[:0]
	m.entries = append(m.entries, c)
	m.position = c.Position
	m.notify()
	return m.fail
}

func (m *memory) CaughtUp() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.caughtUp++
	m.upTo = len(m.entries)
	m.notify()
	return nil
}

func (m *memory) Report(p relay.Problem) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problems = append(m.problems, p)
}

// patience bounds every wait, also on a machine that is busy.
const patience = 2 * time.Minute

// wait returns when the condition, which may look at m, is true.
func (m *memory) wait(t testing.TB, what string, done func() bool) {
	t.Helper()
	limit := time.After(patience)
	for {
		m.mu.Lock()
		ok, changed := done(), m.changed
		m.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-limit:
			m.mu.Lock()
			defer m.mu.Unlock()
			t.Fatalf("waited too long for %s; %d entries, at %s", what, len(m.entries), m.position)
		}
	}
}

// discard drops an entry that was not committed, as the caller of Capture does.
func (m *memory) discard() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open = m.open[:0]
}

// place returns where the last entry ends, as file:offset.
func (m *memory) place() string {
	p, err := binlog.ParsePosition(string(m.position))
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%s:%d", p.File, p.Offset)
}

// count is how many entries there are by now.
func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

// newest is the last entry by now.
func (m *memory) newest() relay.Captured {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last()
}

func (m *memory) last() relay.Captured { return m.entries[len(m.entries)-1] }

// find returns the entry of the GTID.
func (m *memory) find(gtid string) *relay.Captured {
	for i := range m.entries {
		if m.entries[i].GTID == gtid {
			return &m.entries[i]
		}
	}
	return nil
}

// configFor is for a relay at the server.
func configFor(s *testenv.Server) capture.Config {
	c := capture.Config{Addr: s.Addr(), User: "relay", Password: "secret", ServerID: 101, HeartbeatPeriod: 50 * time.Millisecond}
	if s.Engine().IsMySQL() {
		c.Flavour = binlog.MySQL
	}
	return c
}

// eachMariaDB runs a test with every MariaDB server that there is.
func eachMariaDB(t *testing.T, test func(t *testing.T, e testenv.Engine)) {
	t.Helper()
	envtest.EachEngine(t, func(t *testing.T, e testenv.Engine) {
		if !e.IsMySQL() {
			test(t, e)
		}
	})
}

// eachEngine runs a test with every server that there is.
func startServer(t testing.TB, args ...string) *testenv.Server {
	t.Helper()
	return startEngine(t, testenv.MariaDB1011, args...)
}

func startEngine(t testing.TB, e testenv.Engine, args ...string) *testenv.Server {
	t.Helper()
	s := envtest.Server(t, testenv.ServerOptions{Engine: e, Relaxed: true, Args: args})
	monitor := "BINLOG MONITOR"
	if e.IsMySQL() {
		monitor = "REPLICATION CLIENT"
	}
	run(t, s, "CREATE USER relay@'%' IDENTIFIED BY 'secret'",
		"GRANT REPLICATION SLAVE, "+monitor+" ON *.* TO relay@'%'",
		"CREATE DATABASE app", "CREATE TABLE app.t (id BIGINT PRIMARY KEY, v LONGBLOB)")
	return s
}

func run(t testing.TB, s *testenv.Server, statements ...string) {
	t.Helper()
	for _, q := range statements {
		if _, err := s.DB().ExecContext(t.Context(), q); err != nil {
			t.Fatalf("%.100s: %v", q, err)
		}
	}
}

func ask(t testing.TB, s *testenv.Server, query string) string {
	t.Helper()
	var v string
	if err := s.DB().QueryRowContext(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// captured runs a capture until the returned function is called, which gives its error.
func captured(t testing.TB, src *capture.Source, m *memory) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- src.Capture(ctx, m.position, m) }()
	var once sync.Once
	var err error
	stop = func() error {
		once.Do(func() { cancel(); err = <-done; m.discard() })
		return err
	}
	t.Cleanup(func() {
		if err := stop(); t.Failed() {
			t.Log("capture ended:", err)
		}
	})
	return stop
}

// status returns where the server's log ends, as file:offset.
func status(t testing.TB, s *testenv.Server) string {
	t.Helper()
	var file, do, ignore string
	var offset uint64
	query, into := "SHOW MASTER STATUS", []any{&file, &offset, &do, &ignore}
	if s.Engine().IsMySQL() {
		query, into = "SHOW BINARY LOG STATUS", append(into, new(string))
	}
	if err := s.DB().QueryRowContext(t.Context(), query).Scan(into...); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s:%d", file, offset)
}

// waitFor returns when everything that the server has committed is captured.
func (m *memory) waitFor(t testing.TB, s *testenv.Server) {
	t.Helper()
	end, err := binlog.ParsePosition(";" + status(t, s))
	if err != nil {
		t.Fatal(err)
	}
	m.wait(t, "position "+end.String(), func() bool {
		p, err := binlog.ParsePosition(string(m.position))
		return err == nil && (p.File > end.File || p.File == end.File && p.Offset >= end.Offset)
	})
}

// compareFiles compares what was captured with the server's files. The server sends the format description without the
// in-use flag.
func (m *memory) compareFiles(t testing.TB, s *testenv.Server) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, have := range m.files {
		want, err := os.ReadFile(s.BinlogFile(name))
		if err != nil {
			t.Fatal(err)
		}
		const flags = 4 + 17
		want[flags] &^= byte(binlog.FlagInUse)
		if name == strings.Split(status(t, s), ":")[0] {
			want = want[:min(len(have), len(want))] // the server writes checkpoints when it likes
		}
		if whole := wholeEvents(want); len(whole) < len(want) && bytes.HasPrefix(whole, have) && !commits(whole[len(have):]) {
			continue // a killed server tore an event, and so the group that it belonged to
		}
		have = bytes.Clone(have)
		for _, h := range m.holes[name] {
			copy(have[h.from:h.to], want[h.from:])
		}
		if !bytes.Equal(have, want) {
			t.Errorf("%s: captured %d bytes, the file has %d, and they differ", name, len(have), len(want))
		}
	}
}

// wholeEvents leaves out an event at a file's end that is not all there.
func wholeEvents(file []byte) []byte {
	end := 4
	for end+19 <= len(file) {
		size := int(binary.LittleEndian.Uint32(file[end+9:]))
		if end+size > len(file) {
			break
		}
		end += size
	}
	return file[:end]
}

// commits tells whether a group ends among the events.
func commits(events []byte) bool {
	for len(events) >= 19 {
		size := int(binary.LittleEndian.Uint32(events[9:]))
		if binlog.EventType(events[4]) == binlog.XIDEvent || size < 19 || size > len(events) {
			return true
		}
		events = events[size:]
	}
	return false
}

// recaptured runs captures one after the other, as a relay does, until the returned function is called.
func recaptured(t testing.TB, src *capture.Source, m *memory) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for {
			err := src.Capture(ctx, m.position, m)
			m.discard()
			if ctx.Err() != nil || !strings.Contains(err.Error(), "ends inside an event") {
				done <- err
				return
			}
		}
	}()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := stop(); t.Failed() {
			t.Log("capture ended:", err)
		}
	})
	return stop
}

func requireIs(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	t.Log(err)
}
