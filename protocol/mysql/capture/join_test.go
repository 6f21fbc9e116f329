package capture_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// pair is a server and its replica, whose log has files with other names.
func pair(t *testing.T, e testenv.Engine) (source, replica *testenv.Server) {
	t.Helper()
	return pairWith(t, e, "--log-bin=other-bin")
}

func pairWith(t *testing.T, e testenv.Engine, args ...string) (source, replica *testenv.Server) {
	t.Helper()
	source = startEngine(t, e)
	replica = envtest.Server(t, testenv.ServerOptions{Engine: e, ID: 2, Relaxed: true, Args: args})
	follow := testenv.Source{Addr: source.Addr(), User: "relay", Password: "secret"}
	if err := replica.Follow(t.Context(), follow); err != nil {
		t.Fatal(err)
	}
	return source, replica
}

func replicated(t *testing.T, source, replica *testenv.Server) {
	t.Helper()
	if err := replica.WaitReplicated(t.Context(), source); err != nil {
		t.Fatal(err)
	}
}

// promote makes the replica a source of its own.
func promote(t *testing.T, replica *testenv.Server) {
	t.Helper()
	if err := replica.StopFollowing(t.Context()); err != nil {
		t.Fatal(err)
	}
	if replica.Engine().IsMySQL() {
		run(t, replica, "RESET REPLICA ALL")
	} else {
		run(t, replica, "RESET SLAVE ALL")
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// once fails the test if a transaction was captured twice.
func (m *memory) once(t *testing.T) {
	t.Helper()
	seen := map[string]bool{}
	for _, e := range m.entries {
		if e.GTID != "" && seen[e.GTID] {
			t.Errorf("%s came twice", e.GTID)
		}
		seen[e.GTID] = true
	}
}

// inserts counts the transactions that are not frames.
func (m *memory) inserts() int {
	n := 0
	for _, e := range m.entries {
		if e.Kind != relay.Frame {
			n++
		}
	}
	return n
}

func TestFailover(t *testing.T) { envtest.EachEngine(t, testFailover) }

// The server dies while the relay is behind, and a replica takes its place: all that is missing comes from there, once, and over any
// number of connections.
func testFailover(t *testing.T, e testenv.Engine) {
	source, replica := pair(t, e)
	m := newMemory()
	stop := captured(t, capture.New(configFor(source)), m)
	for i := range 20 {
		run(t, source, fmt.Sprintf("INSERT INTO app.t VALUES (%d, REPEAT('a', 1000))", i))
	}
	m.waitFor(t, source)
	requireIs(t, stop(), context.Canceled)
	replicated(t, source, replica)
	before := m.inserts()
	for i := range 20 {
		run(t, source, fmt.Sprintf("INSERT INTO app.t VALUES (%d, REPEAT('b', 1000))", 100+i))
	}
	replicated(t, source, replica)
	run(t, replica, "FLUSH BINARY LOGS")
	run(t, source, "INSERT INTO app.t VALUES (200, 'c')")
	replicated(t, source, replica)
	if err := source.Kill(); err != nil {
		t.Fatal(err)
	}
	promote(t, replica)
	run(t, replica, "INSERT INTO app.t VALUES (300, 'd')")

	m.holes = map[string][]hole{}
	random := rand.New(rand.NewPCG(3, 4))
	p := &proxy{target: replica.Addr(), limit: func() int64 { return 1500 + random.Int64N(15000) }}
	config := configFor(replica)
	config.Dialer = p.dial
	for p.cuts.Load() < 10 {
		requireEnded(t, capture.New(config), m)
		run(t, replica, fmt.Sprintf("INSERT INTO app.t VALUES (%d, REPEAT('e', 3000))", 1000+p.cuts.Load()))
	}
	more := int(p.cuts.Load())
	stop = captured(t, capture.New(configFor(replica)), m)
	m.waitFor(t, replica)
	run(t, replica, "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (400, 'f')")
	m.waitFor(t, replica)
	requireIs(t, stop(), context.Canceled) // or what the server writes of itself, when it likes, comes while we look
	for name := range m.files {
		if !strings.HasPrefix(name, "other-bin") {
			delete(m.files, name)
		}
	}
	m.compareFiles(t, replica)
	m.once(t)
	if got, want := m.inserts()-before, 20+1+1+more+1; got != want {
		t.Errorf("%d transactions came from the replica, want %d", got, want)
	}
	if at, err := binlog.ParsePosition(string(m.position)); err != nil || at.Joining || at.Server == "" || at.Epoch != 1 {
		t.Errorf("at the end the position is %s, %v", m.position, err)
	}
}

func TestFailoverToNoReplica(t *testing.T) { envtest.EachEngine(t, testFailoverToNoReplica) }

// A server that lacks what was read is another history; one that lacks what was not read has purged it.
func testFailoverToNoReplica(t *testing.T, e testenv.Engine) {
	source, replica := pair(t, e)
	replicated(t, source, replica)
	m := newMemory()
	stop := captured(t, capture.New(configFor(source)), m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	run(t, source, "INSERT INTO app.t VALUES (1, 'a')")
	m.waitFor(t, source)
	requireIs(t, stop(), context.Canceled)
	replicated(t, source, replica)
	behind := newMemory()
	behind.position = m.position
	promote(t, replica)
	run(t, replica, "INSERT INTO app.t VALUES (2, 'b')")

	stop = captured(t, capture.New(configFor(source)), m)
	run(t, source, "INSERT INTO app.t VALUES (3, 'c')")
	m.waitFor(t, source)
	_ = stop()
	requireIs(t, again(t, replica, m), relay.ErrDiverged)

	run(t, replica, "FLUSH BINARY LOGS")
	current, _, _ := strings.Cut(status(t, replica), ":")
	eventually(t, "the purge", func() bool {
		run(t, replica, fmt.Sprintf("PURGE BINARY LOGS TO '%s'", current))
		return ask(t, replica, "SELECT 1") == "1" && !exists(replica.BinlogFile("other-bin.000001"))
	})
	requireIs(t, again(t, replica, behind), relay.ErrPurged)
}

func TestReadingAFileAgain(t *testing.T) { envtest.EachEngine(t, testReadingAFileAgain) }

// Where a dump cannot begin at an offset, the file is read again from its beginning, and what is there already is passed over.
func testReadingAFileAgain(t *testing.T, e testenv.Engine) {
	s, m := someCaptured(t, e)
	run(t, s, "FLUSH BINARY LOGS")
	for i := range 5 {
		run(t, s, fmt.Sprintf("INSERT INTO app.t VALUES (%d, 'c')", 10+i))
		stop := captured(t, capture.New(configFor(s)), m)
		m.waitFor(t, s)
		requireIs(t, stop(), context.Canceled)
		m.position += ";+"
	}
	m.compareFiles(t, s)
	m.once(t)
}

// A MariaDB server's server_id can be changed under way; it is still the same log.
func TestServerIDChanged(t *testing.T) {
	eachMariaDB(t, func(t *testing.T, e testenv.Engine) {
		s, m := someCaptured(t, e)
		run(t, s, "SET GLOBAL server_id=77", "INSERT INTO app.t VALUES (3, 'c')")
		stop := captured(t, capture.New(configFor(s)), m)
		run(t, s, "INSERT INTO app.t VALUES (4, 'd')", "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (5, 'e')")
		m.waitFor(t, s)
		requireIs(t, stop(), context.Canceled)
		m.compareFiles(t, s)
		m.once(t)
		if p, err := binlog.ParsePosition(string(m.position)); err != nil || p.Server != "77" || p.Epoch != 0 || p.Joining {
			t.Errorf("position %s, %v", m.position, err)
		}
	})
}

func TestFailoverWithEqualNames(t *testing.T) { envtest.EachEngine(t, testFailoverWithEqualNames) }

// The replica's file has the source's name, and other events at the source's offsets.
func testFailoverWithEqualNames(t *testing.T, e testenv.Engine) {
	source, replica := pairWith(t, e)
	run(t, source, "INSERT INTO app.t VALUES (0, 'z')")
	replicated(t, source, replica)
	if e.IsMySQL() { // the events of its own
		inMySQL(t, replica, "SET SESSION binlog_rows_query_log_events=ON", "INSERT INTO app.t VALUES (1000, 'own')", "DELETE FROM app.t WHERE id=1000")
	}
	m := newMemory()
	stop := captured(t, capture.New(configFor(source)), m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	for i := range 5 {
		run(t, source, fmt.Sprintf("INSERT INTO app.t VALUES (%d, REPEAT('a', %d))", 1+i, 10*i))
	}
	m.waitFor(t, source)
	requireIs(t, stop(), context.Canceled)
	for i := range 5 {
		run(t, source, fmt.Sprintf("INSERT INTO app.t VALUES (%d, REPEAT('b', 777))", 100+i))
	}
	replicated(t, source, replica)
	if err := source.Kill(); err != nil {
		t.Fatal(err)
	}
	promote(t, replica)
	before := m.inserts()
	rec := &follower{changed: make(chan struct{}, 1000)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- capture.New(configFor(replica)).Capture(ctx, m.position, rec) }()
	<-rec.changed
	cancel()
	requireIs(t, <-done, context.Canceled)
	got := map[string]bool{}
	for _, c := range rec.entries {
		if c.GTID != "" && (got[c.GTID] || m.find(c.GTID) != nil) {
			t.Errorf("%s came twice", c.GTID)
		}
		if c.GTID != "" {
			got[c.GTID] = true
		}
	}
	want := 5
	if e.IsMySQL() {
		want += 2
	}
	if len(got) != want || before == 0 {
		t.Errorf("%d transactions came from the replica, want %d", len(got), want)
	}
}

// follower says when it has caught up.
type follower struct {
	counter
	changed chan struct{}
}

func (f *follower) CaughtUp() error {
	f.changed <- struct{}{}
	return nil
}
