package regions_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/octant-db/octant/testenv"
)

// TestRegionsJoinAndLeaveWithoutARestart: c begins as a stranger to a and b, is taken up by SQL in one and by SIGHUP in the other, and leaves again. Of a change with anything
// wrong in it nothing is taken up.
func TestRegionsJoinAndLeaveWithoutARestart(t *testing.T) {
	bed := smallBed(t, testenv.Options{Regions: 3, Schema: "CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(20));"})
	a, b, c := bed.Region("a"), bed.Region("b"), bed.Region("c")
	before := []int{a.Relay.PID(), b.Relay.PID()}
	steer := func(region, call, refused string) {
		t.Helper()
		_, err := relaySQL(t, bed, region).ExecContext(t.Context(), call)
		if refused == "" && err != nil || refused != "" && (err == nil || !strings.Contains(err.Error(), refused)) {
			t.Fatalf("%s: %v, want %q", call, err, refused)
		}
	}
	peers := func(region, want string) {
		t.Helper()
		waitRows(t, relaySQL(t, bed, region), "SELECT region, state FROM octant.peers ORDER BY region", want)
	}
	without := func(r *testenv.Region, name string) {
		t.Helper()
		if err := r.Relay.Configure(func(c *testenv.RelayConfig) {
			var left []testenv.PeerConfig
			for _, p := range c.Peers {
				if p.Region != name {
					left = append(left, p)
				}
			}
			c.Peers = left
		}); err != nil {
			t.Fatal(err)
		}
	}
	hangUp := func(r *testenv.Region) {
		t.Helper()
		p, err := os.FindProcess(r.Relay.PID())
		if err == nil {
			err = p.Signal(syscall.SIGHUP)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	addressOfC := askRelay(t, bed, "a", "SELECT address FROM octant.peers WHERE region='c'")

	steer("a", "CALL octant.remove_peer('c')", "")
	steer("a", "CALL octant.remove_peer('c')", "no peer")
	without(b, "c")
	hangUp(b)
	peers("a", "b connected")
	peers("b", "a connected")
	run(t, a, "INSERT INTO app.t VALUES (1, 'without c')")
	waitRows(t, b.Server.DB(), "SELECT id FROM app.t", "1")

	steer("a", "CALL octant.add_peer('c', 'no address')", "host:port")
	steer("a", "CALL octant.add_peer('b', '127.0.0.1:1')", "already")
	steer("a", "CALL octant.add_peer('c', '"+addressOfC+"', 'x')", "no [[peer]]")
	peers("a", "b connected")
	steer("a", "CALL octant.add_peer('c', '"+addressOfC+"')", "")
	if err := b.Relay.Configure(func(c *testenv.RelayConfig) {
		c.Peers = append(c.Peers, testenv.PeerConfig{Region: "c", Address: bed.Network.Link("b", "c").Addr(), User: testenv.PeerUser, Password: bed.Password})
	}); err != nil {
		t.Fatal(err)
	}
	hangUp(b)
	peers("a", "b connected; c connected")
	peers("b", "a connected; c connected")
	run(t, c, "INSERT INTO app.t VALUES (3, 'from c')")
	for _, r := range bed.Regions {
		waitRows(t, r.Server.DB(), "SELECT id FROM app.t ORDER BY id", "1; 3")
	}

	var cluster string
	var kept []testenv.PeerConfig
	if err := b.Relay.Configure(func(c *testenv.RelayConfig) {
		cluster, kept = c.Region.Cluster, c.Peers
		c.Region.Cluster, c.Peers = "other", nil
	}); err != nil {
		t.Fatal(err)
	}
	hangUp(b)
	waitProblem(t, bed, "b", "reload_refused", "[region] has been changed")
	peers("b", "a connected; c connected")
	valid, err := os.ReadFile(b.Relay.ConfigFile())
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Relay.Configure(func(c *testenv.RelayConfig) {
		c.Region.Cluster, c.Peers = cluster, append(slices.Clone(kept), testenv.PeerConfig{Region: "d", Address: "127.0.0.1:1", User: "u", Password: "p"}, kept[0])
	}); err != nil {
		t.Fatal(err)
	}
	hangUp(b)
	waitProblem(t, bed, "b", "reload_refused", `already a peer "`+kept[0].Region+`"`)
	peers("b", "a connected; c connected") // and no d
	writeFile(t, b.Relay.ConfigFile(), append(valid, "[[peer"...))
	hangUp(b)
	waitProblem(t, bed, "b", "reload_refused", "line ")
	peers("b", "a connected; c connected")
	if now := []int{a.Relay.PID(), b.Relay.PID()}; now[0] != before[0] || now[1] != before[1] || now[0] == 0 {
		t.Errorf("relays were restarted: %v, %v", before, now)
	}
	if err := a.Relay.Restart(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "a to be back with both peers", func(ctx context.Context) (bool, string) {
		err := a.Relay.Ready(ctx, "peers=all")
		return err == nil, "not ready"
	})
	peers("a", "b connected; c connected")
}
