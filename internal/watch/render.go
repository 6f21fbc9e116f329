package watch

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/octant-db/octant/internal/readable"
	"github.com/octant-db/octant/relay"
)

// Render draws a snapshot in lines of at most width characters. With an earlier one it also shows how fast the counters rise.
func Render(w io.Writer, s Snapshot, earlier *Snapshot, width int) error {
	p := &picture{width: max(width, 20), s: &s}
	p.head()
	p.peers()
	p.counters(earlier)
	p.tables()
	p.replicas()
	p.problems()
	_, err := io.WriteString(w, p.b.String())
	return err
}

type picture struct {
	b     strings.Builder
	width int
	s     *Snapshot
}

func (p *picture) line(format string, args ...any) {
	p.b.WriteString(strings.TrimRight(cut(fmt.Sprintf(format, args...), p.width), " "))
	p.b.WriteByte('\n')
}

// head tells about the relay itself.
func (p *picture) head() {
	s := p.s
	state := "ready"
	if !s.Status.Ready {
		state = "NOT READY: " + s.Status.Reason
	}
	p.line("region %s (%d) of %s   %s", s.Self.Name, s.Self.Region, s.Self.Cluster, state)
	p.line("%s   octant %s   up %s", s.At.UTC().Format("2006-01-02 15:04:05 UTC"), strings.TrimPrefix(s.Version, "octant "), readable.Age(s.At.Sub(s.Status.Started)))
	p.line("")
	p.line("database  %s at %s", s.Status.Engine, s.Status.DatabaseAt)
	p.line("capture   %s", p.capture())
	p.line("apply     %s", p.apply())
	p.line("log       %s", p.log())
}

func (p *picture) capture() string {
	c := p.s.Status.Capture
	words := []string{"connected"}
	switch {
	case !c.Connected:
		words[0] = "NOT CONNECTED"
	case c.CaughtUp:
		words[0] = "connected, caught up"
	}
	words = append(words, fmt.Sprintf("entry %d", c.LSN))
	if c.LSN > c.Merged {
		words = append(words, fmt.Sprintf("%d not merged", c.LSN-c.Merged))
	}
	if !c.LastEvent.IsZero() {
		words = append(words, "last event "+readable.Age(p.s.At.Sub(c.LastEvent))+" ago")
	}
	return strings.Join(append(words, c.Err), "   ")
}

func (p *picture) apply() string {
	a := p.s.Status.Apply
	words := []string{"writable"}
	if !a.Writable {
		words[0] = "NOT WRITABLE"
	}
	words = append(words, fmt.Sprintf("index %d", a.Index), fmt.Sprintf("pending %d", a.Pending), fmt.Sprintf("repairs %d", a.Repairs))
	if a.Frontier > 0 {
		words = append(words, "frontier "+readable.Age(p.s.At.Sub(time.UnixMicro(int64(a.Frontier))))+" ago")
	}
	return strings.Join(append(words, a.Err), "   ")
}

func (p *picture) log() string {
	l := p.s.Log
	words := []string{fmt.Sprintf("entries %d to %d", l.First, l.Last), readable.Bytes(float64(l.Bytes))}
	if l.File != "" {
		words = append(words, fmt.Sprintf("%s:%d", l.File, l.Position))
	}
	if !l.Oldest.IsZero() {
		words = append(words, "oldest "+readable.Age(p.s.At.Sub(l.Oldest))+" ago")
	}
	return strings.Join(words, "   ")
}

func (p *picture) peers() {
	t := table{right: []bool{false, false, true, true, true, true, true, true}}
	t.add("PEER", "STATE", "LAG", "APPLIED", "RECEIVED", "HOLDS", "OFFSET", "RETRIES", "ERROR")
	for _, peer := range p.s.Peers {
		t.add(peer.Region, peer.State, readable.Short(peer.Lag), peer.Applied.Seq, peer.Received.Seq, peer.Holds, readable.Short(peer.Offset),
			peer.Reconnects, peer.LastError)
	}
	p.table(&t, "no peers are configured")
}

