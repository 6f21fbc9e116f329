package scenarios

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

//go:embed *.txt
var files embed.FS

// All returns every scenario, by name.
func All() ([]*Scenario, error) {
	names, err := fs.Glob(files, "*.txt")
	if err != nil {
		return nil, fmt.Errorf("list scenarios: %w", err)
	}
	var all []*Scenario
	var wrong error
	for _, file := range names {
		text, err := files.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read scenario: %w", err)
		}
		s, err := Parse(strings.TrimSuffix(path.Base(file), ".txt"), string(text))
		if err != nil {
			wrong = errors.Join(wrong, err)
			continue
		}
		all = append(all, s)
	}
	return all, wrong
}
