package replicas_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestRelayGoesOnFromAPromotedReplica loses the source. A stock replica of it becomes the new one, and the relay is told so by SQL; those
// that follow the relay notice nothing.
func TestRelayGoesOnFromAPromotedReplica(t *testing.T) {
	envtest.EachEngine(t, func(t *testing.T, engine testenv.Engine) {
		s := startSite(t, engine)
		// The promoted server's files have names of their own, and its GTIDs the domain that the source's had.
		args := []string{"--log-bin=promoted-bin"}
		if !engine.IsMySQL() {
			args = append(args, "--gtid-domain-id=1")
		}
		heir := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 51, Relaxed: true, Args: args})
		follow(t, heir, s.directSource(t))
		replicas := s.startReplicas(t, 2)
		s.followBoth(t, replicas)
		stop := s.background(t, 2)
		defer stop()
		writeXA(t, s.Server)
		stop()
		s.requireIdentical(t, append(replicas, heir)...)

		if err := s.Server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := heir.StopFollowing(envtest.Context(t, soon)); err != nil {
			t.Fatal(err)
		}
		s.switchTo(t, heir)
		stop = s.background(t, 2)
		defer stop()
		changeSchema(t, heir)
		stop()
		s.requireIdentical(t, replicas...)
	})
}

// switchTo tells the relay to take another server as its source.
func (s *site) switchTo(t *testing.T, heir *testenv.Server) {
	t.Helper()
	db, err := s.Relay.Open(testenv.AdminUser, s.bed.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	stop, change, start := "STOP SLAVE", "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d", "START SLAVE"
	if heir.Engine().IsMySQL() {
		stop, change, start = "STOP REPLICA", "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=%d", "START REPLICA"
	}
	for _, statement := range []string{stop, fmt.Sprintf(change, heir.Port()), start} {
		if _, err := db.ExecContext(envtest.Context(t, soon), statement); err != nil {
			t.Fatalf("%.20s: %v", statement, err)
		}
	}
	region := *s.Region
	region.Server = heir
	s.Region = &region
}
