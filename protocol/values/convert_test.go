package values_test

import (
	"math"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

func text(kind relay.Kind, s string) relay.Value { return relay.Value{Kind: kind, Bytes: []byte(s)} }
func number(n int64) relay.Value                 { return relay.Value{Kind: relay.Int, Int: n} }

var (
	boolean   = relay.Type{Kind: relay.Bool, Name: "boolean"}
	tiny      = relay.Type{Kind: relay.Int, Bits: 8, Name: "tinyint"}
	big       = relay.Type{Kind: relay.Int, Bits: 64, Name: "bigint"}
	bigU      = relay.Type{Kind: relay.Uint, Bits: 64, Name: "bigint unsigned"}
	smallU    = relay.Type{Kind: relay.Uint, Bits: 16, Name: "smallint unsigned"}
	decimal   = relay.Type{Kind: relay.Decimal, Digits: 6, Scale: 2, Name: "decimal(6,2)"}
	numeric   = relay.Type{Kind: relay.Decimal, Name: "numeric"}
	year      = relay.Type{Kind: relay.Year, Name: "year"}
	single    = relay.Type{Kind: relay.Float32, Name: "real"}
	double    = relay.Type{Kind: relay.Float64, Name: "double"}
	varchar   = relay.Type{Kind: relay.Text, Length: 5, Name: "varchar(5)"}
	char      = relay.Type{Kind: relay.Text, Length: 5, Fixed: true, Name: "char(5)"}
	long      = relay.Type{Kind: relay.Text, Name: "text"}
	enum      = relay.Type{Kind: relay.Enum, Labels: []string{"a", "ä,b"}, Name: "enum"}
	set       = relay.Type{Kind: relay.Set, Labels: []string{"x", "y", "z"}, Name: "set"}
	uuid      = relay.Type{Kind: relay.UUID, Name: "uuid"}
	binary16  = relay.Type{Kind: relay.Binary, Length: 16, Fixed: true, Name: "binary(16)"}
	bytea     = relay.Type{Kind: relay.Binary, Name: "bytea"}
	bit3      = relay.Type{Kind: relay.Bits, Bits: 3, Fixed: true, Name: "bit(3)"}
	bit1      = relay.Type{Kind: relay.Bits, Bits: 1, Fixed: true, Name: "bit(1)"}
	varbit    = relay.Type{Kind: relay.Bits, Name: "bit varying"}
	time3     = relay.Type{Kind: relay.Time, Fraction: 3, Name: "time(3)"}
	interval  = relay.Type{Kind: relay.Interval, Fraction: 6, Name: "interval"}
	stamp0    = relay.Type{Kind: relay.DateTime, Name: "datetime"}
	stamp6    = relay.Type{Kind: relay.DateTime, Fraction: 6, Name: "timestamp"}
	document  = relay.Type{Kind: relay.JSON, Name: "json"}
	sixteen   = "0123456789abcdef"
	uuidOf16  = "30313233-3435-3637-3839-616263646566"
	tooLong64 = uint64(math.MaxUint64)
)

// TestConvert brings values over, or says why not, without them.
func TestConvert(t *testing.T) {
	for _, c := range []struct {
		name     string
		from, to relay.Type
		value    relay.Value
		want     relay.Value
		refused  string
	}{
		{"bool", boolean, tiny, relay.Value{Kind: relay.Bool, Int: 1}, number(1), ""},
		{"to bool", tiny, boolean, number(0), relay.Value{Kind: relay.Bool}, ""},
		{"two is no bool", tiny, boolean, number(2), relay.Value{}, "neither 0 nor 1"},
		{"bit to bool", bit1, boolean, text(relay.Bits, "1"), relay.Value{Kind: relay.Bool, Int: 1}, ""},
		{"bool to bit", boolean, bit1, relay.Value{Kind: relay.Bool, Int: 1}, text(relay.Bits, "1"), ""},
		{"in range", big, tiny, number(-128), number(-128), ""},
		{"beyond", big, tiny, number(128), relay.Value{}, "beyond the range of tinyint"},
		{"negative to unsigned", big, smallU, number(-1), relay.Value{}, "beyond the range"},
		{"unsigned", bigU, big, relay.Value{Kind: relay.Uint, Uint: tooLong64}, relay.Value{}, "beyond the range of bigint"},
		{"unsigned to numeric", bigU, numeric, relay.Value{Kind: relay.Uint, Uint: tooLong64}, text(relay.Decimal, "18446744073709551615"), ""},
		{"numeric to unsigned", numeric, bigU, text(relay.Decimal, "18446744073709551615.00"), relay.Value{Kind: relay.Uint, Uint: tooLong64}, ""},
		{"fraction to integer", numeric, big, text(relay.Decimal, "1.5"), relay.Value{}, "fraction"},
		{"NaN to integer", numeric, big, text(relay.Decimal, "NaN"), relay.Value{}, "no finite number"},
		{"decimal gets its digits", numeric, decimal, text(relay.Decimal, "-1.5"), text(relay.Decimal, "-1.50"), ""},
		{"negative zero", decimal, decimal, text(relay.Decimal, "-0.00"), text(relay.Decimal, "0.00"), ""},
		{"zeros do not count", numeric, decimal, text(relay.Decimal, "0012.500000"), text(relay.Decimal, "12.50"), ""},
		{"too fine", numeric, decimal, text(relay.Decimal, "1.005"), relay.Value{}, "more digits than decimal(6,2)"},
		{"too large", numeric, decimal, text(relay.Decimal, "12345"), relay.Value{}, "more digits"},
		{"infinity", numeric, decimal, text(relay.Decimal, "-Infinity"), relay.Value{}, "no finite number"},
		{"numeric keeps its digits", decimal, numeric, text(relay.Decimal, "1.50"), text(relay.Decimal, "1.50"), ""},
		{"year", year, smallU, relay.Value{Kind: relay.Year, Uint: 1901}, number(1901), ""},
		{"no year", big, year, number(1900), relay.Value{}, "beyond the range of year"},
		{"single", double, single, relay.Value{Kind: relay.Float64, Float: 0.5}, relay.Value{Kind: relay.Float32, Float: 0.5}, ""},
		{"not single", double, single, relay.Value{Kind: relay.Float64, Float: 0.1}, relay.Value{}, "exactly"},
		{"text", long, varchar, text(relay.Text, "größe"), text(relay.Text, "größe"), ""},
		{"empty is not NULL", long, varchar, text(relay.Text, ""), text(relay.Text, ""), ""},
		{"NULL is not empty", long, varchar, relay.Value{}, relay.Value{}, ""},
		{"long text", long, varchar, text(relay.Text, "größer"), relay.Value{}, "longer than varchar(5)"},
		{"spaces", long, char, text(relay.Text, "a "), relay.Value{}, "spaces at the end"},
		{"label", long, enum, text(relay.Text, "ä,b"), text(relay.Enum, "ä,b"), ""},
		{"no label", long, enum, text(relay.Text, "A"), relay.Value{}, "no label"},
		{"set", long, set, text(relay.Text, "x,z"), text(relay.Set, "x,z"), ""},
		{"empty set", long, set, text(relay.Text, ""), text(relay.Set, ""), ""},
		{"set in another order", long, set, text(relay.Text, "z,x"), relay.Value{}, "in their order"},
		{"label twice", long, set, text(relay.Text, "x,x"), relay.Value{}, "in their order"},
		{"uuid", uuid, binary16, text(relay.UUID, sixteen), text(relay.Binary, sixteen), ""},
		{"uuid as text", uuid, long, text(relay.UUID, sixteen), text(relay.Text, uuidOf16), ""},
		{"text as uuid", long, uuid, text(relay.Text, uuidOf16), text(relay.UUID, sixteen), ""},
		{"uuid in upper case", long, uuid, text(relay.Text, "6CCD780C-baba-1026-9564-5b8c656024db"), relay.Value{}, "no UUID"},
		{"short binary", bytea, binary16, text(relay.Binary, "x"), relay.Value{}, "length of binary(16)"},
		{"bits", varbit, bit3, text(relay.Bits, "010"), text(relay.Bits, "010"), ""},
		{"short bits", varbit, bit3, text(relay.Bits, "10"), relay.Value{}, "length of bit(3)"},
		{"time", interval, time3, text(relay.Interval, "-00:00:00.5"), text(relay.Time, "-00:00:00.5"), ""},
		{"days", interval, time3, text(relay.Interval, "1 day 02:03:04"), relay.Value{}, "days or months"},
		{"fine time", interval, time3, text(relay.Interval, "00:00:00.1234"), relay.Value{}, "finer than time(3)"},
		{"fine moment", stamp6, stamp0, text(relay.DateTime, "2024-01-01 00:00:00.1"), relay.Value{}, "finer than datetime"},
		{"document", long, document, text(relay.Text, ` {"a": [1e5, "\ud83d\ude00"]}`), text(relay.JSON, ` {"a": [1e5, "\ud83d\ude00"]}`), ""},
		{"no document", long, document, text(relay.Text, "{'a': 1}"), relay.Value{}, "no JSON document"},
		{"a name twice", long, document, text(relay.Text, `{"a": 1, "\u0061": 2}`), relay.Value{}, "one name twice"},
		{"half a pair", long, document, text(relay.Text, `"\ud83d"`), relay.Value{}, "no JSON document"},
		{"no counterpart", double, numeric, relay.Value{Kind: relay.Float64, Float: 1}, relay.Value{}, "do not go together"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := values.Convert(c.value, &c.from, &c.to)
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Fatalf("got %v, %v; want %q", got, err, c.refused)
				}
				if len(c.value.Bytes) > 2 && strings.Contains(err.Error(), string(c.value.Bytes)) {
					t.Errorf("%v: tells the value", err)
				}
				return
			}
			if err != nil || got.Kind != c.want.Kind || got.Int != c.want.Int || got.Uint != c.want.Uint || got.Float != c.want.Float ||
				string(got.Bytes) != string(c.want.Bytes) || (got.Bytes == nil) != (c.want.Bytes == nil) {
				t.Errorf("got %+v, %v; want %+v", got, err, c.want)
			}
		})
	}
}
