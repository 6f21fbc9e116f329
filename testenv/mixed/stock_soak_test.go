//go:build soak

package mixed_test

import (
	"testing"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
)

// TestSoakStockReplicas is TestStockReplicas on the newest PostgreSQL and with MariaDB 11.8 too.
func TestSoakStockReplicas(t *testing.T) {
	engines := pgtest.Engines()
	if len(engines) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	a := gather(t, engines[len(engines)-1], testenv.MariaDB1011, testenv.MySQL97, testenv.MariaDB118)
	a.play(t)
	t.Run("refusals", a.refusals)
}
