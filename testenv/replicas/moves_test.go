package replicas_test

import (
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestReplicasMoveBetweenSourceAndRelay moves one replica by GTID and one by file and position fifty times, under load. What would be lost
// or repeated shows as a replica that stops or as a row that differs.
func TestReplicasMoveBetweenSourceAndRelay(t *testing.T) {
	envtest.EachEngine(t, func(t *testing.T, engine testenv.Engine) {
		s := startSite(t, engine)
		places := []testenv.Source{s.relaySource(plainUser(engine)), s.directSource(t)}
		replicas := s.startReplicas(t, 2)
		byGTID, byFile := replicas[0], replicas[1]
		follow(t, byGTID, places[0])
		follow(t, byFile, s.fromStart(places[0]))
		stop := s.background(t, 1)
		defer stop()
		for i := range 50 {
			place := places[(i+1)%2]
			if err := byGTID.Move(envtest.Context(t, soon), place); err != nil {
				t.Fatalf("move %d: %v", i, err)
			}
			moveByFile(t, byFile, place)
			s.waitAll(t, replicas...)
		}
		stop()
		s.requireIdentical(t, replicas...)
	})
}

func follow(t *testing.T, replica *testenv.Server, source testenv.Source) {
	t.Helper()
	if err := replica.Follow(envtest.Context(t, soon), source); err != nil {
		t.Fatal(err)
	}
}

func moveByFile(t *testing.T, replica *testenv.Server, place testenv.Source) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	if err := replica.StopFollowing(ctx); err != nil {
		t.Fatal(err)
	}
	var err error
	if place.File, place.Position, err = replica.Executed(ctx); err != nil {
		t.Fatal(err)
	}
	if err := replica.Move(ctx, place); err != nil {
		t.Fatal(err)
	}
}
