package regions_test

import (
	"testing"

	"github.com/octant-db/octant/testenv"
)

// uniqueSchema has a table with two secondary unique keys, one of them by a collation that ignores case.
const uniqueSchema = "CREATE TABLE app.t (id INT PRIMARY KEY, u VARCHAR(20) COLLATE utf8mb4_general_ci, n INT, v VARCHAR(20), UNIQUE (u), UNIQUE (n));"

// requireRows demands the same rows in all regions.
func requireRows(t *testing.T, bed *testenv.Bed, query, want string) {
	t.Helper()
	for _, r := range bed.Regions {
		if got := rowsAt(t, r, query); got != want {
			t.Errorf("region %s has %q, want %q", r.Name, got, want)
		}
	}
}

// TestUniqueValueTakenInTwoRegionsStaysWithTheLaterRow has rows clash in a unique value while a region is cut off. The older row is hidden,
// survives a restart of every relay, and is put back when the value is free.
func TestUniqueValueTakenInTwoRegionsStaysWithTheLaterRow(t *testing.T) {
	bed := smallBed(t, testenv.Options{Regions: 3, Schema: uniqueSchema})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.t VALUES (30,'p',NULL,'base'), (50,'r',NULL,'base'), (51,'s',NULL,'base'), (60,NULL,6,'base')")
	settleAll(t, bed)
	bed.Network.Isolate("a", testenv.Cut)
	nextSecond(t, bed)
	run(t, a, "INSERT INTO app.t VALUES (1,'X',1,'a')", "INSERT INTO app.t VALUES (3,NULL,3,'a')",
		"UPDATE app.t SET u=NULL WHERE id=30", "INSERT INTO app.t VALUES (31,'p',NULL,'a')",
		"BEGIN", "UPDATE app.t SET u='t' WHERE id=50", "UPDATE app.t SET u='r' WHERE id=51", "UPDATE app.t SET u='s' WHERE id=50", "COMMIT",
		"UPDATE app.t SET id=61 WHERE id=60")
	nextSecond(t, bed)
	run(t, b, "INSERT INTO app.t VALUES (2,'x',3,'b')", "UPDATE app.t SET v='later' WHERE id=30", "INSERT INTO app.t VALUES (4,'y',1,'b')",
		"DELETE FROM app.t WHERE id=4", "UPDATE app.t SET v='later' WHERE id=60")
	bed.Network.Heal()
	settleAll(t, bed)
	requireRows(t, bed, "SELECT id, u, n, v FROM app.t ORDER BY id",
		"2 x 3 b; 30 p NULL later; 50 s NULL base; 51 r NULL base; 60 NULL 6 later")
	for _, r := range bed.Regions {
		if err := r.Relay.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	settleAll(t, bed)
	run(t, bed.Region("c"), "DELETE FROM app.t WHERE id IN (2, 30)", "UPDATE app.t SET n=7 WHERE id=60")
	settleAll(t, bed)
	requireRows(t, bed, "SELECT id, u, n, v FROM app.t ORDER BY id",
		"1 X 1 a; 3 NULL 3 a; 31 p NULL a; 50 s NULL base; 51 r NULL base; 60 NULL 7 later; 61 NULL 6 base")
}

// TestUniqueKeyThatIsDroppedGivesRowsBack has a row hidden by a unique key that is then dropped: it is put back, in each region as it drops the key, after a restart
// too. A unique key that is added holds for rows from then on, also for those that were known before.
func TestUniqueKeyThatIsDroppedGivesRowsBack(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: "CREATE TABLE app.t (id INT PRIMARY KEY, u VARCHAR(20), v INT, UNIQUE u (u));"})
	a, b := bed.Region("a"), bed.Region("b")
	const rows = "SELECT id, u, v FROM app.t ORDER BY id"
	bed.Network.Isolate("a", testenv.Cut)
	run(t, a, "INSERT INTO app.t VALUES (1,'x',1)")
	nextSecond(t, bed)
	run(t, b, "INSERT INTO app.t VALUES (2,'x',2)")
	bed.Network.Heal()
	settleAll(t, bed)
	requireRows(t, bed, rows, "2 x 2")
	if err := a.Relay.Restart(); err != nil {
		t.Fatal(err)
	}
	settleAll(t, bed)
	run(t, a, "ALTER TABLE app.t DROP INDEX u")
	waitRows(t, a.Server.DB(), rows, "1 x 1; 2 x 2")
	if got := rowsAt(t, b, rows); got != "2 x 2" {
		t.Errorf("region b, which has the key still, has %s", got)
	}
	run(t, b, "ALTER TABLE app.t DROP INDEX u")
	waitRows(t, b.Server.DB(), rows, "1 x 1; 2 x 2")
	bed.Network.Isolate("a", testenv.Cut)
	run(t, a, "INSERT INTO app.t VALUES (3,'y',3)", "UPDATE app.t SET u='z' WHERE id=1")
	nextSecond(t, bed)
	run(t, b, "INSERT INTO app.t VALUES (4,'y',4)")
	everywhere(t, bed, "ALTER TABLE app.t ADD UNIQUE INDEX w (u, v)", "ALTER TABLE app.t DROP INDEX w")
	run(t, b, "DELETE FROM app.t WHERE id=1")
	everywhere(t, bed, "ALTER TABLE app.t ADD UNIQUE INDEX w (u)")
	bed.Network.Heal()
	for _, r := range bed.Regions {
		waitRows(t, r.Server.DB(), rows, "2 x 2; 4 y 4")
	}
	settleAll(t, bed)
	run(t, b, "UPDATE app.t SET u='free' WHERE id=4")
	settleAll(t, bed)
	requireRows(t, bed, rows, "2 x 2; 3 y 3; 4 free 4")
}
