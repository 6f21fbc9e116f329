package values_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

func commonText(t interface{ Fatal(...any) }, v relay.Value, as relay.ValueText) string {
	b, err := values.AppendCommon(nil, v, as)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestCommonTexts: what is one value in two engines has one text, and what is not has another.
func TestCommonTexts(t *testing.T) {
	number := func(text string) relay.Value { return relay.Value{Kind: relay.Decimal, Bytes: []byte(text)} }
	bytesOf := func(kind relay.Kind, text string) relay.Value { return relay.Value{Kind: kind, Bytes: []byte(text)} }
	id := bytesOf(relay.UUID, "\x01\x89\x0a\x5d\xac\x96\x77\x4b\xbc\xce\xb3\x02\x09\x9a\x80\x00")
	for _, c := range []struct {
		v    relay.Value
		as   relay.ValueText
		want string
	}{
		{relay.Value{Kind: relay.Int, Int: -5}, relay.AsNumber, "-5"},
		{relay.Value{Kind: relay.Bool, Int: 1}, relay.AsNumber, "1"},
		{relay.Value{Kind: relay.Year, Uint: 2024}, relay.AsNumber, "2024"},
		{relay.Value{Kind: relay.Uint, Uint: math.MaxUint64}, relay.AsNumber, "18446744073709551615"},
		{number("1.500"), relay.AsNumber, "1.5"},
		{number("-0.00"), relay.AsNumber, "0"},
		{number("100"), relay.AsNumber, "100"},
		{number("NaN"), relay.AsNumber, "NaN"},
		{relay.Value{Kind: relay.Float32, Float: 0.5}, relay.AsFloat, "0.5"},
		{bytesOf(relay.Text, "a "), relay.AsText, "a "},
		{bytesOf(relay.Enum, "größe"), relay.AsText, "größe"},
		{id, relay.AsText, "01890a5d-ac96-774b-bcce-b302099a8000"},
		{id, relay.AsBytes, "01890a5dac96774bbcceb302099a8000"},
		{bytesOf(relay.Binary, "\x00a\xff"), relay.AsBytes, "0061ff"},
		{bytesOf(relay.Binary, "\x00a"), relay.AsOctets, "\x00a"},
		{relay.Value{Kind: relay.Bool}, relay.AsBits, "0"},
		{bytesOf(relay.Bits, "0101"), relay.AsBits, "0101"},
		{bytesOf(relay.Timestamp, "2024-01-01 00:00:00.5"), relay.AsMoment, "2024-01-01 00:00:00.5"},
		{bytesOf(relay.Text, "not json"), relay.AsJSON, "!not json"},
	} {
		if got := commonText(t, c.v, c.as); got != c.want {
			t.Errorf("%+v as %s is %q, want %q", c.v, c.as, got, c.want)
		}
	}
	if _, err := values.AppendCommon(nil, number("1"), "later"); err == nil {
		t.Error("a text of a later version was made")
	}
}

// TestCommonDocuments: spaces, the order of names and how numbers are written are the engines' own.
func TestCommonDocuments(t *testing.T) {
	document := func(text string) string {
		return commonText(t, relay.Value{Kind: relay.JSON, Bytes: []byte(text)}, relay.AsJSON)
	}
	for _, same := range [][]string{
		{`{"a": 1.50, "b": [1, null]}`, `{"b":[1e0,null],"a":15e-1}`, `{"b":[10E-1 ,null], "a":1.5}`},
		{`1e300`, `1` + strings.Repeat("0", 300), `10.0e299`},
		{`0`, `-0`, `0.00`, `0e5`},
		{`"\u00e4"`, `"ä"`},
		{`[true,false]`, ` [ true , false ] `},
	} {
		for _, text := range same[1:] {
			if document(text) != document(same[0]) {
				t.Errorf("%s and %s are not the same document: %s, %s", same[0], text, document(same[0]), document(text))
			}
		}
	}
	list := []string{`1`, `-1`, `10`, `0.1`, `"1"`, `[1]`, `[[1]]`, `[]`, `{}`, `null`, `true`, `false`, `"n"`, `{"a":"b,c"}`, `{"a":"b","c":null}`, `["a","b"]`, `["a,b"]`, `"a\"1"`, `""`, `12`, `[1,2]`}
	seen := map[string]string{}
	for _, text := range list {
		if other, twice := seen[document(text)]; twice {
			t.Errorf("%s and %s are one document: %s", text, other, document(text))
		}
		seen[document(text)] = text
	}
}

// TestPlainTexts: what a row is repaired from gives its values back.
func TestPlainTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.OneOf(
			rapid.Custom(func(t *rapid.T) relay.Value { return relay.Value{Kind: relay.Int, Int: rapid.Int64().Draw(t, "n")} }),
			rapid.Custom(func(t *rapid.T) relay.Value {
				return relay.Value{Kind: relay.Uint, Uint: rapid.Uint64Range(1<<63, math.MaxUint64).Draw(t, "n")}
			}),
			rapid.Custom(func(t *rapid.T) relay.Value {
				return relay.Value{Kind: relay.Float64, Float: rapid.Float64().Draw(t, "f")}
			}),
			rapid.Custom(func(t *rapid.T) relay.Value {
				return relay.Value{Kind: relay.Text, Bytes: []byte(rapid.String().Draw(t, "s"))}
			}),
			rapid.Custom(func(t *rapid.T) relay.Value {
				return relay.Value{Kind: relay.Binary, Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "b")}
			}),
		).Draw(t, "v")
		got, err := values.ParsePlain(values.PlainText(v), &relay.Type{Kind: v.Kind})
		if err != nil || got.Kind != v.Kind || got.Int != v.Int || got.Uint != v.Uint || got.Float != v.Float || !bytes.Equal(got.Bytes, v.Bytes) {
			t.Fatalf("%+v came back as %+v: %v", v, got, err)
		}
	})
	for _, c := range []struct {
		text string
		kind relay.Kind
	}{{"x", relay.Int}, {"1.5", relay.Int}, {"", relay.Float64}, {"x", relay.Year}, {"x", relay.Bool}} {
		if _, err := values.ParsePlain([]byte(c.text), &relay.Type{Kind: c.kind, Name: "type"}); err == nil || strings.Contains(err.Error(), `"x"`) {
			t.Errorf("%q is taken for a value, or the error has it: %v", c.text, err)
		}
	}
}

