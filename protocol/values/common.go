package values

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/relay"
)

// AppendCommon appends the text that a plain value has in every engine. The value is not NULL.
func AppendCommon(b []byte, v relay.Value, as relay.ValueText) ([]byte, error) {
	switch as {
	case relay.AsNumber:
		return appendNumber(b, v), nil
	case relay.AsFloat:
		return strconv.AppendFloat(b, v.Float, 'g', -1, 64), nil
	case relay.AsText:
		if v.Kind == relay.UUID {
			if len(v.Bytes) != 16 {
				return b, errors.New("it has not the length of a UUID")
			}
			return append(b, UUIDText(v.Bytes)...), nil
		}
		return append(b, v.Bytes...), nil
	case relay.AsJSON:
		doc, err := ParseJSON(v.Bytes)
		if err != nil {
			return append(append(b, '!'), v.Bytes...), nil // equal if its bytes are
		}
		return doc.appendCommon(b), nil
	case relay.AsBytes:
		return hex.AppendEncode(b, v.Bytes), nil
	case relay.AsBits:
		if v.Kind == relay.Bool {
			return strconv.AppendInt(b, v.Int, 10), nil
		}
		return append(b, v.Bytes...), nil
	case relay.AsMoment, relay.AsOctets:
		return append(b, v.Bytes...), nil
	}
	return b, fmt.Errorf("values are compared as %q, which is not known here: it is of another version", as)
}

func appendNumber(b []byte, v relay.Value) []byte {
	switch v.Kind {
	case relay.Uint, relay.Year:
		return strconv.AppendUint(b, v.Uint, 10)
	case relay.Decimal:
		text := TrimFraction(v.Bytes)
		if string(text) == "-0" {
			text = text[1:]
		}
		return append(b, text...)
	}
	return strconv.AppendInt(b, v.Int, 10)
}

// common are the texts of a row in the form's order; nil for NULL.
type common [][]byte

// digest digests a row as the databases do: each value with its length in front, or its own digest if it may be long, or - for NULL, and commas between.
func (row common) digest(f *relay.ValueForm) relay.Sum {
	var b []byte
	for i, text := range row {
		if i > 0 {
			b = append(b, ',')
		}
		switch {
		case text == nil:
			b = append(b, '-')
		case f.Columns[i].Long:
			sum := sha256.Sum256(text)
			b = hex.AppendEncode(b, sum[:])
		default:
			b = append(append(strconv.AppendInt(b, int64(len(text)), 10), ':'), text...)
		}
	}
	return sumOf(b)
}

func sumOf(b []byte) relay.Sum {
	sum := sha256.Sum256(b)
	return relay.Sum(sum[:len(relay.Sum{})])
}

// ownValue is the plain value of a type that has a text. False: the type has none, but for numbers beyond its range, which are decimals.
func ownValue(text []byte, as relay.ValueText, t *relay.Type) (v relay.Value, ok bool) {
	switch t.Kind {
	case relay.Bool:
		n, err := strconv.ParseUint(string(text), 10, 1)
		return relay.Value{Kind: relay.Bool, Int: int64(n)}, err == nil
	case relay.Int, relay.Uint, relay.Year:
		return ownNumber(text, t.Kind)
	case relay.Decimal:
		_, _, _, err := splitDecimal(text)
		return relay.Value{Kind: relay.Decimal, Bytes: text}, err == nil
	case relay.Float32, relay.Float64:
		n, err := strconv.ParseFloat(string(text), 64)
		return relay.Value{Kind: t.Kind, Float: n}, err == nil
	case relay.UUID, relay.Binary, relay.Geometry:
		if as == relay.AsText {
			v, err := textToUUID(relay.Value{Bytes: text}, nil, nil)
			return v, err == nil
		}
		b, err := hex.DecodeString(string(text))
		return relay.Value{Kind: t.Kind, Bytes: b}, err == nil
	}
	return relay.Value{Kind: t.Kind, Bytes: text}, true
}

func ownNumber(text []byte, kind relay.Kind) (relay.Value, bool) {
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		if kind == relay.Year {
			return relay.Value{Kind: kind, Uint: uint64(n)}, n >= 0
		}
		return relay.Value{Kind: relay.Int, Int: n}, true
	}
	if n, err := strconv.ParseUint(string(text), 10, 64); err == nil {
		return Integer(n), true
	}
	_, _, _, err := splitDecimal(text)
	return relay.Value{Kind: relay.Decimal, Bytes: text}, err == nil
}
