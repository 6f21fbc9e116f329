package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
)

// maxSocketPath is what sun_path of sockaddr_un holds on Linux without its closing zero: see unix(7).
const maxSocketPath = 107

// Server is one database server on the loopback interface. Its methods may be called from several goroutines; those
// that start and end it wait for each other.
type Server struct {
	options ServerOptions
	engine  installation
	port    *Port
	db      *sql.DB

	mu      sync.Mutex
	process *process
}

// StartServer makes a server from the engine's template and waits until it answers. Close removes it.
func StartServer(ctx context.Context, o ServerOptions) (*Server, error) {
	o.ID, o.Regions = max(o.ID, 1), max(o.Regions, 1)
	if err := requireEmpty(o.Dir); err != nil {
		return nil, err
	}
	engine, err := o.Engine.find(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{options: o, engine: engine}
	if err := s.create(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// requireEmpty keeps Close from removing what StartServer did not make.
func requireEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("start server: %w", err)
	}
	if dir == "" || len(entries) > 0 {
		return errors.New("start server: Dir must name a new or an empty folder")
	}
	return nil
}

func (s *Server) create(ctx context.Context) error {
	if len(s.Socket()) > maxSocketPath {
		return fmt.Errorf("start server: the path of its socket has more than %d bytes: choose a shorter Dir", maxSocketPath)
	}
	template, err := s.engine.template(ctx)
	if err != nil {
		return err
	}
	if err := copyTree(ctx, template, s.dataDir()); err != nil {
		return err
	}
	if err := os.MkdirAll(s.tempDir(), 0o700); err != nil {
		return fmt.Errorf("make server's temporary folder: %w", err)
	}
	if s.db, err = s.openRoot(); err != nil {
		return err
	}
	return s.startOnFreePort(ctx)
}

// startOnFreePort tries again on another port when a stranger, who knows nothing of our reservations, took
// the first between the look and the use.
func (s *Server) startOnFreePort(ctx context.Context) error {
	const attempts = 5
	var err error
	for range attempts {
		if err := s.port.Release(); err != nil {
			return err
		}
		if s.port, err = ReservePort(); err != nil {
			return err
		}
		if err = s.Start(ctx); err == nil || !strings.Contains(s.LogTail(), "Address already in use") {
			return err
		}
	}
	return err
}

// Start starts a server that was stopped or killed, on the same port and data, and waits until it answers.
// A running server is left alone. One that ended though nobody stopped or killed it is an error, for tests
// must notice that; after Kill it can be started again.
func (s *Server) Start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process.running() {
		return nil
	}
	if s.process != nil {
		return fmt.Errorf("start %s: it had ended by itself: %s; its log ends:\n%s", s.engine, s.process.fate(), s.LogTail())
	}
	p, err := startProcess(exec.Command(s.engine.server, s.args()...), s.logPath())
	if err != nil {
		return err
	}
	s.process = p
	if err := s.waitAnswering(ctx); err != nil {
		err = errors.Join(err, p.kill())
		s.process = nil
		return err
	}
	return nil
}

func (s *Server) args() []string {
	place := []string{
		"--datadir=" + s.dataDir(),
		// A starting server deletes every temporary table that it finds in its tmpdir, other servers' too.
		"--tmpdir=" + s.tempDir(),
		"--socket=" + s.Socket(),
		"--pid-file=" + filepath.Join(s.options.Dir, "pid"),
		"--bind-address=127.0.0.1",
		fmt.Sprintf("--port=%d", s.port.Number),
	}
	return slices.Concat(s.engine.common(), place, s.engine.settings(s.options))
}

func (s *Server) waitAnswering(ctx context.Context) error {
	err := poll(ctx, 10*time.Millisecond, func() (bool, error) {
		if !s.process.running() {
			return false, fmt.Errorf("server ended: %s", s.process.fate())
		}
		return s.db.PingContext(ctx) == nil, nil
	})
	if err != nil {
		return fmt.Errorf("start %s: %w; its log ends:\n%s", s.engine, err, s.LogTail())
	}
	return nil
}

// Stop ends the server in order, with SIGTERM, and waits. A server that ctx does not leave the time is killed.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.process.terminate(ctx)
	s.process = nil
	if err != nil {
		return fmt.Errorf("stop %s: %w", s.engine, err)
	}
	return nil
}

// Kill ends the server with SIGKILL and waits until it is gone.
func (s *Server) Kill() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.process.kill()
	s.process = nil
	return err
}

// Restart kills the server and starts it again: recovery from a crash.
func (s *Server) Restart(ctx context.Context) error {
	if err := s.Kill(); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Running says whether the server's process lives.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.running()
}

// Close kills the server and removes its data. The log goes with them.
func (s *Server) Close() error {
	if s.db != nil {
		_ = s.db.Close() // fails on connections that an earlier Kill broke, which says nothing
	}
	return errors.Join(s.Kill(), os.RemoveAll(s.options.Dir), s.port.Release())
}

// Engine returns what the server is.
func (s *Server) Engine() Engine { return s.engine.Engine }

// ID returns the server_id, which is also its gtid_domain_id.
func (s *Server) ID() int { return s.options.ID }

// Port returns the TCP port, which stays the same over restarts.
func (s *Server) Port() int { return s.port.Number }

// Addr returns the host and port to dial.
func (s *Server) Addr() string { return s.port.Addr() }

// Socket returns the path of the Unix socket, on which root logs in without a password.
func (s *Server) Socket() string { return filepath.Join(s.options.Dir, "sock") }

// DB returns root's connections over the Unix socket. They belong to the server: don't close them. After a
// restart the pool connects again by itself. Results come as the bytes that are stored, in UTC.
func (s *Server) DB() *sql.DB { return s.db }

// DSN returns the go-sql-driver data source name of a user over TCP; database may be empty.
func (s *Server) DSN(user, password, database string) string {
	c := mysql.NewConfig()
	c.User, c.Passwd, c.DBName = user, password, database
	c.Net, c.Addr = "tcp", s.Addr()
	return c.FormatDSN()
}

// BinlogFile returns the path of one of the server's binary logs, for comparing bytes.
func (s *Server) BinlogFile(name string) string { return filepath.Join(s.dataDir(), name) }

// LogTail returns the end of the server's error log, for a failure's report.
func (s *Server) LogTail() string { return logTail(s.logPath(), 8<<10) }

func (s *Server) logPath() string { return filepath.Join(s.options.Dir, "log") }
func (s *Server) tempDir() string { return filepath.Join(s.options.Dir, "tmp") }
func (s *Server) dataDir() string { return filepath.Join(s.options.Dir, "data") }

func (s *Server) openRoot() (*sql.DB, error) {
	c := mysql.NewConfig()
	c.User, c.Net, c.Addr = "root", "unix", s.Socket()
	c.MultiStatements = true
	c.InterpolateParams = true
	c.Logger = &mysql.NopLogger{} // a killed server is part of the test, not news
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("connect to database as root: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxIdleConns(32)
	return db, nil
}
