package logical

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// plain is a description's relay.Plain.
type plain struct {
	d     *Description
	types []relay.Type
}

func newPlain(d *Description) *plain {
	p := &plain{d: d, types: make([]relay.Type, len(d.Columns))}
	for i := range d.Columns {
		p.types[i] = d.Columns[i].plainType()
	}
	return p
}

// Types implements relay.Plain.
func (p *plain) Types() []relay.Type { return p.types }

// Values implements relay.Plain.
func (p *plain) Values(image relay.Image) ([]relay.Value, error) {
	cells, err := Cells(make([]Cell, 0, len(p.types)), image, len(p.types))
	if err != nil {
		return nil, err
	}
	list := make([]relay.Value, len(cells))
	for i, c := range cells {
		switch c.Kind {
		case IsAbsent:
			list[i].Kind = relay.Missing
		case IsText:
			var ok bool
			if list[i], ok = p.value(i, c.Text); !ok {
				return nil, fmt.Errorf("read column %s of %s.%s: its text is not a %s: %w", p.d.Columns[i].Name, p.d.Schema, p.d.Name, p.types[i].Name, ErrMalformed)
			}
		}
	}
	return list, nil
}

func (p *plain) value(i int, text []byte) (relay.Value, bool) {
	c := &p.d.Columns[i]
	v, ok := c.value(text)
	if !ok {
		return v, false
	}
	v.Kind = p.types[i].Kind
	switch c.Form {
	case Integer:
		v.Kind = relay.Int
	case OID:
		v = values.Integer(v.Uint)
	case Bit, Enum:
		v = relay.Value{Kind: v.Kind, Bytes: text}
	case Char:
		v.Bytes = trimRight(text, ' ')
	}
	return v, true
}

// Image implements relay.Plain. Texts are those that the server would log: its own output functions' with the settings of our sessions.
func (p *plain) Image(list []relay.Value) (relay.Image, error) {
	cells := make([]Cell, len(list))
	for i, v := range list {
		switch v.Kind {
		case relay.Null:
			cells[i].Kind = IsNull
		case relay.Missing:
			cells[i].Kind = IsAbsent
		default:
			text, err := p.text(i, v)
			if err != nil {
				return nil, fmt.Errorf("column %s: %w", p.d.Columns[i].Name, err)
			}
			cells[i] = Cell{Kind: IsText, Text: text}
		}
	}
	return AppendImage(nil, cells), nil
}

func (p *plain) text(i int, v relay.Value) ([]byte, error) {
	t := &p.types[i]
	switch t.Kind {
	case relay.Bool:
		return []byte{"ft"[v.Int&1]}, nil
	case relay.Int, relay.Uint:
		if v.Kind == relay.Uint {
			return strconv.AppendUint(nil, v.Uint, 10), nil
		}
		return strconv.AppendInt(nil, v.Int, 10), nil
	case relay.Float32:
		return floatText(v.Float, 32), nil
	case relay.Float64:
		return floatText(v.Float, 64), nil
	case relay.Text:
		return textText(t, v.Bytes)
	case relay.Binary:
		return hex.AppendEncode([]byte(`\x`), v.Bytes), nil
	case relay.Date, relay.Time, relay.DateTime, relay.Timestamp:
		return momentText(t.Kind, v.Bytes)
	case relay.JSON:
		if p.d.Columns[i].Form == JSONB {
			return jsonbText(v.Bytes)
		}
		return v.Bytes, nil
	case relay.UUID:
		return values.UUIDText(v.Bytes), nil
	case relay.Decimal, relay.Interval, relay.Bits, relay.Enum:
		return v.Bytes, nil
	}
	return nil, fmt.Errorf("%s has no counterpart", t.Name)
}

var errNUL = errors.New("the text has a zero byte, which PostgreSQL does not take")

func textText(t *relay.Type, text []byte) ([]byte, error) {
	switch {
	case bytes.IndexByte(text, 0) >= 0:
		return nil, errNUL
	case t.Name == "name" && len(text) > nameLength:
		return nil, errors.New("the text is longer than name")
	case !t.Fixed || t.Length == 0:
		return text, nil
	}
	missing := max(0, t.Length-utf8.RuneCount(text))
	return append(bytes.Clone(text), bytes.Repeat([]byte(" "), missing)...), nil
}

var layouts = map[relay.Kind]string{
	relay.Date: time.DateOnly, relay.Time: time.TimeOnly, relay.DateTime: time.DateTime, relay.Timestamp: time.DateTime,
}

// momentText takes only what is a date and a time of the day for PostgreSQL too. No other engine has its infinities and its years BC.
func momentText(kind relay.Kind, text []byte) ([]byte, error) {
	if kind == relay.Time && string(text) == "24:00:00" {
		return text, nil
	}
	t, err := time.Parse(layouts[kind], string(text)) // takes a fraction too
	if err != nil || kind != relay.Time && t.Year() < 1 {
		return nil, errors.New("PostgreSQL has no such date or time")
	}
	if kind == relay.Timestamp {
		text = append(bytes.Clone(text), "+00"...)
	}
	return text, nil
}
