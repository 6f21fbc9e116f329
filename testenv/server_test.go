package testenv_test

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

func exec(t *testing.T, s *testenv.Server, statement string, args ...any) {
	t.Helper()
	if _, err := s.DB().ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func queryString(t *testing.T, s *testenv.Server, query string) string {
	t.Helper()
	var value string
	if err := s.DB().QueryRowContext(t.Context(), query).Scan(&value); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return value
}

func TestServerKeepsCommittedRowsOverKill(t *testing.T) {
	t.Parallel()
	for _, relaxed := range []bool{false, true} {
		s := envtest.Server(t, testenv.ServerOptions{ID: 3, Regions: 8, Relaxed: relaxed})
		exec(t, s, "CREATE DATABASE app; CREATE TABLE app.t (id INT AUTO_INCREMENT PRIMARY KEY)")
		port := s.Port()
		for range 3 {
			exec(t, s, "INSERT INTO app.t VALUES (), ()")
			if err := s.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := queryString(t, s, "SELECT GROUP_CONCAT(id ORDER BY id) FROM app.t"); got != "3,11,19,27,35,43" {
			t.Errorf("relaxed %v: ids after three kills: %s", relaxed, got)
		}
		if s.Port() != port {
			t.Errorf("the port changed from %d to %d", port, s.Port())
		}
	}
}

func TestServerStopsAndStartsInOrder(t *testing.T) {
	t.Parallel()
	s := envtest.Server(t, testenv.ServerOptions{})
	exec(t, s, "CREATE DATABASE app")
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.Running() {
		t.Error("the server runs after Stop")
	}
	if err := s.DB().PingContext(t.Context()); err == nil {
		t.Error("a stopped server answers")
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	queryString(t, s, "SELECT SCHEMA_NAME FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = 'app'")
}

func TestServerHasTheSettingsThatOctantAsksFor(t *testing.T) {
	t.Parallel()
	s := envtest.Server(t, testenv.ServerOptions{ID: 2, Regions: 4, Args: []string{"--max-connections=33"}})
	for variable, want := range map[string]string{
		"log_bin": "1", "binlog_format": "ROW", "binlog_row_image": "FULL", "binlog_row_metadata": "FULL",
		"server_id": "2", "gtid_domain_id": "2", "auto_increment_increment": "4", "auto_increment_offset": "2",
		"log_slave_updates": "1", "sync_binlog": "1", "innodb_flush_log_at_trx_commit": "1",
		"character_set_server": "utf8mb4", "max_connections": "33", "performance_schema": "0",
	} {
		if got := queryString(t, s, "SELECT @@GLOBAL."+variable); got != want {
			t.Errorf("%s is %s, want %s", variable, got, want)
		}
	}
	if n := queryString(t, s, "SELECT COUNT(*) FROM mysql.global_priv WHERE User = ''"); n != "0" {
		t.Errorf("%s anonymous accounts", n)
	}
}

func TestServerRefusesAFolderThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	dir := envtest.Dir(t)
	file := filepath.Join(dir, "precious")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := testenv.StartServer(t.Context(), testenv.ServerOptions{Dir: dir}); err == nil {
		t.Error("a server started in a folder that is not empty")
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the folder's content is gone: %v", err)
	}
}

func TestServerReportsItsLogWhenItCannotStart(t *testing.T) {
	t.Parallel()
	_, err := testenv.StartServer(envtest.Context(t, time.Minute), testenv.ServerOptions{
		Dir: filepath.Join(envtest.Dir(t), "db"), Args: []string{"--no-such-setting"}})
	if err == nil || !contains(err.Error(), "no-such-setting") {
		t.Errorf("the error does not name the cause: %v", err)
	}
}

func TestPortsAreReservedOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := make(map[int]bool)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			port, err := testenv.ReservePort()
			if err != nil {
				t.Error(err)
				return
			}
			t.Cleanup(func() { _ = port.Release() })
			mu.Lock()
			defer mu.Unlock()
			if seen[port.Number] {
				t.Errorf("port %d was given twice", port.Number)
			}
			seen[port.Number] = true
		})
	}
	wg.Wait()
}

func TestBedOfPlainServersStormsWithoutRelays(t *testing.T) {
	t.Parallel()
	bed := envtest.Start(t, testenv.Options{Regions: 2, Relaxed: true, Schema: testenv.StormSchema})
	storm := testenv.NewStorm(bed.Sites(), testenv.StormOptions{Seed: 1})
	ctx, stop := context.WithCancel(envtest.Context(t, time.Minute))
	var wg sync.WaitGroup
	wg.Go(func() { storm.Run(ctx) })
	waitCommitted(t, storm, 200)
	if err := bed.Region("a").Server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	before := storm.Tally(0).Committed
	waitFor(t, "commits after a restart", func() bool { return storm.Tally(0).Committed > before+50 })
	stop()
	wg.Wait()
	oracle := testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}}
	diff, err := oracle.Compare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff.Identical() {
		t.Error("two servers under a storm and without relays are identical: the oracle is blind")
	}
	for _, table := range diff.Tables {
		if table.Rows[0] == 0 {
			t.Errorf("the storm left nothing in %s", table.Table)
		}
	}
	if err := testenv.BinlogQuiet(envtest.Context(t, time.Minute), bed.Sites(), 200*time.Millisecond); err != nil {
		t.Error(err)
	}
}

func waitCommitted(t *testing.T, storm *testenv.Storm, n int64) {
	t.Helper()
	waitFor(t, "commits of the storm", func() bool { return storm.Tally(0).Committed > n && storm.Tally(1).Committed > n })
}
