package logical

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// Description is what a table's rows need in order to be understood in another region. Its bytes are relay.Table.Native: tables
// with the same definition have the same.
type Description struct {
	Schema, Name string
	Columns      []Column
	Key          []int // the primary key's columns in its order
}

// Column of a Description.
type Column struct {
	Name string
	Type string // as format_type says
	Form Form   // how its text is read
	// Collation is set if it is not deterministic: then equal texts may differ in their bytes. Quoted, with its schema.
	Collation string
	Labels    []string // of an enum
}

// Append appends the description's bytes.
func (d *Description) Append(b []byte) []byte {
	b = appendString(appendString(b, d.Schema), d.Name)
	b = binary.AppendUvarint(b, uint64(len(d.Columns)))
	for _, c := range d.Columns {
		b = append(appendString(appendString(b, c.Name), c.Type), byte(c.Form))
		b = appendStrings(appendString(b, c.Collation), c.Labels)
	}
	b = binary.AppendUvarint(b, uint64(len(d.Key)))
	for _, k := range d.Key {
		b = binary.AppendUvarint(b, uint64(k))
	}
	return b
}

// ParseDescription reads what Append wrote.
func ParseDescription(b []byte) (*Description, error) {
	r := reader{rest: b}
	d := &Description{Schema: r.string(), Name: r.string()}
	for range r.count() {
		if r.bad {
			break
		}
		d.Columns = append(d.Columns, Column{
			Name: r.string(), Type: r.string(), Form: Form(r.byte()), Collation: r.string(), Labels: r.strings(),
		})
	}
	for range r.count() {
		n, size := binary.Uvarint(r.rest)
		if size <= 0 || n >= uint64(len(d.Columns)) {
			r.fail()
			break
		}
		r.rest = r.rest[size:]
		d.Key = append(d.Key, int(n))
	}
	return d, wrap("table description", r.finish())
}

// Table makes a relay.Table of the description, whose bytes are native. They are kept.
func (d *Description) table(native []byte) *relay.Table {
	t := &relay.Table{Schema: d.Schema, Name: d.Name, Flavour: Flavour, Native: native}
	for _, c := range d.Columns {
		t.Columns = append(t.Columns, relay.Column{
			Name: c.Name, Kind: c.Form.Kind(), Type: c.Type, Collation: c.Collation, Charset: c.Form.charset(), Labels: c.Labels,
		})
	}
	for _, k := range d.Key {
		t.Key = append(t.Key, relay.KeyPart{Column: k})
	}
	t.Decode = func(image relay.Image) ([]relay.Value, error) { return d.values(image) }
	t.As = func(image relay.Image, other *relay.Table) (relay.Image, error) { return values.As(t, image, other) }
	p := newPlain(d)
	t.Plain, t.Composer, t.Unset = p, composer{p}, d.unset
	t.Same = func(img relay.Image, other *relay.Table, otherImg relay.Image) bool {
		if other.Flavour == Flavour {
			return sameShared(t, img, other, otherImg)
		}
		return values.Same(t, img, other, otherImg)
	}
	return t
}

// unset implements relay.Table.Unset.
func (d *Description) unset(image relay.Image, columns []int) (relay.Image, error) {
	cells, err := Cells(nil, image, len(d.Columns))
	if err != nil {
		return nil, err
	}
	for _, i := range columns {
		cells[i] = Cell{Kind: IsNull}
	}
	return AppendImage(nil, cells), nil
}

// sameShared compares the columns that both definitions have. Columns that one of them lacks have, for such rows, what stands there for all of them.
func sameShared(t *relay.Table, img relay.Image, other *relay.Table, otherImg relay.Image) bool {
	a, errA := Cells(nil, img, len(t.Columns))
	b, errB := Cells(nil, otherImg, len(other.Columns))
	if errA != nil || errB != nil {
		return false
	}
	place := make(map[string]int, len(b))
	for i := range other.Columns {
		place[other.Columns[i].Name] = i
	}
	for i := range a {
		if j, ok := place[t.Columns[i].Name]; ok && (a[i].Kind != b[j].Kind || !bytes.Equal(a[i].Text, b[j].Text)) {
			return false
		}
	}
	return true
}

// Schema is a table as it travels, with the description that it was made of.
type Schema struct {
	Table       *relay.Table
	Description *Description
}

// maxCached bounds the cache by the number of its tables.
const maxCached = 8192

// TableCache makes tables of descriptions, each once. It may be used from several goroutines.
type TableCache struct {
	mu     sync.Mutex
	tables map[string]*Schema
}

// NewTableCache returns an empty cache.
func NewTableCache() *TableCache { return &TableCache{tables: make(map[string]*Schema)} }

// Get returns the table that the bytes describe.
func (c *TableCache) Get(native []byte) (*Schema, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.tables[string(native)]; s != nil {
		return s, nil
	}
	d, err := ParseDescription(native)
	if err != nil {
		return nil, err
	}
	if len(d.Columns) > 1<<15 {
		return nil, fmt.Errorf("read table description: %d columns: %w", len(d.Columns), ErrMalformed)
	}
	own := append([]byte(nil), native...)
	s := &Schema{Table: d.table(own), Description: d}
	if len(c.tables) >= maxCached {
		clear(c.tables)
	}
	c.tables[string(own)] = s
	return s, nil
}
