package regions_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// lossSchema has a table for each way in which a lost region's last writes may conflict with others.
const lossSchema = `
CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(40), u INT UNIQUE);
CREATE TABLE app.sums (id INT PRIMARY KEY, n INT NOT NULL);
CREATE TABLE app.firsts (id INT PRIMARY KEY, v VARCHAR(40));
`

// without is the bed's other regions.
func without(bed *testenv.Bed, name string) (regions []*testenv.Region, sites []testenv.Site) {
	for _, r := range bed.Regions {
		if r.Name != name {
			regions, sites = append(regions, r), append(sites, r.Site())
		}
	}
	return regions, sites
}

// TestSurvivorsServeALostRegionsLastTransactions: b is cut off from c, which writes what conflicts with b's writes and is then lost with its relay and its
// database. Only a has what c wrote.
func TestSurvivorsServeALostRegionsLastTransactions(t *testing.T) {
	bed := smallBed(t, testenv.Options{Regions: 3, Memory: true, Schema: lossSchema, Configure: func(c *testenv.RelayConfig) {
		c.Rules = []testenv.RuleConfig{
			{Tables: []string{"app.sums"}, Policy: "merge", Counters: []string{"n"}}, {Tables: []string{"app.firsts"}, Policy: "reject"},
		}
	}})
	a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
	for i := 1; i <= 5; i++ {
		run(t, a, fmt.Sprintf("INSERT INTO app.t VALUES (%d, 'old', %d)", i, i), fmt.Sprintf("INSERT INTO app.sums VALUES (%d, 0)", i),
			fmt.Sprintf("INSERT INTO app.firsts VALUES (%d, 'old')", i))
	}
	settleAll(t, bed)
	for _, link := range [][2]string{{"b", "c"}, {"c", "b"}, {"c", "a"}} { // only a hears c, and c hears nobody
		bed.Network.Link(link[0], link[1]).Set(testenv.Cut)
	}
	nextSecond(t, bed)
	run(t, b, "UPDATE app.t SET v = 'b, earlier' WHERE id = 1", "UPDATE app.t SET v = 'b, gone later' WHERE id = 2", "UPDATE app.firsts SET v = 'b is first' WHERE id = 1")
	nextSecond(t, bed)
	run(t, c, "UPDATE app.t SET v = 'c, later' WHERE id = 1", "DELETE FROM app.t WHERE id = 2", "UPDATE app.t SET v = 'c, earlier' WHERE id = 3",
		"UPDATE app.firsts SET v = 'c is late' WHERE id = 1", "UPDATE app.firsts SET v = 'c is first' WHERE id = 2", "INSERT INTO app.t VALUES (7, 'c', 77)",
		"UPDATE app.sums SET n = n + 100", "INSERT INTO app.t VALUES (9, 'last of c', 9)")
	waitRows(t, a.Server.DB(), "SELECT v FROM app.t WHERE id = 9", "last of c")
	if err := c.Relay.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := c.Server.Kill(); err != nil {
		t.Fatal(err)
	}
	nextSecond(t, bed)
	run(t, b, "UPDATE app.t SET v = 'b, later' WHERE id = 3", "INSERT INTO app.t VALUES (8, 'b', 77)", "UPDATE app.sums SET n = n + 1", "UPDATE app.firsts SET v = 'b is late' WHERE id = 2")
	if got := rowsAt(t, b, "SELECT COUNT(*) FROM app.t WHERE id = 9"); got != "0" {
		t.Fatal("b has what it was cut off from")
	}

	execAt(t, bed, "a", "CALL octant.evict('c')")
	survivors, sites := without(bed, "c")
	for _, r := range survivors {
		waitRows(t, relaySQL(t, bed, r.Name), "SELECT state FROM octant.peers WHERE region = 'c'", "evicted")
	}
	waitRows(t, b.Server.DB(), "SELECT id, v FROM app.t ORDER BY id", "1 c, later; 3 b, later; 4 old; 5 old; 8 b; 9 last of c")
	waitRows(t, b.Server.DB(), "SELECT id, v FROM app.firsts WHERE id < 3 ORDER BY id", "1 b is first; 2 c is first")
	waitRows(t, b.Server.DB(), "SELECT DISTINCT n FROM app.sums", "101")
	envtest.WaitIdentical(t, testenv.Oracle{Sites: sites, Databases: []string{"app"}, ShowValues: true}, soon)
	for _, r := range survivors {
		// Nobody waits for c any more: what all have seen is forgotten, but for the row that is hidden and the one that hides it.
		waitRows(t, relaySQL(t, bed, r.Name), "SELECT table_name, `key` FROM octant.versions ORDER BY 1, 2", `app.t {"id":7}; app.t {"id":8}`)
	}
	const conflicts = "SELECT table_name, `key`, winner_hlc, winner_region, loser_hlc, loser_region FROM octant.conflicts WHERE winner_region = 3 OR loser_region = 3 ORDER BY 1, 2, 3, 4, 5, 6"
	if here, there := askRelay(t, bed, "a", conflicts), askRelay(t, bed, "b", conflicts); here == "" || here != there {
		t.Errorf("on record in a: %s\nin b: %s", here, there)
	}
	t.Run("rejoins", func(t *testing.T) { evictedRegionRejoins(t, bed) })
}

