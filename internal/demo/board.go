package demo

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// line is what the board shows of a region.
type line struct {
	region    string
	state     string // "" or what was done to it
	perSecond float64
	rows      int64
	conflicts int64
	lag       time.Duration
	silent    bool // its relay does not answer: conflicts and lag are the last known
}

const barWidth = 20

// board draws the regions as a table with a bar for the rate, one line each with a header.
func board(lines []line, symbols bool) []string {
	most := 1.0
	for _, l := range lines {
		most = max(most, l.perSecond)
	}
	drawn := []string{fmt.Sprintf("  %-6s  %7s  %-*s  %8s  %9s  %7s", "region", "rows/s", barWidth, "", "rows", "conflicts", "lag")}
	for _, l := range lines {
		lag := seconds(l.lag)
		if l.silent {
			lag = "?"
		}
		text := fmt.Sprintf("  %-6s  %7.0f  %s  %8d  %9d  %7s  %s",
			l.region, l.perSecond, bar(l.perSecond/most, symbols), l.rows, l.conflicts, lag, l.state)
		drawn = append(drawn, strings.TrimRight(text, " "))
	}
	return drawn
}

func bar(part float64, symbols bool) string {
	full := "#"
	if symbols {
		full = "█"
	}
	n := min(max(int(part*barWidth+0.5), 0), barWidth)
	return strings.Repeat(full, n) + strings.Repeat(" ", barWidth-n)
}

// short is the board in one line, for logs.
func short(elapsed time.Duration, lines []line) string {
	var rate float64
	var rows, conflicts int64
	var lag time.Duration
	states := ""
	for _, l := range lines {
		rate += l.perSecond
		rows += l.rows
		conflicts = max(conflicts, l.conflicts)
		lag = max(lag, l.lag)
		if l.state != "" {
			states += "; " + l.region + " " + l.state
		}
	}
	return fmt.Sprintf("%4.0f s: %.0f rows/s in all, %d rows, %d conflicts, lag at most %s%s",
		elapsed.Seconds(), rate, rows, conflicts, seconds(lag), states)
}

func seconds(d time.Duration) string {
	switch {
	case d == 0:
		return "0 s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// columns lays cells out in aligned columns, the first to the left and all others to the right.
func columns(rows [][]string) []string {
	widths := map[int]int{}
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var drawn []string
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i == 0 {
				b.WriteString("  " + cell + gap)
			} else {
				b.WriteString("  " + gap + cell)
			}
		}
		drawn = append(drawn, strings.TrimRight(b.String(), " "))
	}
	return drawn
}
