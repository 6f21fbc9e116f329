package demo

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

var sample = []line{
	{region: "a", perSecond: 100, rows: 1234, conflicts: 7, lag: 20 * time.Millisecond},
	{region: "b", perSecond: 50, rows: 999, conflicts: 3, state: "relay killed", silent: true, lag: time.Second},
	{region: "h", rows: 5, state: "cut off", lag: 12 * time.Second},
}

func TestBoard(t *testing.T) {
	want := `  region   rows/s                            rows  conflicts      lag
  a           100  ####################      1234          7   0.02 s
  b            50  ##########                 999          3        ?  relay killed
  h             0                               5          0     12 s  cut off`
	if got := strings.Join(board(sample, false), "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestShort(t *testing.T) {
	const want = "   3 s: 150 rows/s in all, 2238 rows, 7 conflicts, lag at most 12 s; b relay killed; h cut off"
	if got := short(3*time.Second, sample); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColumns(t *testing.T) {
	got := columns([][]string{{"rows in", "a", "b"}, {"shop.größe", "12", "1"}, {"x"}})
	want := []string{"  rows in      a  b", "  shop.größe  12  1", "  x"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestScreenDrawsInPlace(t *testing.T) {
	var b bytes.Buffer
	s := newScreen(&b, true)
	s.draw([]string{"one", "two"})
	s.say("said")
	s.draw([]string{"three"})
	s.draw([]string{"four"})
	s.keep()
	s.say("end")
	const want = "one\ntwo\n\x1b[2A\x1b[0Jsaid\nthree\n\x1b[1A\x1b[0Jfour\nend\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
}

func TestScreenWithoutTerminal(t *testing.T) {
	var b bytes.Buffer
	s := newScreen(&b, false)
	s.draw([]string{"one"})
	s.say("said")
	s.clear()
	if b.String() != "said\n" {
		t.Errorf("got %q", b.String())
	}
}

func TestSumMetric(t *testing.T) {
	const page = `# HELP octant_conflicts_total conflicts
# TYPE octant_conflicts_total counter
octant_conflicts_total{kind="a} b",policy="lww"} 3
octant_conflicts_total{kind="c",policy="lww"} 4 1700000000
octant_conflicts_total_other 100
octant_conflicts_total
octant_conflicts_total{broken 9
`
	if got := sumMetric([]byte(page), "octant_conflicts_total"); got != 7 {
		t.Errorf("got %v, want 7", got)
	}
}

func TestPace(t *testing.T) {
	if few, many := pace(3, 2), pace(8, 2); few >= many || few < 5*time.Millisecond {
		t.Errorf("got %v for three regions, %v for eight", few, many)
	}
}

// TestApplication runs a region's application against a real server, without relays: no statement of it may be wrong.
func TestApplication(t *testing.T) {
	server := envtest.Server(t, testenv.ServerOptions{ID: 1, Relaxed: true})
	ctx := envtest.Context(t, time.Minute)
	if _, err := server.DB().ExecContext(ctx, schema); err != nil {
		t.Fatal(err)
	}
	w := newWriter(testenv.Site{Name: "a", ID: 1, DB: server.DB()})
	running, stop := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- w.run(running, 0) }()
	for w.rows.Load() < 2000 && len(done) == 0 {
		if err := wait(ctx, time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"orders", "customers", "stock", "everything"} {
		if n, err := scalar(ctx, server.DB(), "SELECT COUNT(*) FROM shop."+table); err != nil || n == 0 {
			t.Errorf("%s: %d rows, %v", table, n, err)
		}
	}
}
