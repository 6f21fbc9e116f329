package console

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/octant-db/octant/internal/readable"
)

// spark is a line without axes, as SVG paths in its own units.
type spark struct{ Line, Area string }

const (
	sparkWidth, sparkHeight = 100, 24
	sparkPoints             = 60
)

// newSpark draws points from zero to the greatest of them, or to floor if that is more.
func newSpark(points []point, floor float64) spark {
	b := box{width: sparkWidth, height: sparkHeight - 2, top: 1, most: math.Max(greatest(points), floor)}
	b.span(points)
	return spark{Line: b.line(points), Area: b.area(points)}
}

// chart is several lines over time, with axes.
type chart struct {
	Title, Note   string
	Width, Height int
	Left, Bottom  int // where the axes are
	Lines         []chartLine
	Values        []tick // on the left
	Times         []tick // below
	Empty         bool
}

type chartLine struct {
	Name  string
	Color int // which of the style's colours
	Path  string
	Last  string
}

type tick struct {
	At    float64
	Label string
}

const (
	chartWidth, chartHeight = 620, 190
	chartLeft, chartBottom  = 52, 20 // room for the labels
	chartPoints             = 180
)

// curve is what a line of a chart shows.
type curve struct {
	name   string
	points []point
}

// axis is the values of a chart.
type axis struct {
	values []float64                   // of the grid lines, rising; the last is at the top
	scale  func(value float64) float64 // how high a value is, of any unit
	text   func(value float64) string
}

// linear is an axis from zero to the greatest value, or to floor if that is more.
func linear(most, floor float64, text func(float64) string) axis {
	most = math.Max(most, floor)
	step := stepOf(most)
	a := axis{scale: func(v float64) float64 { return v }, text: text}
	for v := 0.0; v < most+step; v += step {
		a.values = append(a.values, v)
	}
	return a
}

// lagSteps are the grid lines of lags, in seconds. A lag is read by its magnitude: milliseconds are as they should be, minutes are not.
var lagSteps = []float64{0.01, 0.1, 1, 10, 60, 600, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600}

// logarithmic is an axis for lags, from 10 ms to the greatest, or to a second if that is more.
func logarithmic(most float64) axis {
	n := 3
	for n < len(lagSteps) && lagSteps[n-1] < most {
		n++
	}
	return axis{values: lagSteps[:n], scale: func(v float64) float64 { return math.Log(math.Max(v, lagSteps[0]) / lagSteps[0]) }, text: seconds}
}

// newChart draws curves over an axis.
func newChart(title, note string, curves []curve, a axis) chart {
	c := chart{Title: title, Note: note, Width: chartWidth, Height: chartHeight, Left: chartLeft, Bottom: chartHeight - chartBottom}
	b := box{
		left: chartLeft, width: chartWidth - chartLeft - 4, top: 8, height: chartHeight - chartBottom - 8,
		scale: a.scale, most: a.scale(a.values[len(a.values)-1]),
	}
	for _, one := range curves {
		b.span(one.points)
	}
	for i, one := range curves {
		c.Lines = append(c.Lines, chartLine{Name: one.name, Color: i % 8, Path: b.line(one.points), Last: lastText(one.points, a.text)})
	}
	for _, v := range a.values {
		c.Values = append(c.Values, tick{At: b.y(v), Label: a.text(v)})
	}
	c.Times = b.times()
	c.Empty = !b.until.After(b.from)
	return c
}

// greatestOf is the greatest value of all curves.
func greatestOf(curves []curve) float64 {
	most := 0.0
	for _, one := range curves {
		most = math.Max(most, greatest(one.points))
	}
	return most
}

func lastText(points []point, text func(float64) string) string {
	if len(points) == 0 || math.IsNaN(points[len(points)-1].value) {
		return "–"
	}
	return text(points[len(points)-1].value)
}

// stepOf is a round distance of grid lines, so that there are two to five.
func stepOf(most float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(most/2)))
	for _, times := range []float64{1, 2, 5, 10} {
		if most/(step*times) <= 5 {
			return step * times
		}
	}
	return step * 10
}

// box is where points are drawn: a rectangle in SVG's units, the times from left to right, the values from most down to zero.
type box struct {
	left, top, width, height float64
	from, until              time.Time
	scale                    func(value float64) float64 // nil: as it is
	most                     float64                     // scaled
}

// span widens the times so that the points are within.
func (b *box) span(points []point) {
	if len(points) == 0 {
		return
	}
	if first := points[0].at; b.from.IsZero() || first.Before(b.from) {
		b.from = first
	}
	if last := points[len(points)-1].at; last.After(b.until) {
		b.until = last
	}
}

func (b *box) x(at time.Time) float64 {
	whole := b.until.Sub(b.from)
	if whole <= 0 {
		return b.left + b.width
	}
	return b.left + b.width*float64(at.Sub(b.from))/float64(whole)
}

func (b *box) y(value float64) float64 {
	if b.most <= 0 {
		return b.top + b.height
	}
	if b.scale != nil {
		value = b.scale(value)
	}
	return b.top + b.height*(1-value/b.most)
}

// line is the path through the points, with its gaps.
func (b *box) line(points []point) string {
	var s strings.Builder
	verb := byte('M')
	for _, p := range points {
		if math.IsNaN(p.value) {
			verb = 'M'
			continue
		}
		fmt.Fprintf(&s, "%c%.1f %.1f", verb, b.x(p.at), b.y(p.value))
		verb = 'L'
	}
	return s.String()
}

// area is what lies under the points, each piece between two gaps by itself.
func (b *box) area(points []point) string {
	var s strings.Builder
	ground := b.y(0)
	for len(points) > 0 {
		n := 0
		for n < len(points) && !math.IsNaN(points[n].value) {
			n++
		}
		if n > 1 {
			fmt.Fprintf(&s, "M%.1f %.1f%sL%.1f %.1fZ", b.x(points[0].at), ground,
				strings.Replace(b.line(points[:n]), "M", "L", 1), b.x(points[n-1].at), ground)
		}
		points = points[min(n+1, len(points)):]
	}
	return s.String()
}

// times are the labels below: the ends and three between them.
func (b *box) times() []tick {
	whole := b.until.Sub(b.from)
	if whole <= 0 {
		return nil
	}
	layout := "15:04"
	if whole < 10*time.Minute {
		layout = "15:04:05"
	}
	var list []tick
	for i := range 5 {
		at := b.from.Add(whole * time.Duration(i) / 4)
		list = append(list, tick{At: b.x(at), Label: at.UTC().Format(layout)})
	}
	return list
}

func greatest(points []point) float64 {
	most := 0.0
	for _, p := range points {
		if p.value > most {
			most = p.value
		}
	}
	return most
}

// seconds writes a lag.
func seconds(v float64) string { return readable.Short(time.Duration(v * float64(time.Second))) }

// perSecond writes a rate, "–" where there is none.
func perSecond(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return readable.Number(v) + "/s"
}
