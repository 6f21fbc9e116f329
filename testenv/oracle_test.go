package testenv_test

import (
	"context"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const oracleSchema = `
CREATE DATABASE app;
CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(20) NULL, raw BINARY(4) NOT NULL, f FLOAT, d DOUBLE, b BIT(9),
  l VARCHAR(20) CHARACTER SET latin1, ts TIMESTAMP(6) NOT NULL DEFAULT '2001-01-01', h INT INVISIBLE DEFAULT 1,
  g INT AS (id * 2) VIRTUAL, big LONGBLOB, dec30 DECIMAL(65,30));
CREATE TABLE app.pairs (x VARCHAR(9), y INT, v INT, PRIMARY KEY (y, x));
CREATE TABLE app.nokey (x VARCHAR(9) NULL, y INT NULL);
`

const oracleRows = `
INSERT INTO app.t (id, v, raw, f, d, b, l, big, dec30) VALUES
  (1, 'a', 'x\0\0\0', 1.1, 0.1, 5, 'é', REPEAT('z', 100000), 1.000000000000000000000000000001),
  (2, '', '', NULL, NULL, NULL, NULL, NULL, NULL), (3, NULL, 'y', 16777216, 1e300, 511, '', '', -7);
INSERT INTO app.pairs VALUES ('a', 1, 1), ('a', 2, 2), ('b', 1, 3);
`

// twoSites are two plain servers with the same tables and rows.
func twoSites(t *testing.T) (*testenv.Bed, testenv.Oracle) {
	t.Helper()
	bed := envtest.Start(t, testenv.Options{Regions: 2, Relaxed: true, Schema: oracleSchema + oracleRows})
	exec(t, bed.Region("a").Server, "INSERT INTO app.nokey VALUES ('a', 1), ('A', 1), (NULL, 2), ('a', 1)")
	exec(t, bed.Region("b").Server, "INSERT INTO app.nokey VALUES (NULL, 2), ('a', 1), ('a', 1), ('A', 1)")
	return bed, testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}, ShowValues: true}
}

func compare(t *testing.T, o testenv.Oracle) testenv.Diff {
	t.Helper()
	diff, err := o.Compare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return diff
}

func TestOracleFindsPlantedDifferences(t *testing.T) {
	t.Parallel()
	bed, oracle := twoSites(t)
	if err := compare(t, oracle).Err(); err != nil {
		t.Fatalf("equal sites: %v", err)
	}
	tests := []struct{ name, plant, undo, want string }{
		{"changed value", "UPDATE app.t SET v='b' WHERE id=1", "UPDATE app.t SET v='a' WHERE id=1", `app.t key ("1"): differs in v`},
		{"case", "UPDATE app.t SET v='A' WHERE id=1", "UPDATE app.t SET v='a' WHERE id=1", `b: "A"`},
		{"trailing space", "UPDATE app.t SET v='a ' WHERE id=1", "UPDATE app.t SET v='a' WHERE id=1", `b: "a "`},
		{"trailing zero byte", `UPDATE app.t SET v='a\0' WHERE id=1`, "UPDATE app.t SET v='a' WHERE id=1", `b: "a\x00"`},
		{"byte for zero byte", "UPDATE app.t SET raw='x   ' WHERE id=1", `UPDATE app.t SET raw='x\0\0\0' WHERE id=1`, "differs in raw"},
		{"NULL for empty", "UPDATE app.t SET v=NULL WHERE id=2", "UPDATE app.t SET v='' WHERE id=2", "b: NULL"},
		{"empty for NULL", "UPDATE app.t SET v='' WHERE id=3", "UPDATE app.t SET v=NULL WHERE id=3", "a: NULL"},
		{"last bit of FLOAT", "UPDATE app.t SET f=1.1000001 WHERE id=1", "UPDATE app.t SET f=1.1 WHERE id=1", "differs in f"},
		{"large FLOAT", "UPDATE app.t SET f=16777218 WHERE id=3", "UPDATE app.t SET f=16777216 WHERE id=3", "differs in f"},
		{"last bit of DOUBLE", "UPDATE app.t SET d=0.10000000000000002 WHERE id=1", "UPDATE app.t SET d=0.1 WHERE id=1", "differs in d"},
		{"last digit of DECIMAL", "UPDATE app.t SET dec30=1.000000000000000000000000000002 WHERE id=1",
			"UPDATE app.t SET dec30=1.000000000000000000000000000001 WHERE id=1", "differs in dec30"},
		{"bit", "UPDATE app.t SET b=4 WHERE id=1", "UPDATE app.t SET b=5 WHERE id=1", "differs in b"},
		{"latin1 letter", "UPDATE app.t SET l='è' WHERE id=1", "UPDATE app.t SET l='é' WHERE id=1", `b: "\xe8"`},
		{"microsecond", "UPDATE app.t SET ts='2001-01-01 00:00:00.000001' WHERE id=1", "UPDATE app.t SET ts='2001-01-01' WHERE id=1", "differs in ts"},
		{"invisible column", "UPDATE app.t SET h=2 WHERE id=1", "UPDATE app.t SET h=1 WHERE id=1", "differs in h"},
		{"end of a blob", "UPDATE app.t SET big=CONCAT(REPEAT('z', 99999), 'y') WHERE id=1",
			"UPDATE app.t SET big=REPEAT('z', 100000) WHERE id=1", "differs in big"},
		{"missing row", "DELETE FROM app.pairs WHERE x='b'", "INSERT INTO app.pairs VALUES ('b', 1, 3)", `app.pairs key ("1", "b"): missing at b`},
		{"extra row", "INSERT INTO app.pairs VALUES ('c', 1, 3)", "DELETE FROM app.pairs WHERE x='c'", `app.pairs key ("1", "c"): missing at a`},
		{"case of a key", "UPDATE app.pairs SET x='B' WHERE x='b'", "UPDATE app.pairs SET x='b' WHERE x='b'", `app.pairs key ("1", "B"): missing at a`},
		{"one of two equal rows", "DELETE FROM app.nokey WHERE BINARY x='a' LIMIT 1", "INSERT INTO app.nokey VALUES ('a', 1)", `app.nokey key ("a", "1"): missing at b`},
		{"missing table", "DROP TABLE app.nokey", "", "app.nokey: missing at [b]"},
		{"other column type", "ALTER TABLE app.pairs MODIFY v BIGINT", "", "app.pairs: missing at [], other columns at [b]"},
	}
	for _, test := range tests {
		exec(t, bed.Region("b").Server, test.plant)
		diff := compare(t, oracle)
		if diff.Identical() || !contains(diff.String(), test.want) {
			t.Errorf("%s: want %q in:\n%s", test.name, test.want, diff)
		}
		if test.undo == "" {
			continue
		}
		exec(t, bed.Region("b").Server, test.undo)
		if err := compare(t, oracle).Err(); err != nil {
			t.Fatalf("%s: undone, and still: %v", test.name, err)
		}
	}
}

