package binlog

import (
	"fmt"

	"github.com/octant-db/octant/relay"
)

// Columns reads some columns of images and steps over the others. It is never changed once made, and safe for use from
// several goroutines.
type Columns struct {
	schema *Schema
	want   []int // by column: the place in the result, or -1
	last   int   // the last column that is wanted
	count  int
	text   int
}

// NewColumns returns a reader of the given columns of a table, which come in the order of the list. A column may be in it
// once.
func NewColumns(t *relay.Table, columns []int) (*Columns, error) {
	s, err := SchemaOf(t)
	if err != nil {
		return nil, err
	}
	c := &Columns{schema: s, want: make([]int, len(s.columns)), last: -1, count: len(columns)}
	for i := range c.want {
		c.want[i] = -1
	}
	for place, i := range columns {
		if i < 0 || i >= len(s.columns) || c.want[i] >= 0 {
			return nil, fmt.Errorf("read columns of %s: no column %d, or twice", t, i)
		}
		c.want[i], c.last = place, max(c.last, i)
		c.text += s.columns[i].text
	}
	return c, nil
}

// KeyColumns returns a reader of the primary key, in its own order. A table without one gives no values.
func KeyColumns(t *relay.Table) (*Columns, error) {
	columns := make([]int, len(t.Key))
	for i, part := range t.Key {
		columns[i] = part.Column
	}
	return NewColumns(t, columns)
}

// Values appends the columns' values to dst, and what of them must be written anew to arena; both are returned, to be used
// again for the next image when the values are not needed any more. With enough room in both nothing is allocated, but for
// COMPRESSED columns. Long values alias the image.
func (c *Columns) Values(image relay.Image, dst []relay.Value, arena []byte) ([]relay.Value, []byte, error) {
	first := len(dst)
	for range c.count {
		dst = append(dst, relay.Value{})
	}
	if cap(arena)-len(arena) < c.text {
		arena = make([]byte, 0, max(c.text, 64))
	}
	s, at := c.schema, c.schema.nullBytes
	if at > len(image) {
		return dst[:first], arena, s.malformed()
	}
	for i := 0; i <= c.last; i++ {
		if isNull(image, i) {
			continue
		}
		col := &s.columns[i]
		n := col.skip(image[at:])
		if n < 0 || n > len(image)-at {
			return dst[:first], arena, s.malformed()
		}
		if place := c.want[i]; place >= 0 {
			v, rest, err := col.value(image[at+int(col.prefix):at+n:at+n], arena)
			if err != nil {
				return dst[:first], arena, s.columnError(i, err)
			}
			dst[first+place], arena = v, rest
		}
		at += n
	}
	return dst, arena, nil
}
