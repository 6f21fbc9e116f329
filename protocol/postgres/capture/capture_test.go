package capture_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/capture"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

const schema = `CREATE TABLE t (id int PRIMARY KEY, v text, big text);
ALTER TABLE t ALTER big SET STORAGE EXTERNAL;
CREATE TABLE f (id int PRIMARY KEY, v text, big text); ALTER TABLE f REPLICA IDENTITY FULL;
ALTER TABLE f ALTER big SET STORAGE EXTERNAL;
CREATE TABLE nokey (v text);
CREATE TABLE parts (id int, day date, v text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2024-02-01');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2024-02-01') TO ('2024-03-01')`

// TestTransactionsComeWhole reads every kind of change, stops, and goes on without hole or repeat.
func TestTransactionsComeWhole(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, e pgtest.Engine) {
		s := pgtest.Start(t, e)
		s.Prepare(t, schema)
		m := newMemory()
		r := run(t, config(s), "", m)
		m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
		s.Exec(t, `BEGIN; INSERT INTO app.t VALUES (1, 'a', repeat('x', 9000)), (2, 'b', NULL); INSERT INTO app.f VALUES (1, 'a', repeat('y', 9000)); COMMIT`)
		s.Exec(t, `BEGIN; UPDATE app.t SET v = 'c' WHERE id = 1; UPDATE app.t SET id = 3 WHERE id = 2; UPDATE app.f SET v = 'c'; COMMIT`)
		s.Exec(t, `INSERT INTO app.parts VALUES (1, '2024-01-31', 'p')`)
		s.Exec(t, `UPDATE app.parts SET day = '2024-02-01'`)
		s.Exec(t, `UPDATE app.t SET v = NULL WHERE id = 3; DELETE FROM app.f`)
		s.Exec(t, `INSERT INTO app.nokey VALUES ('x')`)
		got := m.awaitTransactions(t, 5)
		r.end(t)
		want := [][]string{
			{"INSERT app.t ->1,a,<9000>", "INSERT app.t ->2,b,NULL", "INSERT app.f ->1,a,<9000>"},
			{"UPDATE app.t 1,?,?>1,c,<9000>", "UPDATE app.t 2,?,?>3,b,NULL", "UPDATE app.f 1,a,<9000>>1,c,<9000>"},
			{"INSERT app.parts ->1,2024-01-31,p"},
			{"DELETE app.parts 1,2024-01-31,?>-", "INSERT app.parts ->1,2024-02-01,p"},
			{"UPDATE app.t 3,?,?>3,NULL,NULL", "DELETE app.f 1,c,<9000>>-"},
		}
		for i, w := range want {
			if g := changes(t, got[i]); !slices.Equal(g, w) {
				t.Errorf("transaction %d\n got %q\nwant %q", i, g, w)
			}
			if got[i].Kind != relay.Local || time.Since(got[i].Physical) > time.Minute || time.Until(got[i].Physical) > time.Minute {
				t.Errorf("transaction %d: %v at %s", i, got[i].Kind, got[i].Physical)
			}
		}
		if !m.reported("no_primary_key", "app.nokey") {
			t.Errorf("problems: %v", m.problems)
		}

		s.Exec(t, `INSERT INTO app.t VALUES (9, 'later', NULL)`)
		again := newMemory()
		r = run(t, config(s), m.last(), again)
		if g := changes(t, again.awaitTransactions(t, 1)[0]); !slices.Equal(g, []string{"INSERT app.t ->9,later,NULL"}) {
			t.Errorf("after a pause: %q", g)
		}
		r.end(t)
	})
}

func (m *memory) reported(kind, subject string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.ContainsFunc(m.problems, func(p relay.Problem) bool { return p.Kind == kind && strings.Contains(p.Subject, subject) })
}

