package logical

import (
	"encoding/binary"
	"fmt"
	"slices"

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
	list = slices.Grow(list, columns)
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
	size := 2
	for i := range cells {
		size += cells[i].size()
	}
	b = binary.BigEndian.AppendUint16(slices.Grow(b, size), uint16(len(cells)))
	for i := range cells {
		b = cells[i].append(b)
	}
	return b
}

// size is how many bytes of an image a cell takes at most.
func (c *Cell) size() int { return 1 + 4 + len(c.Text) }

func (c *Cell) append(b []byte) []byte {
	b = append(b, c.Kind)
	if c.Kind == IsText {
		b = binary.BigEndian.AppendUint32(b, uint32(len(c.Text)))
		b = append(b, c.Text...)
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
	size := 2 + len(cells)
	for _, part := range t.Key {
		size += cells[part.Column].size()
	}
	b := binary.BigEndian.AppendUint16(make([]byte, 0, size), uint16(len(cells)))
	for i := range cells {
		if slices.ContainsFunc(t.Key, func(part relay.KeyPart) bool { return part.Column == i }) {
			b = cells[i].append(b)
		} else {
			b = append(b, IsAbsent)
		}
	}
	return b
}
