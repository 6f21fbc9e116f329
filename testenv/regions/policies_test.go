package regions_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// policySchema has a table for each policy.
const policySchema = `
CREATE TABLE app.prio (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE app.stamp (id INT PRIMARY KEY, at DATETIME(6), v VARCHAR(20));
CREATE TABLE app.merged (id INT PRIMARY KEY, x VARCHAR(20), y VARCHAR(20), n INT, d DECIMAL(10,2), f DOUBLE, u VARCHAR(20) UNIQUE);
CREATE TABLE app.counted (id INT PRIMARY KEY, v VARCHAR(20), n BIGINT UNSIGNED NOT NULL);
CREATE TABLE app.first (id INT PRIMARY KEY, v VARCHAR(20), u INT UNIQUE);
CREATE TABLE app.whole (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE app.whole2 (id INT PRIMARY KEY, v VARCHAR(20));
CREATE TABLE app.last (id INT PRIMARY KEY, v VARCHAR(20));
`

var policyRules = []testenv.RuleConfig{
	{Tables: []string{"app.prio"}, Policy: "priority", Regions: []string{"b", "a"}},
	{Tables: []string{"app.stamp"}, Policy: "lww", Timestamp: "at"},
	{Tables: []string{"app.merged"}, Policy: "merge", Counters: []string{"n", "d", "f"}},
	{Tables: []string{"app.counted"}, Policy: "lww", Counters: []string{"n"}},
	{Tables: []string{"app.first"}, Policy: "reject"},
	{Tables: []string{"app.whole*"}, Policy: "rollback"},
	{Tables: []string{"app.*"}, Policy: "lww"},
}

func policyBed(t *testing.T, regions int) *testenv.Bed {
	t.Helper()
	return smallBed(t, testenv.Options{
		Regions: regions, Schema: policySchema, Configure: func(c *testenv.RelayConfig) { c.Rules = policyRules },
	})
}

// policyCase is what is written to one table in two regions that do not see each other, and what is left everywhere.
type policyCase struct {
	name          string
	setup         []string
	first, second []string // in region a and, later, in region b
	query, want   string
}

