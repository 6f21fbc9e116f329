package primary_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const (
	relayServerID = 4711
	password      = "correct horse"
)

// users are one of each kind.
func users() []primary.User {
	return []primary.User{
		{Name: "repl", Password: password, Roles: []string{primary.RoleReplicate}},
		{Name: "sha2", Password: password, Roles: []string{primary.RoleReplicate}, Plugin: "caching_sha2_password"},
		{Name: "reader", Password: password, Roles: []string{primary.RoleRead}},
		{Name: "admin", Password: password, Roles: []string{primary.RoleAdmin}},
		{Name: "all", Password: password, Roles: []string{primary.RoleReplicate, primary.RoleRead, primary.RoleAdmin}},
		{Name: "empty", Roles: []string{primary.RoleAdmin}},
	}
}

// relayServer is a primary.Server with a real relay log behind it.
type relayServer struct {
	*primary.Server
	log  *relaylog.DB
	addr string
	told *told
}

// told keeps what was logged.
type told struct {
	mu sync.Mutex
	b  strings.Builder
}

// Write implements io.Writer.
func (l *told) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// logged returns what the server has logged.
func (s *relayServer) logged() string {
	s.told.mu.Lock()
	defer s.told.mu.Unlock()
	return s.told.b.String()
}

func startServer(t testing.TB, change func(*primary.Config)) *relayServer {
	t.Helper()
	log, err := relaylog.Open(filepath.Join(envtest.Dir(t), "log"), relaylog.Options{})
	if err != nil {
		t.Fatal(err)
	}
	lines := &told{}
	cfg := primary.Config{
		Users: users(), ServerID: relayServerID, ServerVersion: "10.11.19-MariaDB-log", Log: log,
		Patience: 50 * time.Millisecond,
		Upstream: func() primary.Upstream { return primary.Upstream{DomainID: 1} },
		Logger:   slog.New(slog.NewTextHandler(io.MultiWriter(testWriter{t}, lines), &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&cfg)
	}
	s := &relayServer{Server: primary.New(cfg), log: log, told: lines}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Serve(ctx, l); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait()
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *relayServer) port(t testing.TB) int {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	return addr.Port
}

// bed is a real database, and a relay that captures from it.
type bed struct {
	*relayServer
	source *testenv.Server
}

func startBed(t testing.TB) *bed {
	t.Helper()
	b := &bed{source: startSource(t), relayServer: startServer(t, nil)}
	b.capture(t)
	return b
}

// startBedOf is startBed with another MariaDB.
func startBedOf(t testing.TB, engine testenv.Engine, version string) *bed {
	t.Helper()
	b := &bed{
		source:      envtest.Server(t, testenv.ServerOptions{ID: 1, Relaxed: true, Engine: engine}),
		relayServer: startServer(t, func(c *primary.Config) { c.ServerVersion = version }),
	}
	execute(t, b.source, "CREATE USER raw@'%' IDENTIFIED BY ''", "GRANT ALL ON *.* TO raw@'%'", "RESET MASTER")
	b.capture(t)
	return b
}

func startSource(t testing.TB) *testenv.Server {
	t.Helper()
	return envtest.Server(t, testenv.ServerOptions{ID: 1, Relaxed: true, Args: []string{"--binlog-checksum=CRC32"}})
}

// capture fills the relay log from the source until the test ends.
func (b *bed) capture(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c, err := dialRaw(b.source.Addr(), "root", "")
	if err != nil {
		t.Fatal(err)
	}
	var capturing sync.WaitGroup
	capturing.Go(func() {
		if err := capture(ctx, c, b.log.Local()); err != nil && ctx.Err() == nil {
			t.Errorf("capture: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		c.close()
		capturing.Wait()
	})
}

// waitCaptured waits until the relay log has everything that the source has.
func (b *bed) waitCaptured(t testing.TB) {
	t.Helper()
	waitFor(t, "capture", func() (bool, error) {
		file, offset := masterStatus(t, b.source) // it can still move: checkpoints are written late
		last := relay.LSN(b.log.Local().Last())
		if last == 0 {
			return false, nil
		}
		e, _, err := b.log.Local().Entry(last)
		if err != nil {
			return false, err
		}
		return endsAt(e, file, offset), nil
	})
}

func masterStatus(t testing.TB, s *testenv.Server) (file string, offset uint64) {
	t.Helper()
	var ignore1, ignore2 string
	if err := s.DB().QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&file, &offset, &ignore1, &ignore2); err != nil {
		t.Fatal(err)
	}
	return file, offset
}

func execute(t testing.TB, s *testenv.Server, statements ...string) {
	t.Helper()
	conn, err := s.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range statements {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%.100s: %v", statement, err)
		}
	}
}

// waitFor polls until the condition holds.
func waitFor(t testing.TB, what string, holds func() (bool, error)) {
	t.Helper()
	ctx := envtest.Context(t, 3*time.Minute)
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		ok, err := holds()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if ok {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: still not so after three minutes", what)
		}
	}
}

// testWriter sends logs to the test.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	defer func() {
		if r := recover(); r != nil { // a log line after the test's end
			_ = fmt.Sprint(r)
		}
	}()
	w.t.Logf("%s", b)
	return len(b), nil
}
