package primary_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

func mustDial(t testing.TB, addr, user, password string, options ...client.Option) *raw {
	t.Helper()
	r, err := dialRaw(addr, user, password, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.close)
	return r
}

// refusal returns what a dump is refused with.
func refusal(t testing.TB, r *raw) *mysql.MyError {
	t.Helper()
	for {
		_, err := r.next()
		if err == nil {
			continue
		}
		var e *mysql.MyError
		if !errors.As(err, &e) {
			t.Fatalf("dump ended with %v", err)
		}
		return e
	}
}

func TestRefusals(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)
	inside := groupStart(t, b, "mariadb-bin.000002", 4)

	tests := []struct {
		name string
		request
		code uint16
		text string
	}{
		{"inside an event", request{file: "mariadb-bin.000002", offset: inside + 7}, 1236, "binlog truncated in the middle of event"},
		{"diverged", request{variables: []string{connectState("1-77-4")}}, 1236, "diverged due to executing extra erroneous transactions"},
		{"MySQL replica", request{variables: []string{"SET @slave_uuid = 'a-b', @replica_uuid= 'a-b'"}}, 1236, "MySQL replica"},
		{"old client", request{variables: []string{"SET @mariadb_slave_capability=3"}}, 1236, "@mariadb_slave_capability=4"},
		{"unreadable subscription", request{variables: []string{"SET @octant_subscribe='zz', @octant_from=1"}}, 1236, "nothing for other relays"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r := mustDial(t, b.addr, "repl", password)
			if err := test.send(r); err != nil {
				t.Fatal(err)
			}
			e := refusal(t, r)
			if e.Code != test.code || !strings.Contains(e.Message, test.text) {
				t.Errorf("refused with %d %q, want %d …%q…", e.Code, e.Message, test.code, test.text)
			}
		})
	}
}

// A replica that has the database's server id would pass over all that it is sent: it is told, with what replicas say of that themselves.
func TestReplicaWithTheSourcesID(t *testing.T) {
	b := &bed{source: startSource(t), relayServer: startServer(t, func(c *primary.Config) {
		c.Upstream = func() primary.Upstream { return primary.Upstream{ServerID: 1, DomainID: 1} }
	})}
	b.capture(t)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	r := envtest.Server(t, testenv.ServerOptions{ID: 1, Relaxed: true})
	follow(t, r, b.port(t), "repl", "MASTER_USE_GTID=slave_pos")
	waitFor(t, "refusal", func() (bool, error) {
		status, err := slaveStatus(t.Context(), r)
		return status["Last_IO_Errno"] == "1236" && strings.Contains(status["Last_IO_Error"], "equal MariaDB server ids"), err
	})
}

// What was trimmed is refused with the words of a server that purged its files.
func TestPurged(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)
	second := groupStart(t, b, "mariadb-bin.000002", 1)
	entry, err := b.log.Local().Floor("p", "pmariadb-bin.000002\x00\x00\x00\x00\x00\x00\x00\x00\x04")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.log.Local().Trim(uint64(entry)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "trim", func() (bool, error) { return b.log.Local().First() == uint64(entry), nil })
	execute(t, b.source, "PURGE BINARY LOGS TO 'mariadb-bin.000002'")

	for _, state := range []string{"", "1-1-2", "1-1-3", "1-1-3,7-1-1", "7-1-2", "1-1-3,7-1-2", "1-1-5,7-1-2", "1-77-3,7-1-2"} {
		req := request{variables: []string{connectState(state)}, flags: 3}
		got := essence(transcript(t, b.addr, "repl", password, req))
		want := essence(transcript(t, b.source.Addr(), "root", "", req))
		if state == "1-77-3,7-1-2" { // the server can no longer tell, and believes it
			if last := got[len(got)-1]; !strings.Contains(last, "1236") {
				t.Errorf("state %s: %s", state, last)
			}
			continue
		}
		t.Run("state "+state, func(t *testing.T) { compare(t, got, want) })
	}
	for _, req := range []request{{file: "mariadb-bin.000001", offset: 4, flags: 3}, {file: "mariadb-bin.000002", offset: second, flags: 3}} {
		t.Run(fmt.Sprint(req.file, ":", req.offset), func(t *testing.T) {
			compare(t, transcript(t, b.addr, "repl", password, req), transcript(t, b.source.Addr(), "root", "", req))
		})
	}
}

