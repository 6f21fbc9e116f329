//go:build soak

package replicas_test

import (
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestSoakReplicas is TestReplicasSurviveARelayThatIsKilledUnderLoad in full length.
func TestSoakReplicas(t *testing.T) {
	envtest.EachEngine(t, func(t *testing.T, engine testenv.Engine) { killUnderLoad(t, engine, 2*time.Minute) })
}