// TestGoneLargeValue updates a row whose large value cannot be read any more.
func TestGoneLargeValue(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema)
	m := newMemory()
	run(t, config(s), "", m).end2(t, m)
	s.Exec(t, `INSERT INTO app.t VALUES (1, 'a', repeat('x', 9000))`)
	s.Exec(t, `UPDATE app.t SET v = 'b'`)
	s.Exec(t, `DELETE FROM app.t`)
	r := run(t, config(s), m.last(), m)
	got := m.awaitTransactions(t, 3)
	r.end(t)
	for i, want := range []string{"INSERT app.t ->1,a,<9000>", "DELETE app.t 1,?,?>-", "DELETE app.t 1,?,?>-"} {
		if g := changes(t, got[i]); !slices.Equal(g, []string{want}) {
			t.Errorf("transaction %d: %q, want %s", i, g, want)
		}
	}
	if !m.reported("large_value", "app.t") {
		t.Errorf("problems: %v", m.problems)
	}
}

// TestRowsBefore: of tables under a rule that needs them, changes that were logged without are left out, and reported.
func TestRowsBefore(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema+"; ALTER TABLE parts REPLICA IDENTITY FULL; ALTER TABLE parts_2 REPLICA IDENTITY FULL")
	m := newMemory()
	c := config(s)
	c.Ruled = func(_, table string) bool { return table != "nokey" }
	r := run(t, c, "", m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	s.Exec(t, `BEGIN; INSERT INTO app.t VALUES (1, 'a', NULL); UPDATE app.t SET v = 'b'; INSERT INTO app.f VALUES (1, 'a', repeat('y', 9000)); UPDATE app.f SET v = 'c'; COMMIT`)
	s.Exec(t, `INSERT INTO app.parts VALUES (1, '2024-01-31', 'p'), (2, '2024-02-01', 'p')`)
	s.Exec(t, `UPDATE app.parts SET v = 'q'`)
	s.Exec(t, `DELETE FROM app.t; ALTER TABLE app.t REPLICA IDENTITY FULL; INSERT INTO app.t VALUES (2, 'a', repeat('x', 9000))`)
	s.Exec(t, `UPDATE app.t SET v = 'b'`)
	s.Exec(t, `DELETE FROM app.t`)
	got := m.awaitTransactions(t, 6)
	r.end(t)
	for i, want := range [][]string{
		{"INSERT app.t ->1,a,NULL", "INSERT app.f ->1,a,<9000>", "UPDATE app.f 1,a,<9000>>1,c,<9000>"},
		{"INSERT app.parts ->1,2024-01-31,p", "INSERT app.parts ->2,2024-02-01,p"}, {"UPDATE app.parts 2,2024-02-01,p>2,2024-02-01,q"},
		{"INSERT app.t ->2,a,<9000>"}, {"UPDATE app.t 2,a,<9000>>2,b,<9000>"}, {"DELETE app.t 2,b,<9000>>-"},
	} {
		if g := changes(t, got[i]); !slices.Equal(g, want) {
			t.Errorf("transaction %d\n got %q\nwant %q", i, g, want)
		}
	}
	if !m.reported("replica_identity", "app.t") || !m.reported("replica_identity", "app.parts") || m.reported("replica_identity", "app.f") {
		t.Errorf("problems: %v", m.problems)
	}
}

// end2 ends a capture once it has begun.
func (r *running) end2(t testing.TB, m *memory) {
	t.Helper()
	m.wait(t, "the first place", func() bool { return len(m.entries) > 0 })
	r.end(t)
}

// TestMark tells our own transactions from others.
func TestMark(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema)
	m := newMemory()
	r := run(t, config(s), "", m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	const mark = `INSERT INTO octant.applied VALUES (2, 3, 10, 12, 1234567, 0) ON CONFLICT (origin, lane) DO UPDATE SET from_seq = 11, to_seq = 13;`
	s.Exec(t, "BEGIN;"+mark+"INSERT INTO app.t VALUES (1, 'a', NULL); COMMIT")
	s.Exec(t, "BEGIN;"+mark+"COMMIT")
	s.Exec(t, "BEGIN; INSERT INTO app.t VALUES (2, 'a', NULL);"+mark+"COMMIT")
	s.Exec(t, "DELETE FROM octant.applied")
	got := m.awaitTransactions(t, 4)
	r.end(t)
	want := []struct {
		kind relay.EntryKind
		mark string
	}{
		{relay.Applied, "&{2 {10 12} 1234567 0 3}"}, {relay.Applied, "&{2 {11 13} 1234567 0 3}"}, {relay.Local, "<nil>"}, {relay.History, "<nil>"},
	}
	for i, w := range want {
		if g := fmt.Sprint(got[i].Mark); got[i].Kind != w.kind || g != w.mark {
			t.Errorf("entry %d: %v %s, want %v %s", i, got[i].Kind, g, w.kind, w.mark)
		}
	}
}

