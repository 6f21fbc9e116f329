package testenv

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// BuildOctant compiles cmd/octant of the module around the working directory and returns the binary's path.
// It lies in the user's cache, one per checkout and set of flags, so nobody has to remove it; it is replaced
// by rename, so parallel builders and running relays don't disturb each other. Flags go to `go build`, for
// example -race. When the environment names a binary in OCTANT_BINARY, that one is taken.
func BuildOctant(ctx context.Context, flags ...string) (string, error) {
	if path := os.Getenv("OCTANT_BINARY"); path != "" {
		return filepath.Abs(path)
	}
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	dir, err := cacheDir("bin")
	if err != nil {
		return "", err
	}
	fresh, err := os.MkdirTemp(dir, "build-")
	if err != nil {
		return "", fmt.Errorf("build octant: %w", err)
	}
	defer os.RemoveAll(fresh)
	return compile(ctx, root, fresh, filepath.Join(dir, binaryName(root, flags)), flags)
}

func compile(ctx context.Context, root, fresh, final string, flags []string) (string, error) {
	built := filepath.Join(fresh, "octant")
	args := append([]string{"build", "-o", built}, flags...)
	cmd := exec.CommandContext(ctx, "go", append(args, "./cmd/octant")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build octant: %w\n%s", err, out)
	}
	if err := os.Rename(built, final); err != nil {
		return "", fmt.Errorf("build octant: %w", err)
	}
	return final, nil
}

func binaryName(root string, flags []string) string {
	h := fnv.New64a()
	_, _ = h.Write([]byte(root + "\x00" + strings.Join(flags, "\x00")))
	return fmt.Sprintf("octant-%016x", h.Sum64())
}

// moduleRoot walks up to the folder with this module's go.mod.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find module: %w", err)
	}
	for {
		text, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(text), "module github.com/octant-db/octant\n") {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("find module: not inside Octant's source: set OCTANT_BINARY to a built octant")
		}
		dir = parent
	}
}
