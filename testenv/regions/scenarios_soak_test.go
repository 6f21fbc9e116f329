//go:build soak

package regions_test

import (
	"testing"

	"github.com/octant-db/octant/testenv"
)

// In eight regions, five look on.

func TestSoakOfScenariosInEightRegions(t *testing.T) { playReal(t, 8, testenv.MariaDB1011) }

func TestSoakOfScenariosWithMySQL(t *testing.T) { playReal(t, 8, testenv.MySQL97) }

func TestSoakOfScenariosWithPostgreSQL(t *testing.T) { playReal(t, 8, testenv.PostgreSQL) }

// TestSoakOfScenariosInAMixedCluster has three regions of MariaDB, three of MySQL and two of PostgreSQL.
func TestSoakOfScenariosInAMixedCluster(t *testing.T) {
	playReal(t, 8, testenv.MariaDB1011, testenv.MySQL97, testenv.PostgreSQL)
}