// The operator of a real replica reads the refusal.
func TestReplicaShowsRefusal(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)
	r := envtest.Server(t, testenv.ServerOptions{ID: 30, Relaxed: true})
	tests := []struct{ name, user, prepare, how, code, text string }{
		{"ahead", "repl", "SET GLOBAL gtid_slave_pos='1-1-999'", "MASTER_USE_GTID=slave_pos", "1236", "which is not in the master's binlog"},
		{"unknown file", "repl", "DO 1", "MASTER_USE_GTID=no, MASTER_LOG_FILE='nope.000001', MASTER_LOG_POS=4", "1236", "Could not find first log file name"},
		{"impossible place", "repl", "DO 1", "MASTER_USE_GTID=no, MASTER_LOG_FILE='mariadb-bin.000001', MASTER_LOG_POS=99999999", "1236", "impossible position"},
		{"missing role", "reader", "DO 1", "MASTER_USE_GTID=slave_pos", "1597", "the role 'replicate'"},
		{"wrong user", "nobody", "DO 1", "MASTER_USE_GTID=slave_pos", "1045", "Access denied for user"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			execute(t, r, test.prepare)
			follow(t, r, b.port(t), test.user, test.how)
			waitFor(t, "refusal", func() (bool, error) {
				status, err := slaveStatus(t.Context(), r)
				if err != nil {
					return false, err
				}
				return status["Last_IO_Errno"] == test.code && strings.Contains(status["Last_IO_Error"], test.text), nil
			})
			execute(t, r, "STOP SLAVE", "RESET SLAVE ALL")
		})
	}
}

func TestZombieIsEvicted(t *testing.T) {
	b := startBed(t)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	dump := func(addr, user, pw string) *mysql.MyError {
		old := mustDial(t, addr, user, pw)
		if err := old.asReplica(); err != nil {
			t.Fatal(err)
		}
		if err := old.dump("mariadb-bin.000001", 4, 2, 777); err != nil {
			t.Fatal(err)
		}
		if _, err := old.next(); err != nil {
			t.Fatal(err)
		}
		again := mustDial(t, addr, user, pw)
		if err := again.asReplica(); err != nil {
			t.Fatal(err)
		}
		if err := again.dump("mariadb-bin.000001", 4, 2, 777); err != nil {
			t.Fatal(err)
		}
		if _, err := again.next(); err != nil {
			t.Fatal(err)
		}
		return refusal(t, old)
	}
	got, want := dump(b.addr, "repl", password), dump(b.source.Addr(), "root", "")
	if got.Code != want.Code || !strings.HasPrefix(want.Message, got.Message+"; ") {
		t.Errorf("relay says %d %q, server %d %q", got.Code, got.Message, want.Code, want.Message)
	}
	waitFor(t, "one dump", func() (bool, error) { return len(b.Replicas()) == 1, nil })
}

func TestKill(t *testing.T) {
	b := startBed(t)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	for _, killer := range []string{"repl", "admin", "reader"} {
		victim := mustDial(t, b.addr, "repl", password)
		if err := victim.asReplica(); err != nil {
			t.Fatal(err)
		}
		if err := victim.dump("mariadb-bin.000001", 4, 2, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := victim.next(); err != nil {
			t.Fatal(err)
		}
		by := mustDial(t, b.addr, killer, password)
		_, err := by.conn.Execute(fmt.Sprintf("kill /* it */ %d", victim.conn.GetConnectionID()))
		if allowed := killer != "reader"; (err == nil) != allowed {
			t.Errorf("%s kills: %v", killer, err)
		} else if allowed && refusal(t, victim).Code != 1927 {
			t.Errorf("%s: the victim was not told", killer)
		}
		if _, err := by.conn.Execute("KILL 1"); !mysql.ErrorEqual(mysqlError(err), mysql.NewDefaultError(mysql.ER_NO_SUCH_THREAD, 1)) {
			t.Errorf("kill of nobody: %v", err)
		}
	}
}

func mysqlError(err error) error {
	var e *mysql.MyError
	if errors.As(err, &e) {
		return e
	}
	return err
}

func TestVanishedClientIsNoticed(t *testing.T) {
	b := startBed(t)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	r := mustDial(t, b.addr, "sha2", password)
	if err := r.asReplica(); err != nil {
		t.Fatal(err)
	}
	if err := r.dump("mariadb-bin.000001", 4, 2, 0); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "dump", func() (bool, error) { return len(b.Replicas()) == 1, nil })
	r.close()
	waitFor(t, "end of dump", func() (bool, error) { return len(b.Replicas()) == 0, nil })
}

func TestServerWithoutEngine(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.SQL = nil })
	r := mustDial(t, s.addr, "admin", password)
	if _, err := r.conn.Execute("SELECT 1"); err == nil || !strings.Contains(err.Error(), "only replication") {
		t.Errorf("answered %v", err)
	}
}
