package bench_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/bench"
)

func TestMedian(t *testing.T) {
	for _, c := range []struct {
		figures []float64
		want    float64
	}{
		{nil, 0},
		{[]float64{7}, 7},
		{[]float64{9, 1, 5}, 5},
		{[]float64{4, 1, 3, 2}, 2.5},
	} {
		before := slices.Clone(c.figures)
		if got := bench.Median(c.figures); got != c.want {
			t.Errorf("Median(%v) = %v, want %v", before, got, c.want)
		}
		if !slices.Equal(before, c.figures) {
			t.Errorf("Median changed the order of %v to %v", before, c.figures)
		}
	}
}

// The ratio is that of a round, not of the medians: a round in which the machine was busy was so for both.
func TestRatiosAreOfRounds(t *testing.T) {
	c := bench.Comparison{Goal: bench.Faster, Target: 1.2}
	c.Add(1, 2, 0)
	c.Add(10, 11, 0)
	c.Add(4, 6, 0)
	if got, want := c.Ratios(), []float64{1.1, 1.5, 2}; !slices.Equal(got, want) {
		t.Errorf("ratios %v, want %v", got, want)
	}
	if !c.Met() {
		t.Error("a median of 1.5 does not meet 1.2")
	}
}

func TestGoals(t *testing.T) {
	for _, c := range []struct {
		goal         bench.Goal
		target       float64
		ours, theirs float64
		met          bool
	}{
		{bench.Faster, 1, 2, 1.9, false},
		{bench.Faster, 1, 2, 2, true},
		{bench.AtMost, 3, 6, 2, true},
		{bench.AtMost, 3, 6.1, 2, false},
		{bench.Below, 150, 149, 0, true},
		{bench.Below, 150, 150, 0, false},
		{bench.ForScale, 0, 9, 1, true},
	} {
		row := bench.Comparison{Goal: c.goal, Target: c.target}
		row.Add(c.ours, c.theirs, 0)
		if row.Met() != c.met {
			t.Errorf("goal %d, target %v: %v against %v is met: %v", c.goal, c.target, c.ours, c.theirs, row.Met())
		}
	}
}

func TestTable(t *testing.T) {
	faster := &bench.Comparison{What: "capture", Unit: "s", Goal: bench.Faster, Target: 1.2}
	faster.Add(2, 3, 4)
	below := &bench.Comparison{What: "memory", Unit: "MiB", Goal: bench.Below, Target: 150}
	below.Add(200, 0, 4)
	var b strings.Builder
	if err := bench.WriteTable(&b, []*bench.Comparison{faster, {What: "not run"}, below}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 {
		t.Fatalf("want a heading and two rows:\n%s", b.String())
	}
	for i, want := range [][]string{{"WHAT"}, {"capture", "1.50 (1.50, 1.50)", "≥ 1.20", "met"}, {"memory", "MISSED"}} {
		for _, text := range want {
			if !strings.Contains(lines[i], text) {
				t.Errorf("line %q lacks %q", lines[i], text)
			}
		}
	}
}
