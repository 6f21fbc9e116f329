package regions_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// waitLetters waits until a relay's dead letters are those: "table reason key state; …".
func waitLetters(t *testing.T, bed *testenv.Bed, region, want string) {
	t.Helper()
	waitRows(t, relaySQL(t, bed, region), "SELECT table_name, reason, `key`, state FROM octant.dead_letters ORDER BY table_name, `key`", want)
}

// letterIDs returns the ids of a relay's letters of a table, by key.
func letterIDs(t *testing.T, bed *testenv.Bed, region, table string) []string {
	t.Helper()
	return strings.Split(askRelay(t, bed, region, "SELECT id FROM octant.dead_letters WHERE table_name='"+table+"' ORDER BY `key`"), "; ")
}

// call calls a procedure of a relay and returns its error.
func call(t *testing.T, bed *testenv.Bed, region, statement string) error {
	t.Helper()
	_, err := relaySQL(t, bed, region).ExecContext(envtest.Context(t, soon), "CALL octant."+statement)
	return err
}

func mustCall(t *testing.T, bed *testenv.Bed, region, statement string) {
	t.Helper()
	if err := call(t, bed, region, statement); err != nil {
		t.Fatalf("CALL octant.%s: %v", statement, err)
	}
}

func TestRowsThatADatabaseRefusesHoldNothingElseUp(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	t.Run("missing table", func(t *testing.T) {
		const table = "CREATE TABLE app.later (id INT PRIMARY KEY, v VARCHAR(20))"
		run(t, a, "SET sql_log_bin=0", table)
		run(t, a, "BEGIN", "INSERT INTO app.later VALUES (1, 'x'), (2, 'x')", "INSERT INTO app.t VALUES (1, 'beside it')", "COMMIT")
		passFence(t, bed)
		waitRows(t, b.Server.DB(), "SELECT * FROM app.t", "1 beside it")
		waitLetters(t, bed, "b", `app.later missing_table {"id":1} parked; app.later missing_table {"id":2} parked`)
		waitProblem(t, bed, "b", "dead_letter", "app.later")
		requireWords(t, askRelay(t, bed, "b", "SELECT scope, subject, state FROM octant.breakers"), "table app.later", "peer a closed")
		waitMetric(t, b, `octant_dead_letters{region="b"} 2`, `octant_dead_letters_by_reason{reason="missing_table",region="b"} 2`)
		ids := letterIDs(t, bed, "b", "app.later")
		if err := call(t, bed, "b", "retry("+ids[0]+")"); err == nil || !strings.Contains(err.Error(), "missing") {
			t.Errorf("retried in vain: %v", err)
		}
		if err := b.Relay.Restart(); err != nil { // kill -9
			t.Fatal(err)
		}
		waitReady(t, bed)
		run(t, a, "UPDATE app.later SET v='y' WHERE id=2") // takes the letter's place
		run(t, b, "SET sql_log_bin=0", table)
		waitLetters(t, bed, "b", "")
		settleAll(t, bed)
		waitRows(t, b.Server.DB(), "SELECT id, v FROM app.later ORDER BY id", "1 x; 2 y")
	})
	t.Run("row that the table does not take", func(t *testing.T) {
		run(t, a, "SET sql_log_bin=0", "CREATE TABLE app.part (id INT PRIMARY KEY, v VARCHAR(20))")
		run(t, b, "SET sql_log_bin=0", "CREATE TABLE app.part (id INT PRIMARY KEY, v VARCHAR(20)) PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (100))")
		rows := make([]string, 40)
		for i := range rows {
			rows[i] = fmt.Sprintf("(%d, 'x')", 10*i)
		}
		run(t, a, "INSERT INTO app.part VALUES "+strings.Join(rows, ","))
		passFence(t, bed)
		waitRows(t, b.Server.DB(), "SELECT COUNT(*) FROM app.part", "10")
		waitRows(t, relaySQL(t, bed, "b"), "SELECT reason, COUNT(*) FROM octant.dead_letters GROUP BY reason", "check 30")
		run(t, b, "SET sql_log_bin=0", "ALTER TABLE app.part REMOVE PARTITIONING")
		mustCall(t, bed, "b", "retry("+letterIDs(t, bed, "b", "app.part")[0]+")")
		waitLetters(t, bed, "b", "")
		settleAll(t, bed)
	})
	t.Run("table that the relay may not write", func(t *testing.T) {
		everywhere(t, bed, "CREATE TABLE app.mine (id INT PRIMARY KEY, v VARCHAR(20))")
		run(t, b, "REVOKE SELECT, INSERT, UPDATE, DELETE ON *.* FROM "+account)
		for _, name := range []string{"fence.*", "app.t", "app.part", "app.later"} {
			run(t, b, "GRANT SELECT, INSERT, UPDATE, DELETE ON "+name+" TO "+account)
		}
		restart(t, b)
		waitReady(t, bed)
		run(t, a, "INSERT INTO app.mine VALUES (1, 'x')", "REPLACE INTO app.t VALUES (1, 'meanwhile')")
		passFence(t, bed)
		waitRows(t, b.Server.DB(), "SELECT * FROM app.t", "1 meanwhile")
		waitLetters(t, bed, "b", `app.mine missing_table {"id":1} parked`)
		requireWords(t, askRelay(t, bed, "b", "SELECT detail FROM octant.dead_letters"), "may not SELECT")
		run(t, b, "GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO "+account)
		waitLetters(t, bed, "b", "")
		settleAll(t, bed)
	})
}

