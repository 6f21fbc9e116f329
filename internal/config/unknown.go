package config

import (
	"fmt"
	"strings"

	"github.com/BurntSushi/toml"
)

// unknownKeys names each key that nothing read, with its line.
func unknownKeys(text string, keys []toml.Key) []string {
	var problems []string
	lines := strings.Split(text, "\n")
	used := map[int]bool{}
	for i, key := range keys {
		if i > 0 && isPrefix(keys[i-1], key) {
			keys[i] = keys[i-1] // everything in an unknown table is unknown: once is enough
			continue
		}
		problem := fmt.Sprintf("unknown key %s", key)
		if n := keyLine(lines, key, used); n >= 0 {
			used[n] = true
			problem = fmt.Sprintf("line %d: %s", n+1, problem)
		}
		problems = append(problems, problem)
	}
	return problems
}

func isPrefix(short, long toml.Key) bool {
	if len(short) >= len(long) {
		return false
	}
	for i := range short {
		if short[i] != long[i] {
			return false
		}
	}
	return true
}

// keyLine finds the first unused line that sets key, -1 if none does in the usual way of writing: a header, or a key
// under its header. toml.MetaData knows the positions but keeps them to itself.
func keyLine(lines []string, key toml.Key, used map[int]bool) int {
	header := ""
	for n, line := range lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			inside, _, _ := strings.Cut(strings.TrimLeft(line, "["), "]")
			header = strings.ReplaceAll(inside, " ", "")
			if header == key.String() && !used[n] {
				return n
			}
			continue
		}
		name, _, found := strings.Cut(line, "=")
		if found && !used[n] && join(header, strings.TrimSpace(name)) == key.String() {
			return n
		}
	}
	return -1
}

func join(header, name string) string {
	if header == "" {
		return name
	}
	return header + "." + name
}
