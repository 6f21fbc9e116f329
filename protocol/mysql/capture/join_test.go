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
	source = startEngine(t, e)
	replica = envtest.Server(t, testenv.ServerOptions{Engine: e, ID: 2, Relaxed: true, Args: []string{"--log-bin=other-bin"}})
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

func TestFailover(t *testing.T) { eachEngine(t, testFailover) }

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
	captured(t, capture.New(configFor(replica)), m)
	m.waitFor(t, replica)
	run(t, replica, "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (400, 'f')")
	m.waitFor(t, replica)
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

func TestFailoverToNoReplica(t *testing.T) { eachEngine(t, testFailoverToNoReplica) }

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

func TestReadingAFileAgain(t *testing.T) { eachEngine(t, testReadingAFileAgain) }

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
