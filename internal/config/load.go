package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

// Error is everything that is wrong with a configuration file.
type Error struct {
	Path     string
	Problems []string
}

// Error lists all problems, one a line when there are several.
func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return fmt.Sprintf("configuration %s: %s", e.Path, e.Problems[0])
	}
	return fmt.Sprintf("configuration %s has %d problems:\n  - %s", e.Path, len(e.Problems),
		strings.Join(e.Problems, "\n  - "))
}

// Load reads, resolves and checks the file at path. Paths in "file:" and of certificates are relative to its folder. What CHANGE MASTER
// TO has left in the data folder stands in place of the configured database, and what octant.add_peer and octant.remove_peer have left changes the
// peers. Every failure is an [*Error].
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &Error{Path: path, Problems: []string{readProblem(err)}}
	}
	c, problems := parse(string(text), resolver{folder: filepath.Dir(path), lookup: os.LookupEnv})
	if len(problems) > 0 {
		return nil, &Error{Path: path, Problems: problems}
	}
	if err := c.override(); err != nil {
		return nil, err
	}
	return c, c.overridePeers()
}

func readProblem(err error) string {
	var path *os.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return "read file: " + err.Error()
}

// parse turns text into a configuration, or says all that is wrong with it.
func parse(text string, r resolver) (*Config, []string) {
	f := defaults()
	meta, err := toml.Decode(text, f)
	if err != nil {
		return nil, []string{tomlProblem(err)}
	}
	problems := unknownKeys(text, meta.Undecoded())
	problems = append(problems, r.resolve(f)...)
	if len(problems) > 0 {
		return nil, problems
	}
	r.locate(f)
	return f.check()
}

// tomlProblem says where the text is not the TOML that was expected. It never quotes the line, which may hold a
// password.
func tomlProblem(err error) string {
	var parse toml.ParseError
	if !errors.As(err, &parse) {
		// The other errors of the decoder are about types; they begin "toml: line 5 (last key "region.id"): ".
		place, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "toml: "), "): ")
		return strings.Replace(place, " (last key", ": a value of the wrong type (key", 1) + ")"
	}
	if parse.LastKey == "" {
		return fmt.Sprintf("line %d: not valid TOML", parse.Position.Line)
	}
	return fmt.Sprintf("line %d: not valid TOML, at or after key %s", parse.Position.Line, parse.LastKey)
}
