package regions_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// familiesSchema has foreign keys over text that ignores case, and over two columns; the children have columns of many types, one is computed.
const familiesSchema = `
CREATE TABLE app.parents (name VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, note INT);
CREATE TABLE app.kids (id INT PRIMARY KEY, parent VARCHAR(20) COLLATE utf8mb4_general_ci, at DATETIME(6), raw BINARY(8), twice INT AS (id * 2) STORED,
  FOREIGN KEY (parent) REFERENCES app.parents (name) ON DELETE CASCADE);
CREATE TABLE app.wards (id INT PRIMARY KEY, parent VARCHAR(20) COLLATE utf8mb4_general_ci, amount DECIMAL(30,10), flags BIT(12), kind ENUM('one','two'),
  body TEXT COLLATE utf8mb4_general_ci, ratio FLOAT, doc JSON, day DATE, span TIME(3), seen TIMESTAMP(2) NULL, place POINT, label VARCHAR(20) UNIQUE,
  FOREIGN KEY (parent) REFERENCES app.parents (name) ON DELETE SET NULL ON UPDATE SET NULL);
CREATE TABLE app.docs (region INT, number INT, PRIMARY KEY (region, number));
CREATE TABLE app.notes (id INT PRIMARY KEY, region INT, number INT, text VARCHAR(30),
  FOREIGN KEY (region, number) REFERENCES app.docs (region, number) ON DELETE SET NULL ON UPDATE SET NULL);
CREATE TABLE app.heads (id INT PRIMARY KEY);
CREATE TABLE app.tails (id INT PRIMARY KEY, head INT, FOREIGN KEY (head) REFERENCES app.heads (id) ON UPDATE CASCADE);
CREATE TABLE app.twins (head INT PRIMARY KEY, FOREIGN KEY (head) REFERENCES app.heads (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE app.leads (id INT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_general_ci, owner INT, UNIQUE (name));
CREATE TABLE app.trails (id INT PRIMARY KEY, leader VARCHAR(200) COLLATE utf8mb4_general_ci, text VARCHAR(30), at DATETIME(6), FOREIGN KEY (leader) REFERENCES app.leads (name) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE app.torn (id INT PRIMARY KEY, head INT, FOREIGN KEY (head) REFERENCES app.heads (id) ON DELETE CASCADE ON UPDATE SET NULL);
CREATE TABLE app.judged (id INT PRIMARY KEY, head INT, FOREIGN KEY (head) REFERENCES app.heads (id) ON DELETE CASCADE);
`

// families writes at random to one region's families until ctx ends. What foreign keys refuse is part of it.
type families struct {
	db    *sql.DB
	own   int // which leads are its own: nobody else gives them other names, nor deletes them
	rand  *rand.Rand
	first []string // what it does first of all, and as often as it takes
	done  int
}

func (f *families) run(ctx context.Context) {
	for ctx.Err() == nil {
		f.step(ctx)
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
		}
	}
}

func (f *families) step(ctx context.Context) {
	next := f.statement()
	if len(f.first) > 0 {
		next = f.first[0]
	}
	if _, err := f.db.ExecContext(ctx, next); err != nil {
		return
	}
	f.done++
	f.first = f.first[min(1, len(f.first)):]
}

func (f *families) statement() string {
	parent, id, n := f.parent(), f.rand.IntN(60), f.rand.IntN(1000)
	switch f.rand.IntN(19) {
	case 0, 1:
		return fmt.Sprintf("DELETE FROM app.parents WHERE name='%s'", parent)
	case 2, 3, 4:
		return fmt.Sprintf("INSERT INTO app.parents VALUES ('%s',%d)", parent, n)
	case 5:
		return fmt.Sprintf("REPLACE INTO app.kids (id, parent, at, raw) VALUES (%d,'%s',NOW(6),x'%04x00')", id, parent, n)
	case 6:
		return fmt.Sprintf("UPDATE app.kids SET parent='%s' WHERE id=%d", parent, id)
	case 7:
		return fmt.Sprintf("REPLACE INTO app.wards VALUES (%d,'%s',%d.125,%d,'two','é%d',%d.1,'{\"a\": %d}','2024-02-29','-12:00:00.5','2024-05-06 07:08:09.25',POINT(%d,2),'l%d')",
			id, parent, n, n, n, n, n, n, f.rand.IntN(200))
	case 8:
		return fmt.Sprintf("UPDATE app.wards SET parent='%s', body=NULL WHERE id=%d", parent, id)
	case 9:
		return fmt.Sprintf("DELETE FROM app.docs WHERE number < %d", f.rand.IntN(8))
	case 10:
		return fmt.Sprintf("INSERT INTO app.docs VALUES (%d,%d)", n%3, n%8)
	case 11:
		return fmt.Sprintf("UPDATE app.docs SET number=%d WHERE region=%d AND number=%d", f.rand.IntN(8), n%3, n%8)
	case 12:
		return fmt.Sprintf("UPDATE app.parents SET name='%s' WHERE name='%s'", f.parent(), parent)
	case 13:
		return fmt.Sprintf("INSERT INTO app.leads VALUES (%d,'%s',%d)", f.own*100+n%8, f.lead(f.own), f.own)
	case 14, 15:
		return fmt.Sprintf("UPDATE app.leads SET name='%s' WHERE id=%d", f.lead(f.own), f.own*100+n%8)
	case 16:
		return fmt.Sprintf("REPLACE INTO app.trails SELECT %d, name, '%d', NOW(6) FROM app.leads WHERE name='%s'", id, n, f.lead(n%3))
	case 17:
		if n%4 == 0 {
			return fmt.Sprintf("DELETE FROM app.leads WHERE id=%d", f.own*100+n%8)
		}
		return fmt.Sprintf("UPDATE app.trails SET text='%d' WHERE id=%d", n, id)
	}
	return fmt.Sprintf("REPLACE INTO app.notes VALUES (%d,%d,%d,'%d')", id, n%3, n%8, n)
}

