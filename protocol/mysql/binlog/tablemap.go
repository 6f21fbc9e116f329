package binlog

import (
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// ErrMetadata is what a TABLE_MAP without full metadata gives.
var ErrMetadata = errors.New("the table's description is incomplete: set binlog_row_metadata=FULL on the database, then write the rows again")

// ErrOldTemporal is what a table gives that has TIME, DATETIME or TIMESTAMP columns of the layout before
// mysql56_temporal_format, which the server marks with /* mariadb-5.3 */. They are longer if they have fractions, and the
// table map does not say whether they have, so that rows could be misread without a sign of it.
var ErrOldTemporal = errors.New("a TIME, DATETIME or TIMESTAMP column has the old layout, which the log does not describe: " +
	"set mysql56_temporal_format=ON on the database and rebuild the table with ALTER TABLE … FORCE")

// Kinds of a TABLE_MAP's optional metadata; see enum Optional_metadata_field_type in MariaDB's sql/log_event.h.
const (
	metaSignedness         = 1
	metaDefaultCharset     = 2
	metaColumnCharset      = 3
	metaColumnName         = 4
	metaSetLabels          = 5
	metaEnumLabels         = 6
	metaGeometryType       = 7
	metaSimplePrimaryKey   = 8
	metaPrefixPrimaryKey   = 9
	metaLabelDefault       = 10
	metaLabelColumnCharset = 11
)

// maxColumns is the most columns that a MariaDB table can have.
const maxColumns = 4096

// SplitTableMap returns the number by which the following rows events name the table, and the table's description, which
// aliases the event: equal tables have equal descriptions.
func SplitTableMap(event []byte) (id uint64, native []byte, err error) {
	_, r, err := typed(event, "table map", TableMapEvent)
	if err != nil {
		return 0, nil, err
	}
	id = r.u48()
	r.u16()
	return id, r.rest, r.finish("table map event")
}

// TableName reads the name from a table's description, which need not be readable beyond it.
func TableName(native []byte) (schema, table string, err error) {
	p := tableParser{reader: reader{rest: native}, table: &relay.Table{}}
	p.names()
	return p.table.Schema, p.table.Name, p.finish("table map event")
}

// Schema is a table as a TABLE_MAP describes it, and how its images are read. It is never changed once made.
type Schema struct {
	Table     *relay.Table
	columns   []column
	nullBytes int // of an image's bitmap
	text      int // room for the text of all values
}

// ParseTable reads a description of MariaDB's: relay.Table.Native. It is copied. A description without full metadata gives
// ErrMetadata.
func ParseTable(native []byte) (*Schema, error) {
	return newSchema(Flavour, append([]byte(nil), native...))
}

// ParseMySQLTable is ParseTable for a description of MySQL's.
func ParseMySQLTable(native []byte) (*Schema, error) {
	return newSchema(MySQL, append([]byte(nil), native...))
}

// SchemaOf reads the description of a table that came from elsewhere.
func SchemaOf(t *relay.Table) (*Schema, error) {
	s, err := newSchema(t.Flavour, t.Native)
	if err != nil {
		return nil, err
	}
	s.Table = t
	return s, nil
}

func newSchema(flavour relay.Flavour, native []byte) (*Schema, error) {
	p := tableParser{reader: reader{rest: native}}
	p.table = &relay.Table{Flavour: flavour, Native: native}
	p.names()
	if err := p.types(); err != nil {
		return nil, fmt.Errorf("parse table map of %s: %w", p.table, err)
	}
	if err := p.metadata(); err != nil {
		return nil, fmt.Errorf("parse table map of %s: %w", p.table, err)
	}
	s := &Schema{Table: p.table, columns: p.columns, nullBytes: (len(p.columns) + 7) / 8}
	for i := range s.columns {
		s.columns[i].describe(&s.Table.Columns[i])
		s.text += s.columns[i].text
	}
	p.geometries()
	s.Table.Decode, s.Table.Same, s.Table.Composer, s.Table.Unset, s.Table.Plain = s.Decode, s.same, s, s.unset, newPlain(s)
	s.Table.As = func(img relay.Image, other *relay.Table) (relay.Image, error) { return values.As(s.Table, img, other) }
	return s, nil
}

// Flavour is the name of MariaDB's native encoding.
const Flavour relay.Flavour = "mariadb"

// tableParser reads a description front to back.
type tableParser struct {
	reader
	table   *relay.Table
	columns []column
	options [12][]byte // the optional metadata by kind
}

func (p *tableParser) names() {
	p.table.Schema = string(p.closed(int(p.u8())))
	p.table.Name = string(p.closed(int(p.u8())))
}

func (p *tableParser) types() error {
	types := p.bytes(p.length())
	meta := reader{rest: p.bytes(p.length())}
	p.bytes((len(types) + 7) / 8) // which columns can be NULL: images say which are
	if p.bad || len(types) == 0 || len(types) > maxColumns {
		return ErrMalformed
	}
	p.table.Columns = make([]relay.Column, len(types))
	p.columns = make([]column, len(types))
	for i, typ := range types {
		c, err := readColumn(typ, &meta)
		if err != nil {
			return err
		}
		p.columns[i] = c
	}
	return nil
}

// metadata reads what FULL metadata adds. The lists come in any order and refer to each other.
func (p *tableParser) metadata() error {
	for len(p.rest) > 0 {
		kind := p.u8()
		value := p.bytes(p.length())
		if int(kind) < len(p.options) {
			p.options[kind] = value
		}
	}
	if p.bad {
		return ErrMalformed
	}
	for _, step := range []func() error{p.columnNames, p.signs, p.collations, p.labels, p.key} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (p *tableParser) columnNames() error {
	if p.options[metaColumnName] == nil {
		return ErrMetadata
	}
	r := reader{rest: p.options[metaColumnName]}
	for i := range p.table.Columns {
		p.table.Columns[i].Name = string(r.bytes(r.length()))
	}
	return r.finish("column names")
}

// signs reads a bit per numeric column, the highest of each byte first.
func (p *tableParser) signs() error {
	bits, n := p.options[metaSignedness], 0
	for i := range p.columns {
		if !p.columns[i].numeric() {
			continue
		}
		if bits == nil {
			return ErrMetadata
		}
		if n/8 >= len(bits) {
			return ErrMalformed
		}
		if bits[n/8]&(0x80>>(n%8)) != 0 {
			p.columns[i].setUnsigned()
		}
		n++
	}
	return nil
}

// collations gives every string and every column with labels its collation.
func (p *tableParser) collations() error {
	if err := p.collate(func(c *column) bool { return c.character(p.mysql()) }, p.options[metaDefaultCharset], p.options[metaColumnCharset]); err != nil {
		return err
	}
	return p.collate((*column).labelled, p.options[metaLabelDefault], p.options[metaLabelColumnCharset])
}

// collate reads one of the two forms in which collations come: a default with pairs of (place among the columns of this
// sort, id) for those that have another, or an id for each.
func (p *tableParser) collate(sort func(*column) bool, byDefault, each []byte) error {
	var members []int
	for i := range p.columns {
		if sort(&p.columns[i]) {
			members = append(members, i)
		}
	}
	if len(members) == 0 {
		return nil
	}
	ids, err := collationIDs(len(members), byDefault, each)
	if err != nil {
		return err
	}
	for n, i := range members {
		if err := p.setCollation(i, ids[n]); err != nil {
			return err
		}
	}
	return nil
}

// mysql tells whose description it is.
func (p *tableParser) mysql() bool { return p.table.Flavour == MySQL }

func (p *tableParser) collation(id uint64) (Collation, bool) {
	if p.mysql() {
		return MySQLCollationByID(id)
	}
	return CollationByID(id)
}

func collationIDs(count int, byDefault, each []byte) ([]uint64, error) {
	ids := make([]uint64, count)
	switch {
	case each != nil:
		r := reader{rest: each}
		for n := range ids {
			ids[n] = r.packed()
		}
		return ids, r.finish("column collations")
	case byDefault != nil:
		r := reader{rest: byDefault}
		usual := r.packed()
		for n := range ids {
			ids[n] = usual
		}
		for len(r.rest) > 0 {
			n, id := r.packed(), r.packed()
			if n >= uint64(count) {
				return nil, ErrMalformed
			}
			ids[n] = id
		}
		return ids, r.finish("default collation")
	}
	return nil, ErrMetadata
}

func (p *tableParser) setCollation(i int, id uint64) error {
	if id == binaryCollation {
		p.columns[i].setBinary()
		if !p.columns[i].labelled() {
			return nil
		}
	}
	c, ok := p.collation(id)
	if !ok {
		return fmt.Errorf("column %s: unknown collation %d", p.table.Columns[i].Name, id)
	}
	if p.columns[i].kind == relay.Geometry {
		return nil
	}
	p.table.Columns[i].Collation, p.table.Columns[i].Charset = c.Name, c.Charset
	return nil
}

// labels reads the strings of ENUM and SET columns, in the columns' character sets.
func (p *tableParser) labels() error {
	enums, sets := reader{rest: p.options[metaEnumLabels]}, reader{rest: p.options[metaSetLabels]}
	for i := range p.columns {
		r := &enums
		switch p.columns[i].typ {
		case typeSet:
			r = &sets
		case typeEnum:
		default:
			continue
		}
		list := make([]string, 0, min(64, len(r.rest)))
		for range r.length() {
			list = append(list, string(r.bytes(r.length())))
		}
		if r.bad || len(list) == 0 {
			return ErrMetadata
		}
		p.table.Columns[i].Labels = list
	}
	return nil
}

// key reads the primary key: columns, and prefix lengths if one has one.
func (p *tableParser) key() error {
	simple := reader{rest: p.options[metaSimplePrimaryKey]}
	for len(simple.rest) > 0 {
		if err := p.addKey(simple.packed(), 0); err != nil {
			return err
		}
	}
	prefixed := reader{rest: p.options[metaPrefixPrimaryKey]}
	for len(prefixed.rest) > 0 {
		column := prefixed.packed()
		if err := p.addKey(column, prefixed.packed()); err != nil {
			return err
		}
	}
	if simple.bad || prefixed.bad {
		return ErrMalformed
	}
	return nil
}

func (p *tableParser) addKey(column, prefix uint64) error {
	if column >= uint64(len(p.columns)) || prefix > 65535 {
		return ErrMalformed
	}
	p.table.Key = append(p.table.Key, relay.KeyPart{Column: int(column), Prefix: int(prefix)})
	return nil
}

// geometries names the types of geometry columns; they do not matter for reading values.
func (p *tableParser) geometries() {
	names := [...]string{"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon",
		"geometrycollection"}
	r := reader{rest: p.options[metaGeometryType]}
	for i := range p.columns {
		if p.columns[i].typ != typeGeometry || len(r.rest) == 0 {
			continue
		}
		if n := r.packed(); n < uint64(len(names)) {
			p.table.Columns[i].Type = names[n]
		}
	}
}
