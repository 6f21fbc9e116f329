package capture_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/capture"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

// TestSlotGrowth: log that the server has to keep is told of while there is time, with who holds it: the relay, which does not get on, or a transaction of somebody's.
func TestSlotGrowth(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, e pgtest.Engine) {
		s := pgtest.Start(t, e)
		s.Prepare(t, schema)
		m := newMemory()
		c := config(s)
		c.SlotBytes = 1 << 20
		r := run(t, c, "", m)
		m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
		write(t, s, 3<<20)
		m.wait(t, "a report", func() bool { return m.says("MiB of log for the replication slot", "see what holds the relay up") })

		app := s.Connect(t, pgtest.Super, pgtest.Database)
		if _, err := app.Exec(t.Context(), "BEGIN; INSERT INTO app.t VALUES (0, 'open', NULL)"); err != nil {
			t.Fatal(err)
		}
		write(t, s, 3<<20)
		await(t, func() bool {
			r.source.Durable(m.last())
			s.Exec(t, "CHECKPOINT") // what it logs of transactions that are running moves the slot on
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.says("MiB of log for the replication slot", "end transactions that have been open for long")
		})

		s.Exec(t, "ALTER SYSTEM SET max_slot_wal_keep_size = '64MB'")
		s.Exec(t, "SELECT pg_reload_conf()")
		await(t, func() bool {
			write(t, s, 1<<20)
			m.mu.Lock()
			defer m.mu.Unlock()
			return m.says("and invalidates it when another", "max_slot_wal_keep_size")
		})
		if status := s.Query(t, "SELECT wal_status FROM pg_replication_slots")[0]; status == "lost" {
			t.Error("it was told when it was too late")
		}
		r.end(t)
	})
}

// says tells whether the slot was reported so; the lock is held.
func (m *memory) says(detail, remedy string) bool {
	return slices.ContainsFunc(m.problems, func(p relay.Problem) bool {
		return p.Kind == "replication_slot" && p.Subject == "octant_a" && strings.Contains(p.Detail, detail) && strings.Contains(p.Remedy, remedy)
	})
}

// write has so many bytes logged that nobody replicates.
func write(t *testing.T, s *pgtest.Server, bytes int) {
	t.Helper()
	s.ExecIn(t, "postgres", "CREATE TABLE IF NOT EXISTS noise (v text)")
	s.ExecIn(t, "postgres", fmt.Sprintf("INSERT INTO noise SELECT repeat('x', 1000) FROM generate_series(1, %d)", bytes/1000))
}

// TestSlotInvalidated: a slot whose log the server has dropped is not read any more, neither by who was reading it nor by who comes back.
func TestSlotInvalidated(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, e pgtest.Engine) {
		s := pgtest.Start(t, e)
		s.Prepare(t, schema)
		m := newMemory()
		r := run(t, config(s), "", m)
		m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
		s.Exec(t, "INSERT INTO app.t VALUES (1, 'a', NULL)")
		m.awaitTransactions(t, 1)
		s.Exec(t, "ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
		s.Exec(t, "SELECT pg_reload_conf()")
		for range 4 {
			write(t, s, 10<<20)
			s.Exec(t, "SELECT pg_switch_wal()")
		}
		s.Exec(t, "CHECKPOINT")
		select {
		case <-r.done:
		case <-time.After(patience):
			t.Fatal("capture does not notice that its slot is gone")
		}
		if status := s.Query(t, "SELECT wal_status FROM pg_replication_slots")[0]; status != "lost" {
			t.Fatalf("the slot is %s", status)
		}
		refused(t, s, m.last(), relay.ErrPurged)
		refused(t, s, "", relay.ErrPurged) // also for a relay that has no log yet
	})
}

// TestStrangeSlots: a slot of the same name that is another one's is not touched.
func TestStrangeSlots(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, schema)
	for name, c := range map[string]struct{ database, create string }{
		"another plugin":   {pgtest.Database, "SELECT pg_create_logical_replication_slot('octant_a', 'test_decoding')"},
		"another database": {"postgres", "SELECT pg_create_logical_replication_slot('octant_a', 'pgoutput')"},
		"a standby's":      {pgtest.Database, "SELECT pg_create_physical_replication_slot('octant_a')"},
	} {
		t.Run(name, func(t *testing.T) {
			s.ExecIn(t, c.database, c.create)
			refused(t, s, "", relay.ErrRefused)
			s.ExecIn(t, c.database, "SELECT pg_drop_replication_slot('octant_a')")
		})
	}
}

// TestServersThatCannotBeRead: what is missing is said before anything is made in the database.
func TestServersThatCannotBeRead(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t), "wal_level=replica")
	s.Prepare(t, schema)
	refused(t, s, "", relay.ErrRefused)
	if got := s.Query(t, "SELECT pubname FROM pg_publication"); len(got) > 0 {
		t.Errorf("publications %q were made", got)
	}
}

// TestPublicationIsMended: one that leaves out changes is altered before the log is read on. One that was dropped is made again, and what was written without it is not passed over in silence.
func TestPublicationIsMended(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, e pgtest.Engine) {
		s := pgtest.Start(t, e)
		s.Prepare(t, schema)
		m := newMemory()
		run(t, config(s), "", m).end2(t, m)
		s.Exec(t, "ALTER PUBLICATION octant_a SET (publish_via_partition_root = false)")
		r := run(t, config(s), m.last(), m)
		await(t, func() bool { return s.Query(t, "SELECT pubviaroot FROM pg_publication")[0] == "t" })
		r.end(t)
		s.Exec(t, "ALTER PUBLICATION octant_a SET (publish = 'insert')")
		s.Exec(t, "ALTER PUBLICATION octant_a DROP TABLE app.parts")
		r = run(t, config(s), m.last(), m)
		await(t, func() bool {
			return s.Query(t, "SELECT pubupdate AND pubdelete AND pubtruncate AND pubviaroot AND EXISTS (SELECT FROM pg_publication_tables WHERE tablename = 'parts') FROM pg_publication")[0] == "t"
		})
		s.Exec(t, "INSERT INTO app.parts VALUES (1, '2024-01-31', 'p')")
		s.Exec(t, "UPDATE app.parts SET v = 'q'")
		got := m.awaitTransactions(t, 2)
		if g := changes(t, got[1]); !slices.Equal(g, []string{"UPDATE app.parts 1,2024-01-31,?>1,2024-01-31,q"}) {
			t.Errorf("got %q", g)
		}
		r.end(t)

		s.Exec(t, "DROP PUBLICATION octant_a")
		s.Exec(t, "INSERT INTO app.t VALUES (1, 'unpublished', NULL)")
		again := newMemory()
		r = run(t, config(s), m.last(), again)
		select {
		case err := <-r.done:
			if errors.Is(err, relay.ErrDiverged) || !strings.Contains(err.Error(), "octant_a") {
				t.Errorf("ended with %v", err)
			}
			t.Log(err)
		case <-time.After(patience):
			t.Fatalf("it goes on to %s: %d transactions", capture.LSN(again.last()), len(again.transactions()))
		}
	})
}
