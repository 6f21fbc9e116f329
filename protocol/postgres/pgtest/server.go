package pgtest

import (
	"bytes"
	"context"
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
	"testing"
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

// Server is a running PostgreSQL. It ends with its test.
type Server struct {
	Engine Engine
	Port   int

	t    testing.TB
	dir  string
	args []string
	log  string

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}

	retried int
}

// Start makes and starts a server with small buffers and logical replication. Settings are added to its command line: "name=value".
func Start(t testing.TB, e Engine, settings ...string) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "octant-pg-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{Engine: e, t: t, dir: dir, log: filepath.Join(dir, "log")}
	copyTemplate(t, e, filepath.Join(dir, "data"))
	s.Port = freePort(t)
	s.args = []string{"-D", filepath.Join(dir, "data"), "-p", strconv.Itoa(s.Port), "-k", dir}
	for _, setting := range append([]string{
		"listen_addresses=127.0.0.1", "wal_level=logical", "shared_buffers=16MB", "max_connections=60", "max_wal_senders=10",
		"max_replication_slots=20", "fsync=off", "autovacuum=off", "max_worker_processes=2", "jit=off", "log_min_messages=warning",
		"timezone=Asia/Kolkata", "datestyle=SQL,DMY", "wal_sender_timeout=10s", "max_wal_size=256MB",
	}, settings...) {
		s.args = append(s.args, "-c", setting)
	}
	s.Run()
	t.Cleanup(s.Kill)
	return s
}

func freePort(t testing.TB) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// templates are made once per engine and process.
var templates sync.Map

type template struct {
	once sync.Once
	dir  string
	err  error
}

func copyTemplate(t testing.TB, e Engine, to string) {
	t.Helper()
	v, _ := templates.LoadOrStore(e.bin, &template{})
	tpl := v.(*template)
	tpl.once.Do(func() { tpl.dir, tpl.err = makeTemplate(e) })
	if tpl.err != nil {
		t.Fatal(tpl.err)
	}
	if out, err := exec.Command("cp", "-r", tpl.dir, to).CombinedOutput(); err != nil {
		t.Fatalf("copy template: %v: %s", err, out)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
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
func (s *Server) Run() {
	s.t.Helper()
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		s.t.Fatal(err)
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
		s.t.Fatalf("start postgres: %v", err)
	}
	s.mu.Lock()
	s.cmd, s.done = cmd, done
	s.mu.Unlock()
	if !s.await(done) {
		s.Run()
	}
}

// await returns when the server answers. False: sessions of its predecessor, which was killed, are still ending.
func (s *Server) await(done chan struct{}) bool {
	s.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		conn, err := pgx.Connect(ctx, s.URL(Super, "postgres"))
		if err == nil {
			conn.Close(ctx)
			cancel()
			return true
		}
		cancel()
		select {
		case <-done:
			if strings.Contains(s.Tail(), "pre-existing shared memory block") && s.retried < 100 {
				s.retried++
				return false
			}
			s.t.Fatalf("postgres has ended: %s", s.Tail())
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("postgres does not answer: %v: %s", err, s.Tail())
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

// URL returns how to connect.
func (s *Server) URL(user, database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", user, Password, s.Port, database)
}

// Addr returns host:port.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Connect opens a session that ends with the test.
func (s *Server) Connect(t testing.TB, user, database string) *pgx.Conn {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(user, database))
	if err != nil {
		t.Fatalf("connect to postgres: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		conn.Close(ctx)
	})
	return conn
}

// Exec runs statements as the superuser in the database.
func (s *Server) Exec(t testing.TB, sql string) {
	t.Helper()
	s.ExecIn(t, Database, sql)
}

// ExecIn runs statements as the superuser.
func (s *Server) ExecIn(t testing.TB, database, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(Super, database))
	if err != nil {
		t.Fatalf("connect to postgres: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.PgConn().Exec(ctx, sql).ReadAll(); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Query returns the first column of a query's rows, as texts.
func (s *Server) Query(t testing.TB, sql string) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL(Super, Database))
	if err != nil {
		t.Fatalf("connect to postgres: %v", err)
	}
	defer conn.Close(ctx)
	r := conn.PgConn().ExecParams(ctx, sql, nil, nil, nil, nil).Read()
	if r.Err != nil {
		t.Fatalf("%s: %v", sql, r.Err)
	}
	var list []string
	for _, row := range r.Rows {
		list = append(list, string(row[0]))
	}
	return list
}

// Grants are what the relay's user needs besides owning the tables, or being granted what the manual names.
const Grants = `GRANT CREATE ON DATABASE shop TO octant;
GRANT SET ON PARAMETER session_replication_role TO octant;
GRANT EXECUTE ON FUNCTION pg_replication_origin_create(text), pg_replication_origin_oid(text), pg_replication_origin_session_setup(text),
  pg_replication_origin_session_reset(), pg_replication_origin_xact_setup(pg_lsn, timestamptz) TO octant`

// Prepare makes the database, the relay's user with the least privileges, and a schema app that the user owns.
func (s *Server) Prepare(t testing.TB, schema string) {
	t.Helper()
	s.ExecIn(t, "postgres", "CREATE ROLE octant LOGIN REPLICATION PASSWORD 'secret'")
	s.ExecIn(t, "postgres", "CREATE DATABASE shop")
	s.Exec(t, Grants)
	s.Exec(t, "CREATE SCHEMA app AUTHORIZATION octant; SET ROLE octant; SET search_path = app; "+schema)
}
