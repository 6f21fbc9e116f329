package binlog

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// plain is a schema's relay.Plain.
type plain struct {
	s     *Schema
	types []relay.Type
}

func newPlain(s *Schema) *plain {
	p := &plain{s: s, types: make([]relay.Type, len(s.columns))}
	for i := range s.columns {
		p.types[i] = s.columns[i].plainType(&s.Table.Columns[i])
	}
	return p
}

// plainType is a column's type for other engines; see relay.Type.
func (c *column) plainType(of *relay.Column) relay.Type {
	t := relay.Type{Kind: c.kind, Name: of.Type, Fraction: int(c.fraction)}
	switch c.typ {
	case typeYear:
		t.Kind = relay.Year
	case typeVector:
		t.Kind = relay.Null
	case typeNewDecimal:
		t.Digits, t.Scale = c.digits, c.scale
	case typeBit:
		t.Bits, t.Fixed = c.length, true
	case typeTiny, typeShort, typeInt24, typeLong, typeLongLong:
		t.Bits = 8 * c.fixed
	}
	switch c.kind {
	case relay.Enum, relay.Set:
		t.Kind, t.Labels = plainLabels(c.kind, of)
	case relay.Binary:
		t.Length, t.Fixed = c.length, c.typ == typeString
	case relay.Text:
		t.Length, t.Fixed = c.length/bytesPerCharacter(of.Charset), c.typ == typeString
		t.Equality = textEquality(of.Collation, t.Fixed)
	}
	return t
}

// plainLabels transcodes labels. A type whose labels cannot be read has no counterpart elsewhere.
func plainLabels(kind relay.Kind, of *relay.Column) (relay.Kind, []string) {
	list := make([]string, len(of.Labels))
	for i, label := range of.Labels {
		text, ok := toUTF8(of.Charset, []byte(label))
		if !ok {
			return relay.Null, nil
		}
		list[i] = string(text)
	}
	return kind, list
}

// textEquality reads from a collation's name when texts are equal; see https://mariadb.com/kb/en/supported-character-sets-and-collations/ and
// "The binary Collation Compared to _bin Collations" in MySQL's manual. Values of CHAR have no spaces at their end.
func textEquality(collation string, fixed bool) string {
	switch {
	case !strings.HasSuffix(collation, "_bin"):
		return collation
	case fixed || !strings.Contains(collation, "nopad") && !strings.Contains(collation, "_0900_"):
		return relay.Padded
	}
	return relay.Bytewise
}

// Types implements relay.Plain.
func (p *plain) Types() []relay.Type { return p.types }

// Values implements relay.Plain.
func (p *plain) Values(image relay.Image) ([]relay.Value, error) {
	list, err := p.s.Decode(image)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].Kind == relay.Null {
			continue
		}
		if list[i], err = p.value(i, list[i]); err != nil {
			return nil, p.s.columnError(i, err)
		}
	}
	return list, nil
}

func (p *plain) value(i int, v relay.Value) (relay.Value, error) {
	t, c := &p.types[i], &p.s.columns[i]
	switch t.Kind {
	case relay.Uint:
		return values.Integer(v.Uint), nil
	case relay.Year:
		v.Kind = relay.Year
	case relay.Time, relay.DateTime, relay.Timestamp:
		v.Bytes = values.TrimFraction(v.Bytes)
	case relay.Bits:
		v.Bytes = fmt.Appendf(nil, "%0*b", c.length, bigEndian(v.Bytes))
	case relay.Text:
		text, ok := toUTF8(p.s.Table.Columns[i].Charset, v.Bytes)
		if !ok {
			return v, errors.New("the text is not valid in its character set, or this set is not known here")
		}
		v.Bytes = text
	case relay.Enum:
		if v.Uint == 0 || v.Uint > uint64(len(t.Labels)) {
			return v, errors.New("it is the error value of an ENUM")
		}
		return relay.Value{Kind: relay.Enum, Bytes: []byte(t.Labels[v.Uint-1])}, nil
	case relay.Set:
		return relay.Value{Kind: relay.Set, Bytes: setText(t.Labels, v.Uint)}, nil
	}
	return v, nil
}

