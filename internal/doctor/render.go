package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/octant-db/octant/protocol/mysql/preflight"
)

// Style says how results are drawn.
type Style struct {
	Unicode bool // symbols instead of words
	Color   bool
}

var (
	symbols = map[preflight.Status]string{preflight.OK: "✓", preflight.Info: "·", preflight.Warn: "!", preflight.Fail: "✗"}
	words   = map[preflight.Status]string{preflight.OK: "ok  ", preflight.Info: "info", preflight.Warn: "WARN", preflight.Fail: "FAIL"}
	colors  = map[preflight.Status]string{preflight.OK: "\x1b[32m", preflight.Info: "\x1b[2m", preflight.Warn: "\x1b[33m", preflight.Fail: "\x1b[31m"}
)

func (s Style) mark(status preflight.Status) string {
	mark := words[status]
	if s.Unicode {
		mark = symbols[status]
	}
	if s.Color {
		mark = colors[status] + mark + "\x1b[0m"
	}
	return mark
}

// Write draws the results as a table, below it what to do, and a line that counts.
func Write(w io.Writer, results []preflight.Result, s Style) error {
	var b strings.Builder
	width := 0
	for _, r := range results {
		width = max(width, utf8.RuneCountInString(r.Name))
	}
	for _, r := range results {
		fmt.Fprintf(&b, "%s  %-*s  %s\n", s.mark(r.Status), width, r.Name, oneLine(r.Detail))
	}
	s.remedies(&b, results, "To mend:", preflight.Fail, preflight.Warn)
	s.remedies(&b, results, "If you like:", preflight.Info)
	fmt.Fprintf(&b, "\n%s\n", summary(results))
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Style) remedies(b *strings.Builder, results []preflight.Result, title string, statuses ...preflight.Status) {
	for _, status := range statuses {
		for _, r := range results {
			if r.Status != status || r.Remedy == "" {
				continue
			}
			if title != "" {
				fmt.Fprintf(b, "\n%s\n", title)
				title = ""
			}
			fmt.Fprintf(b, "%s  %s\n      %s\n", s.mark(status), r.Name, oneLine(r.Remedy))
		}
	}
}

// oneLine keeps texts of servers and peers from drawing outside of their place.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
}

func summary(results []preflight.Result) string {
	n := map[preflight.Status]int{}
	for _, r := range results {
		n[r.Status]++
	}
	verdict := "ready to run"
	if n[preflight.Fail] > 0 {
		verdict = "not ready to run"
	}
	return fmt.Sprintf("%d checks: %d failed, %d warnings: %s", len(results), n[preflight.Fail], n[preflight.Warn], verdict)
}

// WriteJSON writes the same for programs.
func WriteJSON(w io.Writer, results []preflight.Result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		Failed  bool               `json:"failed"`
		Results []preflight.Result `json:"results"`
	}{preflight.Failed(results), results})
}
