package values

import (
	"fmt"
	"strconv"

	"github.com/octant-db/octant/relay"
)

// PlainText writes a plain value as text, from which ParsePlain makes it again: what a row is repaired from. The value is not NULL.
func PlainText(v relay.Value) []byte {
	switch v.Kind {
	case relay.Int, relay.Bool:
		return strconv.AppendInt(nil, v.Int, 10)
	case relay.Uint, relay.Year:
		return strconv.AppendUint(nil, v.Uint, 10)
	case relay.Float32, relay.Float64:
		return strconv.AppendFloat(nil, v.Float, 'g', -1, 64)
	}
	return append([]byte{}, v.Bytes...) // an empty value is not NULL
}

// ParsePlain reads what PlainText wrote of a value of a type.
func ParsePlain(text []byte, t *relay.Type) (v relay.Value, err error) {
	v.Kind = t.Kind
	switch t.Kind {
	case relay.Int, relay.Uint:
		v, ok := ownNumber(text, t.Kind)
		if !ok || v.Kind == relay.Decimal {
			return v, fmt.Errorf("it is no %s", t.Name)
		}
		return v, nil
	case relay.Bool:
		v.Int, err = strconv.ParseInt(string(text), 10, 64)
	case relay.Year:
		v.Uint, err = strconv.ParseUint(string(text), 10, 64)
	case relay.Float32, relay.Float64:
		v.Float, err = strconv.ParseFloat(string(text), 64)
	default:
		v.Bytes = text
	}
	if err != nil {
		return v, fmt.Errorf("it is no %s", t.Name) // the error has the value in it
	}
	return v, nil
}
