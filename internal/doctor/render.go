package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/octant-db/octant/internal/finding"
)

// Style says how results are drawn.
type Style struct {
	Unicode bool // symbols instead of words
	Color   bool
}

var (
	symbols = map[finding.Status]string{finding.OK: "✓", finding.Info: "·", finding.Warn: "!", finding.Fail: "✗"}
	words   = map[finding.Status]string{finding.OK: "ok  ", finding.Info: "info", finding.Warn: "WARN", finding.Fail: "FAIL"}
	colors  = map[finding.Status]string{finding.OK: "\x1b[32m", finding.Info: "\x1b[2m", finding.Warn: "\x1b[33m", finding.Fail: "\x1b[31m"}
)

func (s Style) mark(status finding.Status) string {
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
func Write(w io.Writer, results []finding.Result, s Style) error {
	var b strings.Builder
	width := 0
	for _, r := range results {
		width = max(width, utf8.RuneCountInString(r.Name))
	}
	for _, r := range results {
		fmt.Fprintf(&b, "%s  %-*s  %s\n", s.mark(r.Status), width, r.Name, oneLine(r.Detail))
	}
	s.remedies(&b, results, "To mend:", finding.Fail, finding.Warn)
	s.remedies(&b, results, "If you like:", finding.Info)
	fmt.Fprintf(&b, "\n%s\n", summary(results))
	_, err := io.WriteString(w, b.String())
	return err
}

func (s Style) remedies(b *strings.Builder, results []finding.Result, title string, statuses ...finding.Status) {
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

func summary(results []finding.Result) string {
	n := map[finding.Status]int{}
	for _, r := range results {
		n[r.Status]++
	}
	verdict := "ready to run"
	if n[finding.Fail] > 0 {
		verdict = "not ready to run"
	}
	return fmt.Sprintf("%d checks: %d failed, %d warnings: %s", len(results), n[finding.Fail], n[finding.Warn], verdict)
}

// WriteJSON writes the same for programs.
func WriteJSON(w io.Writer, results []finding.Result) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		Failed  bool             `json:"failed"`
		Results []finding.Result `json:"results"`
	}{finding.Failed(results), results})
}
