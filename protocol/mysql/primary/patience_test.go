package primary_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/testenv/envtest"
)

// A replica that names a place which the relay reads only now is served when it has.
func TestReplicaAMomentAhead(t *testing.T) {
	b := &bed{source: startSource(t), relayServer: startServer(t, func(c *primary.Config) { c.Patience = time.Minute })}
	b.capture(t)
	execute(t, b.source, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY)")
	b.waitCaptured(t)
	r := mustDial(t, b.addr, "repl", password)
	if err := r.asReplica(connectState("1-1-3")); err != nil {
		t.Fatal(err)
	}
	if err := r.dump("", 4, 2, 50); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "dump", func() (bool, error) { return len(b.Replicas()) == 1, nil })
	execute(t, b.source, "INSERT INTO app.t VALUES (1)")
	if _, err := r.next(); err != nil {
		t.Error(err)
	}
}

// An empty log is no reason for a replica to give up, so the error is not 1236.
func TestEmptyLog(t *testing.T) {
	s := startServer(t, nil)
	for _, variables := range [][]string{nil, {connectState("")}, {connectState("0-1-5")}} {
		r := mustDial(t, s.addr, "repl", password)
		if err := (request{variables: variables, file: "x.000001", offset: 4}).send(r); err != nil {
			t.Fatal(err)
		}
		if e := refusal(t, r); e.Code == 1236 {
			t.Errorf("%v: %v", variables, e)
		}
	}
}

// A client that takes nothing is put out.
func TestStuckReplica(t *testing.T) {
	b := &bed{source: startSource(t), relayServer: startServer(t, func(c *primary.Config) { c.WriteTimeout = 500 * time.Millisecond })}
	b.capture(t)
	history(t, b.source)
	b.waitCaptured(t)
	r := mustDial(t, b.addr, "repl", password)
	if err := (request{file: "mariadb-bin.000001", offset: 4, flags: 2}).send(r); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the client to be cut off", func() (bool, error) { return strings.Contains(b.logged(), "client cut off"), nil })
	waitFor(t, "dump to end", func() (bool, error) { return len(b.Replicas()) == 0, nil })
}

// While one client takes nothing, until it is put out and after, another one gets all that there is and all that comes.
func TestStuckReplicaHoldsNobodyUp(t *testing.T) {
	const patience = 4 * time.Second
	b := &bed{source: startSource(t), relayServer: startServer(t, func(c *primary.Config) { c.WriteTimeout = patience })}
	b.capture(t)
	history(t, b.source)
	b.waitCaptured(t)
	req := request{file: "mariadb-bin.000001", offset: 4, flags: 2}
	stuck, other := mustDial(t, b.addr, "repl", password), mustDial(t, b.addr, "repl", password)
	begun := time.Now()
	if err := req.send(stuck); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the stuck one's dump", func() (bool, error) { return len(b.Replicas()) == 1, nil })
	if err := req.send(other); err != nil {
		t.Fatal(err)
	}
	upTo := func() {
		t.Helper()
		file, end := masterStatus(t, b.source)
		for at := (spot{}); at.file != file || at.offset < end; {
			event, err := other.next()
			if err != nil {
				t.Fatal(err)
			}
			at.follow(t, event)
		}
	}
	upTo()
	if n := len(b.Replicas()); n != 2 && time.Since(begun) < patience { // else it may have been put out meanwhile
		t.Errorf("%d are served before the stuck one is put out, want both", n)
	}
	waitFor(t, "the stuck one to be put out", func() (bool, error) { return len(b.Replicas()) == 1, nil })
	execute(t, b.source, "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (100, 'later', 1)")
	upTo()
}

// spot is where a client is in the files.
type spot struct {
	file   string
	offset uint64
}

func (s *spot) follow(t *testing.T, event []byte) {
	t.Helper()
	h, err := binlog.ParseHeader(event)
	if err != nil {
		t.Fatal(err)
	}
	if h.Type != binlog.RotateEvent {
		s.offset = max(s.offset, uint64(h.LogPos))
		return
	}
	r, err := binlog.ParseRotate(event)
	if err != nil {
		t.Fatal(err)
	}
	s.file, s.offset = r.File, r.Offset
}

// When the server stops, idle clients and dumps end, and Serve waits for them.
func TestStop(t *testing.T) {
	b := startBed(t)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	s := primary.New(primary.Config{Users: users(), ServerID: 5, ServerVersion: "10.11.19-MariaDB", Log: b.log})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	idle, dump := mustDial(t, l.Addr().String(), "repl", password), mustDial(t, l.Addr().String(), "repl", password)
	if err := (request{file: "mariadb-bin.000001", offset: 4, flags: 2}).send(dump); err != nil {
		t.Fatal(err)
	}
	if _, err := dump.next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	if e := refusal(t, dump); e.Code != mysql.ER_SERVER_SHUTDOWN {
		t.Errorf("dump ended with %v", e)
	}
	if _, err := idle.next(); err == nil {
		t.Error("idle client is still served")
	}
	select {
	case err := <-served:
		if err != nil {
			t.Error(err)
		}
	case <-envtest.Context(t, time.Minute).Done():
		t.Error("still serving")
	}
	if err := s.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed listener: %v", err)
	}
}
