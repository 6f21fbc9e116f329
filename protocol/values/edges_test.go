package values_test

import (
	"fmt"
	"math"
	mathbig "math/big"
	"strings"

	"github.com/octant-db/octant/relay"
)

// edgesOf are values of a type at its edges, some of which other types do not have.
func edgesOf(is *relay.Type) []relay.Value {
	switch is.Kind {
	case relay.Bool:
		return numbers(0, 1)
	case relay.Int:
		return numbers(0, 1, 7, -1, -1<<(is.Bits-1), 1<<(is.Bits-1)-1)
	case relay.Uint:
		return append(numbers(0, 1, 7), unsigned(math.MaxUint64>>(64-is.Bits)))
	case relay.Year:
		return []relay.Value{{Kind: relay.Year, Uint: 0}, {Kind: relay.Year, Uint: 1901}, {Kind: relay.Year, Uint: 2155}}
	case relay.Float32:
		return floats(is.Kind, 0, -1.5, float64(float32(0.1)), math.MaxFloat32)
	case relay.Float64:
		return floats(is.Kind, 0, -1.5, 0.1, math.MaxFloat64)
	case relay.Decimal:
		return texted(is, decimalEdges(is)...)
	case relay.Text:
		return texted(is, textEdges(is)...)
	case relay.Binary:
		if is.Fixed {
			return texted(is, strings.Repeat("\x00", is.Length), strings.Repeat("\xff", is.Length))
		}
		return texted(is, "", "\x00", "0123456789abcdef", strings.Repeat("\xff", limited(is.Length)))
	case relay.Bits:
		return texted(is, bitEdges(is)...)
	case relay.Interval:
		return texted(is, "00:00:00", "100:00:00.5", "-838:59:59", "1 day")
	}
	return texted(is, map[relay.Kind][]string{
		relay.Date: {"2024-02-29", "9999-12-31"}, relay.Time: {"00:00:00", "23:59:59.999999"}, relay.DateTime: {"2024-02-29 12:34:56.5", "9999-12-31 23:59:59.999999"},
		relay.Timestamp: {"1970-01-01 00:00:01", "2038-01-19 03:14:07.999999"}, relay.Enum: {"a", "b"}, relay.Set: {"", "a", "a,b"}, relay.UUID: {"0123456789abcdef"},
		relay.JSON:     {"{}", `[1,"longer than many"]`, `"another text of more than twenty characters"`, `{"a":1,"a":2}`},
		relay.Geometry: {point(0), point(4326)},
	}[is.Kind]...)
}

func numbers(list ...int64) (values []relay.Value) {
	for _, n := range list {
		values = append(values, relay.Value{Kind: relay.Int, Int: n})
	}
	return values
}

func unsigned(n uint64) relay.Value {
	if n <= math.MaxInt64 {
		return relay.Value{Kind: relay.Int, Int: int64(n)}
	}
	return relay.Value{Kind: relay.Uint, Uint: n}
}

func floats(kind relay.Kind, list ...float64) (values []relay.Value) {
	for _, f := range list {
		values = append(values, relay.Value{Kind: kind, Float: f})
	}
	return values
}

func texted(is *relay.Type, list ...string) (values []relay.Value) {
	for _, s := range list {
		values = append(values, relay.Value{Kind: is.Kind, Bytes: []byte(s)})
	}
	return values
}

// limited is a length that a type without a limit can have too.
func limited(length int) int {
	if length == 0 {
		return 70_000
	}
	return length
}

func decimalEdges(is *relay.Type) []string {
	if is.Digits == 0 {
		return []string{"0", "7", "NaN", "0.00000000000000000001", "-" + strings.Repeat("9", 40)}
	}
	largest := strings.Repeat("9", is.Digits-is.Scale)
	if is.Scale == 0 {
		return []string{"0", "7", "-" + largest, largest}
	}
	zeros := "." + strings.Repeat("0", is.Scale)
	return []string{"0" + zeros, "7" + zeros, "-" + largest + "." + strings.Repeat("9", is.Scale)}
}

func textEdges(is *relay.Type) []string {
	list := []string{"", "a", "a,b", "ü😀", "{}", strings.Repeat("x", limited(is.Length))}
	if !is.Fixed {
		list = append(list, "a  ")
	}
	if is.Length == 0 || is.Length >= 36 {
		list = append(list, "30313233-3435-3637-3839-616263646566")
	}
	return list
}

func bitEdges(is *relay.Type) []string {
	if is.Fixed {
		return []string{strings.Repeat("0", is.Bits), strings.Repeat("1", is.Bits)}
	}
	return []string{"", "1", strings.Repeat("1", is.Bits)}
}

// point is the geometry POINT(0 0).
func point(srid uint16) string {
	return string([]byte{byte(srid), byte(srid >> 8), 0, 0, 1, 1, 0, 0, 0}) + strings.Repeat("\x00", 16)
}

// shown is a value as text that is the same for equal ones, however they are written.
func shown(v relay.Value) string {
	if v.Kind == relay.Decimal {
		if r, ok := new(mathbig.Rat).SetString(string(v.Bytes)); ok {
			return r.RatString()
		}
	}
	return fmt.Sprintf("%d %d %g %.60q", v.Int, v.Uint, v.Float, v.Bytes)
}
