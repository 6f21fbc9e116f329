package compare_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/compare"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// local describes table app.foreign_keys as the log would.
func (b *bed) local(collation string) *relay.Table {
	b.t.Helper()
	d := binlog.Definition{Flavour: binlog.Flavour, Schema: "app", Name: "foreign_keys", Columns: []binlog.DefinedColumn{
		{Name: "w", Type: "varchar(5)", Collation: collation}, {Name: "n", Type: "int unsigned"}, {Name: "f", Type: "bit(3)"}, {Name: "u", Type: "binary(16)"},
		{Name: "d", Type: "double", Nullable: true},
	}, Key: []relay.KeyPart{{Column: 0}, {Column: 1}, {Column: 2}, {Column: 3}}}
	cache := binlog.NewTableCache()
	if b.mysql {
		d.Flavour, cache = binlog.MySQL, binlog.NewMySQLTableCache()
	}
	native, err := d.Native()
	if err != nil {
		b.t.Fatal(err)
	}
	s, err := cache.Get(native)
	if err != nil {
		b.t.Fatal(err)
	}
	return s.Table
}

// TestKeysOfOtherEngines asks for keys that only other engines have: they lie where they belong, and no row is there.
func TestKeysOfOtherEngines(t *testing.T) {
	onEach(t, func(b *bed) {
		collation, id := "utf8mb4_nopad_bin", "UUID"
		if b.mysql {
			collation, id = "utf8mb4_0900_bin", "BINARY(16)"
		}
		b.exec(fmt.Sprintf("CREATE TABLE app.foreign_keys (w VARCHAR(5) COLLATE %s, n INT UNSIGNED ZEROFILL, f BIT(3), u %s, d DOUBLE, PRIMARY KEY (w, n, f, u))", collation, id))
		for _, w := range []string{"a", "ab", "b"} {
			for n := range 3 {
				b.exec(fmt.Sprintf("INSERT INTO app.foreign_keys VALUES ('%s', %d, %d, x'%032x', -1.2345678901234567e-100)", w, n+1, n, n+1))
			}
		}
		r := compare.New(compare.Config{Addr: b.server.Addr(), User: "reader", Password: "secret", Match: func(schema, _ string) bool { return schema == "app" },
			Local: func(context.Context, string, string) (*values.Local, error) {
				return &values.Local{Table: b.local(collation)}, nil
			}})
		defer r.Close()
		v := r.ByValue(&relay.ValueForm{Ordered: true, Columns: []relay.FormColumn{
			{Name: "d", As: relay.AsFloat}, {Name: "f", As: relay.AsBits, Key: 3}, {Name: "n", As: relay.AsNumber, Key: 2}, {Name: "u", As: relay.AsBytes, Key: 4},
			{Name: "w", As: relay.AsText, Key: 1},
		}})
		const least = "00000000000000000000000000000000"
		key := func(w, n, f, u string) relay.RowKey {
			return relay.NewRowKey([][]byte{[]byte(w), []byte(n), []byte(f), []byte(u)})
		}
		for _, c := range []struct {
			name string
			key  relay.RowKey
			rows int // behind it
		}{
			{"its own", key("ab", "2", "001", least), 5},
			{"a number beyond the range", key("a", "99999999999999999999", "000", least), 6},
			{"a number below it", key("ab", "-5", "000", least), 6},
			{"a fraction", key("ab", "1.5", "000", least), 5},
			{"a text with a zero byte", key("a\x00b", "0", "000", least), 6},
			{"a longer text", key("abcdefgh", "0", "000", least), 3},
			{"a text with quotes", key("zz'\\", "0", "000", least), 0},
		} {
			behind, err := v.Rows(t.Context(), "app.foreign_keys", relay.Span{After: c.key})
			if err != nil || len(behind) != c.rows {
				t.Errorf("%s: %d rows are behind it, %v; want %d", c.name, len(behind), err, c.rows)
			}
			before, err := v.Digest(t.Context(), "app.foreign_keys", relay.Span{UpTo: c.key})
			if err != nil || int(before.Rows) != 9-c.rows {
				t.Errorf("%s: %d rows are before it, %v; want %d", c.name, before.Rows, err, 9-c.rows)
			}
			found, err := v.Find(t.Context(), "app.foreign_keys", []relay.RowKey{c.key})
			if err != nil || found[0] != nil {
				t.Errorf("%s: %v, %v", c.name, found[0], err)
			}
			if err := v.Replace(t.Context(), relay.Replacement{Table: "app.foreign_keys", Key: c.key, Expect: &relay.Sum{}}); err == nil {
				t.Errorf("%s: a row that is not there was deleted", c.name)
			}
		}
		row, err := v.Columns(t.Context(), "app.foreign_keys", key("ab", "2", "001", least[:31]+"2"))
		if err != nil || len(row) != 5 || string(row[0].Value) != "-1.2345678901234567e-100" || string(row[2].Value) != "2" || string(row[1].Value) != "001" {
			t.Errorf("a row is %+v, %v", row, err)
		}
		for _, expect := range []*relay.Sum{nil, {1}} { // it is there, and otherwise
			err := v.Replace(t.Context(), relay.Replacement{Table: "app.foreign_keys", Key: key("ab", "2", "001", least[:31]+"2"), Expect: expect})
			if !errors.Is(err, relay.ErrChanged) {
				t.Errorf("a row that is not as it was compared is written: %v", err)
			}
		}
		for _, odd := range []relay.RowKey{key("a", "x", "000", least), key("a", "1", "00", least), key("a", "1", "000", "no bytes")} {
			if found, err := v.Find(t.Context(), "app.foreign_keys", []relay.RowKey{odd}); err != nil || found[0] != nil {
				t.Errorf("%s: %v, %v", odd, found[0], err)
			}
			if _, err := v.Rows(t.Context(), "app.foreign_keys", relay.Span{After: odd}); err == nil {
				t.Errorf("%s is a bound", odd)
			}
		}
	})
}
