package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/join"
)

// drawing is a bar whose time and terminal the test has in its hands. Without columns it is no terminal.
type drawing struct {
	*bar
	out bytes.Buffer
	at  time.Time
}

func draw(columns int) *drawing {
	d := &drawing{at: time.Unix(1000, 0)}
	d.bar = &bar{out: &d.out, now: func() time.Time { return d.at }}
	if columns > 0 {
		d.columns = func() int { return columns }
	}
	return d
}

// after shows how far it has come after some time, and returns what was written.
func (d *drawing) after(wait time.Duration, p join.Progress) string {
	d.out.Reset()
	d.at = d.at.Add(wait)
	d.show(p)
	return d.out.String()
}

func copied(rows uint64) join.Progress {
	return join.Progress{Tables: 4, TablesDone: 1, Rows: rows, Estimate: 5_000_000}
}

// TestProgressInPlainLines: where there is no terminal, a line every ten seconds, with nothing in it but text. The rate is that of this try.
func TestProgressInPlainLines(t *testing.T) {
	d := draw(0)
	for _, step := range []struct {
		wait time.Duration
		p    join.Progress
		want string
	}{
		{0, copied(1_000_000), "1000000 of about 5000000 rows, 0 rows/s, table 2 of 4\n"},
		{9 * time.Second, copied(1_900_000), ""},
		{time.Second, copied(2_000_000), "2000000 of about 5000000 rows, 100000 rows/s, 30s left, table 2 of 4\n"},
		{10 * time.Second, join.Progress{Tables: 4, TablesDone: 4, Rows: 5_000_000, Estimate: 5_000_000, CatchingUp: true, Redone: 70}, "5000000 rows copied; 70 entries of the log done again\n"},
	} {
		if got := d.after(step.wait, step.p); got != step.want {
			t.Errorf("got %q, want %q", got, step.want)
		}
	}
	d.out.Reset()
	if d.end(); d.out.Len() > 0 {
		t.Errorf("the end is %q", d.out.String())
	}
}

// TestProgressOnATerminal: one line that is drawn again, which no terminal breaks, however narrow it is.
func TestProgressOnATerminal(t *testing.T) {
	for columns, want := range map[int]string{
		140: "[############                  ] 2000000 of about 5000000 rows, 100000 rows/s, 30s left, table 2 of 4",
		90:  "[#######           ] 2000000 of about 5000000 rows, 100000 rows/s, 30s left, table 2 of 4",
		80:  "2000000 of about 5000000 rows, 100000 rows/s, 30s left, table 2 of 4",
		40:  "2000000 of about 5000000 rows, 100000 r",
		1:   "",
	} {
		d := draw(columns)
		d.after(0, copied(1_000_000))
		if got := d.after(100*time.Millisecond, copied(1_500_000)); got != "" {
			t.Errorf("it is drawn again at once: %q", got)
		}
		if got := d.after(9900*time.Millisecond, copied(2_000_000)); got != lineStart+want+restOfLine {
			t.Errorf("%d columns: got %q, want %q", columns, got, want)
		}
		d.out.Reset()
		if d.end(); d.out.String() != "\n" {
			t.Errorf("the end is %q", d.out.String())
		}
	}
}

// TestLinesBesideTheBar: what is logged has a line of its own, and the bar comes back below it.
func TestLinesBesideTheBar(t *testing.T) {
	d := draw(80)
	d.after(0, copied(1))
	d.out.Reset()
	if _, err := d.Write([]byte("copying waits\n")); err != nil || d.out.String() != lineStart+restOfLine+"copying waits\n" {
		t.Errorf("%q, %v", d.out.String(), err)
	}
	d.out.Reset()
	if _, err := d.Write([]byte("still\n")); err != nil || d.out.String() != "still\n" {
		t.Errorf("%q, %v", d.out.String(), err)
	}
	if got := d.after(time.Second, copied(2)); !strings.HasPrefix(got, lineStart+"2 of about") && !strings.HasPrefix(got, lineStart+"[") {
		t.Errorf("got %q", got)
	}
}