var policyCases = []policyCase{
	{
		name:  "priority: the more important region shows, though it wrote first",
		setup: []string{"INSERT INTO app.prio VALUES (1,'base'), (2,'base'), (3,'base')"},
		first: []string{"UPDATE app.prio SET v='a' WHERE id=1", "DELETE FROM app.prio WHERE id=2", "UPDATE app.prio SET v='a' WHERE id=3"},
		second: []string{"UPDATE app.prio SET v='b' WHERE id=1", "UPDATE app.prio SET v='b' WHERE id=2", "DELETE FROM app.prio WHERE id=3",
			"INSERT INTO app.prio VALUES (4,'b')"},
		query: "SELECT id, v FROM app.prio ORDER BY id", want: "1 b; 2 b; 4 b",
	},
	{
		name:   "timestamp: the later time shows, whoever wrote last",
		setup:  []string{"INSERT INTO app.stamp VALUES (1,'2020-01-01','base'), (2,'2020-01-01','base')"},
		first:  []string{"UPDATE app.stamp SET v='a', at='2030-01-01 00:00:00.000002' WHERE id=1", "UPDATE app.stamp SET v='a', at='2020-01-02' WHERE id=2"},
		second: []string{"UPDATE app.stamp SET v='b', at='2030-01-01 00:00:00.000001' WHERE id=1", "UPDATE app.stamp SET v='b', at='2020-01-03' WHERE id=2"},
		query:  "SELECT id, v FROM app.stamp ORDER BY id", want: "1 a; 2 b",
	},
	{
		name:  "merge: each column goes with its own last write, counters add up, a deletion ends the row",
		setup: []string{"INSERT INTO app.merged VALUES (1,'base','base',10,1.50,1,NULL), (2,'base','base',1,0,0,NULL), (3,'base','base',NULL,0,0,'u3'), (4,'base','base',0,0,0,NULL)"},
		first: []string{"UPDATE app.merged SET x='a', n=n+5, d=d-2.25, f=f+0.5 WHERE id=1", "DELETE FROM app.merged WHERE id=2",
			"UPDATE app.merged SET x='a', n=3 WHERE id=3", "UPDATE app.merged SET u='taken' WHERE id=4"},
		second: []string{"UPDATE app.merged SET y='b', n=n-7, d=d+0.10, f=f*2 WHERE id=1", "UPDATE app.merged SET n=n+1 WHERE id=2",
			"UPDATE app.merged SET y='b', u='free' WHERE id=3", "UPDATE app.merged SET x='b' WHERE id=4"},
		query: "SELECT id, x, y, n, d, f, u FROM app.merged ORDER BY id", want: "1 a b 8 -0.65 2.5 NULL; 3 a b 3 0.00 0 free; 4 b base 0 0.00 0 taken",
	},
	{
		name:   "counters: they add up, the rest goes with the later write",
		setup:  []string{"INSERT INTO app.counted VALUES (1,'base',100), (2,'base',18446744073709551610)"},
		first:  []string{"UPDATE app.counted SET v='a', n=n+20 WHERE id=1", "UPDATE app.counted SET n=n+4 WHERE id=2"},
		second: []string{"UPDATE app.counted SET v='b', n=n-3 WHERE id=1", "UPDATE app.counted SET n=n+5 WHERE id=2"},
		query:  "SELECT id, v, n FROM app.counted ORDER BY id", want: "1 b 117; 2 base 18446744073709551615",
	},
	{
		name:  "reject: the first stays, and what was written on top of a rejected write goes with it",
		setup: []string{"INSERT INTO app.first VALUES (1,'base',NULL), (2,'base',NULL)"},
		first: []string{"UPDATE app.first SET v='a' WHERE id=1", "INSERT INTO app.first VALUES (3,'a',3)"},
		second: []string{"UPDATE app.first SET v='b' WHERE id=1", "UPDATE app.first SET v='b again' WHERE id=1", "UPDATE app.first SET v='b' WHERE id=2",
			"INSERT INTO app.first VALUES (3,'b',4)"},
		query: "SELECT id, v, u FROM app.first ORDER BY id", want: "1 a NULL; 2 b NULL; 3 a 3",
	},
	{
		name:  "rollback: a transaction goes as a whole, with what was built on it, and others stay",
		setup: []string{"INSERT INTO app.whole VALUES (1,'base'), (2,'base'), (3,'base'), (4,'base')", "INSERT INTO app.whole2 VALUES (1,'base')"},
		first: []string{"UPDATE app.whole SET v='a' WHERE id=1"},
		second: []string{"BEGIN", "UPDATE app.whole SET v='b' WHERE id IN (1,2)", "UPDATE app.whole2 SET v='b'", "UPDATE app.last SET v='b'", "COMMIT",
			"BEGIN", "UPDATE app.whole SET v='b on top' WHERE id IN (2,3)", "COMMIT", "UPDATE app.whole SET v='b' WHERE id=4"},
		query: "SELECT id, v FROM app.whole UNION ALL SELECT 10+id, v FROM app.whole2 ORDER BY id", want: "1 a; 2 base; 3 base; 4 b; 11 base",
	},
	{
		name: "lww beside the others", setup: []string{"INSERT INTO app.last VALUES (1,'base')"},
		query: "SELECT id, v FROM app.last", want: "1 b",
	},
}

// TestEveryPolicyDecidesAlikeEverywhere plays a case for each policy, with region a cut off, and a restart of every relay before they meet again.
func TestEveryPolicyDecidesAlikeEverywhere(t *testing.T) {
	bed := policyBed(t, 3)
	a, b := bed.Region("a"), bed.Region("b")
	for _, c := range policyCases {
		run(t, a, c.setup...)
	}
	settleAll(t, bed)
	bed.Network.Isolate("a", testenv.Cut)
	nextSecond(t, bed)
	for _, c := range policyCases {
		run(t, a, c.first...)
	}
	nextSecond(t, bed)
	for _, c := range policyCases {
		run(t, b, c.second...)
	}
	for _, r := range bed.Regions {
		if err := r.Relay.Restart(); err != nil {
			t.Fatal(err)
		}
	}
	bed.Network.Heal()
	settleAll(t, bed)
	for _, c := range policyCases {
		t.Run(c.name, func(t *testing.T) { requireRows(t, bed, c.query, c.want) })
	}
	envtest.WaitQuiet(t, bed.Sites(), 3*time.Second, soon)
}

