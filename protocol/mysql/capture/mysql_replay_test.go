package capture_test

import (
	"context"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
	"github.com/octant-db/octant/testenv"
)

// logged is a recorder that writes to a relay's log.
type logged struct {
	*relaylog.DB
	ctx   context.Context
	entry relay.EntryWriter
}

func (l *logged) Append(b []byte) error {
	if l.entry == nil {
		l.entry = l.Local().Begin(l.ctx)
	}
	return l.entry.Append(b)
}

func (l *logged) Commit(c relay.Captured) error {
	e, next := l.State().Next(1, c)
	err := l.entry.Commit(e, next)
	l.entry = nil
	if err == nil {
		err = l.Local().WaitDurable(l.ctx, e.LSN)
	}
	return err
}

func (l *logged) CaughtUp() error { return errEnough }

func (l *logged) Report(relay.Problem) {}

// TestLostTransactionsAreDoneAgain under their own names, once, whatever form they have in the log: and a name that something else got meanwhile is not taken for that.
func TestLostTransactionsAreDoneAgain(t *testing.T) {
	s := startEngine(t, testenv.MySQL97)
	run(t, s, "GRANT REPLICATION_APPLIER ON *.* TO relay@'%'", "GRANT SELECT, INSERT, UPDATE, DELETE ON app.* TO relay@'%'", "CREATE TABLE app.other (id INT PRIMARY KEY, n INT)",
		"CREATE TRIGGER app.fires AFTER INSERT ON app.t FOR EACH ROW UPDATE app.other SET n = n + 1", "INSERT INTO app.other VALUES (1, 0)")
	db, err := relaylog.Open(t.TempDir(), relaylog.Options{MinFree: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	source := capture.New(configFor(s))
	readOn := func() {
		t.Helper()
		requireIs(t, source.Capture(t.Context(), db.State().Position, &logged{DB: db, ctx: t.Context()}), errEnough)
	}
	readOn()
	e, body, err := db.Local().Entry(db.State().LSN - 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := capture.New(configFor(s)).Restorer().(relay.Replayer).Check(&e, body); err == nil || !strings.Contains(err.Error(), "rows alone") {
		t.Errorf("a definition can be done again: %v", err)
	}
	kept, purged := db.State().LSN, ask(t, s, "SELECT @@GLOBAL.gtid_executed")
	conn, err := s.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range []string{
		"INSERT INTO app.t VALUES (1, 'a')",
		"INSERT INTO app.t SELECT 10 + n, REPEAT('large', 60000) FROM (WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 8) SELECT n FROM r) AS many",
		"UPDATE app.t JOIN app.other SET v = 'b', n = 100 WHERE t.id = 1",
		"SET SESSION binlog_transaction_compression=ON", "INSERT INTO app.t VALUES (2, REPEAT('compressed', 1000))", "SET SESSION binlog_transaction_compression=OFF",
		"BEGIN", "DELETE FROM app.t WHERE id = 12", "SAVEPOINT s", "DELETE FROM app.t", "ROLLBACK TO s", "COMMIT",
		"INSERT INTO app.t VALUES (3, 'the last')",
	} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%.60s: %v", statement, err)
		}
	}
	readOn()
	contents := func() string {
		return ask(t, s, "SELECT GROUP_CONCAT(id, CRC32(v) ORDER BY id) FROM app.t") + ask(t, s, "SELECT n FROM app.other")
	}
	want, executed := contents(), ask(t, s, "SELECT @@GLOBAL.gtid_executed")
	set, err := binlog.ParsePosition(string(db.State().Position))
	if err != nil {
		t.Fatal(err)
	}

	// The database as it was before.
	noDump(t, s)
	run(t, s, "DROP TRIGGER app.fires", "DELETE FROM app.t", "UPDATE app.other SET n = 0", "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged = '"+purged+"'", "FLUSH BINARY LOGS")
	file, _, _ := strings.Cut(status(t, s), ":")
	next := relay.Position(binlog.Position{
		Flavour: binlog.MySQL, Executed: set.Executed, File: file, Offset: 4, Server: set.Server, Joining: true, Epoch: 1,
	}.String())
	restorer := capture.New(configFor(s)).Restorer().(relay.Replayer)
	replay, err := restorer.Replay(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer replay.Close()
	do := func(until relay.LSN) {
		t.Helper()
		for lsn := kept + 1; lsn <= until; lsn++ {
			e, body, err := db.Local().Entry(lsn)
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == relay.Frame {
				continue
			}
			if err := restorer.Check(&e, body); err != nil {
				t.Fatal(err)
			}
			if err := replay.Do(&e, body); err != nil {
				t.Fatal(err)
			}
		}
	}
	do(db.State().LSN - 1)
	do(db.State().LSN) // again, but for the last one
	if got := contents(); got != want {
		t.Errorf("the database has %s, want %s", got, want)
	}
	if got := ask(t, s, "SELECT @@GLOBAL.gtid_executed"); got != executed {
		t.Errorf("the database has executed %s, want %s", got, executed)
	}
	if behind, err := restorer.Behind(t.Context(), db, next); err != nil || behind != next {
		t.Errorf("capture goes on at %s (%v)", behind, err)
	}
	if err := db.Reposition(t.Context(), next); err != nil {
		t.Fatal(err)
	}
	noDump(t, s)
	run(t, s, "INSERT INTO app.t VALUES (4, 'new')")
	before := db.State().Seq
	readOn()
	if got := db.State().Seq - before; got != 1 {
		t.Errorf("%d transactions are new", got)
	}

	// A name that was lost is given to an application's transaction.
	noDump(t, s)
	run(t, s, "RESET BINARY LOGS AND GTIDS", "SET GLOBAL gtid_purged = '"+purged+"'", "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (5, 'too early')")
	_, err = restorer.Behind(t.Context(), db, next)
	requireIs(t, err, relay.ErrDiverged)
	if !strings.Contains(err.Error(), "not by the relay") {
		t.Errorf("the refusal is %v", err)
	}
}