// TestAcknowledgement: only what is durable is acknowledged, and an idle slot moves on.
func TestAcknowledgement(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema)
	s.ExecIn(t, "postgres", "CREATE TABLE noise (v text)")
	m := newMemory()
	r := run(t, config(s), "", m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	before := s.Query(t, "SELECT confirmed_flush_lsn FROM pg_replication_slots")[0]
	s.Exec(t, `INSERT INTO app.t VALUES (1, 'a', NULL)`)
	m.awaitTransactions(t, 1)
	s.ExecIn(t, "postgres", "INSERT INTO noise SELECT repeat('x', 1000) FROM generate_series(1, 5000)")
	m.wait(t, "a frame", func() bool { return m.entries[len(m.entries)-1].Kind == relay.Frame && len(m.entries) > 2 })
	if now := s.Query(t, "SELECT confirmed_flush_lsn FROM pg_replication_slots")[0]; now != before {
		t.Errorf("acknowledged %s before anything was durable (was %s)", now, before)
	}
	last := m.last()
	r.source.Durable(last)
	lsn := capture.LSN(last)
	await(t, func() bool {
		return s.Query(t, "SELECT confirmed_flush_lsn >= '"+lsn+"' FROM pg_replication_slots")[0] == "t"
	})
	r.end(t)
}

func await(t testing.TB, done func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !done(); {
		if time.Now().After(limit) {
			t.Fatal("waited too long")
		}
	}
}

// TestRefusals: where the log cannot be read without a hole, nothing is read.
func TestRefusals(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema)
	m := newMemory()
	r := run(t, config(s), "", m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	start := m.last()
	s.Exec(t, `INSERT INTO app.t VALUES (1, 'a', NULL)`)
	m.awaitTransactions(t, 1)
	end := m.last()
	r.source.Durable(end)
	lsn := capture.LSN(end)
	await(t, func() bool {
		return s.Query(t, "SELECT confirmed_flush_lsn >= '"+lsn+"' FROM pg_replication_slots")[0] == "t"
	})
	r.end(t)
	words := strings.Split(string(end), ":")
	ahead, other, timeline := slices.Clone(words), slices.Clone(words), slices.Clone(words)
	ahead[3], other[1], timeline[2] = "7F/0", "42", "9"
	for _, c := range []struct {
		name string
		from relay.Position
		want error
	}{
		{"behind the slot", start, relay.ErrPurged},
		{"beyond the log", relay.Position(strings.Join(ahead, ":")), relay.ErrDiverged},
		{"another system", relay.Position(strings.Join(other, ":")), relay.ErrDiverged},
		{"another timeline", relay.Position(strings.Join(timeline, ":")), relay.ErrDiverged},
		{"MariaDB", "binlog.000001:4", relay.ErrDiverged},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, s, c.from, c.want) })
	}
	s.Exec(t, "SELECT pg_drop_replication_slot('octant_a')")
	t.Run("no slot", func(t *testing.T) { refused(t, s, end, relay.ErrPurged) })
}

// refused demands that the log is not read from a place on, and returns why.
func refused(t *testing.T, s *pgtest.Server, from relay.Position, want error) error {
	t.Helper()
	r := run(t, config(s), from, newMemory())
	select {
	case err := <-r.done:
		if !errors.Is(err, want) {
			t.Errorf("from %s: %v, want %v", from, err, want)
		}
		return err
	case <-time.After(patience):
		t.Errorf("from %s: it is read", from)
	}
	return nil
}

