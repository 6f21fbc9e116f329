package regions_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// definitionEngines are those whose definitions are carried.
func definitionEngines(t *testing.T, test func(*testing.T, testenv.Engine)) {
	for _, engine := range []testenv.Engine{testenv.MariaDB1011, testenv.MySQL97} {
		t.Run(engine.String(), func(t *testing.T) { test(t, engine) })
	}
}

// TestDefinitionsArriveOnceAndInOrder runs definitions in one region, with rows that need them right behind: the others get both, and nothing
// comes back.
func TestDefinitionsArriveOnceAndInOrder(t *testing.T) {
	definitionEngines(t, func(t *testing.T, engine testenv.Engine) {
		bed := smallBed(t, testenv.Options{Engine: engine, Regions: 3, Schema: pairSchema, Include: []string{"shop.*"}})
		a, b := bed.Region("a"), bed.Region("b")
		run(t, a, "INSERT INTO app.t VALUES (1, 'old')")
		settleAll(t, bed)
		before := bookmarks(t, bed)
		run(t, a,
			"CREATE DATABASE shop", "USE shop",
			"CREATE TABLE orders (id INT PRIMARY KEY, v VARCHAR(20))", "INSERT INTO orders VALUES (1, 'first')",
			"ALTER TABLE app.t ADD COLUMN w INT NULL, ADD COLUMN x VARCHAR(10) NOT NULL DEFAULT 'none'", "INSERT INTO app.t VALUES (2, 'new', 22, 'x')",
			"CREATE INDEX by_v ON app.t (v)", "ALTER TABLE orders ADD INDEX by_v (v)", "DROP INDEX by_v ON orders",
			// MySQL lets nobody but a system user name root as the definer, which is who writes here.
			"CREATE DEFINER=v@localhost SQL SECURITY INVOKER VIEW wide AS SELECT id, w FROM app.t",
			"CREATE OR REPLACE DEFINER=v@localhost SQL SECURITY INVOKER VIEW wide AS SELECT id, w, x FROM app.t",
			"CREATE DEFINER=v@localhost VIEW gone AS SELECT 1 AS one", "DROP VIEW gone",
			"CREATE TABLE copied (PRIMARY KEY (id)) SELECT id, v FROM app.t",
			"UPDATE app.t SET w=11 WHERE id=1",
		)
		settleAll(t, bed)
		for _, r := range bed.Regions {
			for query, want := range map[string]string{
				"SELECT id, v, w, x FROM app.t ORDER BY id": "1 old 11 none; 2 new 22 x",
				"SELECT id, v FROM shop.orders":             "1 first",
				"SELECT id, w, x FROM shop.wide":            "1 11 none; 2 22 x",
				"SELECT id, v FROM shop.copied":             "1 old; 2 new",
				"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema='shop' AND table_name='gone'":                           "0",
				"SELECT index_name FROM information_schema.statistics WHERE table_schema IN ('shop','app') AND index_name='by_v'":          "by_v",
				"SELECT table_schema FROM information_schema.statistics WHERE table_schema IN ('shop','app') AND index_name='by_v'":        "app",
				"SELECT COUNT(*) FROM information_schema.columns WHERE table_schema='app' AND table_name='t' AND column_name IN ('w','x')": "2",
			} {
				if got := rowsAt(t, r, query); got != want {
					t.Errorf("region %s: %s: %q, want %q", r.Name, query, got, want)
				}
			}
		}
		// Each ran once in each region.
		for i, r := range bed.Regions {
			if n := countDefinitions(t, r, before[i], "ADD COLUMN w"); n != 1 {
				t.Errorf("region %s logged the ALTER TABLE %d times", r.Name, n)
			}
			if n := countDefinitions(t, r, before[i], "VIEW `wide`"); n != 2 {
				t.Errorf("region %s logged the view %d times", r.Name, n)
			}
		}
		envtest.WaitQuiet(t, bed.Sites(), 3*time.Second, soon)
		requireNoProblems(t, bed, "ddl", "ddl_left")
		run(t, b, "ALTER TABLE app.t ADD COLUMN y INT NULL", "INSERT INTO app.t VALUES (3, 'b', 1, 'x', 33)")
		settleAll(t, bed)
		requireRows(t, bed, "SELECT y FROM app.t WHERE id=3", "33")
	})
}

// bookmarks are where the regions' logs end.
func bookmarks(t *testing.T, bed *testenv.Bed) []string {
	t.Helper()
	var files []string
	for _, r := range bed.Regions {
		run(t, r, "FLUSH BINARY LOGS")
		files = append(files, lastBinlog(t, r))
	}
	return files
}

