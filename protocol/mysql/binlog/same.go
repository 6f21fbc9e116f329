package binlog

import (
	"bytes"
	"math"
	"strings"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// same compares the columns that both definitions have; see relay.Table.Same. Columns that one of them lacks have, for such rows, what stands
// there in every region.
func (s *Schema) same(img relay.Image, other *relay.Table, otherImg relay.Image) bool {
	if other.Decode == nil {
		return false
	}
	if other.Flavour != s.Table.Flavour {
		return values.Same(s.Table, img, other, otherImg)
	}
	a, errA := s.Decode(img)
	b, errB := other.Decode(otherImg)
	if errA != nil || errB != nil {
		return false
	}
	place := make(map[string]int, len(other.Columns))
	for i := range other.Columns {
		place[strings.ToLower(other.Columns[i].Name)] = i
	}
	for i := range s.Table.Columns {
		if j, ok := place[strings.ToLower(s.Table.Columns[i].Name)]; ok && !equal(a[i], b[j]) {
			return false
		}
	}
	return true
}

// equal compares two values exactly.
func equal(a, b relay.Value) bool {
	return a.Kind == b.Kind && a.Int == b.Int && a.Uint == b.Uint && math.Float64bits(a.Float) == math.Float64bits(b.Float) && bytes.Equal(a.Bytes, b.Bytes)
}
