package binlog_test

import (
	"bytes"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/relay"
)

// TestCellsAreJoinedAgain takes rows apart and puts them together, and puts cells of one row into another.
func TestCellsAreJoinedAgain(t *testing.T) {
	rows := goldenRows(t)
	c := rows[0].Table.Composer
	rapid.Check(t, func(t *rapid.T) {
		a, b := rows[rapid.IntRange(0, len(rows)-1).Draw(t, "a")].After, rows[rapid.IntRange(0, len(rows)-1).Draw(t, "b")].After
		mine, err := c.Cells(a)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := c.Join(a, mine); err != nil || !bytes.Equal(same, a) {
			t.Fatalf("a row came back as %x, was %x (%v)", same, a, err)
		}
		theirs, err := c.Cells(b)
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Clone(b)
		mixed, err := c.Join(a, theirs)
		if err != nil || !bytes.Equal(mixed, want) {
			t.Fatalf("all cells of another row give %x, want %x (%v)", mixed, want, err)
		}
	})
}

// TestNumbersAreWrittenAsTheServerDoes writes each number of the rows as it was, and what is beyond a column's range as the end of it.
func TestNumbersAreWrittenAsTheServerDoes(t *testing.T) {
	rows := goldenRows(t)
	table, numbers := rows[0].Table, 0
	for _, row := range rows {
		values, err := table.Decode(row.After)
		if err != nil {
			t.Fatal(err)
		}
		cells, err := table.Composer.Cells(row.After)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			number, counts := asNumber(v)
			if !counts || table.Columns[i].Type == "year" {
				continue
			}
			numbers++
			if got, err := table.Composer.Number(i, number); err != nil || !bytes.Equal(got, cells[i]) {
				t.Errorf("column %s: %s is written as %x, want %x (%v)", table.Columns[i].Name, number.Bytes, got, cells[i], err)
			}
		}
	}
	if numbers == 0 {
		t.Fatal("no row has a number")
	}
	for i := range table.Columns {
		requireEnds(t, table, i)
	}
}

// asNumber is a value as Number takes it.
func asNumber(v relay.Value) (relay.Value, bool) {
	switch v.Kind {
	case relay.Int:
		return relay.Value{Kind: relay.Decimal, Bytes: big.NewInt(v.Int).Append(nil, 10)}, true
	case relay.Uint:
		return relay.Value{Kind: relay.Decimal, Bytes: new(big.Int).SetUint64(v.Uint).Append(nil, 10)}, true
	case relay.Float32, relay.Float64:
		return relay.Value{Kind: relay.Float64, Float: v.Float}, true
	}
	return v, v.Kind == relay.Decimal
}

// requireEnds writes numbers that no column holds.
func requireEnds(t *testing.T, table *relay.Table, i int) {
	t.Helper()
	c := table.Columns[i]
	if c.Kind != relay.Int && c.Kind != relay.Uint && c.Kind != relay.Decimal || c.Type == "year" {
		return
	}
	fraction := ""
	if _, after, found := strings.Cut(c.Type, ","); found {
		scale, _, _ := strings.Cut(after, ")")
		n, _ := new(big.Int).SetString(scale, 10)
		if n.Sign() > 0 {
			fraction = "." + strings.Repeat("0", int(n.Int64()))
		}
	}
	one := func(digits string) []byte {
		cell, err := table.Composer.Number(i, relay.Value{Kind: relay.Decimal, Bytes: []byte(digits + fraction)})
		if err != nil {
			t.Fatalf("column %s (%s): %v", c.Name, c.Type, err)
		}
		return cell
	}
	huge := strings.Repeat("9", 80)
	if high, more := one(huge), one(huge+"9"); !bytes.Equal(high, more) {
		t.Errorf("column %s: the end of its range is %x and %x", c.Name, high, more)
	}
	if low, high := one("-"+huge), one(huge); bytes.Equal(low, high) {
		t.Errorf("column %s: both ends of its range are %x", c.Name, low)
	}
}