// countDefinitions counts the statements in a region's log, from a file on, that hold a text.
func countDefinitions(t *testing.T, r *testenv.Region, file, text string) int {
	t.Helper()
	rows, err := ask(envtest.Context(t, soon), r.Server.DB(), fmt.Sprintf("SHOW BINLOG EVENTS IN '%s'", file))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, row := range rows {
		if row[2] == "Query" && strings.Contains(row[5], text) {
			n++
		}
	}
	return n
}

// requireNoProblems demands that no relay reports problems of the kinds.
func requireNoProblems(t *testing.T, bed *testenv.Bed, kinds ...string) {
	t.Helper()
	for _, r := range bed.Regions {
		rows, err := ask(envtest.Context(t, soon), relaySQL(t, bed, r.Name),
			"SELECT kind, subject, detail FROM octant.problems WHERE kind IN ('"+strings.Join(kinds, "','")+"')")
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) > 0 {
			t.Errorf("region %s reports %s", r.Name, flat(rows))
		}
	}
}

// TestDefinitionsThatCannotBeCarriedAreLeftToPeople has other regions go on, hold what does not fit, and say what to do.
func TestDefinitionsThatCannotBeCarriedAreLeftToPeople(t *testing.T) {
	definitionEngines(t, func(t *testing.T, engine testenv.Engine) {
		bed := smallBed(t, testenv.Options{Engine: engine, Schema: pairSchema})
		a, b := bed.Region("a"), bed.Region("b")
		run(t, a, "ALTER TABLE app.t ADD COLUMN n INT NOT NULL DEFAULT 0, ADD UNIQUE INDEX u (n, id)")
		waitProblem(t, bed, "a", "ddl", "unique index")
		waitProblem(t, bed, "b", "ddl_left", "unique index")
		run(t, a, "INSERT INTO app.t VALUES (1, 'wide', 1)")
		waitProblem(t, bed, "b", "dead_letter", "column n is missing here")
		run(t, b, "ALTER TABLE app.t ADD COLUMN n INT NOT NULL DEFAULT 0, ADD UNIQUE INDEX u (n, id)")
		settleAll(t, bed)
		requireRows(t, bed, "SELECT n FROM app.t WHERE id=1", "1")
		run(t, a, "ALTER TABLE app.t MODIFY n SMALLINT NOT NULL DEFAULT 0")
		waitProblem(t, bed, "b", "ddl_left", "column n is int")
		run(t, b, "ALTER TABLE app.t MODIFY n SMALLINT NOT NULL DEFAULT 0", "CREATE TRIGGER app.g BEFORE INSERT ON app.t FOR EACH ROW SET NEW.v='by trigger'")
		waitProblem(t, bed, "b", "ddl", "what a trigger writes is carried as rows")
		run(t, b, "INSERT INTO app.t VALUES (2, 'x', 2)")
		settleAll(t, bed)
		requireRows(t, bed, "SELECT v FROM app.t WHERE id=2", "by trigger")
	})
}

// TestTwoRegionsDefineOneThingDifferently keeps each region's own, holds the rows that do not fit, and says which column it is.
func TestTwoRegionsDefineOneThingDifferently(t *testing.T) {
	definitionEngines(t, func(t *testing.T, engine testenv.Engine) {
		bed := smallBed(t, testenv.Options{Engine: engine, Schema: pairSchema})
		a, b := bed.Region("a"), bed.Region("b")
		bed.Network.Isolate("a", testenv.Cut)
		run(t, a, "CREATE TABLE app.n (id INT PRIMARY KEY, v INT)", "INSERT INTO app.n VALUES (1, 1)", "CREATE TABLE app.same (id INT PRIMARY KEY)",
			"INSERT INTO app.same VALUES (1)")
		run(t, b, "CREATE TABLE app.n (id INT PRIMARY KEY, v VARCHAR(10))", "INSERT INTO app.n VALUES (2, 'two')", "CREATE TABLE app.same (id INT PRIMARY KEY)",
			"INSERT INTO app.same VALUES (2)")
		bed.Network.Heal()
		waitProblem(t, bed, "a", "dead_letter", "column 2 (v) is varchar(10) there and int here")
		waitProblem(t, bed, "b", "dead_letter", "column 2 (v) is int there and varchar(10) here")
		run(t, b, "DROP TABLE app.n", "CREATE TABLE app.n (id INT PRIMARY KEY, v INT)") // a's wins
		waitFor(t, "b to go on", func(ctx context.Context) (bool, string) {
			rows, err := ask(ctx, b.Server.DB(), "SELECT COUNT(*) FROM app.n WHERE id=1")
			return err == nil && flat(rows) == "1", fmt.Sprint(rows, err)
		})
	})
}

