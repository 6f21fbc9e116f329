package binlog_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// comparePlain takes every logged row to plain values and back, which must give the bytes that the server has logged, and has the table described from
// the catalog, which must give the server's own description.
func (s *session) comparePlain(changes []relay.Change) {
	s.t.Helper()
	table := changes[0].Table
	for n, c := range changes {
		values, err := table.Plain.Values(c.After)
		if err != nil {
			if !strings.Contains(err.Error(), "error value of an ENUM") && !strings.Contains(err.Error(), "not known here") {
				s.t.Errorf("row %d: %v", n+1, err)
			}
			continue
		}
		image, err := table.Plain.Image(values)
		switch {
		case err != nil && refusedImage(err):
		case err != nil:
			s.t.Errorf("row %d: %v", n+1, err)
		case !bytes.Equal(image, c.After) && !sqlTypes(values):
			s.t.Errorf("row %d of %s: the plain values give another image:\n%s\n%s", n+1, table, short(fmt.Sprintf("%x", image)), short(fmt.Sprintf("%x", c.After)))
		}
	}
	s.compareNative(table)
}

// sqlTypes tells of documents with values of SQL types that JSON has no form for.
func sqlTypes(values []relay.Value) bool {
	return len(values) == 2 && bytes.Contains(values[1].Bytes, []byte("base64:"))
}

// refusedImage tells of columns that are not written for other engines, and of values that only their own engine has.
func refusedImage(err error) bool {
	for _, part := range []string{"COMPRESSED", "has no counterpart", "no such date or time", "not hold exactly"} {
		if strings.Contains(err.Error(), part) {
			return true
		}
	}
	return false
}

// compareNative holds the description that is made from the catalog against the one that was logged.
func (s *session) compareNative(table *relay.Table) {
	s.t.Helper()
	rows := s.rows(fmt.Sprintf("SELECT is_nullable='YES', extra LIKE '%%INVISIBLE%%' FROM information_schema.columns "+
		"WHERE table_schema='src' AND table_name='%s' ORDER BY ordinal_position", table.Name))
	d := binlog.Definition{Flavour: table.Flavour, Schema: table.Schema, Name: table.Name, Key: table.Key}
	for i, c := range table.Columns {
		d.Columns = append(d.Columns, binlog.DefinedColumn{
			Name: c.Name, Type: c.Type, Collation: c.Collation, Labels: utf8Labels(c), Nullable: rows[i][0] == "1", Invisible: rows[i][1] == "1",
		})
	}
	native, err := d.Native()
	switch {
	case err != nil && (strings.Contains(err.Error(), "compressed") || strings.Contains(err.Error(), "vector")):
	case err != nil:
		s.t.Error(err)
	case !bytes.Equal(native, table.Native):
		s.t.Errorf("description of %s:\n%x, logged was\n%x", table, native, table.Native)
	}
}

func utf8Labels(c relay.Column) []string {
	if c.Charset != "latin1" {
		return c.Labels
	}
	var list []string
	for _, label := range c.Labels {
		text, _ := charmap.Windows1252.NewDecoder().String(label)
		list = append(list, text)
	}
	return list
}

// TestPlainRefusals: what a column cannot hold exactly is refused, in words without the value.
func TestPlainRefusals(t *testing.T) {
	text := func(s string) relay.Value { return relay.Value{Kind: relay.Text, Bytes: []byte(s)} }
	for _, c := range []struct {
		name    string
		column  binlog.DefinedColumn
		value   relay.Value
		refused string
	}{
		{"latin1", binlog.DefinedColumn{Type: "varchar(9)", Collation: "latin1_swedish_ci"}, text("жук"), "latin1 lacks"},
		{"utf8mb3", binlog.DefinedColumn{Type: "varchar(9)", Collation: "utf8mb3_bin"}, text("😀"), "utf8mb3 lacks"},
		{"bytes", binlog.DefinedColumn{Type: "tinytext", Collation: "utf8mb4_bin"}, text(strings.Repeat("ä", 128)), "longer than the 255 bytes"},
		{"infinity", binlog.DefinedColumn{Type: "date"}, relay.Value{Kind: relay.Date, Bytes: []byte("infinity")}, "no such date"},
		{"before Christ", binlog.DefinedColumn{Type: "datetime"}, relay.Value{Kind: relay.DateTime, Bytes: []byte("0044-03-15 00:00:00 BC")}, "no such date"},
		{"late timestamp", binlog.DefinedColumn{Type: "timestamp"}, relay.Value{Kind: relay.Timestamp, Bytes: []byte("2038-01-19 03:14:08")}, "no such date"},
		{"the epoch", binlog.DefinedColumn{Type: "timestamp(6)"}, relay.Value{Kind: relay.Timestamp, Bytes: []byte("1970-01-01 00:00:00.5")}, "no such date"},
		{"long time", binlog.DefinedColumn{Type: "time"}, relay.Value{Kind: relay.Time, Bytes: []byte("839:00:00")}, "no such date"},
		{"unsigned", binlog.DefinedColumn{Type: "decimal(5,2) unsigned"}, relay.Value{Kind: relay.Decimal, Bytes: []byte("-1.00")}, "UNSIGNED"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.column.Name = "c"
			d := binlog.Definition{Flavour: binlog.MySQL, Schema: "s", Name: "t", Columns: []binlog.DefinedColumn{c.column}, Key: []relay.KeyPart{{}}}
			native, err := d.Native()
			if err != nil {
				t.Fatal(err)
			}
			s, err := binlog.ParseMySQLTable(native)
			if err != nil {
				t.Fatal(err)
			}
			_, err = s.Table.Plain.Image([]relay.Value{c.value})
			if err == nil || !strings.Contains(err.Error(), c.refused) {
				t.Fatalf("got %v, want %q", err, c.refused)
			}
			if strings.Contains(err.Error(), string(c.value.Bytes)) {
				t.Errorf("%v: tells the value", err)
			}
		})
	}
}
