package applier_test

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/applier"
)

// What lasts a day and is tried again each second is logged a few dozen times, the first time at once; its end is logged once.
func TestComplaint(t *testing.T) {
	var c applier.Complaint
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if _, was := c.Over(begin); was {
		t.Fatal("over before it began")
	}
	var lines []time.Duration
	for at := time.Duration(0); at < 24*time.Hour; at += time.Second {
		if c.Due(begin.Add(at)) {
			lines = append(lines, at)
		}
	}
	if len(lines) > 35 || lines[0] != 0 || lines[1] != 10*time.Second || lines[2] != 30*time.Second {
		t.Errorf("logged %d times: %v …", len(lines), lines[:min(5, len(lines))])
	}
	if lasted, was := c.Over(begin.Add(24 * time.Hour)); !was || lasted != 24*time.Hour {
		t.Errorf("lasted %s, %v", lasted, was)
	}
	if _, was := c.Over(begin.Add(25 * time.Hour)); was {
		t.Error("over twice")
	}
	if !c.Due(begin.Add(26 * time.Hour)) {
		t.Error("the next trouble is not heard at once")
	}
}

// lines keeps what is logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// An origin that is held up is logged once, however often it is tried again, and once when it goes on.
func TestHeldUpIsLoggedOnce(t *testing.T) {
	b, log := newBed(t, 2), &lines{}
	b.config = func(c *applier.Config) { c.Logger = slog.New(slog.NewTextHandler(log, nil)) }
	b.d.missing["app.later"] = true
	b.start()
	b.receive(2, now(), nil, line("app.later", "", "1||x"))
	eventually(t, "three reports", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		held := 0
		for _, p := range b.problems {
			if p.Kind == "apply_held" {
				held++
			}
		}
		return held >= 3
	})
	b.d.hook(func(d *database) { delete(d.missing, "app.later") })
	b.converged()
	eventually(t, "the end to be logged", func() bool { return log.count("are applied again") > 0 })
	if held, again := log.count("are held up"), log.count("are applied again"); held != 1 || again != 1 {
		t.Errorf("held up %d times, applied again %d times", held, again)
	}
}