// lead is one of a few names of one region's leads, in capitals or not.
func (f *families) lead(own int) string {
	return fmt.Sprintf("%s%d of %d", []string{"lead", "Lead"}[f.rand.IntN(2)], f.rand.IntN(12), own)
}

// parent is one of a few names, in capitals or not.
func (f *families) parent() string {
	names := []string{"ann", "Ann", "ANN", "bob", "BOB", "carl", "dora", "eve", "Eve"}
	return names[f.rand.IntN(len(names))]
}

// TestFamiliesConvergeAfterAStorm has three regions delete parents and write children at the same time, while lines are cut and relays and databases die.
func TestFamiliesConvergeAfterAStorm(t *testing.T) {
	bed := smallBed(t, testenv.Options{Regions: 3, Schema: familiesSchema, Configure: func(c *testenv.RelayConfig) {
		c.Rules = []testenv.RuleConfig{{Tables: []string{"app.judged"}, Policy: "reject"}}
	}})
	writers := make([]*families, len(bed.Regions))
	for i, r := range bed.Regions {
		writers[i] = &families{db: r.Server.DB(), own: i, rand: rand.New(rand.NewPCG(7, uint64(i))), first: parting(t, bed, i)}
	}
	chaos := testenv.NewChaos(bed, testenv.ChaosOptions{Seed: 7, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	storm(t, familiesStorm, chaos, writers)
	if err := bed.WaitReady(envtest.Context(t, settle)); err != nil {
		t.Fatal(err)
	}
	oracle := testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}, ShowValues: true}
	t.Logf("identical after %v", envtest.WaitIdentical(t, oracle, settle))
	envtest.WaitQuiet(t, bed.Sites(), 2*time.Second, settle)
	if diff, err := oracle.Compare(t.Context()); err != nil || !diff.Identical() {
		t.Errorf("regions were identical and then were not: %v, %v", diff.Err(), err)
	}
	for i, r := range bed.Regions {
		if got := rowsAt(t, r, fmt.Sprintf("SELECT COUNT(*) FROM app.wards w, app.notes n WHERE w.id=n.id AND w.id>=%d AND w.parent IS NULL AND n.number IS NULL", apart)); got != fmt.Sprint(len(bed.Regions)) {
			t.Errorf("region %s has %s families that were parted, not %d; its writer has not done %q", r.Name, got, len(bed.Regions), writers[i].first)
		}
	}
	if !envtest.Engine(t).IsMySQL() { // which logs what its foreign keys do
		requireLoud(t, bed)
		requireFollowed(t, bed)
		requireDivided(t, bed)
	}
}

// apart is the first id of rows that nothing random is done to.
const apart = 1000

// parting puts a family of its own into every region, and returns what parts it.
func parting(t *testing.T, bed *testenv.Bed, i int) []string {
	t.Helper()
	id := apart + i
	run(t, bed.Regions[0],
		fmt.Sprintf("INSERT INTO app.parents VALUES ('p%d',0)", id), fmt.Sprintf("INSERT INTO app.wards (id, parent) VALUES (%d,'p%d')", id, id),
		fmt.Sprintf("INSERT INTO app.docs VALUES (%d,9)", id), fmt.Sprintf("INSERT INTO app.notes VALUES (%d,%d,9,'')", id, id))
	for _, r := range bed.Regions {
		waitRows(t, r.Server.DB(), fmt.Sprintf("SELECT COUNT(*) FROM app.notes WHERE id=%d", id), "1")
	}
	return []string{fmt.Sprintf("DELETE FROM app.parents WHERE name='p%d'", id), fmt.Sprintf("DELETE FROM app.docs WHERE region=%d", id)}
}

