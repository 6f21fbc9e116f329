package regions_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// named is a row that octant join --keep names.
var named = regexp.MustCompile(`app\.\w+ "\d+"`)

// TestARelayThatLostItsLogSendsWhatNobodyHad: region a's relay dies with its disk. Region b has more of a than c has, some of what a's relay had read nobody has, and a's
// database is written to meanwhile, under conflict with the others.
func TestARelayThatLostItsLogSendsWhatNobodyHad(t *testing.T) {
	lostLogIsMadeUpFor(t, testenv.MariaDB1011)
}

func TestAMySQLRelayThatLostItsLogSendsWhatNobodyHad(t *testing.T) {
	lostLogIsMadeUpFor(t, testenv.MySQL97)
}

func lostLogIsMadeUpFor(t *testing.T, engine testenv.Engine) {
	bed := smallBed(t, testenv.Options{Engine: engine, Regions: 3, Memory: true, Schema: lossSchema, Configure: func(c *testenv.RelayConfig) {
		c.Rules = []testenv.RuleConfig{{Tables: []string{"app.sums"}, Policy: "merge", Counters: []string{"n"}}}
	}})
	a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
	run(t, a, "INSERT INTO app.t VALUES (1, 'old', 1), (2, 'old', 2), (3, 'old', 3), (4, 'old', 4)", "INSERT INTO app.sums VALUES (1, 0)")
	settleAll(t, bed)
	bed.Network.Link("c", "a").Set(testenv.Cut)
	run(t, a, "FLUSH BINARY LOGS") // the last transaction that anybody has is in none of the newest files
	run(t, a, "INSERT INTO app.t VALUES (10, 'b has it', 10)", "UPDATE app.sums SET n = n + 1")
	waitRows(t, b.Server.DB(), "SELECT n FROM app.sums", "1")
	bed.Network.Link("b", "a").Set(testenv.Cut)
	run(t, a, "FLUSH BINARY LOGS")
	run(t, a, "INSERT INTO app.t VALUES (11, 'only a relay that is gone had it', 11)", "UPDATE app.sums SET n = n + 10", "UPDATE app.t SET v = 'a, earlier' WHERE id = 1")
	waitFor(t, "a's relay to read that", func(ctx context.Context) (bool, string) {
		err := binlogHouse{server: a.Server}.captured(ctx, relaySQL(t, bed, "a"))
		return err == nil, fmt.Sprint(err)
	})
	nextSecond(t, bed)
	if err := a.Relay.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(bed.Dir, "a", "relay", "data")); err != nil {
		t.Fatal(err)
	}
	run(t, b, "UPDATE app.t SET v = 'b, later' WHERE id = 1", "UPDATE app.t SET v = 'b, earlier' WHERE id = 2", "UPDATE app.sums SET n = n + 100")
	nextSecond(t, bed)
	run(t, a, "UPDATE app.t SET v = 'a, later' WHERE id = 2", "DELETE FROM app.t WHERE id = 3", "INSERT INTO app.t VALUES (12, 'no relay has read it', 12)", "UPDATE app.sums SET n = n + 1000")
	bed.Network.Heal()

	out, err := octantJoin(t.Context(), t, bed, "a", "--from", "c", "--keep")
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if want := "7 transactions that no other region had have been sent to all"; !strings.Contains(out, want) {
		t.Errorf("the command does not say %q:\n%s", want, out)
	}
	if got := named.FindAllString(out, -1); !slices.Equal(got, []string{`app.sums "1"`, `app.t "1"`}) { // which others have changed since
		t.Errorf("the command names the rows %q:\n%s", got, out)
	}
	if out, err := octantJoin(t.Context(), t, bed, "a", "--from", "c", "--keep"); err == nil {
		t.Fatalf("a region that has joined joins again:\n%s", out)
	}
	if err := a.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	waitReady(t, bed)
	run(t, a, "INSERT INTO app.t VALUES (13, 'goes on', 13)", "UPDATE app.sums SET n = n + 10000")
	run(t, c, "INSERT INTO app.t VALUES (14, 'there too', 14)")
	settleAll(t, bed)
	for _, r := range bed.Regions {
		if got := rowsAt(t, r, "SELECT id, v FROM app.t ORDER BY id"); got != "1 b, later; 2 a, later; 4 old; 10 b has it; 11 only a relay that is gone had it; 12 no relay has read it; 13 goes on; 14 there too" {
			t.Errorf("region %s has %s", r.Name, got)
		}
		if got := rowsAt(t, r, "SELECT n FROM app.sums"); got != "11111" {
			t.Errorf("in region %s the sum is %s", r.Name, got)
		}
		requireHealthy(t, r)
	}
	envtest.WaitQuiet(t, bed.Sites(), 2*time.Second, soon)
}

// TestWhatAJoinWritesIsNotSent: a region that has joined again has copied rows in its database's log. It loses its relay's log once more: what it has written since is sent, and
// none of those.
func TestWhatAJoinWritesIsNotSent(t *testing.T) {
	bed := smallBed(t, testenv.Options{Memory: true, Schema: lossSchema})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.t VALUES (1, 'a', 1)")
	run(t, b, "INSERT INTO app.t VALUES (2, 'b', 2)")
	settleAll(t, bed)
	for i, said := range []string{"0 transactions that no other", "1 transactions that no other"} {
		if err := a.Relay.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(bed.Dir, "a", "relay", "data")); err != nil {
			t.Fatal(err)
		}
		run(t, b, "UPDATE app.t SET v = CONCAT(v, ' again') WHERE id < 3")
		out, err := octantJoin(t.Context(), t, bed, "a", "--from", "b", "--keep")
		if err != nil || !strings.Contains(out, said) {
			t.Fatalf("%v, want %q\n%s", err, said, out)
		}
		if i == 0 {
			run(t, a, "INSERT INTO app.t VALUES (3, 'since', 3)")
		}
	}
	if err := a.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	waitReady(t, bed)
	settleAll(t, bed)
	requireRows(t, bed, "SELECT id, v FROM app.t ORDER BY id", "1 a again again; 2 b again again; 3 since")
}
