package pgtest

import (
	"testing"

	"github.com/octant-db/octant/testenv/pgserver"
)

// Engine is an installed PostgreSQL.
type Engine = pgserver.Engine

// Engines returns what is installed, the oldest first.
func Engines() []Engine { return pgserver.Engines() }

// Oldest returns the oldest engine, on which most tests run; the test is skipped if there is none.
func Oldest(t testing.TB) Engine {
	t.Helper()
	list := Engines()
	if len(list) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	return list[0]
}

// Each runs a test on the oldest and the newest engine.
func Each(t *testing.T, test func(t *testing.T, e Engine)) {
	list := Engines()
	if len(list) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	if len(list) > 1 {
		list = []Engine{list[0], list[len(list)-1]}
	}
	for _, e := range list {
		t.Run(e.Name, func(t *testing.T) { test(t, e) })
	}
}