func TestOperatorDealsWithDeadLetters(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "SET sql_log_bin=0", "CREATE TABLE app.part (id INT PRIMARY KEY, v VARCHAR(20))")
	run(t, b, "SET sql_log_bin=0",
		"CREATE TABLE app.part (id INT PRIMARY KEY, v VARCHAR(20)) PARTITION BY RANGE (id) (PARTITION low VALUES LESS THAN (100))")
	run(t, a, "INSERT INTO app.part VALUES (1, 'base'), (101, 'untold-value'), (102, 'untold-value'), (103, 'untold-value')")
	passFence(t, bed)
	waitRows(t, relaySQL(t, bed, "b"), "SELECT COUNT(*) FROM octant.dead_letters", "3")
	ids := letterIDs(t, bed, "b", "app.part")

	mustCall(t, bed, "b", "skip("+ids[0]+")")
	if err := call(t, bed, "b", "edit("+ids[1]+`, '{"v":"untold-value"}')`); err == nil || !strings.Contains(err.Error(), "1526") {
		t.Errorf("edited what the table does not take: %v", err)
	}
	if err := call(t, bed, "b", "edit("+ids[1]+`, '{"w":1}')`); err == nil || !strings.Contains(err.Error(), "no column") {
		t.Errorf("edited a column that is not there: %v", err)
	}
	run(t, a, "DELETE FROM app.part WHERE id=103") // takes the letter's place: nothing is to be written any more
	waitRows(t, relaySQL(t, bed, "b"), "SELECT `key`, state FROM octant.dead_letters ORDER BY id", `{"id":101} skipped; {"id":102} parked`)
	run(t, b, "SET sql_log_bin=0", "ALTER TABLE app.part REMOVE PARTITIONING")
	mustCall(t, bed, "b", "edit("+ids[1]+`, '{"id":102,"v":"un''untold-value ü"}')`)
	waitRows(t, a.Server.DB(), "SELECT v FROM app.part WHERE id=102", "un'untold-value ü")
	if err := b.Relay.Restart(); err != nil {
		t.Fatal(err)
	}
	waitReady(t, bed)
	waitLetters(t, bed, "b", `app.part check {"id":101} skipped`)
	passFence(t, bed)
	if got := rowsAt(t, b, "SELECT id FROM app.part ORDER BY id"); got != "1; 102" {
		t.Errorf("region b has %q, and the row that was skipped must not come", got)
	}
	run(t, a, "UPDATE app.part SET v='written again' WHERE id=101")
	waitLetters(t, bed, "b", "")
	settleAll(t, bed)
}

// waitMetric waits until a relay's metrics have the lines.
func waitMetric(t *testing.T, r *testenv.Region, lines ...string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%q in the metrics of relay %s", lines, r.Name), func(ctx context.Context) (bool, string) {
		page, err := r.Relay.Get(ctx, "/metrics")
		if err != nil {
			return false, err.Error()
		}
		for _, l := range lines {
			if !strings.Contains(string(page), l) {
				return false, l
			}
		}
		return true, ""
	})
}

// TestEventsReachAWebhook has the receiver away at first.
func TestEventsReachAWebhook(t *testing.T) {
	events := make(chan string, 1000)
	var away atomic.Bool
	away.Store(true)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var e struct{ Kind, Region, Subject string }
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil || away.Load() || r.Header.Get("Octant-Signature") == "" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		events <- e.Kind + " " + e.Region + " " + e.Subject
	}))
	t.Cleanup(receiver.Close)
	bed := smallBed(t, testenv.Options{Schema: pairSchema, Configure: func(c *testenv.RelayConfig) {
		c.Extra = map[string]any{"webhook": []map[string]any{{"url": receiver.URL, "secret": "x"}}}
	}})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "SET sql_log_bin=0", "CREATE TABLE app.later (id INT PRIMARY KEY)")
	run(t, a, "INSERT INTO app.later VALUES (1)")
	waitLetters(t, bed, "b", `app.later missing_table {"id":1} parked`)
	bed.Network.Isolate("a", testenv.Cut)
	run(t, a, "INSERT INTO app.t VALUES (1, 'a')")
	run(t, b, "INSERT INTO app.t VALUES (1, 'b')")
	bed.Network.Heal()
	waitRows(t, relaySQL(t, bed, "b"), "SELECT kind FROM octant.conflicts", "insert_exists")
	restart(t, b)
	away.Store(false)
	run(t, b, "SET sql_log_bin=0", "CREATE TABLE app.later (id INT PRIMARY KEY)")
	missing := map[string]bool{"dead_letter b app.later": true, "breaker b app.later": true, "conflict a app.t": true, "conflict b app.t": true}
	ctx := envtest.Context(t, soon)
	for len(missing) > 0 {
		select {
		case e := <-events:
			delete(missing, e)
		case <-ctx.Done():
			t.Fatalf("these did not come: %v", missing)
		}
	}
	settleAll(t, bed)
}
