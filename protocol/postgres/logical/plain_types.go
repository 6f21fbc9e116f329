package logical

import (
	"strconv"
	"strings"

	"github.com/octant-db/octant/relay"
)

// plainType is a column's type for other engines; see relay.Type. A domain has none: what its base type does to values is not known here.
func (c *Column) plainType() relay.Type {
	t := relay.Type{Name: c.Type}
	name, numbers := typeNumbers(c.Type)
	if c.Form == Enum {
		t.Kind, t.Labels = relay.Enum, c.Labels
		return t
	}
	plain, ok := plainTypes[name]
	if !ok {
		return t
	}
	plain(&t, numbers)
	if t.Kind == relay.Text {
		t.Equality = c.equality(t.Fixed)
	}
	return t
}

func (c *Column) equality(fixed bool) string {
	switch {
	case c.Collation != "":
		return "PostgreSQL collation " + c.Collation
	case fixed:
		return relay.Padded
	}
	return relay.Bytewise
}

// typeNumbers splits what format_type says into the name and the numbers in parentheses: "timestamp(3) with time zone".
func typeNumbers(text string) (name string, numbers []int) {
	before, rest, ok := strings.Cut(text, "(")
	inside, after, closed := strings.Cut(rest, ")")
	if !ok || !closed {
		return text, nil
	}
	for word := range strings.SplitSeq(inside, ",") {
		n, err := strconv.Atoi(word)
		if err != nil {
			return text, nil
		}
		numbers = append(numbers, n)
	}
	return before + after, numbers
}

// first is the first number, or what holds without one.
func first(numbers []int, otherwise int) int {
	if len(numbers) == 0 {
		return otherwise
	}
	return numbers[0]
}

func plainKind(k relay.Kind, bits int) func(*relay.Type, []int) {
	return func(t *relay.Type, _ []int) { t.Kind, t.Bits = k, bits }
}

// moment is for types with a fraction of seconds, of six digits if nothing is said.
func moment(k relay.Kind) func(*relay.Type, []int) {
	return func(t *relay.Type, n []int) { t.Kind, t.Fraction = k, first(n, 6) }
}

func sized(k relay.Kind, fixed bool) func(*relay.Type, []int) {
	return func(t *relay.Type, n []int) { t.Kind, t.Length, t.Fixed = k, first(n, 0), fixed }
}

func bitString(fixed bool) func(*relay.Type, []int) {
	return func(t *relay.Type, n []int) { t.Kind, t.Bits, t.Fixed = relay.Bits, first(n, 0), fixed }
}

// nameLength is NAMEDATALEN - 1.
const nameLength = 63

// plainTypes are the types that have counterparts elsewhere, as format_type names them.
var plainTypes = map[string]func(*relay.Type, []int){
	"boolean": plainKind(relay.Bool, 0), "smallint": plainKind(relay.Int, 16), "integer": plainKind(relay.Int, 32), "bigint": plainKind(relay.Int, 64),
	"oid": plainKind(relay.Uint, 32), "real": plainKind(relay.Float32, 0), "double precision": plainKind(relay.Float64, 0),
	"numeric": plainNumeric, "text": sized(relay.Text, false), "character varying": sized(relay.Text, false),
	"character": sized(relay.Text, true), "bpchar": sized(relay.Text, true), "bytea": sized(relay.Binary, false),
	"name": func(t *relay.Type, _ []int) { t.Kind, t.Length = relay.Text, nameLength },
	"date": plainKind(relay.Date, 0), "time without time zone": moment(relay.Time), "interval": moment(relay.Interval),
	"timestamp without time zone": moment(relay.DateTime), "timestamp with time zone": moment(relay.Timestamp),
	"bit": bitString(true), "bit varying": bitString(false), "json": plainKind(relay.JSON, 0), "jsonb": plainKind(relay.JSON, 0),
	"uuid": plainKind(relay.UUID, 0),
}

// plainNumeric leaves out what would be rounded in a way that digits do not say: numeric(2,-3), numeric(3,5).
func plainNumeric(t *relay.Type, n []int) {
	switch {
	case len(n) == 0:
		t.Kind = relay.Decimal
	case len(n) == 2 && n[1] >= 0 && n[1] <= n[0]:
		t.Kind, t.Digits, t.Scale = relay.Decimal, n[0], n[1]
	}
}
