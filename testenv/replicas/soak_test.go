//go:build soak

package replicas_test

import (
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
)

// TestSoakReplicas is TestReplicasSurviveARelayThatIsKilledUnderLoad in full length.
func TestSoakReplicas(t *testing.T) {
	eachEngine(t, func(t *testing.T, engine testenv.Engine) { killUnderLoad(t, engine, 2*time.Minute) })
}
