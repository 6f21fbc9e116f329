package regions_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestWhatARelayHasAcknowledgedIsNotLost: a's database waits with every commit for its relay, both are killed at one moment, and the database's disk is gone. What applications were told to be
// committed goes to b from the relay's log alone.
func TestWhatARelayHasAcknowledgedIsNotLost(t *testing.T) {
	inMariaDBsWords(t)
	bed := smallBed(t, testenv.Options{Schema: "CREATE TABLE app.t (id INT PRIMARY KEY);", Configure: func(c *testenv.RelayConfig) { c.Database.SemiSync = true }})
	a, b := bed.Region("a"), bed.Region("b")
	settleAll(t, bed)
	data, backup := filepath.Clean(a.Server.BinlogFile(".")), filepath.Join(t.TempDir(), "data")
	ctx := envtest.Context(t, soon)
	if err := a.Server.Kill(); err != nil {
		t.Fatal(err)
	}
	copyData(t, data, backup)
	if err := a.Server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	waitReady(t, bed)
	run(t, a, "SET GLOBAL rpl_semi_sync_master_timeout=600000", "SET GLOBAL rpl_semi_sync_master_wait_point='AFTER_SYNC'", "SET GLOBAL rpl_semi_sync_master_enabled=ON")
	restart(t, a) // a replica becomes a semi-synchronous one when it begins
	const status = "SELECT variable_value FROM information_schema.global_status WHERE variable_name = "
	waitRows(t, a.Server.DB(), status+"'rpl_semi_sync_master_clients'", "1")
	bed.Network.Link("b", "a").Set(testenv.Cut)

	told := acknowledgedUntilKilled(ctx, t, a)
	copyData(t, backup, data)
	if err := a.Server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if err := a.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	bed.Network.Heal()
	waitRows(t, b.Server.DB(), "SELECT COUNT(*) FROM app.t WHERE id IN ("+strings.Join(told, ",")+")", fmt.Sprint(len(told)))
	waitProblem(t, bed, "a", "source_diverged", "")
}

// acknowledgedUntilKilled writes rows from several sessions, kills database and relay in the midst of that, and returns the keys of those that were said to be committed.
func acknowledgedUntilKilled(ctx context.Context, t *testing.T, r *testenv.Region) (told []string) {
	t.Helper()
	const sessions, enough = 4, 100
	var mu sync.Mutex
	reached := make(chan struct{})
	var writers sync.WaitGroup
	for n := range sessions {
		writers.Go(func() {
			for id := n; ; id += sessions {
				if _, err := r.Server.DB().ExecContext(ctx, "INSERT INTO app.t VALUES (?)", id); err != nil {
					return // killed
				}
				mu.Lock()
				told = append(told, fmt.Sprint(id))
				if len(told) == enough {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	select {
	case <-reached:
	case <-ctx.Done():
		t.Error("the database does not commit")
	}
	var killers sync.WaitGroup
	for _, kill := range []func() error{r.Server.Kill, r.Relay.Kill} {
		killers.Go(func() {
			if err := kill(); err != nil {
				t.Error(err)
			}
		})
	}
	killers.Wait()
	writers.Wait()
	return told
}
