package values

import (
	"slices"

	"github.com/octant-db/octant/relay"
)

// Demand is what a rule of conflicts asks of a table that several engines have. Regions decide each for itself, on rows in their own form: they come to the same if
// these forms are equal where the others' are.
type Demand struct {
	Alike     bool     // rows are compared or composed: columns must have one form for each value on both sides, and rows must be there whole
	Counters  []string // columns whose changes add up: both sides must stop at the same ends
	Timestamp string   // the column that says when a row was written, "" for none
}

// meets tells what of a demand two tables do not meet, nil if they meet it. Columns have been paired before.
func (p *plan) meets(d Demand) *relay.TableError {
	if more := p.logged.Columns[len(p.to.Columns):]; len(more) > 0 && (d.Alike || d.Timestamp != "") {
		return p.held("column %s stands only here, and its rule of conflicts takes rows as they are: drop it, or add it where the change was made", more[0].Name)
	}
	for i := range p.to.Columns {
		if e := p.meetsColumn(d, i); e != nil {
			return e
		}
	}
	return nil
}

func (p *plan) meetsColumn(d Demand, i int) *relay.TableError {
	here, there := p.to.Columns[i].Name, p.from.Columns[p.source[i]].Name
	from, to := &p.from.Plain.Types()[p.source[i]], &p.to.Plain.Types()[i]
	named := func(list []string) bool { return slices.Contains(list, here) || slices.Contains(list, there) }
	counts, times := named(d.Counters), d.Timestamp != "" && named([]string{d.Timestamp})
	const differ = "column %s is %s there and %s here: "
	switch {
	case (counts || times) && here != there:
		return p.held("column %s is called %s there, and its rule of conflicts names it: call it the same", here, there)
	case counts && !sameRange(from, to):
		return p.held(differ+"counters must have the same range in all regions", here, from.Name, to.Name)
	case times && !sameMoments(from, to):
		return p.held(differ+"a column of timestamp must be of the same kind in all regions", here, from.Name, to.Name)
	case d.Alike && !alike(from, to):
		return p.held(differ+"one value can look different there and here, and its rule of conflicts compares rows; give it the same size, or exclude it from the rule", here, from.Name, to.Name)
	}
	return nil
}

// alike tells whether values that are equal in the one type are equal in the other. Engines write JSON documents anew, each in its own way, and numbers without a size
// keep zeros at their end.
func alike(from, to *relay.Type) bool {
	return !unlike(from) && !unlike(to)
}

func unlike(t *relay.Type) bool {
	return t.Kind == relay.JSON || t.Kind == relay.Decimal && t.Digits == 0
}

// sameRange tells whether numbers of both types stop at the same ends, and are rounded alike.
func sameRange(from, to *relay.Type) bool {
	switch {
	case from.Kind != to.Kind:
		return false
	case from.Kind == relay.Int || from.Kind == relay.Uint:
		return from.Bits == to.Bits
	case from.Kind == relay.Decimal:
		return from.Digits == to.Digits && from.Scale == to.Scale && from.Digits > 0
	}
	return from.Kind == relay.Float32 || from.Kind == relay.Float64
}

// sameMoments tells whether columns of both types say a time alike.
func sameMoments(from, to *relay.Type) bool {
	whole := func(t *relay.Type) bool { return t.Kind == relay.Int || t.Kind == relay.Uint }
	return whole(from) && whole(to) || from.Kind == to.Kind && (from.Kind == relay.DateTime || from.Kind == relay.Timestamp)
}
