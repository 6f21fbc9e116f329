package binlog

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Definition is a table as the server's catalog describes it: what Native makes a TABLE_MAP's body of.
type Definition struct {
	Flavour      relay.Flavour // Flavour or MySQL
	Schema, Name string
	Columns      []DefinedColumn
	Key          []relay.KeyPart // the primary key
}

// DefinedColumn is a column of a Definition.
type DefinedColumn struct {
	Name      string
	Type      string   // in the words of relay.Column.Type
	Collation string   // "" for what has none
	Labels    []string // of ENUM and SET, in UTF-8
	Nullable  bool
	Invisible bool
}

// Native describes the table as the server does in its log when binlog_row_metadata is FULL, so that rows that come from elsewhere can be written in
// its form. See Table_map_log_event::init_metadata_fields in sql/log_event.cc of MySQL, and log_event_server.cc of MariaDB.
func (d *Definition) Native() ([]byte, error) {
	w := definitionWriter{d: d}
	b := appendClosed(appendClosed(nil, d.Schema), d.Name)
	types, meta, nullable := make([]byte, len(d.Columns)), []byte(nil), make([]byte, (len(d.Columns)+7)/8)
	for i := range d.Columns {
		c, err := w.column(&d.Columns[i])
		if err != nil {
			return nil, fmt.Errorf("describe column %s of %s.%s: %w", d.Columns[i].Name, d.Schema, d.Name, err)
		}
		types[i] = c.logged
		meta = append(meta, c.meta...)
		if d.Columns[i].Nullable {
			nullable[i/8] |= 1 << (i % 8)
		}
		w.columns = append(w.columns, c)
	}
	b = append(appendPacked(b, uint64(len(types))), types...)
	b = append(appendPacked(b, uint64(len(meta))), meta...)
	b = append(b, nullable...)
	return w.appendMetadata(b), nil
}

func appendClosed(b []byte, name string) []byte {
	return append(append(append(b, byte(len(name))), name...), 0)
}

// definedColumn is a column in the log's terms.
type definedColumn struct {
	of                *DefinedColumn
	logged            byte // the type's number
	real              byte // for ENUM and SET, which are logged as STRING
	meta              []byte
	numeric, unsigned bool
	character         bool
	collation         uint64
	charset           string
	labels            [][]byte
	geometry          uint64
}

type definitionWriter struct {
	d       *Definition
	columns []definedColumn
}

func (w *definitionWriter) mysql() bool { return w.d.Flavour == MySQL }

var integerTypes = map[string]byte{
	"tinyint": typeTiny, "smallint": typeShort, "mediumint": typeInt24, "int": typeLong, "bigint": typeLongLong, "year": typeYear, "date": typeNewDate,
}

var geometryTypes = map[string]uint64{
	"geometry": 0, "point": 1, "linestring": 2, "polygon": 3, "multipoint": 4, "multilinestring": 5, "multipolygon": 6, "geometrycollection": 7,
}

// blobSizes are the bytes of the length of BLOB and TEXT.
var blobSizes = map[string]byte{
	"tinytext": 1, "text": 2, "mediumtext": 3, "longtext": 4, "tinyblob": 1, "blob": 2, "mediumblob": 3, "longblob": 4,
}

func (w *definitionWriter) column(of *DefinedColumn) (definedColumn, error) {
	c := definedColumn{of: of}
	word, numbers := typeWords(of.Type, &c.unsigned)
	if err := w.collate(&c); err != nil {
		return c, err
	}
	if typ, ok := integerTypes[word]; ok {
		c.logged, c.numeric = typ, word != "date"
		c.unsigned = c.unsigned || word == "year"
		if word == "date" {
			c.logged = typeDate
		}
		return c, nil
	}
	if n, ok := blobSizes[word]; ok {
		c.logged, c.meta, c.character = typeBlob, []byte{n}, true
		return c, nil
	}
	if n, ok := geometryTypes[word]; ok {
		c.logged, c.meta, c.real, c.geometry, c.character, c.collation = typeGeometry, []byte{4}, typeGeometry, n, !w.mysql(), binaryCollation
		return c, nil
	}
	return c, c.sized(word, numbers)
}