// TestConflictsAreOnRecordAndCanBeResolved has two regions write the same rows under reject, rollback and the last writer wins. Each loser is on
// record once in each region, rows are explained, and an operator's decision goes everywhere.
func TestConflictsAreOnRecordAndCanBeResolved(t *testing.T) {
	bed := policyBed(t, 2)
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.first VALUES (1,'base',NULL), (2,'base',NULL)", "INSERT INTO app.whole VALUES (1,'base'), (2,'base')",
		"INSERT INTO app.last VALUES (1,'base')")
	settleAll(t, bed)
	bed.Network.Isolate("a", testenv.Cut)
	nextSecond(t, bed)
	run(t, a, "UPDATE app.first SET v='a' WHERE id=1", "UPDATE app.whole SET v='a' WHERE id=1", "UPDATE app.last SET v='a'")
	nextSecond(t, bed)
	run(t, b, "UPDATE app.first SET v='b' WHERE id=1", "UPDATE app.first SET v='b again' WHERE id=1", "UPDATE app.whole SET v='b' WHERE id IN (1,2)",
		"UPDATE app.last SET v='b'")
	bed.Network.Heal()
	settleAll(t, bed)
	const losers = "SELECT table_name, `key`, kind, decision, loser_region, local_row, remote_row FROM octant.conflicts ORDER BY table_name, loser_hlc, `key`"
	want := map[string]string{
		"a": `app.first {"id":1} update_origin_differs parked 2 {"id":1,"v":"a","u":null} {"id":1,"v":"b","u":null}; ` +
			`app.first {"id":1} update_origin_differs parked 2 {"id":1,"v":"a","u":null} {"id":1,"v":"b again","u":null}; ` +
			`app.last {"id":1} update_origin_differs remote 1 {"id":1,"v":"a"} {"id":1,"v":"b"}; ` +
			`app.whole {"id":1} update_origin_differs rolled back 2 {"id":1,"v":"a"} {"id":1,"v":"b"}; ` +
			`app.whole {"id":2} update_origin_differs rolled back 2 {"id":2,"v":"base"} {"id":2,"v":"b"}`,
	}
	want["b"] = strings.ReplaceAll(want["a"], `remote 1 {"id":1,"v":"a"} {"id":1,"v":"b"}`, `local 1 {"id":1,"v":"b"} {"id":1,"v":"a"}`)
	for _, r := range bed.Regions {
		if err := r.Relay.Restart(); err != nil { // nothing is noted twice when the log is folded again
			t.Fatal(err)
		}
	}
	settleAll(t, bed)
	for _, region := range []string{"a", "b"} {
		if got := askRelay(t, bed, region, losers); got != want[region] {
			t.Errorf("relay %s has on record\n%s\nwant\n%s", region, got, want[region])
		}
	}
	requireReasons(t, bed, "app.first', 1", "shown", "conflict", "parked")
	requireReasons(t, bed, "app.none', 7", "forgotten", "nothing is left to decide")

	id := askRelay(t, bed, "b", `SELECT id FROM octant.conflicts WHERE table_name='app.first' AND remote_row LIKE '%"b"%'`)
	askRelay(t, bed, "b", "CALL octant.resolve("+id+", 'remote')")
	id = askRelay(t, bed, "b", `SELECT id FROM octant.conflicts WHERE table_name='app.last'`)
	askRelay(t, bed, "b", "CALL octant.resolve("+id+`, '{"v":"decided"}')`)
	settleAll(t, bed)
	requireRows(t, bed, "SELECT v FROM app.first WHERE id=1 UNION ALL SELECT v FROM app.last", "b; decided")
	forgotten(t, bed)
	if _, err := ask(envtest.Context(t, soon), relaySQL(t, bed, "b"), "CALL octant.resolve("+id+", 'remote')"); err == nil || !strings.Contains(err.Error(), "written since") {
		t.Errorf("a decision over a row that was written since gives %v", err)
	}
	run(t, bed.Region("b"), "UPDATE app.last SET v='b'") // as the conflict left it
	settleAll(t, bed)
	forgotten(t, bed)
	askRelay(t, bed, "b", "CALL octant.resolve("+id+", 'remote')")
	settleAll(t, bed)
	requireRows(t, bed, "SELECT v FROM app.last", "a")
	requireExport(t, bed.Region("a"), 5)
}

// forgotten waits until no relay knows anything of the last writes of app.last any more.
func forgotten(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	for _, r := range bed.Regions {
		waitRows(t, relaySQL(t, bed, r.Name), "SELECT COUNT(*) FROM octant.versions WHERE table_name='app.last'", "0")
	}
}

// requireReasons demands that the explanation of a row has steps and words in it.
func requireReasons(t *testing.T, bed *testenv.Bed, row string, words ...string) {
	t.Helper()
	got := askRelay(t, bed, "a", "CALL octant.explain('"+row+")")
	for _, w := range words {
		if !strings.Contains(got, w) {
			t.Errorf("%s: %q is not in the explanation %s", row, w, got)
		}
	}
}