// TestAgree: regions agree on a text for each column, and say by name what does not go together.
func TestAgree(t *testing.T) {
	shape := func(flavour relay.Flavour, key string, types ...relay.Type) *relay.Shape {
		s := &relay.Shape{Flavour: flavour, Key: []int{0}}
		for i, typ := range types {
			s.Columns = append(s.Columns, relay.ShapeColumn{Name: string(rune('a' + i)), Type: typ})
		}
		s.Columns[0].Order = key
		return s
	}
	id := relay.Type{Kind: relay.Int, Bits: 64}
	for _, c := range []struct {
		here, there relay.Type
		as          relay.ValueText
		long        bool
	}{
		{relay.Type{Kind: relay.Int, Bits: 8}, relay.Type{Kind: relay.Bool}, relay.AsNumber, false},
		{relay.Type{Kind: relay.Decimal, Digits: 10, Scale: 2}, relay.Type{Kind: relay.Int, Bits: 64}, relay.AsNumber, false},
		{relay.Type{Kind: relay.Bits, Bits: 1, Fixed: true}, relay.Type{Kind: relay.Bool}, relay.AsBits, false},
		{relay.Type{Kind: relay.Text, Length: 20}, relay.Type{Kind: relay.Text, Length: 40}, relay.AsText, false},
		{relay.Type{Kind: relay.Text, Length: 20}, relay.Type{Kind: relay.Text}, relay.AsText, true},
		{relay.Type{Kind: relay.Text, Length: 36}, relay.Type{Kind: relay.UUID}, relay.AsText, false},
		{relay.Type{Kind: relay.Binary, Length: 16, Fixed: true}, relay.Type{Kind: relay.UUID}, relay.AsBytes, false},
		{relay.Type{Kind: relay.Binary, Length: 16}, relay.Type{Kind: relay.Binary}, relay.AsOctets, true},
		{relay.Type{Kind: relay.Text}, relay.Type{Kind: relay.JSON}, relay.AsJSON, true},
		{relay.Type{Kind: relay.Float32}, relay.Type{Kind: relay.Float64}, relay.AsFloat, false},
		{relay.Type{Kind: relay.Enum, Labels: []string{"x"}}, relay.Type{Kind: relay.Text}, relay.AsText, true},
		{relay.Type{Kind: relay.Time, Fraction: 6}, relay.Type{Kind: relay.Interval, Fraction: 6}, relay.AsMoment, false},
	} {
		f, err := values.Agree([]string{"one", "two"}, []*relay.Shape{shape("x", "", id, c.here), shape("y", "", id, c.there)})
		if err != nil || f.Columns[1].As != c.as || f.Columns[1].Long != c.long || !f.Ordered || f.Columns[0].Key != 1 {
			t.Errorf("%+v and %+v: %+v, %v; want %s", c.here, c.there, f, err, c.as)
		}
	}
	f, err := values.Agree([]string{"one", "two"}, []*relay.Shape{shape("x", "so", id), shape("y", "otherwise", id)})
	if err != nil || f.Ordered {
		t.Errorf("two orders are one: %+v, %v", f, err)
	}
	for _, c := range []struct {
		want string
		list []*relay.Shape
	}{
		{"region two: it is odd", []*relay.Shape{shape("x", "", id), {Flavour: "y", Problem: "it is odd"}}},
		{"rows of region one in region two: column b is double there and numeric here", []*relay.Shape{
			shape("x", "", id, relay.Type{Kind: relay.Float64, Name: "double"}), shape("y", "", id, relay.Type{Kind: relay.Decimal, Name: "numeric"}),
		}},
	} {
		if _, err := values.Agree([]string{"one", "two"}, c.list); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %s", err, c.want)
		}
	}
}

// FuzzCommon: documents of strangers do not make it panic.
func FuzzCommon(f *testing.F) {
	f.Add([]byte(`{"a": [1.50, -0, 1e400, "x"]}`))
	f.Add([]byte(`1e99999999999999999999`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if got := commonText(t, relay.Value{Kind: relay.JSON, Bytes: text}, relay.AsJSON); got == "" && len(text) > 0 {
			t.Error("a document has no text")
		}
	})
}
