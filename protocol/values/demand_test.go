package values_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/values"
	"github.com/octant-db/octant/relay"
)

// TestTargetDemands holds tables in which a rule of conflicts would come to other rows in one engine than in another, and says why.
func TestTargetDemands(t *testing.T) {
	my := func(name, typ string) binlog.DefinedColumn {
		return binlog.DefinedColumn{Name: name, Type: typ, Collation: "utf8mb4_general_ci", Nullable: true}
	}
	pg := func(name, typ string, form logical.Form) logical.Column {
		return logical.Column{Name: name, Type: typ, Form: form}
	}
	alike, counts, times := values.Demand{Alike: true}, values.Demand{Counters: []string{"v"}}, values.Demand{Timestamp: "v"}
	for _, c := range []struct {
		there  binlog.DefinedColumn
		here   logical.Column
		demand values.Demand
		reason string
	}{
		{my("v", "varchar(20)"), pg("v", "text", logical.Text), alike, ""},
		{my("v", "decimal(9,2)"), pg("v", "numeric(9,2)", logical.Numeric), alike, ""},
		{my("v", "decimal(9,2)"), pg("v", "numeric", logical.Numeric), alike, "column v is decimal(9,2) there and numeric here: one value can look different"},
		{my("v", "json"), pg("v", "jsonb", logical.JSONB), alike, "one value can look different"},
		{my("v", "json"), pg("v", "jsonb", logical.JSONB), values.Demand{}, ""},
		{my("v", "int"), pg("v", "integer", logical.Integer), counts, ""},
		{my("v", "int unsigned"), pg("v", "bigint", logical.Integer), counts, "column v is int unsigned there and bigint here: counters must have the same range"},
		{my("v", "int"), pg("v", "bigint", logical.Integer), counts, "counters must have the same range"},
		{my("v", "decimal(9,2)"), pg("v", "numeric(9,2)", logical.Numeric), counts, ""},
		{my("v", "decimal(9,2)"), pg("v", "numeric(10,2)", logical.Numeric), counts, "counters must have the same range"},
		{my("v", "double"), pg("v", "double precision", logical.Double), counts, ""},
		{my("v", "float"), pg("v", "double precision", logical.Double), counts, "counters must have the same range"},
		{my("V", "int"), pg("v", "integer", logical.Integer), counts, "column v is called V there"},
		{my("v", "datetime(6)"), pg("v", "timestamp without time zone", logical.Timestamp), times, ""},
		{my("v", "timestamp(6)"), pg("v", "timestamp with time zone", logical.TimestampTZ), times, ""},
		{my("v", "bigint unsigned"), pg("v", "bigint", logical.Integer), times, ""},
		{my("v", "bigint unsigned"), pg("v", "numeric(20,0)", logical.Numeric), times, "a column of timestamp must be of the same kind"},
	} {
		target := values.NewTarget(&engine{local: &values.Local{Table: pgTable(t, pgID, c.here)}}, logical.Flavour, func(_, _ string) values.Demand { return c.demand })
		err := target.Check(t.Context(), mysqlTable(t, myID, c.there))
		if c.reason == "" && err != nil || c.reason != "" && (err == nil || !strings.Contains(err.Error(), c.reason)) {
			t.Errorf("%s and %s under %+v: %v, want %q", c.there.Type, c.here.Type, c.demand, err, c.reason)
		}
	}
}

// TestTargetDemandsAllColumns: rows come without a column that stands only here as long as no rule looks into them.
func TestTargetDemandsAllColumns(t *testing.T) {
	local := &values.Local{Table: pgTable(t, pgID, pgV), Needed: 1, Narrow: narrow(t)}
	for _, c := range []struct {
		demand values.Demand
		held   bool
	}{{values.Demand{}, false}, {values.Demand{Alike: true}, true}, {values.Demand{Timestamp: "id"}, true}} {
		target := values.NewTarget(&engine{local: local}, logical.Flavour, func(_, _ string) values.Demand { return c.demand })
		err := target.Check(t.Context(), mysqlTable(t, myID))
		if c.held != (err != nil) || c.held && !strings.Contains(err.Error(), "column v stands only here, and its rule of conflicts") {
			t.Errorf("under %+v: %v", c.demand, err)
		}
	}
}

// TestTargetKeepsRowsWhole: where rows are compared, a change whose row before has no local form stays as it came, and is not cut down to its key.
func TestTargetKeepsRowsWhole(t *testing.T) {
	from, to := mysqlTable(t, myID, myV), pgTable(t, pgID, pgV)
	row := func(v string) relay.Image {
		img, err := from.Plain.Image([]relay.Value{number(1), text(relay.Text, v)})
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	for _, compared := range []bool{false, true} {
		target := values.NewTarget(&engine{local: &values.Local{Table: to}}, logical.Flavour, func(_, _ string) values.Demand { return values.Demand{Alike: compared} })
		changes := []relay.Change{{Op: relay.Update, Table: from, Before: row("\x00"), After: row("x")}}
		if err := target.Translate(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
		if (changes[0].Table == from) != compared {
			t.Errorf("compared %v: it is a row of %s", compared, changes[0].Table.Flavour)
		}
	}
	if img, err := values.As(from, row("x"), to); err != nil || !values.Same(from, row("x"), to, img) {
		t.Errorf("a row of one engine as one of another: %v", err)
	}
	if _, err := values.As(from, row("\x00"), to); err == nil || strings.Contains(err.Error(), "x00") {
		t.Errorf("a value that PostgreSQL does not have is brought over: %v", err)
	}
}
