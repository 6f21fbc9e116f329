package logical_test

import (
	"bytes"
	"context"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

// plainCases are types and values in their own words.
var plainCases = map[string][]string{
	"boolean": {"t", "f"}, "smallint": {"-32768"}, "bigint": {"-9223372036854775808", "0"}, "oid": {"4294967295"},
	"numeric": {"0", "-0", "1.50", "-12345678901234567890.0123456789", "NaN", "Infinity"}, "numeric(6,2)": {"1.5", "-9999.99"},
	"real":             {"-0", "1e-45", "3.4028235e38", "16777216", "0.1", "123456", "1234567", "0.0001", "0.00001", "NaN", "-Infinity"},
	"double precision": {"4.9406564584124654e-324", "1.7976931348623157e308", "1e23", "9007199254740993", "5e-324", "123456789012345", "1234567890123456", "0.1", "1e15", "1e-5"},
	"text":             {"", "größe 😀 \\ ' \""}, "varchar(20)": {"x "}, "char(5)": {"ä", "abcde"}, "bpchar": {"x"}, "name": {"octant"}, "bytea": {"", `\x00ff5c`},
	"date": {"2024-02-29", "0001-01-01", "9999-12-31"}, "time(3)": {"12:34:56.5", "24:00:00"}, "time": {"00:00:00.000001"},
	"interval":  {"838:59:59", "-838:59:59.5", "-00:00:00.000001", "1 day 02:00:00", "-1 mon", "0"},
	"timestamp": {"2024-02-29 12:34:56.5", "0001-01-01 00:00:00"}, "timestamptz": {"2024-02-29 12:34:56.123456+00"},
	"bit(12)": {"000000000101"}, "varbit(9)": {"", "101"}, "json": {` {"a":  1}`}, "uuid": {"6ccd780c-baba-1026-9564-5b8c656024db"},
	"jsonb": {
		`{"bb": 1, "a": [1, null, true, false, {}], "ä": "ü", "b": [], "": ""}`, `"\u0001\b\f\n\r\t\"\\/\u007f\u2028"`, "-0", "-0.00", "1.50", "1e3", "1E-3", "-12.50e1", "1e-7", "0.0e5",
		"123456789012345678901234567890.10", "[1e2, 1.0e0, 100e-2, 12e-5]", `"\ud83d\ude00"`,
	},
}

// TestPlain takes what the server says of values to plain values and back: the texts must be those that the server writes.
func TestPlain(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, "")
	c, err := connect.Open(t.Context(), connect.Config{Addr: s.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.End()
	for name, texts := range plainCases {
		t.Run(name, func(t *testing.T) { comparePlain(t, c, name, texts) })
	}
	t.Run("random floats", func(t *testing.T) {
		random := rand.New(rand.NewPCG(7, 7))
		var doubles, singles []string
		for range 3000 {
			if d := math.Float64frombits(random.Uint64()); !math.IsNaN(d) && !math.IsInf(d, 0) {
				doubles = append(doubles, strconv.FormatFloat(d, 'g', 17, 64))
			}
			if f := float64(math.Float32frombits(random.Uint32())); !math.IsNaN(f) && !math.IsInf(f, 0) {
				singles = append(singles, strconv.FormatFloat(f, 'g', 9, 32))
			}
		}
		for exponent := range 60 { // powers of two are where digits stand halfway
			doubles = append(doubles, strconv.FormatFloat(math.Ldexp(1, 17*exponent-520), 'g', 17, 64))
			singles = append(singles, strconv.FormatFloat(math.Ldexp(1, 4*exponent-120), 'g', 9, 32))
		}
		comparePlain(t, c, "double precision", doubles)
		comparePlain(t, c, "real", singles)
	})
}

func comparePlain(t *testing.T, c *connect.Conn, name string, texts []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := c.Run(ctx, "make a table", "DROP TABLE IF EXISTS app.one; CREATE TABLE app.one (v "+name+")"); err != nil {
		t.Fatal(err)
	}
	table, err := catalog.Read(ctx, c, "app", "one")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := logical.NewTableCache().Get(table.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := c.Query(ctx, "ask for texts", "SELECT u::"+name+" FROM unnest(string_to_array($1, chr(1))) u", strings.Join(texts, "\x01"))
	if err != nil || len(rows) != len(texts) {
		t.Fatalf("%d texts of %d, %v", len(rows), len(texts), err)
	}
	for _, row := range rows {
		image := logical.AppendImage(nil, []logical.Cell{{Kind: logical.IsText, Text: row[0]}})
		values, err := schema.Table.Plain.Values(image)
		if err != nil {
			t.Errorf("%q: %v", row[0], err)
			continue
		}
		if back, err := schema.Table.Plain.Image(values); err != nil || !bytes.Equal(back, image) {
			t.Errorf("%q came back as %q, %v", image, back, err)
		}
		if v, ok := number(values[0]); ok && name != "oid" {
			if text, err := schema.Table.Composer.Number(0, v); err != nil || !bytes.Equal(text, row[0]) {
				t.Errorf("number %s is written as %q (%v)", row[0], text, err)
			}
		}
	}
}

// number is a value as relay.Composer takes it, if it is one that can be counted with.
func number(v relay.Value) (relay.Value, bool) {
	switch v.Kind {
	case relay.Int:
		return relay.Value{Kind: relay.Decimal, Bytes: strconv.AppendInt(nil, v.Int, 10)}, true
	case relay.Decimal:
		return v, !strings.ContainsAny(string(v.Bytes), "NI")
	case relay.Float32, relay.Float64:
		return relay.Value{Kind: relay.Float64, Float: v.Float}, !math.IsNaN(v.Float) && !math.IsInf(v.Float, 0)
	}
	return v, false
}
