package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// ErrNoEngine says that this machine lacks the database server that a bed needs.
var ErrNoEngine = errors.New("it is not installed: run `make engines`")

// Engine names a database server that can be run here.
type Engine int

// The engines. The zero value is the one that the machine's own package brings.
const (
	MariaDB1011 Engine = iota
	MariaDB118
	MySQL97
	PostgreSQL // the oldest that is installed; for beds only
)

// Engines are those of the family of MySQL.
var Engines = []Engine{MariaDB1011, MariaDB118, MySQL97}

// engineFacts are what the code asks about an engine.
type engineFacts struct {
	name    string
	tree    string // below the cache's engines, where unpack-engine puts it; empty is the machine's own
	server  string // program
	version *regexp.Regexp
	flavour flavour
}

func (e Engine) facts() engineFacts {
	switch e {
	case PostgreSQL:
		return engineFacts{name: "postgresql"}
	case MariaDB118:
		return engineFacts{"mariadb-11.8", "debian-trixie", "mariadbd", regexp.MustCompile(`Ver (11\.8\.\d+)-MariaDB`), mariaDB{}}
	case MySQL97:
		return engineFacts{"mysql-9.7", "debian-sid", "mysqld", regexp.MustCompile(`Ver (9\.7\.\d+)`), mySQL{}}
	default:
		return engineFacts{"mariadb", "", "mariadbd", regexp.MustCompile(`Ver (\d+\.\d+\.\d+)-MariaDB`), mariaDB{}}
	}
}

// EngineNamed returns the engine of that name; "" is the machine's own MariaDB.
func EngineNamed(name string) (Engine, error) {
	for _, e := range Engines {
		if name == e.String() || name == "" {
			return e, nil
		}
	}
	return 0, fmt.Errorf("find engine %q: want one of %v", name, Engines)
}

// String returns the engine's name, such as mysql-9.7.
func (e Engine) String() string { return e.facts().name }

// IsMySQL says whether the engine is of MySQL's flavour and not of MariaDB's: replicas follow sources of their own.
func (e Engine) IsMySQL() bool { return e.facts().flavour == mySQL{} }

// Program returns the path of one of the engine's programs, such as mysqlbinlog. It fails with ErrNoEngine when there is none.
func (e Engine) Program(name string) (string, error) {
	base, err := e.base()
	if err != nil {
		return "", err
	}
	dirs := []string{filepath.Join(base, "sbin"), filepath.Join(base, "bin")}
	if base == "" {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
		dirs = []string{"/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin"}
	}
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s of %s: %w", name, e, ErrNoEngine)
}

// base returns the tree's basedir in the servers' sense, or "" for the machine's own. The folder is unpack-engine's.
func (e Engine) base() (string, error) {
	tree := e.facts().tree
	if tree == "" {
		return "", nil
	}
	engines := os.Getenv("OCTANT_ENGINES")
	if engines == "" {
		var err error
		if engines, err = cacheDir("engines"); err != nil {
			return "", err
		}
	}
	tree = filepath.Join(engines, tree)
	if _, err := os.Stat(filepath.Join(tree, ".complete")); err != nil {
		return "", fmt.Errorf("find %s: %w", e, ErrNoEngine)
	}
	return filepath.Join(tree, "usr"), nil
}

// installation is an engine that was found.
type installation struct {
	Engine
	flavour flavour
	version string // for example 10.11.6
	server  string // path of the server's program
	base    string // --basedir, or "" for the one that is built in
}

func (e Engine) find(ctx context.Context) (installation, error) {
	facts := e.facts()
	server, err := e.Program(facts.server)
	if err != nil {
		return installation{}, err
	}
	out, err := exec.CommandContext(ctx, server, "--no-defaults", "--version").Output()
	if err != nil {
		return installation{}, fmt.Errorf("ask %s for its version: %w", e, err)
	}
	found := facts.version.FindSubmatch(out)
	if found == nil {
		return installation{}, fmt.Errorf("read version of %s: this is another server's banner: %w", e, ErrNoEngine)
	}
	base, err := e.base()
	if err != nil {
		return installation{}, err
	}
	return installation{Engine: e, flavour: facts.flavour, version: string(found[1]), server: server, base: base}, nil
}

// common are the settings that come first on every command line.
func (i installation) common() []string {
	args := []string{"--no-defaults"}
	if i.base != "" {
		args = append(args, "--basedir="+i.base)
	}
	return args
}
