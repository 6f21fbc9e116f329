//go:build soak

package mixed_test

import (
	"os"
	"testing"
	"time"
)

// eight are three regions of MariaDB, three of MySQL and two of PostgreSQL.
var eight = []dialect{mariaDB, mySQL, postgreSQL, mariaDB, mySQL, postgreSQL, mariaDB, mySQL}

// TestSoakMixed runs storms under faults in eight regions, for as long as OCTANT_SOAK says.
func TestSoakMixed(t *testing.T) {
	duration := soakTime(t)
	b := start(t, ruling, eight...)
	b.types(t)
	b.refused(t)
	for end := time.Now().Add(duration); time.Now().Before(end); {
		b.storm(t, min(duration, time.Minute))
	}
	b.quiet(t, append(ruled, everything, keyed, accounts, limited, unlike, narrow)...)
}

// TestSoakWholeDatabases has eight regions load 253,200 rows and change them for a minute, or for OCTANT_SOAK if that is less.
func TestSoakWholeDatabases(t *testing.T) {
	b := start(t, ruling, eight...)
	b.wholeDatabases(t, 12_000, min(soakTime(t), time.Minute))
	b.quiet(t, databases...)
}

func soakTime(t *testing.T) time.Duration {
	t.Helper()
	duration, err := time.ParseDuration(os.Getenv("OCTANT_SOAK"))
	if err != nil {
		t.Fatalf("OCTANT_SOAK must be a duration such as 30m: %v", err)
	}
	return duration
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
