package logical

import "github.com/octant-db/octant/relay"

// Form says how a column's text is read. Numbers are part of the stored format: add at the end.
type Form byte

// The forms.
const (
	Other       Form = iota // a text that only PostgreSQL understands: arrays, ranges, intervals, composites, …
	Bool                    // t or f
	Integer                 // smallint, integer, bigint
	OID                     // an unsigned number
	Real                    // float4
	Double                  // float8
	Numeric                 // digits, NaN, Infinity
	Text                    // text, varchar, name
	Char                    // char(n): trailing spaces do not count
	Bytea                   // \x and hexadecimal digits
	Date                    // 2006-01-02, with BC behind it or infinity
	TimeOfDay               // 15:04:05.999999
	Timestamp               // 2006-01-02 15:04:05.999999
	TimestampTZ             // the same, in UTC, +00 behind it
	Bit                     // zeros and ones
	Enum                    // a label
	JSON                    // json
	JSONB                   // jsonb
	UUID
)

// byOID are the built-in types that have a form: pg_type.dat. Their numbers never change.
var byOID = map[uint32]Form{
	16: Bool, 17: Bytea, 19: Text, 20: Integer, 21: Integer, 23: Integer, 25: Text, 26: OID, 114: JSON, 700: Real, 701: Double,
	1042: Char, 1043: Text, 1082: Date, 1083: TimeOfDay, 1114: Timestamp, 1184: TimestampTZ, 1560: Bit, 1562: Bit, 1700: Numeric,
	2950: UUID, 3802: JSONB,
}

// FormOf returns the form of a base type.
func FormOf(oid uint32, isEnum bool) Form {
	if isEnum {
		return Enum
	}
	return byOID[oid]
}

var kinds = [...]relay.Kind{
	Other: relay.Text, Bool: relay.Int, Integer: relay.Int, OID: relay.Uint, Real: relay.Float32, Double: relay.Float64,
	Numeric: relay.Decimal, Text: relay.Text, Char: relay.Text, Bytea: relay.Binary, Date: relay.Date, TimeOfDay: relay.Time,
	Timestamp: relay.DateTime, TimestampTZ: relay.Timestamp, Bit: relay.Bits, Enum: relay.Enum, JSON: relay.JSON, JSONB: relay.JSON,
	UUID: relay.UUID,
}

// Kind is what values of the form are to other engines.
func (f Form) Kind() relay.Kind {
	if int(f) >= len(kinds) {
		return relay.Text
	}
	return kinds[f]
}

func (f Form) charset() string {
	switch f.Kind() {
	case relay.Text, relay.Enum:
		return "utf8"
	}
	return ""
}

// Canonical tells whether two values of the form are equal exactly if their texts are. Numeric and Char have a canonical text of
// their own, see Canonicalize; the other forms have none.
func (f Form) Canonical() bool {
	switch f {
	case Bool, Integer, OID, Text, Bytea, Date, TimeOfDay, Timestamp, TimestampTZ, Bit, Enum, UUID, Numeric, Char:
		return true
	}
	return false
}

// Canonicalize returns a text that is the same for all values of the form that are equal: 1.0 and 1.00 are. It aliases text.
func (f Form) Canonicalize(text []byte) []byte {
	switch f {
	case Char:
		return trimRight(text, ' ')
	case Numeric:
		return canonicalNumeric(text)
	}
	return text
}

func trimRight(b []byte, c byte) []byte {
	for len(b) > 0 && b[len(b)-1] == c {
		b = b[:len(b)-1]
	}
	return b
}

// canonicalNumeric takes zeros off behind the point.
func canonicalNumeric(b []byte) []byte {
	for i := range b {
		if b[i] == '.' {
			return trimRight(trimRight(b, '0'), '.')
		}
	}
	return b
}
