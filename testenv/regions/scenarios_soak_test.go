//go:build soak

package regions_test

import (
	"testing"

	"github.com/octant-db/octant/testenv"
)

// TestSoakOfScenariosInEightRegions has five more regions look on.
func TestSoakOfScenariosInEightRegions(t *testing.T) {
	playReal(t, testenv.MariaDB1011, 8)
}

func TestSoakOfScenariosWithMySQL(t *testing.T) {
	playReal(t, testenv.MySQL97, 3)
}
