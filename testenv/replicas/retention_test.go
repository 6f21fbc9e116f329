package replicas_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// A relay trims its log by itself, by bytes or by age. What a replica that is away may not have stays, and not if replicas that are away are not to be waited for:
// those are told so when they come back.
func TestRetention(t *testing.T) {
	for name, retention := range map[string]map[string]any{
		"by bytes": {"bytes": "64KiB"},
		"by age":   {"age": "100ms"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			waits, away := startAbandoned(t)
			goesOn, leftBehind := startAbandoned(t)
			waits.retain(t, retention)
			retention["replicas"] = "0"
			goesOn.retain(t, retention)
			goesOn.admin(t).waitTrimmed(t)
			if files := waits.admin(t).files(t); files[0] != firstFile { // it had to trim before
				t.Errorf("the relay has %v, and a replica is away that may need what was before", files)
			}

			follow := func(replica *testenv.Server) {
				t.Helper()
				if err := replica.StartFollowing(envtest.Context(t, soon)); err != nil {
					t.Fatal(err)
				}
			}
			follow(away)
			waits.waitAll(t, away)
			waits.admin(t).waitTrimmed(t)
			waits.requireIdentical(t, away)
			follow(leftBehind)
			waitStopped(t, leftBehind, "purged")
		})
	}
}

// firstFile is the first one of a source.
const firstFile = "mariadb-bin.000001"

// startAbandoned starts a site with a replica that has gone away, and with a log that is longer than the relays of these tests are to keep.
func startAbandoned(t *testing.T) (s *site, away *testenv.Server) {
	t.Helper()
	s = startSite(t, testenv.MariaDB1011)
	away = s.startReplicas(t, 1)[0]
	follow(t, away, s.relaySource(nativeUser))
	s.writeLargeFile(t, 1)
	s.writeLargeFile(t, 2)
	s.waitAll(t, away)
	if err := away.StopFollowing(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	s.writeLargeFile(t, 3)
	s.writeLargeFile(t, 4)
	return s, away
}

// writeLargeFile writes more than the relays of these tests are to keep, and ends the source's file.
func (s *site) writeLargeFile(t *testing.T, n int) {
	t.Helper()
	run(t, s.Server, "CREATE TABLE IF NOT EXISTS app.large (id INT PRIMARY KEY, v LONGTEXT NOT NULL)")
	run(t, s.Server, "INSERT INTO app.large VALUES (?, REPEAT('x', 100000))", n)
	s.writeFile(t, n)
}

// waitTrimmed waits until the relay no longer has the source's first file.
func (a *steering) waitTrimmed(t *testing.T) {
	t.Helper()
	a.waitFiles(t, "behind "+firstFile, func(first string) bool { return first != firstFile })
}

// retain gives the relay another retention.
func (s *site) retain(t *testing.T, retention map[string]any) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	if err := s.Relay.Stop(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Relay.Configure(func(c *testenv.RelayConfig) { c.Extra = map[string]any{"retention": retention} }); err != nil {
		t.Fatal(err)
	}
	if err := s.Relay.Start(); err != nil {
		t.Fatal(err)
	}
	if err := s.Relay.WaitReady(ctx, ""); err != nil {
		t.Fatal(fmt.Errorf("with the retention %v: %w", retention, err))
	}
}
