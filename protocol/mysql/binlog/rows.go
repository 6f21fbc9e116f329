package binlog

import (
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// ErrRowImage is what rows give that were not logged whole.
var ErrRowImage = errors.New("the row was not logged whole: set binlog_row_image=FULL on the database and in its sessions, then write the rows again")

// Flags of rows events; see Rows_log_event in MariaDB's sql/log_event.h. A replica obeys them and not its session.
const (
	RowsEnd                uint16 = 0x01 // the last rows event of its statement
	RowsNoForeignKeyChecks uint16 = 0x02
	RowsRelaxedUnique      uint16 = 0x04
	RowsNoCheckConstraints uint16 = 0x80
)

// Rows is a rows event before its images are read.
type Rows struct {
	Op    relay.Op
	Table uint64 // the number that the TABLE_MAP before it gave the table
	Flags uint16
	width int
	whole bool // all columns are in the images
	// partial: of JSON documents the images after an update may have the differences only
	partial bool
	data    []byte // the images
}

// IsRows tells whether events of the type are rows events that ParseRows reads.
func IsRows(t EventType) bool {
	_, ok := rowsForm(t)
	return ok
}

// form is what a type says of a rows event.
type form struct {
	op         relay.Op
	extra      bool // version 2: more data in the header
	compressed bool
	partial    bool
}

func rowsForm(t EventType) (form, bool) {
	switch {
	case t >= WriteRowsV1Event && t <= DeleteRowsV1Event:
		return form{op: relay.Op(t-WriteRowsV1Event) + relay.Insert}, true
	case t >= WriteRowsEvent && t <= DeleteRowsEvent:
		return form{op: relay.Op(t-WriteRowsEvent) + relay.Insert, extra: true}, true
	case t == PartialUpdateRowsEvent:
		return form{op: relay.Update, extra: true, partial: true}, true
	case t >= WriteRowsCompressedV1 && t <= DeleteRowsCompressedV1:
		return form{op: relay.Op(t-WriteRowsCompressedV1) + relay.Insert, compressed: true}, true
	case t >= WriteRowsCompressed && t <= DeleteRowsCompressed:
		return form{op: relay.Op(t-WriteRowsCompressed) + relay.Insert, extra: true, compressed: true}, true
	}
	return form{}, false
}

// ParseRows reads a rows event of version 1 or 2, compressed or not. Images alias the event, or what was inflated.
func ParseRows(event []byte) (Rows, error) {
	h, err := ParseHeader(event)
	if err != nil {
		return Rows{}, err
	}
	f, ok := rowsForm(h.Type)
	if !ok || int(h.Size) != len(event) || len(event) < HeaderSize+ChecksumSize {
		return Rows{}, fmt.Errorf("parse rows event: type %d, %d of %d bytes: %w", h.Type, len(event), h.Size, ErrMalformed)
	}
	r := reader{rest: Body(event)}
	rows := Rows{Op: f.op, Table: r.u48(), Flags: r.u16(), partial: f.partial}
	if f.extra {
		r.bytes(int(r.u16()) - 2)
	}
	rows.bitmaps(&r)
	rows.data = r.rest
	if err := r.finish("rows event"); err != nil {
		return Rows{}, err
	}
	if f.compressed {
		rows.data, err = inflate(rows.data)
	}
	return rows, err
}

// Partial tells whether some documents of the rows may be there as differences only. Whether any is only a cursor can tell.
func (r *Rows) Partial() bool { return r.partial }

// Empty tells whether the event has neither columns nor rows: servers may write such only to end a statement.
func (r *Rows) Empty() bool { return r.width == 0 }

// bitmaps reads which columns the images have; an UPDATE says it for each of its two.
func (r *Rows) bitmaps(in *reader) {
	width := in.packed()
	if width == 0 && len(in.rest) == 0 {
		return
	}
	if width == 0 || width > maxColumns {
		in.rest, in.bad = nil, true
		return
	}
	r.width = int(width)
	size := (r.width + 7) / 8
	r.whole = allSet(in.bytes(size), r.width)
	if r.Op == relay.Update {
		r.whole = allSet(in.bytes(size), r.width) && r.whole
	}
}

func allSet(bits []byte, n int) bool {
	for i := range bits {
		mask := byte(0xFF)
		if left := n - 8*i; left < 8 {
			mask = 1<<left - 1
		}
		if bits[i]&mask != mask {
			return false
		}
	}
	return true
}

// Images returns a cursor over the rows. The schema must be that of the table map with the event's number. Images that
// do not have all columns give ErrRowImage; those that do not have the whole of a JSON document end the iteration with ErrPartialJSON.
func (r *Rows) Images(s *Schema) (ImageCursor, error) {
	if r.width != len(s.columns) {
		return ImageCursor{}, fmt.Errorf("read rows of %s: %d columns where the table map has %d: %w", s.Table, r.width, len(s.columns), ErrMalformed)
	}
	if !r.whole {
		return ImageCursor{}, fmt.Errorf("read rows of %s: %w", s.Table, ErrRowImage)
	}
	return ImageCursor{op: r.Op, partial: r.partial, schema: s, rest: r.data}, nil
}

// ImageCursor steps through the images of one rows event.
type ImageCursor struct {
	Before, After relay.Image // of the row that Next went to

	op      relay.Op
	partial bool
	schema  *Schema
	rest    []byte
	err     error
}

// Next goes to the next row. After false, Err tells whether that was the end.
func (c *ImageCursor) Next() bool {
	if len(c.rest) == 0 || c.err != nil {
		return false
	}
	c.Before, c.After = nil, nil
	if c.op != relay.Insert {
		c.Before = c.image()
	}
	if c.partial && !c.options() {
		return false
	}
	if c.op != relay.Delete {
		c.After = c.image()
	}
	return c.err == nil
}

// options reads what stands before the image after a PARTIAL_UPDATE_ROWS: a number, and, if that is odd, a bit per JSON column that tells
// whether the image has its differences only. Servers with binlog_row_value_options=PARTIAL_JSON write all updates so.
func (c *ImageCursor) options() bool {
	r := reader{rest: c.rest}
	if r.packed()&1 != 0 {
		for _, b := range r.bytes((c.schema.documents() + 7) / 8) {
			if b != 0 {
				c.err = fmt.Errorf("read rows of %s: %w", c.schema.Table, ErrPartialJSON)
				return false
			}
		}
	}
	if r.bad {
		c.err = fmt.Errorf("read rows of %s: an image does not fit the table: %w", c.schema.Table, ErrMalformed)
		return false
	}
	c.rest = r.rest
	return true
}

func (c *ImageCursor) image() relay.Image {
	n := c.schema.size(c.rest)
	if n <= 0 {
		c.err = fmt.Errorf("read rows of %s: an image does not fit the table: %w", c.schema.Table, ErrMalformed)
		return nil
	}
	image := c.rest[:n:n]
	c.rest = c.rest[n:]
	return image
}

// Err returns what ended the iteration early.
func (c *ImageCursor) Err() error { return c.err }