// TestRestored: a database that comes back as it was at an earlier moment is noticed, also when it has been written to until its log is longer than the one that was read. One that
// has only crashed is the same, though its slot does not know what had been captured.
func TestRestored(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema)
	m := newMemory()
	r := run(t, config(s), "", m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	s.Exec(t, `INSERT INTO app.t VALUES (1, 'a', NULL)`)
	m.awaitTransactions(t, 1)
	r.source.Durable(m.last())
	s.Kill()
	<-r.done
	backup := t.TempDir()
	if out, err := exec.Command("cp", "-a", s.Data()+"/.", backup).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	s.Run()
	r = run(t, config(s), m.last(), m)
	s.Exec(t, `INSERT INTO app.t VALUES (2, 'b', NULL)`)
	s.Exec(t, `INSERT INTO app.t VALUES (3, 'c', NULL)`)
	if list := m.awaitTransactions(t, 3); len(list) != 3 {
		t.Errorf("%d transactions were captured", len(list))
	}
	s.Kill()
	<-r.done
	s.Run()
	r = run(t, config(s), m.last(), m)
	s.Exec(t, `INSERT INTO app.t VALUES (4, 'd', NULL)`)
	if list := m.awaitTransactions(t, 4); len(list) != 4 {
		t.Errorf("%d transactions were captured", len(list))
	}
	s.Kill()
	<-r.done
	if err := errors.Join(os.RemoveAll(s.Data()), os.Rename(backup, s.Data()), os.Chmod(s.Data(), 0o700)); err != nil {
		t.Fatal(err)
	}
	s.Run()
	refused(t, s, m.last(), relay.ErrDiverged)
	s.Exec(t, "INSERT INTO app.t SELECT i, repeat('x', 1000), NULL FROM generate_series(10, 300) i")
	if s.Query(t, "SELECT pg_current_wal_lsn() > '"+capture.LSN(m.last())+"'")[0] != "t" {
		t.Fatal("the log is not longer")
	}
	refused(t, s, m.last(), relay.ErrDiverged)
}

// TestNewTables: a table that is created later is published, and capture survives a crash of the server.
func TestNewTables(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema)
	m := newMemory()
	r := run(t, config(s), "", m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	s.Exec(t, "SET ROLE octant; CREATE TABLE app.later (id int PRIMARY KEY)")
	await(t, func() bool {
		return len(s.Query(t, "SELECT tablename FROM pg_publication_tables WHERE tablename = 'later'")) == 1
	})
	s.Exec(t, "INSERT INTO app.later VALUES (1)")
	if g := changes(t, m.awaitTransactions(t, 1)[0]); !slices.Equal(g, []string{"INSERT app.later ->1"}) {
		t.Errorf("got %q", g)
	}
	s.Kill()
	select {
	case err := <-r.done:
		if err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("capture does not notice that the server is gone")
	}
	s.Run()
	s.Exec(t, "INSERT INTO app.later VALUES (2)")
	again := newMemory()
	run(t, config(s), m.last(), again)
	if g := changes(t, again.awaitTransactions(t, 1)[0]); !slices.Equal(g, []string{"INSERT app.later ->2"}) {
		t.Errorf("got %q", g)
	}
}

// TestLongTransactions: the slot waits for one that is running, and a locked table holds nothing up.
func TestLongTransactions(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema)
	ctx := context.Background()
	app := s.Connect(t, pgtest.Super, pgtest.Database)
	if _, err := app.Exec(ctx, "BEGIN; INSERT INTO app.t VALUES (1, 'before', NULL)"); err != nil {
		t.Fatal(err)
	}
	m := newMemory()
	r := run(t, config(s), "", m)
	await(t, func() bool {
		return s.Query(t, "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%pg_create_logical%'")[0] == "1"
	})
	if _, err := app.Exec(ctx, "COMMIT"); err != nil {
		t.Fatal(err)
	}
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	s.Exec(t, "SET ROLE octant; CREATE TABLE app.locked (id int PRIMARY KEY)")
	if _, err := app.Exec(ctx, "BEGIN; LOCK TABLE app.locked"); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "INSERT INTO app.t VALUES (2, 'meanwhile', NULL)")
	if g := changes(t, m.awaitTransactions(t, 1)[0]); !slices.Equal(g, []string{"INSERT app.t ->2,meanwhile,NULL"}) {
		t.Errorf("got %q", g)
	}
	r.end(t)
}
