package pgtest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// Engine is an installed PostgreSQL.
type Engine struct {
	Name string
	bin  string // folder of initdb and postgres
}

// Engines returns what is installed: PostgreSQL 15 of the machine, and what `make engines` has unpacked.
func Engines() []Engine {
	var list []Engine
	for _, version := range []int{15, 16, 17, 18} {
		for _, dir := range folders(version) {
			if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
				list = append(list, Engine{Name: "postgresql-" + strconv.Itoa(version), bin: dir})
				break
			}
		}
	}
	return list
}

func folders(version int) []string {
	v := strconv.Itoa(version)
	list := []string{filepath.Join("/usr/lib/postgresql", v, "bin")}
	root := os.Getenv("OCTANT_ENGINES")
	if root == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return list
		}
		root = filepath.Join(cache, "octant", "engines")
	}
	trees, err := filepath.Glob(filepath.Join(root, "*", "usr/lib/postgresql", v, "bin"))
	if err != nil {
		return list
	}
	return append(list, trees...)
}

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
