package primary_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

func dialSilent(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }

// sleeper runs statements until they are interrupted.
type sleeper struct{ running chan struct{} }

func (s *sleeper) Query(ctx context.Context, _ primary.Session, _ string) (*mysql.Result, error) {
	s.running <- struct{}{}
	<-ctx.Done()
	return nil, fmt.Errorf("sleep: %w", ctx.Err())
}

// KILL QUERY ends a statement and leaves the connection.
func TestKillQuery(t *testing.T) {
	engine := &sleeper{running: make(chan struct{})}
	s := startServer(t, func(c *primary.Config) { c.SQL = engine })
	victim, by := mustDial(t, s.addr, "admin", password), mustDial(t, s.addr, "admin", password)
	ended := make(chan error, 1)
	go func() {
		_, err := victim.conn.Execute("SELECT sleep('secret word')")
		ended <- err
	}()
	<-engine.running
	var shown primary.Connection
	for _, c := range s.Connections() {
		if c.ID == victim.conn.GetConnectionID() {
			shown = c
		}
	}
	if shown.Command != "Query" || shown.User != "admin" || shown.Info != "select sleep ( '?' )" {
		t.Errorf("shown as %+v", shown)
	}
	if _, err := by.conn.Execute(fmt.Sprintf("KILL QUERY %d", shown.ID)); err != nil {
		t.Fatal(err)
	}
	var e *mysql.MyError
	if err := <-ended; !errors.As(err, &e) || e.Code != mysql.ER_QUERY_INTERRUPTED {
		t.Errorf("the statement ended with %v", err)
	}
	if _, err := victim.conn.Execute("SELECT VERSION()"); err != nil {
		t.Errorf("the connection is gone: %v", err)
	}
	if err := s.Kill(primary.Session{User: "reader", Roles: []string{primary.RoleRead}}, shown.ID, false); err == nil {
		t.Error("a reader may kill an admin")
	}
	if err := s.Kill(primary.Session{User: "x", Roles: []string{primary.RoleAdmin}}, shown.ID, false); err != nil {
		t.Error(err)
	}
	waitFor(t, "end", func() (bool, error) { return len(s.Connections()) == 1, nil })
}

// What a dump has sent is shown, and KILL QUERY ends it.
func TestDumpIsShown(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)
	file, end := masterStatus(t, b.source)
	r := mustDial(t, b.addr, "repl", password)
	if err := (request{variables: []string{connectState("")}, flags: 2}).send(r); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := r.next(); err != nil {
				ended <- err
				return
			}
		}
	}()
	waitFor(t, "everything sent", func() (bool, error) {
		c := b.Connections()
		return len(c) == 1 && c[0].Command == "Binlog Dump GTID" && strings.HasPrefix(c[0].State, "Has sent all") && c[0].File == file && c[0].Position == end && c[0].Sent > 20e6, nil
	})
	by := mustDial(t, b.addr, "repl", password)
	if _, err := by.conn.Execute(fmt.Sprintf("KILL QUERY %d", r.conn.GetConnectionID())); err != nil {
		t.Fatal(err)
	}
	var e *mysql.MyError
	if err := <-ended; !errors.As(err, &e) || e.Code != mysql.ER_QUERY_INTERRUPTED {
		t.Errorf("the dump ended with %v", err)
	}
}

// A client that takes too long hears why it was cut off, if it listens at last.
func TestSlowReplicaHearsWhy(t *testing.T) {
	b := &bed{source: startSource(t), relayServer: startServer(t, func(c *primary.Config) { c.WriteTimeout = 300 * time.Millisecond })}
	b.capture(t)
	execute(t, b.source, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, v LONGBLOB)")
	for range 60 {
		execute(t, b.source, "INSERT INTO app.t (v) VALUES (REPEAT('x', 200000))")
	}
	b.waitCaptured(t)
	r := mustDial(t, b.addr, "repl", password)
	if err := r.nc.(*net.TCPConn).SetReadBuffer(64 << 10); err != nil {
		t.Fatal(err)
	}
	if err := (request{file: "mariadb-bin.000001", offset: 4, flags: 2}).send(r); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "cut", func() (bool, error) { return strings.Contains(b.logged(), "client cut off"), nil })
	for {
		_, err := r.next()
		if err == nil {
			continue
		}
		var e *mysql.MyError
		if errors.As(err, &e) && e.Code != mysql.ER_NET_WRITE_INTERRUPTED {
			t.Errorf("told %v", e)
		}
		if strings.Contains(err.Error(), "want") {
			t.Errorf("the stream is out of step: %v", err)
		}
		return
	}
}
