package pgtest

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/octant-db/octant/testenv/pgserver"
)

// The accounts of a server; see pgserver.
const (
	Super    = pgserver.Super
	User     = pgserver.User
	Password = pgserver.Password
	Database = pgserver.Database
)

// Server is a running PostgreSQL. It ends with its test.
type Server struct {
	*pgserver.Server
	t testing.TB
}

// Start makes and starts a server with small buffers and logical replication. Settings are added to its command line: "name=value".
func Start(t testing.TB, e Engine, settings ...string) *Server {
	t.Helper()
	s, err := pgserver.Start(e, "", settings...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return &Server{Server: s, t: t}
}

// Standby makes and starts a standby of the server.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	standby, err := s.Server.Standby("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = standby.Close() })
	return &Server{Server: standby, t: t}
}

// Run starts the server, which must not be running, and waits until it answers.
func (s *Server) Run() {
	s.t.Helper()
	if err := s.Server.Run(); err != nil {
		s.t.Fatal(err)
	}
}

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
	if err := s.Server.Exec(ctx, database, sql); err != nil {
		t.Fatal(err)
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

// Prepare makes the database, the relay's user with the least privileges, and a schema app that the user owns.
func (s *Server) Prepare(t testing.TB, schema string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := s.Server.Prepare(ctx, "app", schema); err != nil {
		t.Fatal(err)
	}
}
