package logical

import (
	"encoding/binary"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// The kinds of a column in an image.
const (
	IsNull   = 'n'
	IsText   = 't'
	IsAbsent = 'u' // the image does not say: a large value that was not changed, or a column outside the key
)

// tuple reads TupleData and returns its bytes.
func (r *reader) tuple() relay.Image {
	start := r.rest
	for range r.uint16() {
		switch r.byte() {
		case IsNull, IsAbsent:
		case IsText:
			r.take(int(min(r.uint32(), 1<<31-1)))
		default:
			r.fail()
		}
		if r.bad {
			return nil
		}
	}
	if r.bad {
		return nil
	}
	n := len(start) - len(r.rest)
	return relay.Image(start[:n:n])
}

// Cell is one column of an image.
type Cell struct {
	Kind byte   // IsNull, IsText or IsAbsent
	Text []byte // aliases the image
}

// Cells appends the columns of an image of a table with the given number of columns to list.
func Cells(list []Cell, image relay.Image, columns int) ([]Cell, error) {
	r := reader{rest: image}
	if n := int(r.uint16()); n != columns {
		return list, fmt.Errorf("read row: %d columns, and the table has %d: %w", n, columns, ErrMalformed)
	}
	for range columns {
		c := Cell{Kind: r.byte()}
		switch c.Kind {
		case IsNull, IsAbsent:
		case IsText:
			c.Text = r.take(int(min(r.uint32(), 1<<31-1)))
		default:
			r.fail()
		}
		list = append(list, c)
	}
	return list, wrap("row", r.finish())
}

// AppendImage appends cells as an image.
func AppendImage(b []byte, cells []Cell) relay.Image {
	b = binary.BigEndian.AppendUint16(b, uint16(len(cells)))
	for _, c := range cells {
		b = append(b, c.Kind)
		if c.Kind == IsText {
			b = binary.BigEndian.AppendUint32(b, uint32(len(c.Text)))
			b = append(b, c.Text...)
		}
	}
	return b
}

// HasAbsent tells whether an image that was read before lacks columns.
func HasAbsent(cells []Cell) bool {
	for i := range cells {
		if cells[i].Kind == IsAbsent {
			return true
		}
	}
	return false
}

// keyImage returns an image with the table's key and nothing else.
func keyImage(t *relay.Table, cells []Cell) relay.Image {
	only := make([]Cell, len(cells))
	for i := range only {
		only[i].Kind = IsAbsent
	}
	for _, part := range t.Key {
		only[part.Column] = cells[part.Column]
	}
	return AppendImage(nil, only)
}
