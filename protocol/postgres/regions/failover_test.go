package regions_test

import (
	"fmt"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestAStandbyTakesOver: region a's server dies while both regions write, and its standby is promoted. The relay goes over to it in the words of a stock replica, goes on reading, and
// writes once more what the standby lacks of the other region's rows.
func TestAStandbyTakesOver(t *testing.T) {
	engines := pgtest.Engines()
	if len(engines) == 0 || engines[len(engines)-1].Version < 17 {
		t.Skip("failover slots need PostgreSQL 17: run make engines")
	}
	b := start(t, schema, engines[len(engines)-1], engines[0])
	ctx := envtest.Context(t, 5*time.Minute)
	a, other := b.regions[0], b.regions[1]
	standby := a.server.Standby(t)
	b.until(t, "the standby to have the slot", func() bool {
		a.server.Exec(t, "SELECT pg_log_standby_snapshot()")
		return slices.Equal(standby.Query(t, "SELECT synced AND NOT temporary FROM pg_replication_slots WHERE slot_name = 'octant_a'"), []string{"t"})
	})
	a.server.Exec(t, "ALTER SYSTEM SET synchronized_standby_slots = 'standby'")
	a.server.Exec(t, "SELECT pg_reload_conf()")

	var writers sync.WaitGroup
	stop := make(chan struct{})
	for i, r := range b.regions {
		writers.Go(func() { storm(ctx, t, &region{name: r.name, server: r.server}, uint64(i), stop) })
	}
	b.settle(ctx)
	standby.Kill() // from here on it lacks what b has written to a
	b.settle(ctx)
	a.server.Kill()
	close(stop)
	writers.Wait()
	standby.Run()
	standby.Exec(t, "SELECT pg_promote()")
	standby.Exec(t, "INSERT INTO app.t VALUES (5000, 'before the relay')")
	host, port, err := net.SplitHostPort(standby.Addr())
	if err != nil {
		t.Fatal(err)
	}
	db, err := a.relay.Open("admin", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, sql := range []string{"STOP SLAVE", fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s", host, port), "START SLAVE"} {
		if _, err := db.ExecContext(ctx, sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	a.server = standby
	if err := a.relay.WaitReady(ctx, "peers=all"); err != nil {
		t.Fatalf("%v: %s", err, a.relay.LogTail())
	}
	standby.Exec(t, "INSERT INTO app.t VALUES (5001, 'promoted')")
	other.server.Exec(t, "INSERT INTO app.t VALUES (5002, 'there too')")
	for _, r := range b.regions {
		b.until(t, "what is written afterwards", func() bool { return len(r.server.Query(t, "SELECT id FROM app.t WHERE id IN (5000, 5001, 5002)")) == 3 })
	}
	b.awaitIdentical(t, time.Minute, "app.t", "app.u", "app.child")
	b.requireNo(t, "source_diverged", "source_purged", "dead_letter")
	if got := b.growth(t, 2*time.Second); got != 0 {
		t.Errorf("%d transactions were born while nobody wrote", got)
	}
}
