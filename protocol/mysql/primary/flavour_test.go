package primary_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
)

// A log without a binlog, such as PostgreSQL's, is refused for what it is, whoever asks and however: not for being damaged.
func TestLogOfAnotherEngine(t *testing.T) {
	s := startServer(t, nil)
	w := s.log.Local().Begin(t.Context())
	if err := w.Append([]byte("not an event")); err != nil {
		t.Fatal(err)
	}
	e := relay.Entry{LSN: 1, Kind: relay.Local, Seq: 1, Flavour: "postgres", Size: 12, Position: "0/16B3748", GTID: "0/16B3748"}
	if err := w.Commit(e, relay.State{LSN: 1, Seq: 1, Position: e.Position}); err != nil {
		t.Fatal(err)
	}
	if err := s.log.Local().WaitDurable(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	refused := func(name string, ask func(*raw) error) {
		r := mustDial(t, s.addr, "repl", password)
		if err := ask(r); err != nil {
			t.Fatal(err)
		}
		if e := refusal(t, r); e.Code != 1236 || !strings.Contains(e.Message, "that of a postgres database") {
			t.Errorf("%s: %v", name, e)
		}
	}
	refused("MariaDB by GTID", func(r *raw) error { return (request{variables: []string{connectState("")}, offset: 4}).send(r) })
	refused("MariaDB by file", func(r *raw) error { return (request{file: "mariadb-bin.000001", offset: 4}).send(r) })
	refused("MySQL by GTID", func(r *raw) error { return r.dumpGTID("", gtid.Set{}.AppendBinary(nil), 2, 5) })
}

// The operator of a MySQL replica reads why a MariaDB's relay does not serve it: the replica comes as far as the dump, on the way to which it
// asks for what MariaDB does not have. (A MariaDB replica cannot log in at a MySQL's relay by default; what the dump says is in
// TestMySQLRefusals.)
func TestReplicaOfTheOtherKind(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)
	r := startMySQLReplica(t, 40)
	for _, mode := range []string{autoPosition, "SOURCE_AUTO_POSITION=0, SOURCE_LOG_FILE='mariadb-bin.000001', SOURCE_LOG_POS=4"} {
		followMySQL(t, r, b.port(t), mode+", SOURCE_SSL=0")
		waitFor(t, "refusal", func() (bool, error) {
			status, err := r.ReplicaStatus(t.Context())
			return strings.Contains(status["Last_IO_Error"], "the client is a MySQL replica") && status["Replica_IO_Running"] == "No", err
		})
		execute(t, r, "STOP REPLICA", "RESET REPLICA ALL")
	}
}

// Another database can have another version, which replicas go by: they are greeted with it from then on. One of another kind changes nothing.
func TestGreetingFollowsTheDatabase(t *testing.T) {
	var version atomic.Value
	s := startServer(t, func(c *primary.Config) {
		c.Upstream = func() primary.Upstream { return primary.Upstream{Version: version.Load().(string)} }
	})
	for _, step := range []struct{ version, greeting, says string }{
		{"", "5.5.5-10.11.19-MariaDB-log", "10.11.19-MariaDB-log"},
		{"11.8.6-MariaDB-log", "11.8.6-MariaDB-log", "11.8.6-MariaDB-log"},
		{"9.7.4", "5.5.5-10.11.19-MariaDB-log", "10.11.19-MariaDB-log"},
	} {
		version.Store(step.version)
		r := mustDial(t, s.addr, "repl", password)
		result, err := r.conn.Execute("SELECT VERSION()")
		if err != nil {
			t.Fatal(err)
		}
		if says, _ := result.GetString(0, 0); r.conn.GetServerVersion() != step.greeting || says != step.says {
			t.Errorf("database %q: greeting %q, VERSION() %q", step.version, r.conn.GetServerVersion(), says)
		}
	}
}