func TestDiffKeepsValuesToItselfAndIsBounded(t *testing.T) {
	t.Parallel()
	bed, oracle := twoSites(t)
	oracle.ShowValues, oracle.MaxRows = false, 1
	exec(t, bed.Region("b").Server, "UPDATE app.t SET v='secret'")
	diff := compare(t, oracle)
	if contains(diff.String(), "secret") {
		t.Errorf("the report shows a value:\n%s", diff)
	}
	if len(diff.Rows) != 1 || diff.More != 2 {
		t.Errorf("%d rows listed and %d more, want 1 and 2", len(diff.Rows), diff.More)
	}
}

func TestWaitIdenticalSeesSitesConverge(t *testing.T) {
	t.Parallel()
	bed, oracle := twoSites(t)
	exec(t, bed.Region("b").Server, "UPDATE app.t SET v='late' WHERE id=1")
	if diff, err := waitInVain(t, oracle); err == nil || len(diff.Rows) != 1 {
		t.Fatalf("sites that differ: %v, %d rows", err, len(diff.Rows))
	}
	done := make(chan error, 1)
	go func() {
		_, err := bed.Region("a").Server.DB().Exec("UPDATE app.t SET v='late' WHERE id=1")
		done <- err
	}()
	envtest.WaitIdentical(t, oracle, time.Minute)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// waitInVain waits for sites that differ, and no longer than it takes to look at them once.
func waitInVain(t *testing.T, oracle testenv.Oracle) (diff testenv.Diff, err error) {
	for patience := 300 * time.Millisecond; patience < time.Minute; patience *= 2 {
		ctx, stop := context.WithTimeout(t.Context(), patience)
		_, diff, err = oracle.WaitIdentical(ctx)
		stop()
		if err == nil || len(diff.Tables) > 0 {
			break
		}
	}
	return diff, err
}

func TestBinlogQuietNamesTheSiteThatGrows(t *testing.T) {
	t.Parallel()
	bed, _ := twoSites(t)
	envtest.WaitQuiet(t, bed.Sites(), 100*time.Millisecond, time.Minute)
	writing, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for writing.Err() == nil {
			_, _ = bed.Region("b").Server.DB().ExecContext(writing, "UPDATE app.pairs SET v=v+1 WHERE x='a'")
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := testenv.BinlogQuiet(ctx, bed.Sites(), 500*time.Millisecond)
	stop()
	<-ended
	if err == nil || !contains(err.Error(), "last grew: b ") {
		t.Errorf("the error does not name region b: %v", err)
	}
}