// requireLoud: rows whose own key follows another one's do so in one region alone, which is reported, while others follow everywhere; and a table whose rows are judged by their writes, and go without one, is held.
func requireLoud(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	a := bed.Region("a")
	run(t, a, "INSERT INTO app.heads VALUES (1)", "INSERT INTO app.tails VALUES (1, 1)", "INSERT INTO app.twins VALUES (1)", "INSERT INTO app.torn VALUES (1, 1)", "UPDATE app.heads SET id=id", "DELETE FROM app.heads WHERE id=7", "UPDATE app.heads SET id=2")
	waitProblem(t, bed, "a", "foreign_keys", "a row of app.heads was given another key, and the rows that refer to it by (head) have changed in this region alone")
	waitRows(t, relaySQL(t, bed, "a"), "SELECT subject FROM octant.problems WHERE kind='foreign_keys'", "app.twins")
	for name, head := range map[string]string{"a": "2", "b": "1", "c": "1"} {
		waitRows(t, bed.Region(name).Server.DB(), "SELECT COUNT(*) FROM app.heads WHERE id=2", "1")
		waitRows(t, bed.Region(name).Server.DB(), "SELECT head FROM app.tails", "2")
		waitRows(t, bed.Region(name).Server.DB(), "SELECT head FROM app.twins", head)
	}
	run(t, a, "INSERT INTO app.judged VALUES (1, 2)")
	for _, name := range []string{"b", "c"} {
		db := relaySQL(t, bed, name)
		waitRows(t, db, "SELECT state FROM octant.tables WHERE table_name='app.judged' AND reason LIKE '%foreign key%deletes or changes its rows%'", "held")
		waitRows(t, db, "SELECT COUNT(*) FROM octant.problems WHERE kind='foreign_keys'", "0")
	}
}

// requireDivided: rows that go with a deleted parent are parted, in all regions, from one that is given another key. When both come at a time they go, and
// the region where they were parted says that some may be left there.
func requireDivided(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.heads VALUES (10), (11)", "INSERT INTO app.torn VALUES (10, 10), (11, 11)")
	everywhere := func(query, want string) {
		t.Helper()
		for _, r := range bed.Regions {
			waitRows(t, r.Server.DB(), query, want)
		}
	}
	everywhere("SELECT COUNT(*) FROM app.torn WHERE head=id", "2")
	run(t, a, "UPDATE app.heads SET id=12 WHERE id=10")
	everywhere("SELECT COUNT(*) FROM app.torn WHERE id=10 AND head IS NULL", "1")
	bed.Network.Isolate("a", testenv.Cut)
	run(t, a, "INSERT INTO app.torn VALUES (13, 11)", "UPDATE app.heads SET id=13 WHERE id=11")
	run(t, b, "DELETE FROM app.heads WHERE id=11")
	waitRows(t, bed.Region("c").Server.DB(), "SELECT COUNT(*) FROM app.torn WHERE id=11", "0")
	bed.Network.Rejoin("a")
	everywhere("SELECT COUNT(*) FROM app.torn WHERE id=13 AND head IS NULL", "1")
	everywhere("SELECT COUNT(*) FROM app.heads WHERE id=11", "0")
	waitProblem(t, bed, "a", "foreign_keys", "another region deleted a row of app.heads while this one gave it another key: rows that referred to it by (head) may be left here alone")
}

// requireFollowed: rows follow a parent to another key, in all regions, also those that somebody writes who does not know of it. When two regions change one key at a time
// they go where the later one says, and both regions say that some may be elsewhere there.
func requireFollowed(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.heads VALUES (20), (21)", "INSERT INTO app.tails VALUES (20, 20), (21, 21)")
	everywhere := func(query, want string) {
		t.Helper()
		for _, r := range bed.Regions {
			waitRows(t, r.Server.DB(), query, want)
		}
	}
	everywhere("SELECT COUNT(*) FROM app.tails WHERE head=id", "2")
	bed.Network.Isolate("a", testenv.Cut)
	run(t, a, "UPDATE app.heads SET id=22 WHERE id=20")
	run(t, b, "INSERT INTO app.tails VALUES (22, 20)")
	bed.Network.Rejoin("a")
	everywhere("SELECT COUNT(*) FROM app.tails WHERE head=22", "2")
	waitRows(t, relaySQL(t, bed, "b"), "SELECT COUNT(*) FROM octant.problems WHERE kind='foreign_keys' AND subject='app.tails'", "0")
	bed.Network.Isolate("a", testenv.Cut)
	run(t, a, "UPDATE app.heads SET id=23 WHERE id=21")
	run(t, b, "UPDATE app.heads SET id=24 WHERE id=21")
	waitRows(t, bed.Region("c").Server.DB(), "SELECT head FROM app.tails WHERE id=21", "24")
	bed.Network.Rejoin("a")
	for _, name := range []string{"a", "b"} {
		waitProblem(t, bed, name, "foreign_keys", "a row of app.heads was given another key here while another region gave it another one or deleted it: rows that refer to it by (head) may differ here")
	}
	waitRows(t, relaySQL(t, bed, "c"), "SELECT COUNT(*) FROM octant.problems WHERE kind='foreign_keys' AND subject='app.tails'", "0")
}

func storm(t *testing.T, length time.Duration, chaos *testenv.Chaos, writers []*families) {
	t.Helper()
	ctx := envtest.Context(t, length)
	var wg sync.WaitGroup
	for _, w := range writers {
		wg.Go(func() { w.run(ctx) })
	}
	wg.Go(func() {
		if err := chaos.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if slices.ContainsFunc(writers, func(w *families) bool { return w.done == 0 }) {
		t.Error("a region has written nothing")
	}
}
