package regions_test

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// pairSchema is a table for stories in two regions.
const pairSchema = "CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(20));"

// account is the relays' account on the databases, as statements name it.
const account = testenv.DatabaseUser + "@'%'"

// doctor runs octant doctor with a relay's configuration and returns its exit code and table.
func doctor(t *testing.T, r *testenv.Region) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(envtest.Context(t, soon), envtest.Octant(t), "doctor", "--config", r.Relay.ConfigFile())
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// requireSick fails the test unless octant doctor ends with 1 and all the words.
func requireSick(t *testing.T, r *testenv.Region, words ...string) {
	t.Helper()
	code, text := doctor(t, r)
	if code != 1 {
		t.Errorf("octant doctor ended with %d, want 1:\n%s", code, text)
	}
	requireWords(t, text, words...)
}

func requireWords(t *testing.T, text string, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			t.Errorf("there is no %q in:\n%s", w, text)
		}
	}
}

func requireHealthy(t *testing.T, r *testenv.Region) {
	t.Helper()
	if code, text := doctor(t, r); code != 0 {
		t.Errorf("octant doctor ended with %d, want 0:\n%s", code, text)
	}
}

// requireFlow writes a row in each region and waits until all are identical.
func requireFlow(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	settleAll(t, bed)
}

// waitUnready waits until /readyz of a relay refuses with the words.
func waitUnready(t *testing.T, r *testenv.Region, query, words string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("/readyz?%s of relay %s to refuse with %q", query, r.Name, words), func(ctx context.Context) (bool, string) {
		err := r.Relay.Ready(ctx, query)
		if err == nil {
			return false, "ready"
		}
		return strings.Contains(err.Error(), words), err.Error()
	})
}

