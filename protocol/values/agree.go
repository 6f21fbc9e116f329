package values

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Agree finds how regions of several engines compare the rows of a table: every type must have counterparts in all others. The error says in
// which regions something does not go together, and what.
func Agree(regions []string, shapes []*relay.Shape) (*relay.ValueForm, error) {
	tables := make([]*relay.Table, len(shapes))
	for i, s := range shapes {
		if s.Problem != "" {
			return nil, fmt.Errorf("region %s: %s", regions[i], s.Problem)
		}
		tables[i] = shaped(s)
	}
	for i, from := range tables {
		for j, to := range tables {
			if from.Flavour == to.Flavour {
				continue
			}
			var held *relay.TableError
			if _, err := NewForm(from, to); errors.As(err, &held) {
				return nil, fmt.Errorf("rows of region %s in region %s: %s", regions[i], regions[j], held.Reason)
			}
		}
	}
	return agreed(shapes), nil
}

// shaped makes a table of a shape, of which nothing but its definition is asked.
func shaped(s *relay.Shape) *relay.Table {
	t := &relay.Table{Flavour: s.Flavour}
	p := &shapeOnly{}
	for _, c := range s.Columns {
		t.Columns = append(t.Columns, relay.Column{Name: c.Name})
		p.types = append(p.types, c.Type)
	}
	for _, k := range s.Key {
		t.Key = append(t.Key, relay.KeyPart{Column: k})
	}
	t.Plain = p
	return t
}

// shapeOnly knows types and has no rows.
type shapeOnly struct {
	relay.Plain
	types []relay.Type
}

func (p *shapeOnly) Types() []relay.Type { return p.types }

// agreed makes the form of shapes that go together.
func agreed(shapes []*relay.Shape) *relay.ValueForm {
	f := &relay.ValueForm{Ordered: true}
	for i, c := range shapes[0].Columns {
		column := relay.FormColumn{Name: strings.ToLower(c.Name), Key: slices.Index(shapes[0].Key, i) + 1}
		kinds := map[relay.Kind]bool{}
		for _, s := range shapes {
			at := slices.IndexFunc(s.Columns, func(other relay.ShapeColumn) bool { return strings.EqualFold(other.Name, c.Name) })
			other := &s.Columns[at]
			kinds[other.Type.Kind] = true
			column.Long = column.Long || long(&other.Type)
			f.Ordered = f.Ordered && (column.Key == 0 || other.Order == c.Order)
		}
		column.As = textOf(kinds)
		if column.Long = column.Long && column.Key == 0; column.Long && column.As == relay.AsBytes {
			column.As = relay.AsOctets
		}
		f.Columns = append(f.Columns, column)
	}
	slices.SortFunc(f.Columns, func(a, b relay.FormColumn) int { return cmp.Compare(a.Name, b.Name) })
	return f
}

// maxShort is how long a value may be so that it stands in a row's digest itself.
const maxShort = 4096

func long(t *relay.Type) bool {
	switch t.Kind {
	case relay.JSON, relay.Geometry:
		return true
	case relay.Text, relay.Binary:
		return t.Length == 0 || t.Length > maxShort
	}
	return false
}

// textOf picks the text of a column that has these kinds in the regions; see rules for which of them meet.
func textOf(kinds map[relay.Kind]bool) relay.ValueText {
	switch {
	case kinds[relay.JSON]:
		return relay.AsJSON
	case kinds[relay.Text], kinds[relay.Enum], kinds[relay.Set]:
		return relay.AsText
	case kinds[relay.UUID], kinds[relay.Binary], kinds[relay.Geometry]:
		return relay.AsBytes
	case kinds[relay.Bits]:
		return relay.AsBits
	case kinds[relay.Float32], kinds[relay.Float64]:
		return relay.AsFloat
	case kinds[relay.Int], kinds[relay.Uint], kinds[relay.Year], kinds[relay.Bool], kinds[relay.Decimal]:
		return relay.AsNumber
	}
	return relay.AsMoment
}

// ShapeOf describes a table to regions of other engines. order says how a column is ordered; see relay.ShapeColumn.
func ShapeOf(t *relay.Table, order func(column int) string) *relay.Shape {
	s := &relay.Shape{Flavour: t.Flavour}
	for i, c := range t.Columns {
		s.Columns = append(s.Columns, relay.ShapeColumn{Name: c.Name, Type: t.Plain.Types()[i]})
	}
	for _, part := range t.Key {
		s.Key = append(s.Key, part.Column)
		s.Columns[part.Column].Order = order(part.Column)
		if part.Prefix > 0 {
			s.Problem = "its primary key is on a part of a column, which other engines do not have"
		}
	}
	return s
}
