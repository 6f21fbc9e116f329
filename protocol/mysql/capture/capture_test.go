package capture_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// What stands before the first start is history, what comes after it is local, and the files are the server's.
func TestFilesAreTheServers(t *testing.T) { eachMariaDB(t, testFilesAreTheServers) }

func testFilesAreTheServers(t *testing.T, e testenv.Engine) {
	s := startEngine(t, e)
	run(t, s, "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (1, 'before')")
	before := ask(t, s, "SELECT @@gtid_binlog_pos")
	m := newMemory()
	stop := captured(t, capture.New(configFor(s)), m)
	m.wait(t, "the first entry", func() bool { return len(m.entries) > 0 })
	m.waitFor(t, s)

	run(t, s, "INSERT INTO app.t VALUES (2, REPEAT('x', 20000000)), (3, 'y')") // two packets
	run(t, s, fmt.Sprintf("INSERT INTO app.t VALUES (4, REPEAT('x', %d))", 1<<24))
	after := ask(t, s, "SELECT @@gtid_binlog_pos")
	run(t, s, "FLUSH BINARY LOGS", "ALTER TABLE app.t ADD w INT", "CREATE TABLE app.u SELECT 1 AS a",
		"UPDATE app.t SET w = id", "DELETE FROM app.t WHERE id < 3", "FLUSH BINARY LOGS")
	m.waitFor(t, s)
	requireIs(t, stop(), context.Canceled)
	m.compareFiles(t, s)
	if len(m.files) != 3 {
		t.Errorf("%d files, want the current one and two more", len(m.files))
	}
	if e := m.find(before); e == nil || e.Kind != relay.History {
		t.Errorf("entry before the first start: %+v", e)
	}
	if e := m.find(after); e == nil || e.Kind != relay.Local || e.Physical.IsZero() {
		t.Errorf("entry after the first start: %+v", e)
	}
}

// A killed server leaves neither ROTATE nor STOP, and perhaps half a transaction.
func TestServerKilled(t *testing.T) { envtest.EachEngine(t, testServerKilled) }

func testServerKilled(t *testing.T, e testenv.Engine) {
	s := startEngine(t, e)
	m := newMemory()
	src := capture.New(configFor(s))
	rounds := 4
	if e != testenv.MariaDB1011 {
		rounds = 2
	}
	for round := range rounds {
		stop := recaptured(t, src, m)
		m.waitFor(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		n, ended := m.count(), make(chan struct{})
		go func() {
			defer close(ended)
			for i := 0; ctx.Err() == nil; i++ {
				_, err := s.DB().ExecContext(ctx, fmt.Sprintf("INSERT INTO app.t WITH RECURSIVE n AS (SELECT 1 AS seq UNION ALL SELECT seq+1 FROM n WHERE seq < 500) SELECT %d+seq, REPEAT('z', 3000) FROM n", (round*1000+i)*1000))
				if err != nil {
					t.Log("workload ended:", err)
					return
				}
			}
		}()
		m.wait(t, "some transactions", func() bool { return len(m.entries) > n+5 })
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		cancel()
		<-ended
		if err := stop(); err == nil {
			t.Fatal("capture of a killed server ended without an error")
		}
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	recaptured(t, src, m)
	m.waitFor(t, s)
	m.compareFiles(t, s)
}

// proxy passes connections on and cuts each after some bytes from the server; a negative number never.
type proxy struct {
	target string
	limit  func() int64
	cuts   atomic.Int32
}

func (p *proxy) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, p.target)
	if err != nil {
		return nil, err
	}
	return &cutConn{Conn: conn, left: p.limit(), cuts: &p.cuts}, nil
}

type cutConn struct {
	net.Conn
	left int64
	cuts *atomic.Int32
}

func (c *cutConn) Read(b []byte) (int, error) {
	if c.left == 0 {
		c.cuts.Add(1)
		_ = c.Conn.Close()
		return 0, io.EOF
	}
	if c.left < 0 {
		return c.Conn.Read(b)
	}
	n, err := c.Conn.Read(b[:min(int64(len(b)), c.left)])
	c.left -= int64(n)
	return n, err
}

// The connection is cut at 100 places, inside packets, events and groups. Nothing is lost or repeated, and each time a
// relay that was just started goes on from the position alone.
func TestCutConnections(t *testing.T) { envtest.EachEngine(t, testCutConnections) }