func setText(labels []string, bits uint64) []byte {
	var list []string
	for i, label := range labels {
		if bits&(1<<i) != 0 {
			list = append(list, label)
		}
	}
	return []byte(strings.Join(list, ","))
}

// Image implements relay.Plain. The bits after the last column's in the bitmap are ones in MariaDB's log and zeros in MySQL's.
func (p *plain) Image(list []relay.Value) (relay.Image, error) {
	if len(list) != len(p.types) {
		return nil, p.s.malformed()
	}
	image := make([]byte, p.s.nullBytes, p.s.nullBytes+16*len(list))
	for i := range image {
		image[i] = 0xFF
	}
	if used := len(list) % 8; used > 0 && p.s.Table.Flavour == MySQL {
		image[len(image)-1] = 1<<used - 1
	}
	for i, v := range list {
		if v.Kind == relay.Null || v.Kind == relay.Missing {
			continue
		}
		image[i>>3] &^= 1 << (i & 7)
		var err error
		if image, err = p.append(image, i, v); err != nil {
			return nil, fmt.Errorf("column %s: %w", p.s.Table.Columns[i].Name, err)
		}
	}
	return image, nil
}

// Part writes plain values as relay.Plain.Image does, without the columns whose values are Missing, and a bit for each column that is there, the first
// one lowest: an image as binlog_row_image=MINIMAL makes them.
func (s *Schema) Part(list []relay.Value) (image, columns []byte, err error) {
	p := &plain{s: s, types: s.Table.Plain.Types()}
	if len(list) != len(p.types) {
		return nil, nil, s.malformed()
	}
	columns = make([]byte, s.nullBytes)
	var present []int
	for i := range list {
		if list[i].Kind != relay.Missing {
			columns[i>>3] |= 1 << (i & 7)
			present = append(present, i)
		}
	}
	image = make([]byte, (len(present)+7)/8, 16*len(present)+8)
	for n, i := range present {
		if list[i].Kind == relay.Null {
			image[n>>3] |= 1 << (n & 7)
			continue
		}
		if image, err = p.append(image, i, list[i]); err != nil {
			return nil, nil, fmt.Errorf("column %s: %w", s.Table.Columns[i].Name, err)
		}
	}
	return image, columns, nil
}

func (p *plain) append(b []byte, i int, v relay.Value) ([]byte, error) {
	c := &p.s.columns[i]
	switch p.types[i].Kind {
	case relay.Int, relay.Uint:
		return appendLittle(b, uint64(v.Int)|v.Uint, c.fixed), nil
	case relay.Year:
		return append(b, byte(max(v.Uint, 1900)-1900)), nil
	case relay.Float32, relay.Float64:
		return c.appendFloat(b, v.Float)
	case relay.Decimal:
		return c.appendDecimal(b, v.Bytes)
	case relay.Date:
		return appendPlainDate(b, v.Bytes)
	case relay.Time, relay.DateTime, relay.Timestamp:
		return c.appendTemporal(b, v.Bytes)
	case relay.Bits:
		n, err := strconv.ParseUint(string(v.Bytes), 2, 64)
		return appendBig(b, n, c.fixed), err
	case relay.Text:
		return c.appendString(b, p.s.Table.Columns[i].Charset, v.Bytes)
	case relay.Binary, relay.Geometry:
		return c.appendBytes(b, v.Bytes)
	case relay.Enum, relay.Set:
		return appendLittle(b, labelNumber(&p.types[i], string(v.Bytes)), c.fixed), nil
	case relay.JSON:
		doc, err := jsonBinary(v.Bytes)
		if err != nil {
			return b, err
		}
		return c.appendBytes(b, doc)
	}
	return b, fmt.Errorf("%s has no counterpart", p.types[i].Name)
}
