//go:build soak

package regions_test

import (
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// In eight regions, five look on.

func TestSoakOfScenariosInEightRegions(t *testing.T) { playReal(t, 8, testenv.MariaDB1011) }

func TestSoakOfScenariosWithMySQL(t *testing.T) { playReal(t, 8, testenv.MySQL97) }

// TestSoakOfScenariosWithOlderMySQL has a region of 9.7, one that knows no more than 8.4, and one that knows no more than 8.0.
func TestSoakOfScenariosWithOlderMySQL(t *testing.T) {
	real, old := realOnes(t, testenv.MySQL97), make(guises)
	o := stageOptions(t, 3, real, testenv.MySQL97)
	rules := o.Configure
	o.ServerArgs, o.Configure = asOldOnes, func(c *testenv.RelayConfig) { rules(c); old.disguise(t, c) }
	newStage(t, envtest.Start(t, o)).singAll(t, real)
}

func TestSoakOfScenariosWithPostgreSQL(t *testing.T) { playReal(t, 8, testenv.PostgreSQL) }

// TestSoakOfScenariosInAMixedCluster has three regions of MariaDB, three of MySQL and two of PostgreSQL.
func TestSoakOfScenariosInAMixedCluster(t *testing.T) {
	playReal(t, 8, testenv.MariaDB1011, testenv.MySQL97, testenv.PostgreSQL)
}