// sized is for types with numbers, or labels.
func (c *definedColumn) sized(word string, n []int) error {
	first := 0
	if len(n) > 0 {
		first = n[0]
	}
	switch word {
	case "float":
		c.logged, c.meta, c.numeric = typeFloat, []byte{4}, true
	case "double":
		c.logged, c.meta, c.numeric = typeDouble, []byte{8}, true
	case "decimal":
		if len(n) != 2 {
			return fmt.Errorf("its type %s is not understood", c.of.Type)
		}
		c.logged, c.meta, c.numeric = typeNewDecimal, []byte{byte(n[0]), byte(n[1])}, true
	case "bit":
		c.logged, c.meta = typeBit, []byte{byte(first % 8), byte(first / 8)}
	case "time", "datetime", "timestamp":
		c.logged, c.meta = map[string]byte{"time": typeTime2, "datetime": typeDateTime2, "timestamp": typeTimestamp2}[word], []byte{byte(first)}
	case "varchar", "varbinary":
		c.logged, c.character = typeVarchar, true
		c.meta = binary.LittleEndian.AppendUint16(nil, uint16(first*bytesPerCharacter(c.charset)))
	case "char", "binary":
		c.logged, c.character = typeString, true
		length := first * bytesPerCharacter(c.charset)
		c.meta = []byte{typeString ^ byte(length&0x300>>4), byte(length)}
	case "json":
		c.logged, c.meta = typeJSON, []byte{4}
	case "enum", "set":
		return c.labelled(word)
	default:
		return fmt.Errorf("its type %s has no counterpart in other engines", c.of.Type)
	}
	return nil
}

func (c *definedColumn) labelled(word string) error {
	n := len(c.of.Labels)
	size := (n + 7) / 8
	c.logged, c.real = typeString, typeSet
	switch {
	case word == "enum":
		c.real, size = typeEnum, 1
		if n > 255 {
			size = 2
		}
	case size > 4:
		size = 8
	}
	c.meta = []byte{c.real, byte(size)}
	for _, label := range c.of.Labels {
		b, ok := fromUTF8(c.charset, []byte(label))
		if !ok {
			return fmt.Errorf("a label of its type cannot be written in %s", c.charset)
		}
		c.labels = append(c.labels, b)
	}
	return nil
}

// typeWords splits "decimal(10,2) unsigned".
func typeWords(text string, unsigned *bool) (word string, numbers []int) {
	text, *unsigned = strings.CutSuffix(text, " unsigned")
	word, rest, ok := strings.Cut(text, "(")
	inside, after, closed := strings.Cut(rest, ")")
	if !ok || !closed || after != "" {
		return text, nil
	}
	for part := range strings.SplitSeq(inside, ",") {
		n, err := strconv.Atoi(part)
		if err != nil {
			return text, nil
		}
		numbers = append(numbers, n)
	}
	return word, numbers
}

// collate finds the collation's number.
func (w *definitionWriter) collate(c *definedColumn) error {
	c.collation = binaryCollation
	if c.of.Collation == "" {
		return nil
	}
	table := collationIDsByName(w.mysql())
	id, ok := table[c.of.Collation]
	if !ok {
		return fmt.Errorf("unknown collation %s", c.of.Collation)
	}
	c.collation = id
	found, _ := CollationByID(id)
	if w.mysql() {
		found, _ = MySQLCollationByID(id)
	}
	c.charset = found.Charset
	return nil
}

