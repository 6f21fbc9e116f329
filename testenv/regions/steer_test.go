package regions_test

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// client runs statements with the stock mariadb client on a relay's port and returns what it printed and whether it was content.
func client(t *testing.T, bed *testenv.Bed, region, user, statements string) (string, bool) {
	t.Helper()
	tool, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("the mariadb client is not installed")
	}
	host, port, err := net.SplitHostPort(bed.Region(region).Relay.Addr())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(envtest.Context(t, soon), tool, "--no-defaults", "--batch", "--skip-column-names", "--host="+host, "--port="+port,
		"--user="+user, "--password="+bed.Password, "--skip-ssl", "--execute="+statements, "octant")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err == nil
}

func TestStockClientSeesAndSteers(t *testing.T) {
	bed := smallBed(t, testenv.Options{
		Regions: 3, Schema: pairSchema,
		Configure: func(c *testenv.RelayConfig) {
			c.Users = append(c.Users, testenv.UserConfig{Name: "reader", Password: c.Users[0].Password, Roles: []string{"read"}})
		},
	})
	a := bed.Region("a")
	run(t, bed.Region("b"), "INSERT INTO app.t VALUES (1, 'x'), (2, 'y')")
	settleAll(t, bed)
	file := lastBinlog(t, a)
	cases := []struct{ statement, want string }{
		{"SELECT region, state FROM octant.peers WHERE id > 1 ORDER BY region DESC", "c\tconnected\nb\tconnected"},
		{"SELECT p.region, s.region FROM octant.peers p JOIN octant.status s ON s.region_id < p.id ORDER BY 1", "b\ta\nc\ta"},
		{"SELECT state, applied_rows FROM tables WHERE table_name = 'app.t'", "replicated\t2"},
		{"SELECT COUNT(*) FROM octant.problems", "0"},
		{"SELECT kind, COUNT(*) FROM replicas GROUP BY kind", "relay\t2"},
		{"SHOW BINARY LOGS", file},
		{"SHOW MASTER STATUS", file},
		{"SHOW SLAVE STATUS", "connected"},
	}
	for _, c := range cases {
		if out, ok := client(t, bed, "a", "reader", c.statement); !ok || !strings.Contains(out, c.want) && !strings.HasPrefix(c.statement, "SHOW SLAVE") {
			t.Errorf("%s: %q, want %q", c.statement, out, c.want)
		}
	}
	if out, _ := client(t, bed, "a", "reader", "SHOW SLAVE STATUS"); len(strings.Split(out, "\n")) != 2 {
		t.Errorf("SHOW SLAVE STATUS does not have a row for each of two peers: %q", out)
	}
	for _, refused := range []struct{ user, statement string }{
		{"reader", "CALL octant.pause('b')"}, {testenv.PeerUser, "SELECT * FROM octant.peers"}, {"reader", "DELETE FROM octant.conflicts"},
	} {
		if out, ok := client(t, bed, "a", refused.user, refused.statement); ok || !strings.Contains(out, "ERROR") {
			t.Errorf("%s as %s was not refused: %q", refused.statement, refused.user, out)
		}
	}
}

func TestPausedPeerWaitsAlsoOverARestart(t *testing.T) {
	bed := smallBed(t, testenv.Options{Regions: 3, Schema: pairSchema})
	a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
	settleAll(t, bed)
	if out, ok := client(t, bed, "a", testenv.AdminUser, "CALL octant.pause('b')"); !ok {
		t.Fatal(out)
	}
	run(t, b, "INSERT INTO app.t VALUES (1, 'from b')")
	waitRows(t, c.Server.DB(), "SELECT v FROM app.t", "from b")
	restart(t, a)
	run(t, c, "INSERT INTO app.t VALUES (2, 'from c')")
	waitRows(t, a.Server.DB(), "SELECT v FROM app.t", "from c") // and nothing of b
	if state := askRelay(t, bed, "a", "SELECT state FROM octant.peers WHERE region='b'"); state != "paused" {
		t.Errorf("peer b is %s, want paused", state)
	}
	if err := a.Relay.WaitReady(envtest.Context(t, soon), "peers=all&max_lag=5s"); err != nil {
		t.Errorf("a peer that is paused on purpose counts against readiness: %v", err)
	}
	if err := a.Relay.Ready(t.Context(), "peers=b"); err == nil {
		t.Error("a paused peer that is asked for by name counts as ready")
	}
	if out, ok := client(t, bed, "a", testenv.AdminUser, "CALL octant.resume('b')"); !ok {
		t.Fatal(out)
	}
	settleAll(t, bed)
}

// metric sums a metric's samples whose labels contain the words.
func metric(t *testing.T, r *testenv.Region, name, labels string) float64 {
	t.Helper()
	page, err := r.Relay.Get(envtest.Context(t, soon), "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	sum, found := 0.0, false
	for line := range strings.SplitSeq(string(page), "\n") {
		if !strings.HasPrefix(line, name+"{") || !strings.Contains(line, labels) {
			continue
		}
		v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum, found = sum+v, true
	}
	if !found {
		t.Fatalf("there is no metric %s with %s", name, labels)
	}
	return sum
}

// TestLagShowsAndGoes holds up region a's writes by a lock in b.
func TestLagShowsAndGoes(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: pairSchema})
	a, b := bed.Region("a"), bed.Region("b")
	settleAll(t, bed)
	if err := b.Relay.WaitReady(envtest.Context(t, soon), "peers=all&max_lag=1s"); err != nil {
		t.Fatal(err)
	}
	before := metric(t, b, "octant_applied_rows_total", "")
	tx, err := b.Server.DB().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), "SELECT * FROM app.t WHERE id=1 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "INSERT INTO app.t VALUES (1, 'mine')"); err != nil {
		t.Fatal(err)
	}
	run(t, a, "INSERT INTO app.t VALUES (1, 'theirs')")
	waitUnready(t, b, "peers=all&max_lag=1s", "lags by")
	if lag := metric(t, b, "octant_lag_seconds", `peer="a"`); lag < 1 {
		t.Errorf("octant_lag_seconds is %v while /readyz says more than a second", lag)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	settleAll(t, bed)
	if err := b.Relay.WaitReady(envtest.Context(t, soon), "peers=all&max_lag=1s"); err != nil {
		t.Error(err)
	}
	if after := metric(t, b, "octant_applied_rows_total", ""); after < before+1 {
		t.Errorf("octant_applied_rows_total went from %v to %v", before, after)
	}
}

func TestRelayStopsInTimeUnderLoad(t *testing.T) {
	bed := smallBed(t, testenv.Options{Schema: testenv.StormSchema})
	ctx, stop := context.WithCancel(envtest.Context(t, soon))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		testenv.NewStorm(bed.Sites(), testenv.StormOptions{Seed: 5, Writers: 4}).Run(ctx)
	}()
	for _, r := range bed.Regions {
		before := metric(t, r, "octant_applied_rows_total", "")
		waitFor(t, "rows to be applied in "+r.Name, func(context.Context) (bool, string) {
			return metric(t, r, "octant_applied_rows_total", "") > before+500, "few"
		})
	}
	for _, r := range bed.Regions {
		began := time.Now()
		if err := r.Relay.Stop(t.Context()); err != nil { // fails after 10 s, and on another exit code than 0
			t.Error(err)
		}
		t.Logf("relay %s stopped after %v", r.Name, time.Since(began))
	}
	stop()
	<-ended
	if err := bed.Mend(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitReady(t, bed)
	settleAll(t, bed)
}
