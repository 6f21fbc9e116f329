package envtest

import (
	"testing"

	"github.com/octant-db/octant/testenv"
)

// EachEngine runs a test with every engine at the same time: most of it is waiting for servers. It returns when all have ended.
func EachEngine(t *testing.T, test func(*testing.T, testenv.Engine)) {
	t.Helper()
	t.Run("each", func(t *testing.T) {
		for _, engine := range testenv.Engines {
			t.Run(engine.String(), func(t *testing.T) {
				t.Parallel()
				test(t, engine)
			})
		}
	})
}
