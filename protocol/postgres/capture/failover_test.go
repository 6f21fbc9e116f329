package capture_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

// TestFailover: a standby that is promoted is read on from where the relay has come to, on another timeline, without hole or repeat. Where the relay has more than the standby had, or
// the standby has no slot, nothing is read. From version 17 on the slot comes along, and waits for the standby if it is told to.
func TestFailover(t *testing.T) {
	for _, e := range pgtest.Engines() {
		t.Run(e.Name, func(t *testing.T) { failover(t, e) })
	}
}

func failover(t *testing.T, e pgtest.Engine) {
	s := pgtest.Start(t, e)
	s.Prepare(t, schema)
	m := newMemory()
	r := run(t, config(s), "", m)
	m.wait(t, "being caught up", func() bool { return m.caughtUp > 0 })
	standby := s.Standby(t)
	refused(t, standby, m.last(), relay.ErrRefused) // until it is promoted
	s.Exec(t, "INSERT INTO app.t VALUES (1, 'a', NULL)")
	m.awaitTransactions(t, 1)
	r.source.Durable(m.last())
	follows := e.Version >= 17
	if follows {
		awaitSlot(t, s, standby)
		s.Exec(t, "ALTER SYSTEM SET synchronized_standby_slots = 'standby'")
		s.Exec(t, "SELECT pg_reload_conf()")
	}
	await(t, func() bool { return slices.Equal(standby.Query(t, "SELECT v FROM app.t"), []string{"a"}) })
	level := m.last()
	standby.Kill()
	s.Exec(t, "INSERT INTO app.t VALUES (2, 'only on the primary', NULL)")
	if follows {
		await(t, func() bool {
			return slices.Equal(s.Query(t, "SELECT wait_event FROM pg_stat_activity WHERE backend_type = 'walsender' AND wait_event LIKE '%StandbyConfirmation'"), []string{"WaitForStandbyConfirmation"})
		})
		m.mu.Lock()
		if n := len(m.transactions()); n != 1 {
			t.Errorf("%d transactions were captured, one that the standby lacks among them", n)
		}
		m.mu.Unlock()
		s.Exec(t, "ALTER SYSTEM RESET synchronized_standby_slots")
		s.Exec(t, "SELECT pg_reload_conf()")
	}
	m.awaitTransactions(t, 2)
	s.Kill()
	<-r.done

	standby.Run()
	standby.Exec(t, "SELECT pg_promote()")
	standby.Exec(t, "INSERT INTO app.t VALUES (3, 'promoted', NULL)")
	if !follows {
		refused(t, standby, level, relay.ErrPurged)
		return
	}
	write(t, standby, 1<<20) // the log is longer than the one that the relay knows
	if err := refused(t, standby, m.last(), relay.ErrDiverged); !strings.Contains(fmt.Sprint(err), "branched off before") {
		t.Errorf("it is refused, but: %v", err)
	}
	again := newMemory()
	r = run(t, config(standby), level, again)
	if g := changes(t, again.awaitTransactions(t, 1)[0]); !slices.Equal(g, []string{"INSERT app.t ->3,promoted,NULL"}) {
		t.Errorf("got %q", g)
	}
	r.end(t)
	if words := strings.Split(string(again.last()), ":"); words[2] != "2" {
		t.Errorf("the place is %s", again.last())
	}
	standby.Exec(t, "INSERT INTO app.t VALUES (4, 'later', NULL)")
	r = run(t, config(standby), again.last(), again)
	if g := changes(t, again.awaitTransactions(t, 2)[1]); !slices.Equal(g, []string{"INSERT app.t ->4,later,NULL"}) {
		t.Errorf("got %q", g)
	}
	r.end(t)
}

// awaitSlot waits until the standby has our slot, so that it outlives the primary, no further back than the relay has acknowledged.
func awaitSlot(t *testing.T, s, standby *pgtest.Server) {
	t.Helper()
	await(t, func() bool {
		s.Exec(t, "SELECT pg_log_standby_snapshot()") // a slot becomes whole with what is logged of running transactions
		return slices.Equal(standby.Query(t, "SELECT synced AND NOT temporary FROM pg_replication_slots WHERE slot_name = 'octant_a'"), []string{"t"})
	})
}