// TestColumnIsAddedWhileAllRegionsWrite adds columns in one region while rows without them are on their way from everywhere, over cut lines too:
// all regions end with the same rows.
func TestColumnIsAddedWhileAllRegionsWrite(t *testing.T) {
	definitionEngines(t, func(t *testing.T, engine testenv.Engine) {
		bed := smallBed(t, testenv.Options{Engine: engine, Regions: 3, Schema: pairSchema})
		a, b := bed.Region("a"), bed.Region("b")
		run(t, a, "INSERT INTO app.t SELECT 1, 'base' UNION SELECT 2, 'base' UNION SELECT 3, 'base' UNION SELECT 4, 'base'")
		settleAll(t, bed)
		bed.Network.Isolate("a", testenv.Cut)
		run(t, a, "ALTER TABLE app.t ADD w INT NULL, ADD x VARCHAR(10) NOT NULL DEFAULT 'd'", "UPDATE app.t SET w=1, x='a' WHERE id IN (1, 2, 4)",
			"INSERT INTO app.t VALUES (10, 'a', 10, 'a')")
		nextSecond(t, bed)
		run(t, b, "UPDATE app.t SET v='later' WHERE id IN (1, 3)", "DELETE FROM app.t WHERE id=4", "INSERT INTO app.t VALUES (11, 'b')",
			"INSERT INTO app.t VALUES (10, 'later')")
		bed.Network.Heal()
		settleAll(t, bed)
		// The later write of a row wins, also where it knew nothing of the columns: they have their defaults then.
		requireRows(t, bed, "SELECT id, v, w, x FROM app.t ORDER BY id",
			"1 later NULL d; 2 base 1 a; 3 later NULL d; 10 later NULL d; 11 b NULL d")

		bed.Network.Isolate("a", testenv.Cut)
		run(t, a, "ALTER TABLE app.t MODIFY id BIGINT NOT NULL, MODIFY v VARCHAR(200), MODIFY COLUMN w BIGINT NULL", "UPDATE app.t SET w=6000000000 WHERE id IN (1, 2)",
			"INSERT INTO app.t (id, v, w) VALUES (5000000000, REPEAT('long', 30), -6000000000)")
		nextSecond(t, bed)
		run(t, b, "UPDATE app.t SET v='narrow', w=5 WHERE id IN (1, 3)", "INSERT INTO app.t (id, v) VALUES (12, 'narrow')")
		bed.Network.Heal()
		settleAll(t, bed)
		requireRows(t, bed, "SELECT id, LEFT(v, 6), LENGTH(v), w FROM app.t WHERE id IN (1, 2, 3, 12, 5000000000) ORDER BY id",
			"1 narrow 6 5; 2 base 4 6000000000; 3 narrow 6 5; 12 narrow 6 NULL; 5000000000 longlo 120 -6000000000")
		requireNoProblems(t, bed, "ddl", "ddl_left")

		stop := writeEverywhere(t, bed)
		for i := range 3 {
			run(t, bed.Regions[i], fmt.Sprintf("ALTER TABLE app.t ADD y%d INT NOT NULL DEFAULT %d", i, i))
			run(t, bed.Regions[i], fmt.Sprintf("UPDATE app.t SET y%d=100+id", i))
			passFence(t, bed)
		}
		stop()
		settleAll(t, bed)
		envtest.WaitQuiet(t, bed.Sites(), 3*time.Second, soon)
		settleAll(t, bed)
	})
}

// writeEverywhere changes rows in all regions, by names that every definition has, until the function that it returns is called.
func writeEverywhere(t *testing.T, bed *testenv.Bed) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for i, r := range bed.Regions {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := 1 + (n*7+i)%20
				for _, statement := range []string{
					fmt.Sprintf("INSERT INTO app.t (id, v) VALUES (%d, '%d-%d') ON DUPLICATE KEY UPDATE v=VALUES(v)", id, i, n),
					fmt.Sprintf("DELETE FROM app.t WHERE id=%d", 1+(n*3+i)%20),
				}[:1+n%2] {
					// Locks that the relay or an ALTER TABLE holds make it fail at times: the next one comes.
					_, _ = r.Server.DB().ExecContext(ctx, statement)
				}
			}
		})
	}
	return func() {
		cancel()
		writers.Wait()
	}
}

