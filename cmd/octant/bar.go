package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/octant-db/octant/join"
)

// bar shows how far a region that joins has come: one line that is drawn again on a terminal, else lines now and then.
type bar struct {
	out     io.Writer
	columns func() int // of the terminal; nil: it is none
	now     func() time.Time

	mu    sync.Mutex
	began time.Time // when it was shown first
	last  time.Time
	rows  uint64 // when it began: an earlier try had copied them
	drawn bool   // the cursor stands behind it
}

func newBar(f *os.File) *bar {
	b := &bar{out: f, now: time.Now}
	if isTerminal(f) {
		b.columns = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil || width < 1 {
				return 80
			}
			return width
		}
	}
	return b
}

// How often it is drawn.
const (
	redrawEvery = 200 * time.Millisecond
	lineEvery   = 10 * time.Second
)

const (
	lineStart   = "\r"
	restOfLine  = "\x1b[K" // erases it: ECMA-48
	leastDrawn  = 10       // characters between the brackets; a line that has no room for them has none
	mostDrawn   = 30
	drawnAround = len("[] ")
)

func (b *bar) show(p join.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	every, now := lineEvery, b.now()
	if b.columns != nil {
		every = redrawEvery
	}
	if b.last.IsZero() {
		b.began, b.rows = now, p.Rows
	} else if now.Sub(b.last) < every {
		return
	}
	b.last = now
	text := progressText(p, float64(p.Rows-b.rows)/max(now.Sub(b.began).Seconds(), 0.001))
	if b.columns == nil {
		fmt.Fprintln(b.out, text)
		return
	}
	b.drawn = true
	fmt.Fprint(b.out, lineStart+fitted(p, text, b.columns()-1)+restOfLine) // a line that fills the last column would scroll
}

// Write lets the log write lines where the bar is drawn: it is gone until it is drawn again.
func (b *bar) Write(lines []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	return b.out.Write(lines)
}

// print writes a line to the standard output, which may be the same terminal.
func (b *bar) print(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.erase()
	fmt.Printf(format, args...)
}

func (b *bar) erase() {
	if b.drawn {
		fmt.Fprint(b.out, lineStart+restOfLine)
		b.drawn = false
	}
}

// end leaves the line as it is.
func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.drawn {
		fmt.Fprintln(b.out)
		b.drawn = false
	}
}

// progressText says how far it has come, how fast it goes, and how long it will take.
func progressText(p join.Progress, rate float64) string {
	if p.CatchingUp {
		return fmt.Sprintf("%d rows copied; %d entries of the log done again", p.Rows, p.Redone)
	}
	text := fmt.Sprintf("%d of about %d rows, %.0f rows/s", p.Rows, p.Estimate, rate)
	if rate > 0 {
		left := time.Duration(float64(p.Estimate-p.Rows) / rate * float64(time.Second))
		text += ", " + left.Round(time.Second).String() + " left"
	}
	return fmt.Sprintf("%s, table %d of %d", text, min(p.TablesDone+1, p.Tables), p.Tables)
}

// fitted puts a drawn bar before the text, as wide as there is room for, and cuts what a narrow terminal has no room for.
func fitted(p join.Progress, text string, width int) string {
	if drawn := min(width-len(text)-drawnAround, mostDrawn); drawn >= leastDrawn && !p.CatchingUp {
		share := float64(p.Rows) / float64(max(p.Estimate, 1))
		text = fmt.Sprintf("[%-*s] %s", drawn, strings.Repeat("#", int(share*float64(drawn))), text)
	}
	return text[:min(len(text), max(width, 0))]
}