func testCutConnections(t *testing.T, e testenv.Engine) {
	s := startEngine(t, e)
	random := rand.New(rand.NewPCG(1, 2))
	p := &proxy{target: s.Addr(), limit: func() int64 { return 1500 + random.Int64N(12000) }}
	config := configFor(s)
	config.Dialer = p.dial
	m := newMemory()
	requireEnded(t, capture.New(config), m) // so that the rest is not history
	for i := range 300 {
		run(t, s, fmt.Sprintf("INSERT INTO app.t VALUES (%d, REPEAT('a', %d)), (%d, 'b')", 2*i, random.IntN(5000), 2*i+1))
		if i%60 == 30 {
			run(t, s, "FLUSH BINARY LOGS", fmt.Sprintf("CREATE TABLE app.t%d (id INT PRIMARY KEY)", i))
		}
	}
	end := status(t, s)
	const cuts = 40
	for p.cuts.Load() < cuts || m.place() != end {
		if p.cuts.Load() > 1000 {
			t.Fatalf("still at %s after %d cuts", m.position, p.cuts.Load())
		}
		if m.place() == end {
			run(t, s, "INSERT INTO app.t SELECT MAX(id)+1, REPEAT('c', 4000) FROM app.t")
			end = status(t, s)
		}
		requireEnded(t, capture.New(config), m)
	}
	p.limit = func() int64 { return -1 }
	captured(t, capture.New(config), m)
	m.waitFor(t, s)
	m.compareFiles(t, s)
	gtids := map[string]bool{}
	for _, e := range m.entries {
		if e.GTID != "" && gtids[e.GTID] {
			t.Errorf("%s came twice", e.GTID)
		}
		gtids[e.GTID] = true
	}
}

// requireEnded captures until the connection is cut.
func requireEnded(t *testing.T, src *capture.Source, m *memory) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	err := src.Capture(ctx, m.position, m)
	m.discard()
	if ctx.Err() != nil || errors.Is(err, relay.ErrDiverged) || errors.Is(err, relay.ErrPurged) {
		t.Fatal(err)
	}
}

func TestCaughtUp(t *testing.T) { envtest.EachEngine(t, testCaughtUp) }

func testCaughtUp(t *testing.T, e testenv.Engine) {
	s := startEngine(t, e)
	m := newMemory()
	stop := captured(t, capture.New(configFor(s)), m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 && m.upTo == len(m.entries) })
	run(t, s, "INSERT INTO app.t VALUES (1, '')")
	m.waitFor(t, s)
	m.wait(t, "being caught up again", func() bool { return m.upTo == len(m.entries) })
	requireIs(t, stop(), context.Canceled)
	m.caughtUp = 0
	captured(t, capture.New(configFor(s)), m) // nothing new comes, and that is said too
	m.wait(t, "being caught up at once", func() bool { return m.caughtUp > 0 })
}

func TestServerInfo(t *testing.T) {
	s := startServer(t)
	info, err := capture.New(configFor(s)).ServerInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.ServerID != 1 || !strings.Contains(info.Version, "MariaDB") || info.Flavour != "mariadb" ||
		info.End.GTIDs.String() != ask(t, s, "SELECT @@gtid_binlog_pos") || info.End.Offset == 0 {
		t.Errorf("%+v", info)
	}
}

func TestRefused(t *testing.T) {
	s := startServer(t)
	run(t, s, "CREATE USER nobody@'%' IDENTIFIED BY 'secret'")
	for name, change := range map[string]func(*capture.Config){
		"wrong password":  func(c *capture.Config) { c.Password = "wrong" },
		"no privileges":   func(c *capture.Config) { c.User = "nobody" },
		"server's own id": func(c *capture.Config) { c.ServerID = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			config := configFor(s)
			change(&config)
			requireIs(t, capture.New(config).Capture(t.Context(), "", newMemory()), relay.ErrRefused)
		})
	}
	t.Run("no checksums", func(t *testing.T) {
		run(t, s, "SET GLOBAL binlog_checksum=NONE")
		requireIs(t, capture.New(configFor(s)).Capture(t.Context(), "", newMemory()), relay.ErrRefused)
	})
}
