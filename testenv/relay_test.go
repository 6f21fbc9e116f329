package testenv_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// newRelay is a relay whose process is this test binary in a role: see TestMain.
func newRelay(t *testing.T, role string) *testenv.Relay {
	t.Helper()
	r, err := testenv.NewRelay(testenv.RelayOptions{
		Binary: os.Args[0],
		Dir:    envtest.Dir(t),
		Config: testenv.RelayConfig{Region: testenv.RegionConfig{Cluster: "shop", Name: "a", ID: 1}},
		Env:    []string{"OCTANT_TESTENV_ROLE=" + role},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func startReady(t *testing.T, r *testenv.Relay) {
	t.Helper()
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	if err := r.WaitReady(envtest.Context(t, time.Minute), ""); err != nil {
		t.Fatal(err)
	}
}

func TestRelayStartsStopsAndRestarts(t *testing.T) {
	t.Parallel()
	r := newRelay(t, "good")
	startReady(t, r)
	addr, pid := r.HTTPAddr(), r.PID()
	if err := r.Restart(); err != nil {
		t.Fatal(err)
	}
	startReady(t, r)
	if r.HTTPAddr() != addr || r.PID() == pid || r.PID() == 0 {
		t.Error("a restart is a new process on the same address")
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if r.Running() || r.Ready(t.Context(), "") == nil {
		t.Error("the relay lives after Stop")
	}
	if err := r.Stop(t.Context()); err != nil {
		t.Errorf("stopping a stopped relay: %v", err)
	}
}

func TestRelayThatEndsByItselfIsReported(t *testing.T) {
	t.Parallel()
	r := newRelay(t, "fails")
	if err := r.Start(); err != nil {
		t.Fatal(err)
	}
	err := r.WaitReady(envtest.Context(t, time.Minute), "")
	if err == nil || !contains(err.Error(), "exit status 1") || !contains(err.Error(), "the database refuses") {
		t.Errorf("the error lacks exit code or log: %v", err)
	}
	if err := r.Start(); err == nil {
		t.Error("a relay that ended by itself starts again as if nothing were")
	}
	if err := r.Stop(t.Context()); err == nil {
		t.Error("a relay that ended by itself stops as if nothing were")
	}
}

func TestRelayThatStopsBadlyIsReported(t *testing.T) {
	t.Parallel()
	r := newRelay(t, "stops badly")
	startReady(t, r)
	if err := r.Stop(t.Context()); err == nil || !contains(err.Error(), "cannot close the relay log") {
		t.Errorf("exit code 1 after SIGTERM: %v", err)
	}
}

func TestReadinessHasTheCallersBar(t *testing.T) {
	t.Parallel()
	r := newRelay(t, "lags")
	startReady(t, r)
	if err := r.Ready(t.Context(), "peers=all"); err == nil || !contains(err.Error(), "peer b is not connected") {
		t.Errorf("readiness with all peers: %v", err)
	}
}

func TestBedJoinsRelaysThroughTheNetwork(t *testing.T) {
	t.Parallel()
	bed := envtest.Start(t, testenv.Options{
		Regions: 3, Relaxed: true, Octant: os.Args[0], RelayEnv: []string{"OCTANT_TESTENV_ROLE=good"},
		Exclude: []string{"app.audit_*"},
		Configure: func(c *testenv.RelayConfig) {
			c.Rules = []testenv.RuleConfig{{Tables: []string{"app.t"}, Policy: "lww"}}
		},
	})
	var c testenv.RelayConfig
	if _, err := toml.DecodeFile(bed.Region("b").Relay.ConfigFile(), &c); err != nil {
		t.Fatal(err)
	}
	if c.Region.Name != "b" || c.Region.ID != 2 || len(c.Peers) != 2 || len(c.Rules) != 1 {
		t.Errorf("configuration of region b: %+v", c.Region)
	}
	for _, peer := range c.Peers {
		if want := bed.Network.Link("b", peer.Region).Addr(); peer.Address != want {
			t.Errorf("region b dials %s at %s, want its link %s", peer.Region, peer.Address, want)
		}
	}
	if !strings.HasSuffix(c.Database.URL, bed.Region("b").Server.Addr()+"/") {
		t.Errorf("region b's database is %s", c.Database.URL)
	}
}

func TestChaosLeavesTheBedMended(t *testing.T) {
	t.Parallel()
	bed := envtest.Start(t, testenv.Options{
		Regions: 2, Relaxed: true, Octant: os.Args[0], RelayEnv: []string{"OCTANT_TESTENV_ROLE=good"}})
	chaos := testenv.NewChaos(bed, testenv.ChaosOptions{Seed: 3, Pause: 20 * time.Millisecond, Down: 20 * time.Millisecond})
	if err := chaos.Run(envtest.Context(t, 5*time.Second)); err != nil {
		t.Fatal(err)
	}
	if chaos.Faults() < len(testenv.AllFaults) {
		t.Errorf("only %d faults", chaos.Faults())
	}
	if err := bed.WaitReady(envtest.Context(t, time.Minute)); err != nil {
		t.Error(err)
	}
	for _, link := range bed.Network.Links() {
		if link.Condition() != testenv.Healthy {
			t.Errorf("link %s to %s is still broken", link.From, link.To)
		}
	}
	for _, site := range bed.Sites() {
		if err := site.DB.PingContext(t.Context()); err != nil {
			t.Errorf("database of region %s: %v", site.Name, err)
		}
	}
}

// TestRelayAccountMayDoWhatARelayDoes tries the grants with the statements that need them.
func TestRelayAccountMayDoWhatARelayDoes(t *testing.T) {
	t.Parallel()
	bed := envtest.Start(t, testenv.Options{Regions: 1, Relaxed: true, Schema: "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY)"})
	db := openAs(t, bed.Region("a").Server.DSN(testenv.DatabaseUser, bed.Password, ""))
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, statement := range []string{
		"CREATE DATABASE octant", "CREATE TABLE octant.applied (id INT PRIMARY KEY)", "SHOW MASTER STATUS", "SHOW BINARY LOGS",
		"SET SESSION server_id=901, gtid_domain_id=901", "SET SESSION gtid_seq_no=5", "SET SESSION binlog_annotate_row_events=0",
		"SET SESSION foreign_key_checks=0, unique_checks=0, innodb_lock_wait_timeout=1", "BEGIN", "INSERT INTO app.t VALUES (1)",
		"UPDATE app.t SET id=2", "REPLACE INTO octant.applied VALUES (1)", "DELETE FROM app.t", "COMMIT", "SELECT * FROM app.t",
		"CREATE TABLE app.u (id INT PRIMARY KEY)", "ALTER TABLE app.u ADD COLUMN v INT", "CREATE INDEX v ON app.u (v)",
		"CREATE VIEW app.w AS SELECT * FROM app.u", "DROP VIEW app.w",
	} {
		if _, err := conn.ExecContext(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	if _, err := conn.ExecContext(t.Context(), "SET GLOBAL max_connections=10"); err == nil {
		t.Error("the relay's account may change the server's settings")
	}
}
