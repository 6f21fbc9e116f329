package values_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// engine is a database with one table, which identifies rows by their images.
type engine struct {
	values.Engine
	local *values.Local
}

func (e *engine) Local(context.Context, string, string) (*values.Local, error) { return e.local, nil }
func (e *engine) Refresh()                                                     {}
func (e *engine) Check(context.Context, *relay.Table) error                    { return nil }

func (e *engine) Identify(_ context.Context, _ *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	list := make([]relay.Identity, len(images))
	for i, img := range images {
		list[i].Key = string(img)
	}
	return list, nil
}

func mysqlTable(t *testing.T, columns ...binlog.DefinedColumn) *relay.Table {
	t.Helper()
	d := binlog.Definition{Flavour: binlog.MySQL, Schema: "app", Name: "t", Columns: columns, Key: []relay.KeyPart{{}}}
	native, err := d.Native()
	if err != nil {
		t.Fatal(err)
	}
	s, err := binlog.ParseMySQLTable(native)
	if err != nil {
		t.Fatal(err)
	}
	return s.Table
}

func pgTable(t *testing.T, columns ...logical.Column) *relay.Table {
	t.Helper()
	d := logical.Description{Schema: "app", Name: "t", Columns: columns, Key: []int{0}}
	s, err := logical.NewTableCache().Get(d.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	return s.Table
}

var (
	pgID   = logical.Column{Name: "id", Type: "bigint", Form: logical.Integer}
	pgKey  = logical.Column{Name: "id", Type: "text", Form: logical.Text}
	pgV    = logical.Column{Name: "v", Type: "text", Form: logical.Text}
	pgTags = logical.Column{Name: "v", Type: "text[]"}
	myID   = binlog.DefinedColumn{Name: "ID", Type: "bigint unsigned"}
	myKey  = binlog.DefinedColumn{Name: "id", Type: "varchar(20)", Collation: "utf8mb4_general_ci"}
	myV    = binlog.DefinedColumn{Name: "v", Type: "varchar(20)", Collation: "utf8mb4_general_ci", Nullable: true}
)

// narrow is a table with the first of its columns pgID, pgV.
func narrow(t *testing.T) func(int) (*relay.Table, error) {
	return func(n int) (*relay.Table, error) { return pgTable(t, []logical.Column{pgID, pgV}[:n]...), nil }
}

// TestTargetHolds says why a table of another engine is held, and whether its rows can be told apart meanwhile.
func TestTargetHolds(t *testing.T) {
	from := mysqlTable(t, myV, myID)
	from.Key = []relay.KeyPart{{Column: 1}}
	for _, c := range []struct {
		name   string
		from   *relay.Table
		local  *values.Local
		reason string
		keyed  bool // rows are told apart by their own key here
	}{
		{"in another order", from, &values.Local{Table: pgTable(t, pgID, pgV)}, "", true},
		{"missing", from, nil, "the table is missing here: create it", false},
		{"column missing", from, &values.Local{Table: pgTable(t, pgID)}, "column v is missing here", true},
		{"column only here", mysqlTable(t, myID), &values.Local{Table: pgTable(t, pgID, pgV)}, "column v stands only here", true},
		{"column only here, which is needed", mysqlTable(t, myID), &values.Local{Table: pgTable(t, pgID, pgV), Needed: 2, Narrow: narrow(t)}, "column v stands only here", true},
		{"column only here, without which rows can do", mysqlTable(t, myID), &values.Local{Table: pgTable(t, pgID, pgV), Needed: 1, Narrow: narrow(t)}, "", true},
		{"no counterpart", from, &values.Local{Table: pgTable(t, pgID, pgTags)}, "column v is varchar(20) there and text[] here", true},
		{"unique text", from, &values.Local{Table: pgTable(t, pgID, pgV), Unique: []int{1}}, "a unique index, which compares texts by utf8mb4_general_ci there and by bytes here", true},
		{"key compared otherwise", mysqlTable(t, myKey), &values.Local{Table: pgTable(t, pgKey)}, "part of the primary key, which compares texts by utf8mb4_general_ci", false},
		{"another key", mysqlTable(t, myV), &values.Local{Table: pgTable(t, pgID)}, "the primary key is (v) there and (id) here", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			target := values.NewTarget(&engine{local: c.local}, logical.Flavour, nil)
			err := target.Check(t.Context(), c.from)
			if c.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
			} else if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Fatalf("got %v, want %q", err, c.reason)
			} else if r, ok := relay.Rejected(err); !ok || !r.Whole || r.Table != "app.t" {
				t.Errorf("the rejection is %+v", r)
			}
			row, err := c.from.Plain.Image(slices.Repeat([]relay.Value{number(1)}, len(c.from.Columns)))
			if err != nil {
				t.Fatal(err)
			}
			if ids, err := target.Identify(t.Context(), c.from, []relay.Image{row}); err != nil || ids[0].Provisional == c.keyed {
				t.Errorf("identities: %+v, %v", ids, err)
			}
		})
	}
}

// TestTargetTranslates brings changes over by name, leaves those that do not fit as they are, and gives each key one identity.
func TestTargetTranslates(t *testing.T) {
	from, to := mysqlTable(t, myID, myV), pgTable(t, pgV, pgID)
	to.Key = []relay.KeyPart{{Column: 1}}
	row := func(id relay.Value, v string) relay.Image {
		img, err := from.Plain.Image([]relay.Value{id, text(relay.Text, v)})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	e := &engine{local: &values.Local{Table: to}}
	target := values.NewTarget(e, logical.Flavour, nil)
	changes := []relay.Change{
		{Op: relay.Insert, Table: from, After: row(number(1), "x")},
		{Op: relay.Insert, Table: from, After: row(number(2), "\x00")},
		{Op: relay.Insert, Table: from, After: row(relay.Value{Kind: relay.Uint, Uint: tooLong64}, "x")},
	}
	if err := target.Translate(t.Context(), changes); err != nil {
		t.Fatal(err)
	}
	if changes[0].Table != to || changes[1].Table != from || changes[2].Table != from {
		t.Fatalf("the tables are %v, %v, %v", changes[0].Table.Flavour, changes[1].Table.Flavour, changes[2].Table.Flavour)
	}
	list, err := to.Plain.Values(changes[0].After)
	if err != nil || string(list[0].Bytes) != "x" || list[1].Int != 1 {
		t.Errorf("the row is %+v, %v", list, err)
	}
	ids, err := target.Identify(t.Context(), from, []relay.Image{row(number(1), "a"), row(number(1), "b"), changes[1].After, changes[2].After})
	if err != nil || ids[0].Key != ids[1].Key || ids[0].Key == ids[2].Key || ids[2].Key == ids[3].Key {
		t.Errorf("identities: %+v, %v", ids, err)
	}
	e.local = nil
	target.Refresh()
	ids, err = target.Identify(t.Context(), from, []relay.Image{row(number(1), "a"), row(number(1), "b"), changes[1].After, changes[2].After})
	if err != nil || !ids[0].Provisional || ids[0].Key != ids[1].Key || ids[0].Key == ids[2].Key || ids[2].Key == ids[3].Key {
		t.Errorf("identities without the table: %+v, %v", ids, err)
	}
	if !values.Same(from, row(number(1), "x"), to, changes[0].After) || values.Same(from, row(number(1), "y"), to, changes[0].After) {
		t.Error("rows of two engines are not compared by value")
	}
}