// requireExport demands so many JSON lines from octant conflicts.
func requireExport(t *testing.T, r *testenv.Region, want int) {
	t.Helper()
	out, err := exec.CommandContext(envtest.Context(t, soon), envtest.Octant(t), "conflicts", "--config", r.Relay.ConfigFile()).Output()
	if err != nil {
		t.Fatalf("octant conflicts: %v", err)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != want {
		t.Errorf("%d lines, want %d", len(lines), want)
	}
	for _, line := range lines {
		var c struct {
			ID     string
			Kind   string
			Key    map[string]any
			Remote map[string]any `json:"remote_row"`
		}
		if err := json.Unmarshal([]byte(line), &c); err != nil || c.ID == "" || c.Key["id"] == nil || c.Remote["v"] == nil {
			t.Errorf("line %s (%v)", line, err)
		}
	}
}

// TestCountersAreExact adds to the same counters in three regions at once, one of which is cut off for a while.
func TestCountersAreExact(t *testing.T) {
	const rounds, rows = 150, 4
	bed := policyBed(t, 3)
	for id := range rows {
		run(t, bed.Region("a"), fmt.Sprintf("INSERT INTO app.counted VALUES (%d,'',1000)", id), fmt.Sprintf("INSERT INTO app.merged VALUES (%d,'','',0,0,0,NULL)", id))
	}
	settleAll(t, bed)
	bed.Network.Isolate("c", testenv.Cut)
	var wg sync.WaitGroup
	for n, r := range bed.Regions {
		wg.Go(func() {
			ctx := envtest.Context(t, soon)
			for i := range rounds {
				for _, query := range []string{
					fmt.Sprintf("UPDATE app.counted SET n=n+%d, v='%s%d' WHERE id=%d", n+1, r.Name, i, i%rows),
					fmt.Sprintf("UPDATE app.merged SET n=n-%d, d=d+0.%d%d WHERE id=%d", n+1, n, n+1, i%rows),
				} {
					if _, err := r.Server.DB().ExecContext(ctx, query); err != nil {
						t.Error(err)
						return
					}
				}
				if n == 0 && i == rounds/2 {
					bed.Network.Heal()
				}
			}
		})
	}
	wg.Wait()
	settleAll(t, bed)
	requireRows(t, bed, "SELECT SUM(n) FROM app.counted", fmt.Sprint(1000*rows+rounds*(1+2+3)))
	requireRows(t, bed, "SELECT SUM(n), SUM(d) FROM app.merged", fmt.Sprintf("%d %.2f", -rounds*(1+2+3), rounds*(0.01+0.12+0.23)))
}

// TestTableWithDifferentRulesIsHeld gives one region another rule for a table. Neither writes the other's changes of it until the rules
// agree; other tables go on.
func TestTableWithDifferentRulesIsHeld(t *testing.T) {
	rules := func(policy string) []testenv.RuleConfig {
		return []testenv.RuleConfig{{Tables: []string{"app.first"}, Policy: policy}}
	}
	bed := smallBed(t, testenv.Options{Schema: policySchema, Configure: func(c *testenv.RelayConfig) {
		c.Rules = rules("reject")
		if c.Region.Name == "b" {
			c.Rules = rules("merge")
		}
	}})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.first VALUES (1,'a',NULL)", "INSERT INTO app.last VALUES (1,'a')")
	run(t, b, "INSERT INTO app.first VALUES (2,'b',NULL)", "INSERT INTO app.last VALUES (2,'b')")
	passFence(t, bed)
	requireRows(t, bed, "SELECT id, v FROM app.last ORDER BY id", "1 a; 2 b")
	for _, held := range []struct {
		region         *testenv.Region
		rows, why, who string
	}{
		{a, "1 a", "region b: policy merge there, policy reject here", "b"},
		{b, "2 b", "region a: policy reject there, policy merge here", "a"},
	} {
		if got := rowsAt(t, held.region, "SELECT id, v FROM app.first"); got != held.rows {
			t.Errorf("region %s has %q, want what it wrote itself", held.region.Name, got)
		}
		name := held.region.Name
		if got := askRelay(t, bed, name, "SELECT state, reason FROM octant.tables WHERE table_name='app.first'"); got != "held "+held.why {
			t.Errorf("relay %s says %q of the table", name, got)
		}
		if got := askRelay(t, bed, name, "SELECT state FROM octant.tables WHERE table_name='app.last'"); got != "replicated" {
			t.Errorf("relay %s says %q of the other table", name, got)
		}
		if got := askRelay(t, bed, name, "SELECT COUNT(*) FROM octant.peers WHERE last_error LIKE '%app.first%' AND region='"+held.who+"' AND state='connected'"); got != "1" {
			t.Errorf("relay %s does not say it of its peer", name)
		}
		waitProblem(t, bed, name, "rules_differ", "policy")
	}
	if err := b.Relay.Configure(func(c *testenv.RelayConfig) { c.Rules = rules("reject") }); err != nil {
		t.Fatal(err)
	}
	if err := b.Relay.Restart(); err != nil {
		t.Fatal(err)
	}
	settleAll(t, bed)
	requireRows(t, bed, "SELECT id, v FROM app.first ORDER BY id", "1 a; 2 b")
	waitRows(t, relaySQL(t, bed, "a"), "SELECT state, reason FROM octant.tables WHERE table_name='app.first'", "replicated ")
}