// appendMetadata appends what FULL metadata adds, in the servers' order.
func (w *definitionWriter) appendMetadata(b []byte) []byte {
	b = w.appendSigns(b)
	b = w.appendCollations(b, metaDefaultCharset, metaColumnCharset, func(c *definedColumn) bool { return c.character })
	geometries := w.each(func(c *definedColumn, v []byte) []byte {
		if c.logged != typeGeometry {
			return v
		}
		return appendPacked(v, c.geometry)
	})
	b = appendOption(b, metaGeometryType, geometries)
	b = appendOption(b, metaColumnName, w.each(func(c *definedColumn, v []byte) []byte {
		return append(appendPacked(v, uint64(len(c.of.Name))), c.of.Name...)
	}))
	b = w.appendCollations(b, metaLabelDefault, metaLabelColumnCharset, func(c *definedColumn) bool { return len(c.labels) > 0 })
	b = appendOption(b, metaSetLabels, w.labels(typeSet))
	b = appendOption(b, metaEnumLabels, w.labels(typeEnum))
	b = w.appendKey(b)
	if w.mysql() {
		b = w.appendVisibility(b)
	}
	return b
}

func appendOption(b []byte, kind byte, value []byte) []byte {
	if len(value) == 0 {
		return b
	}
	return append(appendPacked(append(b, kind), uint64(len(value))), value...)
}

func (w *definitionWriter) each(add func(*definedColumn, []byte) []byte) []byte {
	var b []byte
	for i := range w.columns {
		b = add(&w.columns[i], b)
	}
	return b
}

func (w *definitionWriter) labels(real byte) []byte {
	return w.each(func(c *definedColumn, b []byte) []byte {
		if c.real != real {
			return b
		}
		b = appendPacked(b, uint64(len(c.labels)))
		for _, label := range c.labels {
			b = append(appendPacked(b, uint64(len(label))), label...)
		}
		return b
	})
}

// appendSigns appends a bit per numeric column, the highest of each byte first.
func (w *definitionWriter) appendSigns(b []byte) []byte {
	return appendOption(b, metaSignedness, w.bits(func(c *definedColumn) (bool, bool) { return c.numeric, c.unsigned }))
}

// metaVisibility is COLUMN_VISIBILITY, which MySQL has from 8.0.23 on.
const metaVisibility = 12

func (w *definitionWriter) appendVisibility(b []byte) []byte {
	return appendOption(b, metaVisibility, w.bits(func(c *definedColumn) (bool, bool) { return true, !c.of.Invisible }))
}

// bits makes a bit for each column that is counted.
func (w *definitionWriter) bits(of func(*definedColumn) (counts, set bool)) []byte {
	var bits []byte
	n := 0
	for i := range w.columns {
		counts, set := of(&w.columns[i])
		if !counts {
			continue
		}
		if n%8 == 0 {
			bits = append(bits, 0)
		}
		if set {
			bits[n/8] |= 0x80 >> (n % 8)
		}
		n++
	}
	return bits
}

// appendCollations writes the shorter of the two forms, as the servers do: an id for each column, or the most frequent one (of several, the lowest)
// and the others.
func (w *definitionWriter) appendCollations(b []byte, byDefault, each byte, included func(*definedColumn) bool) []byte {
	var ids []uint64
	counts := make(map[uint64]int)
	for i := range w.columns {
		if included(&w.columns[i]) {
			ids = append(ids, w.columns[i].collation)
			counts[w.columns[i].collation]++
		}
	}
	if len(ids) == 0 {
		return b
	}
	var most uint64
	for id, n := range counts {
		if n > counts[most] || n == counts[most] && id < most {
			most = id
		}
	}
	var value []byte
	if len(ids) < 1+2*(len(ids)-counts[most]) {
		for _, id := range ids {
			value = appendPacked(value, id)
		}
		return appendOption(b, each, value)
	}
	value = appendPacked(value, most)
	for n, id := range ids {
		if id != most {
			value = appendPacked(appendPacked(value, uint64(n)), id)
		}
	}
	return appendOption(b, byDefault, value)
}

func (w *definitionWriter) appendKey(b []byte) []byte {
	var simple, prefixed []byte
	hasPrefix := false
	for _, part := range w.d.Key {
		simple = appendPacked(simple, uint64(part.Column))
		prefixed = appendPacked(appendPacked(prefixed, uint64(part.Column)), uint64(part.Prefix))
		hasPrefix = hasPrefix || part.Prefix > 0
	}
	if hasPrefix {
		return appendOption(b, metaPrefixPrimaryKey, prefixed)
	}
	return appendOption(b, metaSimplePrimaryKey, simple)
}
