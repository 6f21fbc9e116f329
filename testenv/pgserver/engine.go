package pgserver

import (
	"os"
	"path/filepath"
	"strconv"
)

// Engine is an installed PostgreSQL.
type Engine struct {
	Name    string
	Version int
	bin     string // folder of initdb and postgres
}

// Engines returns what is installed: PostgreSQL 15 of the machine, and what `make engines` has unpacked.
func Engines() []Engine {
	var list []Engine
	for _, version := range []int{15, 16, 17, 18} {
		for _, dir := range folders(version) {
			if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
				list = append(list, Engine{Name: "postgresql-" + strconv.Itoa(version), Version: version, bin: dir})
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

// Tool is a program of the engine, such as pg_dump.
func (e Engine) Tool(name string) string { return filepath.Join(e.bin, name) }