// TestOnlineSchemaChangeOfOneRegion does in one region what gh-ost and pt-online-schema-change do: a shadow table, rows copied into it, and a swap
// by RENAME. The shadow stays where it is, others go on with what fits, and with the rest when they have made the change too.
func TestOnlineSchemaChangeOfOneRegion(t *testing.T) {
	definitionEngines(t, func(t *testing.T, engine testenv.Engine) {
		bed := smallBed(t, testenv.Options{Engine: engine, Schema: pairSchema + "CREATE TABLE app.other (id INT PRIMARY KEY, v INT);"})
		a, b := bed.Region("a"), bed.Region("b")
		run(t, a, "INSERT INTO app.t VALUES (1, 'one'), (2, 'two')")
		settleAll(t, bed)
		run(t, a, "CREATE TABLE app._t_gho LIKE app.t", "ALTER TABLE app._t_gho ADD w INT NOT NULL DEFAULT 7 AFTER id",
			"INSERT INTO app._t_gho (id, v) SELECT id, v FROM app.t")
		passFence(t, bed)
		if got := rowsAt(t, b, "SELECT COUNT(*) FROM information_schema.tables WHERE table_name LIKE '\\_t\\_%'"); got != "0" {
			t.Errorf("region b has %s shadow tables", got)
		}
		requireNoProblems(t, bed, "ddl", "ddl_left")
		run(t, a, "RENAME TABLE app.t TO app._t_del, app._t_gho TO app.t", "DROP TABLE app._t_del")
		waitProblem(t, bed, "a", "ddl", "ends an online schema change")
		waitProblem(t, bed, "b", "ddl_left", "ends an online schema change")
		run(t, a, "INSERT INTO app.other VALUES (1, 1)", "INSERT INTO app.t VALUES (3, 33, 'three')")
		waitFor(t, "the rows before", func(ctx context.Context) (bool, string) {
			rows, err := ask(ctx, b.Server.DB(), "SELECT v FROM app.other")
			return err == nil && flat(rows) == "1", fmt.Sprint(rows, err)
		})
		waitProblem(t, bed, "b", "dead_letter", "column 2")
		// Triggers do not fire for rows of other regions, so these wait while a tool copies by triggers.
		run(t, a, "UPDATE app.t SET v='one more' WHERE id=1")
		mustCall(t, bed, "b", "pause('a')")
		run(t, b, "CREATE TABLE app._t_new LIKE app.t", "ALTER TABLE app._t_new ADD w INT NOT NULL DEFAULT 7 AFTER id",
			"CREATE TRIGGER app.pt_osc_app_t_del AFTER DELETE ON app.t FOR EACH ROW DELETE IGNORE FROM app._t_new WHERE id <=> OLD.id",
			"CREATE TRIGGER app.pt_osc_app_t_upd AFTER UPDATE ON app.t FOR EACH ROW REPLACE INTO app._t_new (id, v) VALUES (NEW.id, NEW.v)",
			"CREATE TRIGGER app.pt_osc_app_t_ins AFTER INSERT ON app.t FOR EACH ROW REPLACE INTO app._t_new (id, v) VALUES (NEW.id, NEW.v)",
			"INSERT LOW_PRIORITY IGNORE INTO app._t_new (id, v) SELECT id, v FROM app.t LOCK IN SHARE MODE", "UPDATE app.t SET v='by trigger' WHERE id=2",
			"RENAME TABLE app.t TO app._t_old, app._t_new TO app.t", "DROP TABLE IF EXISTS app._t_old",
			"DROP TRIGGER IF EXISTS app.pt_osc_app_t_del", "UPDATE app.t SET w=8 WHERE id=2")
		mustCall(t, bed, "b", "resume('a')")
		settleAll(t, bed)
		requireRows(t, bed, "SELECT id, w, v FROM app.t ORDER BY id", "1 7 one more; 2 8 by trigger; 3 33 three")
	})
}

// TestDefinitionsSurviveKills kills the relay that runs them, again and again: each is there once in the end, also where the relay died between
// running it and writing its mark.
func TestDefinitionsSurviveKills(t *testing.T) {
	definitionEngines(t, func(t *testing.T, engine testenv.Engine) {
		bed := smallBed(t, testenv.Options{Engine: engine, Schema: pairSchema})
		a, b := bed.Region("a"), bed.Region("b")
		const columns = 12
		for i := range columns {
			run(t, a, fmt.Sprintf("ALTER TABLE app.t ADD c%d INT NULL", i), fmt.Sprintf("CREATE TABLE app.n%d (id INT PRIMARY KEY)", i),
				fmt.Sprintf("INSERT INTO app.t (id, v, c%d) VALUES (%d, 'x', %d)", i, i, i), fmt.Sprintf("INSERT INTO app.n%d VALUES (%d)", i, i))
			if i%2 == 0 {
				restart(t, b)
			}
		}
		settleAll(t, bed)
		requireNoProblems(t, bed, "ddl_left")
		requireRows(t, bed, "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema='app' AND table_name='t'", fmt.Sprint(columns+2))
	})
}
