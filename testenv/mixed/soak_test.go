//go:build soak

package mixed_test

import (
	"os"
	"testing"
	"time"
)

// TestSoakMixed runs storms under faults on three MariaDB, three MySQL and two PostgreSQL regions, for as long as OCTANT_SOAK says.
func TestSoakMixed(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("OCTANT_SOAK"))
	if err != nil {
		t.Fatalf("OCTANT_SOAK must be a duration such as 30m: %v", err)
	}
	b := start(t, ruling, mariaDB, mySQL, postgreSQL, mariaDB, mySQL, postgreSQL, mariaDB, mySQL)
	b.types(t)
	b.refused(t)
	b.wholeDatabases(t, 12_000, min(duration, time.Minute))
	for end := time.Now().Add(duration); time.Now().Before(end); {
		b.storm(t, min(duration, time.Minute))
	}
	b.quiet(t, append(ruled, everything, keyed, accounts, limited, unlike, narrow)...)
}

// TestSoakVerify compares and mends larger tables.
func TestSoakVerify(t *testing.T) {
	b := start(t, nil, mariaDB, mySQL, postgreSQL)
	b.types(t)
	b.verified(t, 100_000)
}

// TestSoakJoins has all three engines join, the third from a region that has joined itself, with more rows.
func TestSoakJoins(t *testing.T) {
	joinInTurn(t, 50_000, [][2]dialect{{mySQL, postgreSQL}, {postgreSQL, mariaDB}, {mariaDB, mySQL}})
}
