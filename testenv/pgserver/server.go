package pgserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// The accounts of a server. Super may do everything; User is the relay's, with the privileges that the manual names.
const (
	Super    = "postgres"
	User     = "octant"
	Password = "secret"
	Database = "shop"
)

// Server is a running PostgreSQL.
type Server struct {
	Engine Engine
	Port   int

	dir  string
	args []string
	log  string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}

	retried int
}

// Start makes and starts a server in a folder of its own below the one that is given, "" being the temporary one, with small buffers and logical
// replication. Settings are added to its command line: "name=value". Close ends it.
func Start(e Engine, below string, settings ...string) (*Server, error) {
	dir, err := os.MkdirTemp(below, "octant-pg-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for postgres: %w", err)
	}
	s := &Server{Engine: e, dir: dir, log: filepath.Join(dir, "log")}
	if err := s.create(settings); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Server) create(settings []string) error {
	if err := copyTemplate(s.Engine, s.Data()); err != nil {
		return err
	}
	return s.begin(settings)
}

// begin runs a server on the files that are there.
func (s *Server) begin(settings []string) (err error) {
	if s.Port, err = freePort(); err != nil {
		return err
	}
	s.args = []string{"-D", s.Data(), "-p", strconv.Itoa(s.Port), "-k", s.dir}
	for _, setting := range append([]string{
		"listen_addresses=127.0.0.1", "wal_level=logical", "shared_buffers=16MB", "max_connections=60", "max_wal_senders=10",
		"max_replication_slots=20", "fsync=off", "autovacuum=off", "max_worker_processes=2", "jit=off", "log_min_messages=warning",
		"timezone=Asia/Kolkata", "datestyle=SQL,DMY", "wal_sender_timeout=10s", "max_wal_size=256MB",
	}, settings...) {
		s.args = append(s.args, "-c", setting)
	}
	return s.Run()
}

// Close ends the server and removes its folder.
func (s *Server) Close() error {
	s.Kill()
	return os.RemoveAll(s.dir)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// templates are made once per engine and process.
var templates sync.Map

type template struct {
	once sync.Once
	dir  string
	err  error
}

func copyTemplate(e Engine, to string) error {
	v, _ := templates.LoadOrStore(e.bin, &template{})
	tpl := v.(*template)
	tpl.once.Do(func() { tpl.dir, tpl.err = makeTemplate(e) })
	if tpl.err != nil {
		return tpl.err
	}
	if out, err := exec.Command("cp", "-r", tpl.dir, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy template: %w: %s", err, out)
	}
	return os.Chmod(to, 0o700)
}

// makeTemplate runs initdb in a folder that later processes of the same user find again.
func makeTemplate(e Engine) (string, error) {
	root := filepath.Join(os.TempDir(), "octant-pg-templates-"+strconv.Itoa(os.Getuid()))
	dir := filepath.Join(root, e.Name)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	if err := os.MkdirAll(root, 0o700); err != nil {
		return "", err
	}
	making, err := os.MkdirTemp(root, "making-")
	if err != nil {
		return "", err
	}
	cmd := exec.Command(filepath.Join(e.bin, "initdb"), "-D", making, "-U", Super, "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	cmd.SysProcAttr = attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %w: %s", err, out)
	}
	hba := "local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(making, "pg_hba.conf"), []byte(hba), 0o600); err != nil {
		return "", err
	}
	if err := os.Rename(making, dir); err != nil && !os.IsExist(err) {
		if _, there := os.Stat(dir); there != nil {
			return "", err
		}
	}
	return dir, nil
}

// attributes make the child end with us, and let root run it.
func attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if os.Getuid() == 0 {
		a.Cloneflags = syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: 1000, HostID: 0, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: 1000, HostID: 0, Size: 1}}
	}
	return a
}

// Run starts the server, which must not be running, and waits until it answers.
func (s *Server) Run() error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log of postgres: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(s.Engine.bin, "postgres"), s.args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = log, log, attributes()
	done, started := make(chan struct{}), make(chan error)
	go func() { // on one thread: the parent-death signal is sent when the thread ends that forked
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	s.mu.Lock()
	s.cmd, s.done = cmd, done
	s.mu.Unlock()
	answers, err := s.await(done)
	if err == nil && !answers {
		return s.Run()
	}
	return err
}

// await returns when the server answers. False: sessions of its predecessor, which was killed, are still ending.
func (s *Server) await(done chan struct{}) (bool, error) {
	deadline := time.Now().Add(60 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		conn, err := pgx.Connect(ctx, s.URL(Super, "postgres"))
		if err == nil {
			conn.Close(ctx)
			cancel()
			return true, nil
		}
		cancel()
		select {
		case <-done:
			if strings.Contains(s.Tail(), "pre-existing shared memory block") && s.retried < 100 {
				s.retried++
				return false, nil
			}
			return false, fmt.Errorf("postgres has ended: %s", s.Tail())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return false, fmt.Errorf("postgres does not answer: %w: %s", err, s.Tail())
		}
	}
}

// Kill ends the server as a crash would. It is harmless if it does not run.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

// Stop ends the server in the fast mode.
func (s *Server) Stop() { s.signal(syscall.SIGINT) }

func (s *Server) signal(sig syscall.Signal) {
	s.mu.Lock()
	cmd, done := s.cmd, s.done
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	if sig == syscall.SIGKILL {
		_ = syscall.Kill(-cmd.Process.Pid, sig)
	}
	_ = cmd.Process.Signal(sig)
	<-done
}

// Tail returns the end of the server's log.
func (s *Server) Tail() string {
	b, err := os.ReadFile(s.log)
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(b[max(0, len(b)-4000):]))
}

// Data is the folder with the server's files.
func (s *Server) Data() string { return filepath.Join(s.dir, "data") }

// URL returns how to connect.
func (s *Server) URL(user, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", user, Password, s.Port, database)
}

// Addr returns host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Exec runs statements as the superuser, in a session of their own.
func (s *Server) Exec(ctx context.Context, database, sql string) error {
	conn, err := pgx.Connect(ctx, s.URL(Super, database))
	if err != nil {
		return fmt.Errorf("connect to postgres: %w", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}

// Grants are what the relay's user needs besides owning the tables, or being granted what the manual names.
const Grants = `GRANT CREATE ON DATABASE shop TO octant;
GRANT SET ON PARAMETER session_replication_role TO octant;
GRANT EXECUTE ON FUNCTION pg_replication_origin_create(text), pg_replication_origin_oid(text), pg_replication_origin_session_setup(text),
  pg_replication_origin_session_reset(), pg_replication_origin_xact_setup(pg_lsn, timestamptz) TO octant`

// Prepare makes the database, the relay's user with the least privileges, and a schema that the user owns, with tables.
func (s *Server) Prepare(ctx context.Context, schema, tables string) error {
	for _, step := range []struct{ database, sql string }{
		{"postgres", "CREATE ROLE octant LOGIN REPLICATION PASSWORD '" + Password + "'"},
		{"postgres", "CREATE DATABASE shop"},
		{Database, Grants},
		{Database, "CREATE SCHEMA " + schema + " AUTHORIZATION octant; SET ROLE octant; SET search_path = " + schema + "; " + tables},
	} {
		if err := s.Exec(ctx, step.database, step.sql); err != nil {
			return err
		}
	}
	return nil
}