// evictedRegionRejoins: region c comes back with its disks after all. It is told that it was evicted, and joins again, under its name and id.
func evictedRegionRejoins(t *testing.T, bed *testenv.Bed) {
	a, c := bed.Region("a"), bed.Region("c")
	bed.Network.Heal()
	if err := c.Server.Start(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	if err := c.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	waitProblem(t, bed, "c", "peer_refused", "region c has been evicted: it must join again")
	run(t, c, "INSERT INTO app.t VALUES (100, 'to nobody', 100)")
	if err := c.Relay.Stop(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(bed.Dir, "c", "relay", "data")); err != nil {
		t.Fatal(err)
	}
	run(t, c, "SET SESSION sql_log_bin=0", "DELETE FROM octant.applied")
	if out, err := octantJoin(t.Context(), t, bed, "c", "--from", "b", "--replace"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := c.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		waitRows(t, relaySQL(t, bed, name), "SELECT state FROM octant.peers WHERE region = 'c'", "connected")
	}
	waitReady(t, bed) // applications stay away until then
	run(t, c, "INSERT INTO app.t VALUES (101, 'to all', 101)")
	settleAll(t, bed)
	if got := rowsAt(t, a, "SELECT id, v FROM app.t WHERE id >= 100"); got != "101 to all" {
		t.Errorf("a has %s", got)
	}
	for _, r := range bed.Regions {
		requireHealthy(t, r)
	}
}

// TestRegionThatWasAwayForTooLongIsToldAndJoinsAgain: an operator has a's log trimmed, by force, beyond what b has read of it.
func TestRegionThatWasAwayForTooLongIsToldAndJoinsAgain(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema, Memory: true})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.t VALUES (1, 'seen by both')")
	settleAll(t, bed)
	bed.Network.Link("b", "a").Set(testenv.Cut)
	run(t, a, "INSERT INTO app.t VALUES (2, 'b has not seen this')")
	run(t, b, "INSERT INTO app.t VALUES (3, 'written while b was cut off')")
	waitRows(t, a.Server.DB(), "SELECT id FROM app.t ORDER BY id", "1; 2; 3")
	purge := func(force string) error {
		last := askRelay(t, bed, "a", "SELECT last_sequence FROM octant.log")
		_, err := relaySQL(t, bed, "a").ExecContext(t.Context(), "CALL octant.purge("+last+force+")")
		return err
	}
	if err := purge(""); err == nil || !strings.Contains(err.Error(), "peer b") {
		t.Errorf("what b needs was trimmed without force: %v", err)
	}
	waitFor(t, "a to trim its log", func(context.Context) (bool, string) {
		err := purge(", 'force'")
		return err == nil, fmt.Sprint(err)
	})
	bed.Network.Heal()
	waitProblem(t, bed, "b", "peer_refused", "has been away for longer than the retention and must join again")
	waitRows(t, relaySQL(t, bed, "b"), "SELECT state FROM octant.peers", "refused")

	withoutLog := func() {
		t.Helper()
		if err := b.Relay.Stop(envtest.Context(t, soon)); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(bed.Dir, "b", "relay", "data")); err != nil {
			t.Fatal(err)
		}
	}
	withoutLog()
	if err := b.Relay.Start(); err != nil { // an operator hopes that an empty log will do
		t.Fatal(err)
	}
	waitProblem(t, bed, "b", "peer_refused", "the region must join again")
	waitUnready(t, b, "", "the log was lost, replaced or set back")
	waitProblem(t, bed, "a", "peer_refused", "that relay log was lost or set back")
	withoutLog()
	run(t, b, "SET SESSION sql_log_bin=0", "DELETE FROM octant.applied")
	if out, err := octantJoin(t.Context(), t, bed, "b", "--from", "a", "--replace"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if err := b.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	waitReady(t, bed)
	run(t, b, "INSERT INTO app.t VALUES (4, 'b is back')")
	settleAll(t, bed)
	for _, r := range bed.Regions {
		if got := rowsAt(t, r, "SELECT id FROM app.t ORDER BY id"); got != "1; 2; 3; 4" {
			t.Errorf("region %s has %s", r.Name, got)
		}
		requireHealthy(t, r)
	}
}
