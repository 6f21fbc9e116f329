package testenv

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Edit changes a file of this module for a build. Old is in the file exactly once.
type Edit struct {
	File     string // from the module's root
	Old, New string
}

// BuildChanged compiles cmd/octant with some edits, of which several may be of one file, into dir and returns the binary's path.
// The module itself stays as it is.
func BuildChanged(ctx context.Context, dir string, edits ...Edit) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	replaced, err := edited(root, dir, edits)
	if err != nil {
		return "", fmt.Errorf("build a changed octant: %w", err)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, overlay, 0o600); err != nil {
		return "", fmt.Errorf("build a changed octant: %w", err)
	}
	return compile(ctx, root, dir, filepath.Join(dir, "octant-changed"), []string{"-overlay", name})
}

// edited writes the changed files to dir, and returns what stands for what.
func edited(root, dir string, edits []Edit) (map[string]string, error) {
	texts := make(map[string]string)
	for _, e := range edits {
		path := filepath.Join(root, e.File)
		if texts[path] == "" {
			source, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			texts[path] = string(source)
		}
		if n := strings.Count(texts[path], e.Old); n != 1 {
			return nil, fmt.Errorf("%s holds %q %d times, want once", e.File, e.Old, n)
		}
		texts[path] = strings.Replace(texts[path], e.Old, e.New, 1)
	}
	replaced := make(map[string]string)
	for path, text := range texts {
		changed := filepath.Join(dir, fmt.Sprintf("%d-%s", len(replaced), filepath.Base(path)))
		if err := os.WriteFile(changed, []byte(text), 0o600); err != nil {
			return nil, err
		}
		replaced[path] = changed
	}
	return replaced, nil
}
