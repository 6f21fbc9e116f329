package regions_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// copyData copies the files of a server that is stopped.
func copyData(t *testing.T, from, to string) {
	t.Helper()
	if err := os.RemoveAll(to); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// TestADatabaseGetsBackWhatItHasLost: a's database comes back as it was before its last commits, its own and those of b that it had applied. Its relay has them: some of
// its own have come to b, others to nobody.
func TestADatabaseGetsBackWhatItHasLost(t *testing.T) {
	inMariaDBsWords(t)
	getsBackWhatItHasLost(t, testenv.MariaDB1011)
}

// TestAMySQLDatabaseGetsBackWhatItHasLost: the same, under the very GTIDs that were lost. So a replica that has them can follow the database afterwards.
func TestAMySQLDatabaseGetsBackWhatItHasLost(t *testing.T) {
	bed, replica := getsBackWhatItHasLost(t, testenv.MySQL97)
	a := bed.Region("a")
	run(t, a, "SET SESSION sql_log_bin=0", "CREATE USER follower IDENTIFIED BY 'secret'", "GRANT REPLICATION SLAVE ON *.* TO follower")
	follow(t, replica, testenv.Source{Addr: a.Server.Addr(), User: "follower", Password: "secret"})
	run(t, a, "UPDATE app.t SET v = 'for replicas of the database' WHERE id = 10")
	waitRows(t, replica.DB(), "SELECT v FROM app.t WHERE id = 10", "for replicas of the database")
	executed := rowsAt(t, a, "SELECT @@GLOBAL.gtid_executed")
	if got := flatAt(t, replica, "SELECT GTID_SUBTRACT('"+executed+"', @@GLOBAL.gtid_executed)"); got != "" {
		t.Errorf("the replica lacks %s", got)
	}
}

func getsBackWhatItHasLost(t *testing.T, engine testenv.Engine) (*testenv.Bed, *testenv.Server) {
	t.Helper()
	bed := smallBed(t, testenv.Options{Engine: engine, Schema: lossSchema, Memory: true, Configure: func(c *testenv.RelayConfig) {
		c.Rules = []testenv.RuleConfig{{Tables: []string{"app.sums"}, Policy: "merge", Counters: []string{"n"}}}
	}})
	a, b := bed.Region("a"), bed.Region("b")
	replica := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 101, Relaxed: true})
	follow(t, replica, testenv.Source{Addr: a.Relay.Addr(), User: testenv.PeerUser, Password: bed.Password})
	run(t, a, "INSERT INTO app.t VALUES (1, 'old', 1), (2, 'old', 2), (3, 'old', 3), (4, 'old', 4)", "INSERT INTO app.sums VALUES (1, 0)")
	settleAll(t, bed)
	data, backup := filepath.Clean(a.Server.BinlogFile(".")), filepath.Join(t.TempDir(), "data")
	ctx := envtest.Context(t, 2*soon)
	if err := a.Server.Kill(); err != nil {
		t.Fatal(err)
	}
	copyData(t, data, backup)
	if err := a.Server.Start(ctx); err != nil {
		t.Fatal(err)
	}
	waitReady(t, bed)
	run(t, a, "UPDATE app.t SET v = 'by a' WHERE id = 1", "DELETE FROM app.t WHERE id = 2", "INSERT INTO app.t VALUES (5, 'by a', 2)", "UPDATE app.sums SET n = n + 10")
	run(t, b, "UPDATE app.t SET v = 'by b' WHERE id = 3", "INSERT INTO app.t VALUES (6, 'by b', 66)", "UPDATE app.sums SET n = n + 100", "INSERT INTO app.sums VALUES (2, 7)")
	settleAll(t, bed)
	waitRows(t, relaySQL(t, bed, "a"), "SELECT COUNT(*) FROM octant.versions", "0") // what was written until now has been forgotten
	bed.Network.Link("b", "a").Set(testenv.Cut)
	run(t, a, "UPDATE app.t SET v = 'only a and its relay know' WHERE id = 4", "INSERT INTO app.t VALUES (7, 'shortly', 7)", "DELETE FROM app.t WHERE id = 7",
		"UPDATE app.sums SET n = n + 1000", "INSERT INTO app.t VALUES (8, 'last', 8)")
	waitRows(t, replica.DB(), "SELECT v FROM app.t WHERE id IN (4, 8) ORDER BY id", "only a and its relay know; last") // so a's relay has given it its time: b writes later
	run(t, b, "UPDATE app.t SET v = 'concurrently' WHERE id = 4")
	waitRows(t, a.Server.DB(), "SELECT v FROM app.t WHERE id = 4", "concurrently")
	waitRows(t, replica.DB(), "SELECT v FROM app.t WHERE id IN (4, 8) ORDER BY id", "concurrently; last")

	restore := func() {
		t.Helper()
		if err := a.Server.Kill(); err != nil {
			t.Fatal(err)
		}
		copyData(t, backup, data)
		if err := a.Server.Start(ctx); err != nil {
			t.Fatal(err)
		}
	}
	restore()
	waitProblem(t, bed, "a", "source_diverged", "")
	if err := a.Relay.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	run(t, a, "INSERT INTO app.t VALUES (9, 'too early', 9)")
	if out, err := envtest.Recover(ctx, t, a.Relay); err == nil || !strings.Contains(out, "set this region up again") {
		t.Fatalf("what was written since is passed over: %v\n%s", err, out)
	}
	restore()
	envtest.RecoverInPieces(ctx, t, a.Relay, 42*time.Millisecond, 12*time.Millisecond)
	if err := a.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	bed.Network.Heal()
	waitReady(t, bed)
	run(t, a, "UPDATE app.sums SET n = n + 10000 WHERE id = 1", "INSERT INTO app.t VALUES (10, 'goes on', 10)")
	settleAll(t, bed)
	envtest.WaitQuiet(t, bed.Sites(), 2*time.Second, soon)
	for _, r := range bed.Regions {
		if got := rowsAt(t, r, "SELECT id, v FROM app.t ORDER BY id"); got != "1 by a; 3 by b; 4 concurrently; 5 by a; 6 by b; 8 last; 10 goes on" {
			t.Errorf("region %s has %s", r.Name, got)
		}
		if got := rowsAt(t, r, "SELECT id, n FROM app.sums ORDER BY id"); got != "1 11110; 2 1007" {
			t.Errorf("in region %s the sums are %s", r.Name, got)
		}
		requireHealthy(t, r)
	}
	waitRows(t, replica.DB(), "SELECT v FROM app.t WHERE id = 10", "goes on")
	if got, want := flatAt(t, replica, "SELECT id, v, u FROM app.t ORDER BY id"), rowsAt(t, a, "SELECT id, v, u FROM app.t ORDER BY id"); got != want {
		t.Errorf("the relay's replica has %s, want %s", got, want)
	}
	return bed, replica
}

// flatAt returns a query's result at a server.
func flatAt(t *testing.T, s *testenv.Server, query string) string {
	t.Helper()
	rows, err := ask(envtest.Context(t, soon), s.DB(), query)
	if err != nil {
		t.Fatal(err)
	}
	return flat(rows)
}
