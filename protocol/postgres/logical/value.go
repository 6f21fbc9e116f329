package logical

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/relay"
)

// values reads an image. Columns that are not there are NULL.
func (d *Description) values(image relay.Image) ([]relay.Value, error) {
	cells, err := Cells(make([]Cell, 0, len(d.Columns)), image, len(d.Columns))
	if err != nil {
		return nil, err
	}
	values := make([]relay.Value, len(cells))
	for i, c := range cells {
		if c.Kind != IsText {
			continue
		}
		var ok bool
		if values[i], ok = d.Columns[i].value(c.Text); !ok {
			return nil, fmt.Errorf("read column %s of %s.%s: its text is not a %s: %w", d.Columns[i].Name, d.Schema, d.Name,
				d.Columns[i].Type, ErrMalformed)
		}
	}
	return values, nil
}

// value reads a column's text; see pg_type.dat's output functions.
func (c *Column) value(text []byte) (relay.Value, bool) {
	v := relay.Value{Kind: c.Form.Kind(), Bytes: text}
	var err error
	switch c.Form {
	case Bool:
		v.Bytes = nil
		if len(text) == 1 && text[0] == 't' {
			v.Int = 1
		}
		return v, len(text) == 1 && (text[0] == 't' || text[0] == 'f')
	case Integer:
		v.Bytes = nil
		v.Int, err = strconv.ParseInt(string(text), 10, 64)
	case OID:
		v.Bytes = nil
		v.Uint, err = strconv.ParseUint(string(text), 10, 64)
	case Real:
		v.Bytes = nil
		v.Float, err = strconv.ParseFloat(string(text), 32)
	case Double:
		v.Bytes = nil
		v.Float, err = strconv.ParseFloat(string(text), 64)
	case Bytea:
		v.Bytes, err = unhex(text)
	case TimestampTZ:
		v.Bytes = bytes.TrimSuffix(text, []byte("+00"))
	case Bit:
		return bits(text)
	case Enum:
		return c.label(text)
	case UUID:
		v.Bytes, err = hex.DecodeString(string(bytes.ReplaceAll(text, []byte("-"), nil)))
		if len(v.Bytes) != 16 {
			return v, false
		}
	}
	return v, err == nil
}

// unhex reads bytea in the format hex, which every session of ours asks for.
func unhex(text []byte) ([]byte, error) {
	digits, ok := bytes.CutPrefix(text, []byte(`\x`))
	if !ok {
		return nil, ErrMalformed
	}
	b := make([]byte, hex.DecodedLen(len(digits)))
	_, err := hex.Decode(b, digits)
	return b, err
}

func bits(text []byte) (relay.Value, bool) {
	b := make([]byte, (len(text)+7)/8)
	for i, c := range text {
		if c != '0' && c != '1' {
			return relay.Value{}, false
		}
		at := len(b)*8 - len(text) + i
		b[at/8] |= (c - '0') << (7 - at%8)
	}
	return relay.Value{Kind: relay.Bits, Bytes: b}, true
}

func (c *Column) label(text []byte) (relay.Value, bool) {
	for i, label := range c.Labels {
		if label == string(text) {
			return relay.Value{Kind: relay.Enum, Uint: uint64(i + 1)}, true
		}
	}
	return relay.Value{}, false
}
