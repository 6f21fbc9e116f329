package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/scenarios"
)

// TestIndexIsComplete compares docs/scenarios.md with the files: each has its line, with its own sentence. `UPDATE=1 go test ./scenarios` writes it.
func TestIndexIsComplete(t *testing.T) {
	const begin, end = "<!-- the files -->\n", "<!-- end -->\n"
	all, err := scenarios.All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 60 {
		t.Errorf("there are %d scenarios", len(all))
	}
	path := filepath.Join("..", "docs", "scenarios.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, _ := strings.Cut(string(text), begin)
	_, tail, _ := strings.Cut(rest, end)
	want := head + begin + table(all) + end + tail
	if want == string(text) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("docs/scenarios.md does not list the files as they are: UPDATE=1 go test ./scenarios")
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table(all []*scenarios.Scenario) string {
	var text strings.Builder
	text.WriteString("\n| file | what it shows |\n| --- | --- |\n")
	for _, s := range all {
		note := ""
		if s.Reason != "" {
			note = " *Only " + strings.Join(s.Only, ", ") + ": " + s.Reason + "*"
		}
		fmt.Fprintf(&text, "| [%s](../scenarios/%s.txt) | %s%s |\n", s.Name, s.Name, s.Sentence, note)
	}
	text.WriteString("\n")
	return text.String()
}