// counters shows totals since the relay started, and rates if there is an earlier snapshot of the same relay process.
func (p *picture) counters(earlier *Snapshot) {
	now, before := p.s.Status.Counters, relay.Counters{}
	var passed float64
	if earlier != nil && earlier.Status.Started.Equal(p.s.Status.Started) {
		before = earlier.Status.Counters
		passed = p.s.At.Sub(earlier.At).Seconds()
	}
	rate := func(now, before uint64, text func(float64) string) string {
		if passed <= 0 || now < before {
			return "-"
		}
		return text(float64(now-before)/passed) + "/s"
	}
	t := table{right: []bool{false, true, true, true, true}}
	t.add("", "TRANSACTIONS", "", "BYTES", "")
	for _, c := range []struct {
		name             string
		n, nBefore, b, c uint64
	}{
		{"captured", now.CapturedTransactions, before.CapturedTransactions, now.CapturedBytes, before.CapturedBytes},
		{"received", now.ReceivedTransactions, before.ReceivedTransactions, now.ReceivedBytes, before.ReceivedBytes},
		{"served", now.ServedTransactions, before.ServedTransactions, now.ServedBytes, before.ServedBytes},
	} {
		t.add(c.name, c.n, rate(c.n, c.nBefore, readable.Number), readable.Bytes(float64(c.b)), rate(c.b, c.c, readable.Bytes))
	}
	t.add("applied", now.AppliedTransactions, rate(now.AppliedTransactions, before.AppliedTransactions, readable.Number), "", "")
	p.table(&t, "")
	p.line("")
	p.line("rows written %d (%s)   skipped %d   conflicts %d   inversions %d   repaired %d   retries %d",
		now.AppliedRows, rate(now.AppliedRows, before.AppliedRows, readable.Number), now.SkippedRows, now.Conflicts, now.Inversions,
		now.RepairsDone, now.ApplyRetries)
}

// tables lists those that are not replicated as they should be.
func (p *picture) tables() {
	t := table{}
	t.add("TABLE HELD", "WHY")
	for _, s := range p.s.Tables {
		if s.State == "held" {
			t.add(s.Schema+"."+s.Name, s.Reason)
		}
	}
	if len(t.rows) > 1 {
		p.table(&t, "")
	}
}

func (p *picture) replicas() {
	t := table{right: []bool{false, true, false, true, true}}
	t.add("READER", "SERVER ID", "FROM", "ENTRY", "SENT")
	for _, r := range p.s.Replicas {
		t.add(r.Kind, r.ServerID, r.User+"@"+r.Host, r.LSN, readable.Bytes(float64(r.Sent)))
	}
	if len(t.rows) > 1 {
		p.table(&t, "")
	}
}

func (p *picture) problems() {
	if len(p.s.Problems) == 0 {
		return
	}
	p.line("")
	p.line("PROBLEMS")
	for _, problem := range p.s.Problems {
		seen := readable.Age(p.s.At.Sub(problem.Since)) + " ago"
		if problem.Count > 1 {
			seen = fmt.Sprintf("%d times, first %s", problem.Count, seen)
		}
		p.line("  %s %s: %s (%s)", problem.Kind, problem.Subject, problem.Detail, seen)
		p.line("    %s", problem.Remedy)
	}
}

// table draws a table after an empty line, or says what it means that it has no rows.
func (p *picture) table(t *table, none string) {
	p.line("")
	if len(t.rows) == 1 && none != "" {
		p.line("%s", none)
		return
	}
	for _, l := range t.lines() {
		p.line("%s", l)
	}
}

// cut leaves out what is beyond the width, and what would move a terminal's cursor.
func cut(s string, width int) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
			return ' '
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) <= width {
		return s
	}
	return string([]rune(s)[:width-1]) + "…"
}
