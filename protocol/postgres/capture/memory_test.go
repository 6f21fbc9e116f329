package capture_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/capture"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

// entry is what was committed.
type entry struct {
	relay.Captured
	native []byte
}

// patience bounds every wait, also on a machine that is busy.
const patience = 2 * time.Minute

// memory is a recorder that keeps everything.
type memory struct {
	mu       sync.Mutex
	open     []byte
	entries  []entry
	problems []relay.Problem
	caughtUp int
	changed  chan struct{}
}

func newMemory() *memory { return &memory{changed: make(chan struct{})} }

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
	m.entries = append(m.entries, entry{c, m.open})
	m.open = nil
	m.notify()
	return nil
}

func (m *memory) CaughtUp() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.caughtUp++
	m.notify()
	return nil
}

func (m *memory) Report(p relay.Problem) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.problems = append(m.problems, p)
	m.notify()
}

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
			t.Fatalf("waited too long for %s; %d entries, problems %v", what, len(m.entries), m.problems)
		}
	}
}

// last returns where the last entry ends; "" if there is none.
func (m *memory) last() relay.Position {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.entries) == 0 {
		return ""
	}
	return m.entries[len(m.entries)-1].Position
}

// transactions are the entries that are no frames.
func (m *memory) transactions() []entry {
	var list []entry
	for _, e := range m.entries {
		if e.Kind != relay.Frame {
			list = append(list, e)
		}
	}
	return list
}

// awaitTransactions waits for n entries that are no frames, and returns them.
func (m *memory) awaitTransactions(t testing.TB, n int) []entry {
	t.Helper()
	m.wait(t, fmt.Sprintf("%d transactions", n), func() bool { return len(m.transactions()) >= n })
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.transactions()
}

func config(s *pgtest.Server) capture.Config {
	return capture.Config{
		Addr: s.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password,
		Slot: "octant_a", Publication: "octant_a", StatusEvery: 100 * time.Millisecond, LookEvery: 200 * time.Millisecond,
	}
}

// running is a capture that a test can stop.
type running struct {
	source *capture.Source
	stop   context.CancelFunc
	done   chan error
}

// errTest is what a capture that a test stops ends with.
var errTest = errors.New("the test has stopped it")

func run(t testing.TB, c capture.Config, from relay.Position, m *memory) *running {
	t.Helper()
	source, err := capture.New(c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	r := &running{source: source, stop: func() { cancel(errTest) }, done: make(chan error, 1)}
	go func() { r.done <- source.Capture(ctx, from, m) }()
	t.Cleanup(func() { cancel(errTest) })
	return r
}

// end stops the capture and waits for it.
func (r *running) end(t testing.TB) {
	t.Helper()
	r.stop()
	select {
	case err := <-r.done:
		if !errors.Is(err, errTest) {
			t.Errorf("capture ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("capture does not end")
	}
}

// changes decodes an entry into "INSERT app.t {id=1,v=x}".
func changes(t testing.TB, e entry) []string {
	t.Helper()
	decoder := logical.NewDecoder(logical.NewTableCache())
	var list []string
	for c, err := range decoder.Changes(pieces(e.native)) {
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, describe(t, c))
	}
	return list
}

// pieces yields bytes in small pieces.
func pieces(b []byte) relay.Body {
	return func(yield func([]byte, error) bool) {
		for len(b) > 0 {
			n := min(len(b), 100)
			if !yield(b[:n:n], nil) {
				return
			}
			b = b[n:]
		}
	}
}

func describe(t testing.TB, c relay.Change) string {
	t.Helper()
	if c.Op == relay.Statement {
		return c.SQL
	}
	return fmt.Sprintf("%s %s %s>%s", c.Op, c.Table, image(t, c.Table, c.Before), image(t, c.Table, c.After))
}

func image(t testing.TB, table *relay.Table, i relay.Image) string {
	t.Helper()
	if i == nil {
		return "-"
	}
	if _, err := table.Decode(i); err != nil {
		t.Fatal(err)
	}
	cells, err := logical.Cells(nil, i, len(table.Columns))
	if err != nil {
		t.Fatal(err)
	}
	s := ""
	for n, c := range cells {
		if n > 0 {
			s += ","
		}
		switch c.Kind {
		case logical.IsAbsent:
			s += "?"
		case logical.IsNull:
			s += "NULL"
		default:
			if len(c.Text) > 40 {
				s += fmt.Sprintf("<%d>", len(c.Text))
			} else {
				s += string(c.Text)
			}
		}
	}
	return s
}
