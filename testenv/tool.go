package testenv

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// ErrNoTool is wrapped by the error of a program that this machine does not have.
var ErrNoTool = errors.New("make engines provides it where it can")

// Tool returns the path of a program that tests drive: of the one that build-tool has made, or else the machine's own.
func Tool(name string) (string, error) {
	dir, err := cacheDir("bin")
	if err != nil {
		return "", err
	}
	built := filepath.Join(dir, name)
	if info, err := os.Stat(built); err == nil && info.Mode()&0o111 != 0 {
		return built, nil
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, ErrNoTool)
	}
	return path, nil
}
