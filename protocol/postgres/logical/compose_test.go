package logical_test

import (
	"bytes"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// tableOf makes a table with a column of each type.
func tableOf(t testing.TB, types map[string]logical.Form, order ...string) *relay.Table {
	t.Helper()
	d := logical.Description{Schema: "app", Name: "t", Key: []int{0}}
	for _, name := range order {
		d.Columns = append(d.Columns, logical.Column{Name: "c_" + name, Type: name, Form: types[name]})
	}
	s, err := logical.NewTableCache().Get(d.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return s.Table
}

// TestCellsAreJoinedAgain takes rows apart and puts them together. What was not logged has no cells: nobody may take it for NULL.
func TestCellsAreJoinedAgain(t *testing.T) {
	c := tableOf(t, nil, "text", "point", "text[]").Composer
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.Custom(func(t *rapid.T) logical.Cell {
			return logical.Cell{Kind: rapid.SampledFrom([]byte{logical.IsNull, logical.IsText, logical.IsAbsent}).Draw(t, "kind"), Text: rapid.SliceOf(rapid.Byte()).Draw(t, "text")}
		})
		row := rapid.SliceOfN(cell, 3, 3).Draw(t, "row")
		image := logical.AppendImage(nil, row)
		cells, err := c.Cells(image)
		if logical.HasAbsent(row) {
			if err == nil {
				t.Fatal("a row that lacks columns is taken apart")
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if back, err := c.Join(nil, cells); err != nil || !bytes.Equal(back, image) {
			t.Fatalf("came back as %q, was %q (%v)", back, image, err)
		}
	})
	if _, err := c.Join(nil, make([][]byte, 2)); err == nil {
		t.Error("two cells make a row of three")
	}
}

// TestNumbers are written as the server does; plain_test.go asks it. What is beyond a column's range becomes the end of it.
func TestNumbers(t *testing.T) {
	types := map[string]logical.Form{
		"smallint": logical.Integer, "bigint": logical.Integer, "numeric": logical.Numeric, "numeric(4,2)": logical.Numeric, "numeric(2,2)": logical.Numeric,
		"real": logical.Real, "double precision": logical.Double, "text": logical.Text, "app.domain": logical.Integer, "numeric(2,-3)": logical.Numeric,
	}
	decimal := func(text string) relay.Value { return relay.Value{Kind: relay.Decimal, Bytes: []byte(text)} }
	float := func(f float64) relay.Value { return relay.Value{Kind: relay.Float64, Float: f} }
	for _, c := range []struct {
		column string
		number relay.Value
		want   string // "": refused
	}{
		{"smallint", decimal("-7"), "-7"}, {"smallint", decimal("40000"), "32767"}, {"smallint", decimal("-40000"), "-32768"},
		{"bigint", decimal("9223372036854775808"), "9223372036854775807"}, {"bigint", decimal("1.5"), ""}, {"bigint", float(1), ""},
		{"numeric", decimal("-123456789012345678901234567890.10"), "-123456789012345678901234567890.10"}, {"numeric", decimal("NaN"), ""}, {"numeric", decimal(""), ""},
		{"numeric(4,2)", decimal("12.50"), "12.50"}, {"numeric(4,2)", decimal("100.00"), "99.99"}, {"numeric(4,2)", decimal("-100.00"), "-99.99"}, {"numeric(4,2)", decimal("1.5"), ""},
		{"numeric(2,2)", decimal("1.00"), "0.99"}, {"real", float(1e300), "3.4028235e+38"}, {"real", float(0.5), "0.5"}, {"double precision", float(-1e300), "-1e+300"},
		{"text", decimal("1"), ""}, {"app.domain", decimal("1"), ""}, {"numeric(2,-3)", decimal("1"), ""},
	} {
		got, err := tableOf(t, types, c.column).Composer.Number(0, c.number)
		if string(got) != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s of %s: %q (%v), want %q", c.column, c.number.Bytes, got, err, c.want)
		}
	}
}
