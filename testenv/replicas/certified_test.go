package replicas_test

import (
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestReplicasShowTheirCertificates has a relay demand certificates. Who has none, or one with another name, is refused like anybody whose password is wrong; who has
// the right one follows, by GTID and by file and position.
func TestReplicasShowTheirCertificates(t *testing.T) {
	envtest.EachEngine(t, func(t *testing.T, engine testenv.Engine) {
		s := startSite(t, engine)
		replicas := s.startReplicas(t, 2)
		for i, refused := range []cell{{user: certUser, tls: true}, {user: strangerUser, tls: true, certified: true}} {
			follow(t, replicas[i], s.sourceFor(refused))
			waitDenied(t, replicas[i], refused.user)
		}
		for i, byFile := range []bool{false, true} {
			follow(t, replicas[i], s.sourceFor(cell{user: certUser, tls: true, certified: true, byFile: byFile}))
		}
		s.writeFile(t, 1)
		s.requireIdentical(t, replicas...)
	})
}

// waitDenied waits until a replica has been refused at login.
func waitDenied(t *testing.T, replica *testenv.Server, user string) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	for {
		status, err := replica.ReplicaStatus(ctx)
		if err != nil {
			t.Fatalf("%s is not refused: %v%s", user, err, stateOf(replica))
		}
		if strings.Contains(status["Last_IO_Error"], "Access denied for user '"+user+"'") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}
