//go:build soak

package regions_test

import (
	"testing"

	"github.com/octant-db/octant/testenv"
)

// TestScenariosWithEightRegions has five more regions look on.
func TestScenariosWithEightRegions(t *testing.T) {
	playReal(t, testenv.MariaDB1011, 8)
}

func TestScenariosWithMySQL(t *testing.T) {
	playReal(t, testenv.MySQL97, 3)
}
