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
var ErrNoEngine = errors.New("MariaDB is not installed: run `make engines`")

// Engine is an installed MariaDB.
type Engine struct {
	Version string // for example 10.11.6
	server  string // path of mariadbd
	install string // path of mariadb-install-db
}

// FindMariaDB looks for MariaDB in PATH and where distributions put servers. It fails with ErrNoEngine when
// there is none.
func FindMariaDB(ctx context.Context) (Engine, error) {
	server, err := findProgram("mariadbd")
	if err != nil {
		return Engine{}, err
	}
	install, err := findProgram("mariadb-install-db")
	if err != nil {
		return Engine{}, err
	}
	out, err := exec.CommandContext(ctx, server, "--no-defaults", "--version").Output()
	if err != nil {
		return Engine{}, fmt.Errorf("ask MariaDB for its version: %w", err)
	}
	version, err := parseVersion(string(out))
	if err != nil {
		return Engine{}, err
	}
	return Engine{Version: version, server: server, install: install}, nil
}

func findProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin"} {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("find %s: %w", name, ErrNoEngine)
}

var versionPattern = regexp.MustCompile(`Ver (\d+\.\d+\.\d+)-MariaDB`)

func parseVersion(banner string) (string, error) {
	found := versionPattern.FindStringSubmatch(banner)
	if found == nil {
		return "", fmt.Errorf("read MariaDB version: not MariaDB's banner: %w", ErrNoEngine)
	}
	return found[1], nil
}
