package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
)

// Goal says how two figures are compared, and what is aimed at.
type Goal int

// The kinds of goals.
const (
	Faster   Goal = iota // theirs / ours, at least the target: small figures are good
	AtLeast              // ours / theirs, at least the target: large figures are good
	AtMost               // ours / theirs, at most the target
	Below                // ours alone, below the target
	ForScale             // ours / theirs, without a target
)

// Comparison is one row of the report: the same thing measured in several rounds.
type Comparison struct {
	What   string
	Unit   string
	Goal   Goal
	Target float64
	Ours   []float64
	Theirs []float64 // of the same rounds; none if the goal is Below
	Load   []float64 // load averages of the machine when the rounds ended
}

// Add takes down one round.
func (c *Comparison) Add(ours, theirs, load float64) {
	c.Ours, c.Theirs, c.Load = append(c.Ours, ours), append(c.Theirs, theirs), append(c.Load, load)
}

// Ratios returns the rounds' ratios in ascending order; what they mean depends on the goal.
func (c *Comparison) Ratios() []float64 {
	ratios := make([]float64, 0, len(c.Ours))
	for i, ours := range c.Ours {
		switch c.Goal {
		case Faster:
			ratios = append(ratios, c.Theirs[i]/ours)
		case Below:
			ratios = append(ratios, ours/c.Target)
		default:
			ratios = append(ratios, ours/c.Theirs[i])
		}
	}
	slices.Sort(ratios)
	return ratios
}

// Met says whether the median reaches the target.
func (c *Comparison) Met() bool {
	switch middle := Median(c.Ratios()); c.Goal {
	case Faster, AtLeast:
		return middle >= c.Target
	case AtMost:
		return middle <= c.Target
	case Below:
		return middle < 1
	default:
		return true
	}
}

// verdict is what the table says of the target.
func (c *Comparison) verdict() (target, met string) {
	format := map[Goal]string{Faster: "≥ %.2f", AtLeast: "≥ %.2f", AtMost: "≤ %.2f", Below: "< %.0f " + c.Unit}[c.Goal]
	if format == "" {
		return "-", "-"
	}
	target, met = fmt.Sprintf(format, c.Target), "MISSED"
	if c.Met() {
		met = "met"
	}
	return target, met
}

// Median returns the middle of the figures, 0 if there are none. It leaves their order alone.
func Median(figures []float64) float64 {
	if len(figures) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(figures))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// WriteTable writes the report: medians, the ratios with their spread, and whether targets are met.
func WriteTable(w io.Writer, rows []*Comparison) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, "WHAT\tOURS\tTHEIRS\tRATIO (MIN, MAX)\tTARGET\t\tROUNDS\tLOAD")
	for _, c := range rows {
		if len(c.Ours) == 0 {
			continue
		}
		theirs, ratio := "-", "-"
		if c.Goal != Below {
			ratios := c.Ratios()
			theirs = fmt.Sprintf("%.2f %s", Median(c.Theirs), c.Unit)
			ratio = fmt.Sprintf("%.2f (%.2f, %.2f)", Median(ratios), ratios[0], ratios[len(ratios)-1])
		}
		target, met := c.verdict()
		fmt.Fprintf(t, "%s\t%.2f %s\t%s\t%s\t%s\t%s\t%d\t%.1f\n", c.What, Median(c.Ours), c.Unit, theirs, ratio,
			target, met, len(c.Ours), Median(c.Load))
	}
	return t.Flush()
}
