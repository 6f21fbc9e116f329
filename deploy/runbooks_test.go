package deploy_test

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const manual = "../docs/operations.md"

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// headings are the anchors of a Markdown page's headings.
func headings(page string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(page) {
		if title, is := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); is && line[0] == '#' {
			found[strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-")] = true
		}
	}
	return found
}

// TestEveryAlertHasItsRunbook looks for the heading that each alert names.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	there, text := headings(readFile(t, manual)), readFile(t, rules)
	named := regexp.MustCompile(`runbook: "docs/operations.md#([^"]+)"`).FindAllStringSubmatch(text, -1)
	if len(named) != strings.Count(text, "- alert:") {
		t.Errorf("%d alerts name %d runbooks", strings.Count(text, "- alert:"), len(named))
	}
	for _, n := range named {
		if !there[n[1]] {
			t.Errorf("there is no runbook %q", n[1])
		}
	}
}

// TestEveryRunbookIsDrilled looks for the tests that drill each runbook.
func TestEveryRunbookIsDrilled(t *testing.T) {
	_, books, _ := strings.Cut(readFile(t, manual), "\n## Runbooks\n")
	books, _, _ = strings.Cut(books, "\n## ")
	out, err := exec.CommandContext(t.Context(), "grep", "-rhoE", "--include=*_test.go", "^func Test[A-Za-z0-9]+", "..").Output()
	if err != nil {
		t.Fatal(err)
	}
	tests := string(out)
	for _, book := range strings.Split(books, "\n### ")[1:] {
		title, text, _ := strings.Cut(book, "\n")
		_, drills, _ := strings.Cut(text, "*Drilled by*")
		names := regexp.MustCompile(`\bTest[A-Z][A-Za-z0-9]+`).FindAllString(drills, -1)
		if len(names) == 0 {
			t.Errorf("%q names no test", title)
		}
		for _, name := range names {
			if !strings.Contains(tests, "func "+name+"\n") {
				t.Errorf("%q names %s, which there is not", title, name)
			}
		}
	}
}