func waitReady(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	if err := bed.WaitReady(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
}

func restart(t *testing.T, r *testenv.Region) {
	t.Helper()
	if err := r.Relay.Restart(); err != nil {
		t.Fatal(err)
	}
}

func TestWritesThatCannotBeCarriedAreReported(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	requireHealthy(t, a)

	t.Run("table without primary key", func(t *testing.T) {
		everywhere(t, bed, "CREATE TABLE app.bare (v INT)")
		run(t, a, "BEGIN", "INSERT INTO app.bare VALUES (1)", "INSERT INTO app.t VALUES (1, 'beside it')", "COMMIT")
		waitProblem(t, bed, "a", "no_primary_key", "app.bare")
		requireSick(t, a, "app.bare", "ADD PRIMARY KEY")
		everywhere(t, bed, "DELETE FROM app.bare", "ALTER TABLE app.bare ADD id INT PRIMARY KEY")
		run(t, a, "INSERT INTO app.bare VALUES (2, 2)", "REPLACE INTO app.t VALUES (1, 'again')")
		settleAll(t, bed)
		waitRows(t, b.Server.DB(), "SELECT v, id FROM app.bare", "2 2")
		requireHealthy(t, a)
	})
	t.Run("statement format", func(t *testing.T) {
		run(t, a, "SET SESSION binlog_format=STATEMENT", "INSERT INTO app.t VALUES (2, 'statement')")
		waitProblem(t, bed, "a", "statement_format", "app.t")
		run(t, a, "DELETE FROM app.t WHERE id=2", "INSERT INTO app.t VALUES (2, 'row')")
		settleAll(t, bed)
	})
	t.Run("partial row image", func(t *testing.T) {
		run(t, a, "INSERT INTO app.t VALUES (3, 'full')", "SET SESSION binlog_row_image=MINIMAL", "UPDATE app.t SET v='minimal' WHERE id=3")
		waitProblem(t, bed, "a", "row_image", "app.t")
		run(t, a, "UPDATE app.t SET v='full again' WHERE id=3")
		settleAll(t, bed)
	})
	t.Run("definition", func(t *testing.T) {
		run(t, a, "ALTER TABLE app.t ADD w INT NOT NULL", "INSERT INTO app.t VALUES (4, 'wide', 4)")
		waitProblem(t, bed, "a", "ddl", "app.t")
		waitProblem(t, bed, "b", "dead_letter", "app.t")
		run(t, b, "ALTER TABLE app.t ADD w INT NOT NULL")
		settleAll(t, bed)
		waitRows(t, b.Server.DB(), "SELECT w FROM app.t WHERE id=4", "4")
	})
}

func TestRowsThatNoLogExplainsGiveWay(t *testing.T) {
	privilege := "BINLOG ADMIN"
	if envtest.Engine(t).IsMySQL() {
		privilege = "SESSION_VARIABLES_ADMIN"
	}
	bed := smallBed(t, testenv.Options{Schema: pairSchema + "CREATE USER dba@'%' IDENTIFIED BY 'x'; GRANT " + privilege + " ON *.* TO dba@'%';"})
	a, b := bed.Region("a"), bed.Region("b")
	if _, text := doctor(t, a); !strings.Contains(text, "'dba'@'%'") {
		t.Errorf("octant doctor does not name the account that can write past the binary log:\n%s", text)
	}
	run(t, a, "INSERT INTO app.t VALUES (2, 'base'), (3, 'base'), (4, 'base'), (5, 'base')")
	settleAll(t, bed)
	run(t, a, "SET sql_log_bin=0", "INSERT INTO app.t VALUES (1, 'unlogged'), (6, 'unlogged')", "UPDATE app.t SET v='unlogged' WHERE id IN (2, 4)",
		"DELETE FROM app.t WHERE id IN (3, 5)")
	run(t, b, "INSERT INTO app.t VALUES (1, 'logged')", "UPDATE app.t SET v='logged' WHERE id IN (2, 3)", "DELETE FROM app.t WHERE id IN (4, 5)",
		"INSERT INTO app.t VALUES (6, 'x')", "DELETE FROM app.t WHERE id=6")
	settleAll(t, bed)
	const want = "1 logged; 2 logged; 3 logged"
	if got := rowsAt(t, a, "SELECT * FROM app.t ORDER BY id"); got != want {
		t.Errorf("left is %q, want the writes that were logged: %q", got, want)
	}
}

func TestDatabaseThatRefusesTheRelayIsReported(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	t.Run("without REPLICATION SLAVE", func(t *testing.T) {
		run(t, a, "REVOKE REPLICATION SLAVE ON *.* FROM "+account)
		restart(t, a)
		waitProblem(t, bed, "a", "database_setting", "REPLICATION SLAVE")
		waitUnready(t, a, "", "REPLICATION SLAVE")
		requireSick(t, a, "GRANT REPLICATION SLAVE")
		run(t, b, "INSERT INTO app.t VALUES (1, 'meanwhile')")
		run(t, a, "GRANT REPLICATION SLAVE ON *.* TO "+account)
		waitReady(t, bed)
		requireFlow(t, bed)
		requireHealthy(t, a)
	})
	t.Run("without SELECT on a table", func(t *testing.T) {
		run(t, a, "REVOKE SELECT ON *.* FROM "+account, "GRANT SELECT ON fence.* TO "+account)
		restart(t, a)
		waitProblem(t, bed, "a", "database_setting", "SELECT on app.t")
		requireSick(t, a, "GRANT SELECT")
		run(t, b, "INSERT INTO app.t VALUES (2, 'meanwhile')")
		run(t, a, "GRANT SELECT ON *.* TO "+account)
		requireFlow(t, bed)
		requireHealthy(t, a)
	})
	t.Run("partial row images for all", func(t *testing.T) {
		if a.Server.Engine().IsMySQL() { // without it the relay's sessions cannot have another value
			run(t, a, "GRANT SESSION_VARIABLES_ADMIN ON *.* TO "+account)
		}
		run(t, a, "SET GLOBAL binlog_row_image=MINIMAL")
		restart(t, a)
		waitProblem(t, bed, "a", "database_setting", "binlog_row_image")
		requireSick(t, a, "SET GLOBAL binlog_row_image")
		run(t, b, "INSERT INTO app.t VALUES (3, 'meanwhile')", "UPDATE app.t SET v='changed' WHERE id=3")
		waitRows(t, a.Server.DB(), "SELECT v FROM app.t WHERE id=3", "changed")
		run(t, a, "SET GLOBAL binlog_row_image=FULL")
		requireFlow(t, bed)
		requireHealthy(t, a)
	})
}

// TestStrangersAreRefused gives region b another identity with a data directory of its own, and then its old one back.
func TestStrangersAreRefused(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	requireFlow(t, bed)
	for i, c := range []struct {
		name, words string
		change      func(*testenv.RegionConfig)
	}{
		{"region id that another region has", "id 1", func(r *testenv.RegionConfig) { r.ID = 1 }},
		{"another cluster", `"elsewhere"`, func(r *testenv.RegionConfig) { r.Cluster = "elsewhere" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before testenv.RegionConfig
			reconfigure(t, b, func(r *testenv.RelayConfig) {
				before = r.Region
				c.change(&r.Region)
				r.Region.DataDir = filepath.Join(envtest.Dir(t), "data")
			})
			run(t, a, fmt.Sprintf("INSERT INTO app.t VALUES (%d, 'meanwhile')", i))
			for _, r := range bed.Regions {
				waitProblem(t, bed, r.Name, "peer_refused", c.words)
				waitUnready(t, r, "peers=all", "refused")
				requireWords(t, askRelay(t, bed, r.Name, "SELECT state, last_error FROM octant.peers"), "refused", c.words)
				requireSick(t, r, c.words)
			}
			if got := rowsAt(t, b, fmt.Sprintf("SELECT * FROM app.t WHERE id=%d", i)); got != "" {
				t.Errorf("a stranger was given rows: %s", got)
			}
			reconfigure(t, b, func(r *testenv.RelayConfig) { r.Region = before })
			waitReady(t, bed)
			requireFlow(t, bed)
		})
	}
}

func reconfigure(t *testing.T, r *testenv.Region, change func(*testenv.RelayConfig)) {
	t.Helper()
	if err := r.Relay.Stop(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	if err := r.Relay.Configure(change); err != nil {
		t.Fatal(err)
	}
	if err := r.Relay.Start(); err != nil {
		t.Fatal(err)
	}
}

func TestAnotherDatabaseIsNotTakenForTheOldOne(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.t VALUES (1, 'old')")
	requireFlow(t, bed)
	other := envtest.Server(t, testenv.ServerOptions{Engine: a.Server.Engine(), ID: a.ID, Relaxed: true})
	runAt(t, other, fmt.Sprintf("CREATE USER %s IDENTIFIED BY '%s'", account, bed.Password), "GRANT ALL PRIVILEGES ON *.* TO "+account, fenceSchema+pairSchema,
		"INSERT INTO app.t VALUES (1, 'other'), (2, 'other')")
	var url string
	reconfigure(t, a, func(c *testenv.RelayConfig) {
		url = c.Database.URL
		c.Database.URL = strings.Replace(url, a.Server.Addr(), other.Addr(), 1)
	})
	waitProblem(t, bed, "a", "source_diverged", "")
	waitUnready(t, a, "", "not the one")
	runAt(t, other, "UPDATE app.t SET v='other still'")
	run(t, b, "INSERT INTO app.t VALUES (3, 'for the old one')")
	reconfigure(t, a, func(c *testenv.RelayConfig) { c.Database.URL = url })
	waitReady(t, bed)
	requireFlow(t, bed)
	if got := rowsAt(t, b, "SELECT * FROM app.t ORDER BY id"); got != "1 old; 3 for the old one" {
		t.Errorf("region b has %q, want nothing of the other database", got)
	}
}

func TestPurgedBinaryLogIsReported(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a := bed.Region("a")
	requireFlow(t, bed)
	if err := a.Relay.Stop(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	run(t, a, "INSERT INTO app.t VALUES (1, 'lost to the relay')", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
	last := lastBinlog(t, a)
	waitFor(t, "the server to let the old files go", func(ctx context.Context) (bool, string) {
		// It keeps a file until a dump thread has noticed that its reader is gone, and until InnoDB has synced what is in it.
		if dump := rowsAt(t, a, "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND LIKE 'Binlog Dump%'"); dump != "" {
			_, _ = a.Server.DB().ExecContext(ctx, "KILL "+dump) // fails when it has ended meanwhile
		}
		run(t, a, "PURGE BINARY LOGS TO '"+last+"'")
		files := rowsAt(t, a, "SHOW BINARY LOGS")
		return strings.HasPrefix(files, last+" "), files
	})
	if err := a.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	waitProblem(t, bed, "a", "source_purged", last)
	waitUnready(t, a, "", "purged")
	requireSick(t, a, "problem source_purged", last)
}

// lastBinlog returns the name of the file that the server writes to.
func lastBinlog(t *testing.T, r *testenv.Region) string {
	t.Helper()
	files := strings.Split(rowsAt(t, r, "SHOW BINARY LOGS"), "; ")
	name, _, _ := strings.Cut(files[len(files)-1], " ")
	return name
}

func TestOrderlyRestartIsNoProblem(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	for range 3 {
		reconfigure(t, bed.Region("b"), func(*testenv.RelayConfig) {})
		waitReady(t, bed)
		requireFlow(t, bed)
	}
	for _, r := range bed.Regions {
		if problems := askRelay(t, bed, r.Name, "SELECT kind, detail FROM octant.problems"); problems != "" {
			t.Errorf("relay %s reports %s", r.Name, problems)
		}
	}
}
