package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/octant-db/octant/join"
)

// bar shows how far a region that joins has come: one line that is drawn again on a terminal, else lines now and then.
type bar struct {
	out      io.Writer
	terminal bool
	began    time.Time

	mu    sync.Mutex
	last  time.Time
	rows  uint64 // when it began: an earlier try had copied them
	drawn bool
}

func newBar(out io.Writer, terminal bool) *bar {
	return &bar{out: out, terminal: terminal, began: time.Now()}
}

// How often it is drawn.
const (
	redrawEvery = 200 * time.Millisecond
	lineEvery   = 10 * time.Second
)

func (b *bar) show(p join.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	every, now := lineEvery, time.Now()
	if b.terminal {
		every = redrawEvery
	}
	if b.last.IsZero() {
		b.rows = p.Rows
	}
	if now.Sub(b.last) < every {
		return
	}
	b.last, b.drawn = now, true
	text := progressText(p, float64(p.Rows-b.rows)/max(now.Sub(b.began).Seconds(), 0.001))
	if b.terminal {
		fmt.Fprintf(b.out, "\r%-100s", text)
		return
	}
	fmt.Fprintln(b.out, text)
}

// end leaves the line as it is.
func (b *bar) end() {
	if b.terminal && b.drawn {
		fmt.Fprintln(b.out)
	}
}

// barWidth is in characters.
const barWidth = 30

func progressText(p join.Progress, rate float64) string {
	if p.CatchingUp {
		return fmt.Sprintf("%d rows copied; %d entries of the log done again", p.Rows, p.Redone)
	}
	share := float64(p.Rows) / float64(max(p.Estimate, 1))
	text := fmt.Sprintf("[%-*s] %d of about %d rows, %.0f rows/s", barWidth, strings.Repeat("#", int(share*barWidth)), p.Rows, p.Estimate, rate)
	if rate > 0 {
		left := time.Duration(float64(p.Estimate-p.Rows) / rate * float64(time.Second))
		text += ", " + left.Round(time.Second).String() + " left"
	}
	return fmt.Sprintf("%s, table %d of %d", text, min(p.TablesDone+1, p.Tables), p.Tables)
}
