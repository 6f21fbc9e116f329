package binlog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// goldenRows are the rows of the golden file's table of 36 columns.
func goldenRows(t testing.TB) []relay.Change {
	t.Helper()
	var rows []relay.Change
	for c, err := range binlog.NewDecoder(binlog.NewTableCache()).Changes(binlog.One(golden(t)[4:])) {
		if err != nil && !errors.Is(err, binlog.ErrXA) {
			t.Fatal(err)
		}
		if c.Table != nil && c.Table.Name == "ty" {
			rows = append(rows, c)
		}
	}
	return rows
}

func TestTableOfAServer(t *testing.T) {
	table := goldenRows(t)[0].Table
	var got []string
	for _, c := range table.Columns {
		got = append(got, fmt.Sprintf("%s %s %s %v %d", c.Name, c.Type, c.Collation, c.Labels, c.Length))
	}
	expect(t, got, "id int unsigned  [] 0", "u binary(16)  [] 16", "i4 binary(4)  [] 4", "i6 binary(16)  [] 16",
		"b16 binary(16)  [] 16", "b4 binary(4)  [] 4", "c10 char(10) latin1_swedish_ci [] 0", "vc varchar(300) gbk_chinese_ci [] 0",
		"t tinytext utf8mb4_general_ci [] 0", "mt mediumtext latin1_swedish_ci [] 0", "lb longblob  [] 0", "j longtext utf8mb4_bin [] 0",
		"lt longtext utf8mb4_bin [] 0", "vb varbinary(10)  [] 0", "e enum latin1_swedish_ci [a b] 0", "s set utf8mb4_general_ci [x y] 0",
		"g geometry  [] 0", "p point  [] 0", "cc varchar(100) compressed utf8mb4_general_ci [] 0", "cb varbinary(100) compressed  [] 0",
		"ct text compressed utf8mb4_general_ci [] 0", "cbl blob compressed  [] 0", "inv int  [] 0", "gv int  [] 0", "gs int  [] 0",
		"bt bit(64)  [] 8", "bt5 bit(5)  [] 1", "y year  [] 0", "f float  [] 0", "d double  [] 0", "dc decimal(65,30)  [] 0",
		"ti time(3)  [] 0", "dt datetime(6)  [] 0", "ts timestamp(6)  [] 0", "dd date  [] 0", "c70 char(100) utf8mb4_general_ci [] 0")
	if fmt.Sprint(table.Key) != "[{0 0} {6 3}]" || table.String() != "ex.ty" {
		t.Errorf("%s: key %v", table, table.Key)
	}
}

func TestEqualTablesAreOne(t *testing.T) {
	cache := binlog.NewTableCache()
	native := goldenRows(t)[0].Table.Native
	a, err := cache.Get(native)
	if err != nil {
		t.Fatal(err)
	}
	b, err := cache.Get(bytes.Clone(native))
	if err != nil || a.Table != b.Table {
		t.Errorf("two tables for one description: %v", err)
	}
	if n := testing.AllocsPerRun(100, func() { _, _ = cache.Get(native) }); n != 0 {
		t.Errorf("%v allocations to find a table", n)
	}
}

func TestKeyColumnsReadWhatDecodeReads(t *testing.T) {
	rows := goldenRows(t)
	rapid.Check(t, func(t *rapid.T) {
		row := rows[rapid.IntRange(0, len(rows)-1).Draw(t, "row")]
		all, err := row.Table.Decode(row.After)
		if err != nil {
			t.Fatal(err)
		}
		list := rapid.SliceOfDistinct(rapid.IntRange(0, len(all)-1), rapid.ID).Draw(t, "columns")
		columns, err := binlog.NewColumns(row.Table, list)
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := columns.Values(row.After, nil, nil)
		if err != nil || len(got) != len(list) {
			t.Fatal(err)
		}
		for n, i := range list {
			if fmt.Sprint(got[n]) != fmt.Sprint(all[i]) {
				t.Fatalf("column %d: %v and %v", i, got[n], all[i])
			}
		}
	})
	keys, err := binlog.KeyColumns(rows[0].Table)
	if err != nil {
		t.Fatal(err)
	}
	values, arena := make([]relay.Value, 0, 8), make([]byte, 0, 512)
	if n := testing.AllocsPerRun(100, func() { _, _, _ = keys.Values(rows[0].After, values, arena) }); n != 0 {
		t.Errorf("%v allocations to read a key", n)
	}
}

// TestBuilderRoundTrips has the decoder read what the builder wrote, in random orders and sizes.
func TestBuilderRoundTrips(t *testing.T) {
	rows := goldenRows(t)
	tables := []*relay.Table{rows[0].Table, cloneTable(t, rows[0].Table)}
	rapid.Check(t, func(t *rapid.T) {
		b := binlog.NewRowsBuilder(binlog.RowsOptions{Limit: rapid.IntRange(1, 500).Draw(t, "limit"), Flags: binlog.RowsNoForeignKeyChecks,
			Version2: rapid.Bool().Draw(t, "version 2")}, rapid.Uint64Range(0, 1<<40).Draw(t, "first"))
		image := func(name string) relay.Image { return rows[rapid.IntRange(0, len(rows)-1).Draw(t, name)].After }
		var want []relay.Change
		for range rapid.IntRange(0, 30).Draw(t, "rows") {
			c := relay.Change{Op: relay.Op(rapid.IntRange(1, 3).Draw(t, "op")), Table: tables[rapid.IntRange(0, 1).Draw(t, "table")]}
			switch c.Op {
			case relay.Insert:
				c.After = image("after")
				b.Insert(c.Table, c.After)
			case relay.Update:
				c.Before, c.After = image("before"), image("after")
				b.Update(c.Table, c.Before, c.After)
			case relay.Delete:
				c.Before = image("before")
				b.Delete(c.Table, c.Before)
			}
			want = append(want, c)
		}
		var ends, n int
		size, events := b.Len(), b.Events()
		if size != len(events) {
			t.Fatalf("%d bytes promised, %d written", size, len(events))
		}
		for e, err := range binlog.Events(binlog.One(events)) {
			if err != nil {
				t.Fatal(err)
			}
			if r, err := binlog.ParseRows(e); err == nil && r.Flags&binlog.RowsEnd != 0 {
				ends++
			}
		}
		if ends != min(1, len(want)) {
			t.Fatalf("%d ends", ends)
		}
		for c, err := range binlog.NewDecoder(binlog.NewTableCache()).Changes(binlog.One(events)) {
			if err != nil {
				t.Fatal(err)
			}
			w := want[n]
			if c.Op != w.Op || !bytes.Equal(c.Table.Native, w.Table.Native) || !bytes.Equal(c.Before, w.Before) || !bytes.Equal(c.After, w.After) {
				t.Fatalf("row %d is another", n)
			}
			n++
		}
		if n != len(want) {
			t.Fatalf("%d rows of %d", n, len(want))
		}
	})
}

// cloneTable is the table under another name.
func cloneTable(t *testing.T, from *relay.Table) *relay.Table {
	t.Helper()
	native := bytes.Clone(from.Native)
	native[1]++
	s, err := binlog.ParseTable(native)
	if err != nil {
		t.Fatal(err)
	}
	return s.Table
}

// TestRowsOfVersion2 reads what MySQL writes: a header with more data before the columns.
func TestRowsOfVersion2(t *testing.T) {
	row := goldenRows(t)[0]
	b := binlog.NewRowsBuilder(binlog.RowsOptions{}, 5)
	b.Update(row.Table, row.After, row.After)
	events := collect(t, binlog.Events(binlog.One(b.Events())))
	body := binlog.Body(events[1])
	for _, extra := range []string{"", "more"} {
		v2 := binary.LittleEndian.AppendUint16(bytes.Clone(body[:8]), uint16(2+len(extra)))
		v2 = append(append(v2, extra...), body[8:]...)
		stream := append(bytes.Clone(events[0]), binlog.Ignorable(binlog.UpdateRowsEvent, 1, v2)...)
		changes := collect(t, binlog.NewDecoder(binlog.NewTableCache()).Changes(binlog.One(stream)))
		if len(changes) != 1 || changes[0].Op != relay.Update || !bytes.Equal(changes[0].Before, row.After) {
			t.Errorf("%+v", changes)
		}
	}
}

func TestDecoderRefuses(t *testing.T) {
	row := goldenRows(t)[0]
	b := binlog.NewRowsBuilder(binlog.RowsOptions{}, 5)
	b.Insert(row.Table, row.After)
	events := collect(t, binlog.Events(binlog.One(b.Events())))
	header := func(typ binlog.EventType, flags byte, body ...byte) []byte {
		e := binlog.Ignorable(typ, 1, body)
		e[17] = flags
		fixed := binlog.Ignorable(typ, 1, body)
		copy(fixed, e[:19])
		return resum(fixed)
	}
	corrupt := bytes.Clone(events[0])
	corrupt[30]++
	for _, c := range []struct {
		name   string
		stream [][]byte
		want   error
	}{
		{"rows without a table map", events[1:], binlog.ErrMalformed},
		{"rows after the end of their statement", [][]byte{events[0], events[1], events[1]}, binlog.ErrMalformed},
		{"half a partial update", [][]byte{header(binlog.PartialUpdateRowsEvent, 0)}, binlog.ErrMalformed},
		{"a payload in a payload", [][]byte{header(binlog.TransactionPayloadEvent, 0, payload(header(binlog.TransactionPayloadEvent, 0))...)}, binlog.ErrMalformed},
		{"an unknown event", [][]byte{header(199, 0)}, binlog.ErrUnknownEvent},
		{"an incident", [][]byte{header(binlog.IncidentEvent, 0, 1, 0, 0)}, binlog.ErrIncident},
		{"a bad checksum", [][]byte{corrupt}, relay.ErrCorrupt},
		{"an unknown event that can be ignored", [][]byte{header(199, 0x80)}, nil},
	} {
		var err error
		for _, e := range binlog.NewDecoder(binlog.NewTableCache()).Changes(binlog.One(bytes.Join(c.stream, nil))) {
			err = errors.Join(err, e)
		}
		if !errors.Is(err, c.want) || (c.want == nil) != (err == nil) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
	}
}

// TestExcludedTables shows that what is excluded need not be readable.
func TestExcludedTables(t *testing.T) {
	row := goldenRows(t)[0]
	unreadable := *row.Table
	unreadable.Native = unreadable.Native[:20]
	b := binlog.NewRowsBuilder(binlog.RowsOptions{}, 5)
	b.Insert(&unreadable, row.After)
	b.Insert(row.Table, row.After)
	d := binlog.NewDecoder(binlog.NewTableCache())
	var asked []string
	d.Exclude = func(schema, table string) bool {
		asked = append(asked, schema+"."+table)
		return len(asked) == 1
	}
	changes := collect(t, d.Changes(binlog.One(b.Events())))
	if len(changes) != 1 || changes[0].Table.String() != "ex.ty" || fmt.Sprint(asked) != "[ex.ty ex.ty]" {
		t.Errorf("%d changes, asked for %v", len(changes), asked)
	}
}

func TestStoppingTheDecoder(t *testing.T) {
	for range binlog.NewDecoder(binlog.NewTableCache()).Changes(binlog.One(golden(t)[4:])) {
		break
	}
}

func TestLiteralsAndJSON(t *testing.T) {
	for _, c := range []struct {
		column        relay.Column
		value         relay.Value
		literal, json string
	}{
		{relay.Column{}, relay.Value{}, "NULL", "null"},
		{relay.Column{}, relay.Value{Kind: relay.Int, Int: math.MinInt64}, "-9223372036854775808", "-9223372036854775808"},
		{relay.Column{}, relay.Value{Kind: relay.Uint, Uint: math.MaxUint64}, "18446744073709551615", "18446744073709551615"},
		{relay.Column{}, relay.Value{Kind: relay.Float32, Float: float64(float32(0.1))}, "1.0000000149011612e-01", "0.1"},
		{relay.Column{}, relay.Value{Kind: relay.Decimal, Bytes: []byte("-12.340")}, "-12.340", "-12.340"},
		{relay.Column{}, relay.Value{Kind: relay.Date, Bytes: []byte("2024-00-00")}, "'2024-00-00'", `"2024-00-00"`},
		{relay.Column{Charset: "latin1"}, relay.Value{Kind: relay.Text, Bytes: []byte("a'\xe9\x80")}, "_latin1 x'6127e980'", `"a'é€"`},
		{relay.Column{Charset: "utf16"}, relay.Value{Kind: relay.Text, Bytes: []byte("\xd8\x3d\xde\x00")}, "_utf16 x'd83dde00'", `"😀"`},
		{relay.Column{Charset: "gbk"}, relay.Value{Kind: relay.Text, Bytes: []byte("\xba\xba")}, "_gbk x'baba'", `"汉"`},
		{relay.Column{Charset: "armscii8"}, relay.Value{Kind: relay.Text, Bytes: []byte("a")}, "_armscii8 x'61'", `"0x61"`},
		{relay.Column{Charset: "utf8mb4"}, relay.Value{Kind: relay.Text, Bytes: []byte("\xff")}, "_utf8mb4 x'ff'", `"0xff"`},
		{relay.Column{}, relay.Value{Kind: relay.Binary, Bytes: []byte("a\x00")}, "x'6100'", `"0x6100"`},
		{relay.Column{Charset: "latin1", Labels: []string{"\xe9", "z"}}, relay.Value{Kind: relay.Enum, Uint: 1}, "1", `"é"`},
		{relay.Column{Labels: []string{"a"}}, relay.Value{Kind: relay.Enum}, "0", `""`},
		{relay.Column{Labels: []string{"a", "b", "c"}}, relay.Value{Kind: relay.Set, Uint: 5}, "5", `["a","c"]`},
	} {
		if got := string(binlog.AppendLiteral(nil, c.column, c.value)); got != c.literal {
			t.Errorf("literal %s, want %s", got, c.literal)
		}
		if got := string(binlog.AppendJSON(nil, c.column, c.value)); got != c.json {
			t.Errorf("JSON %s, want %s", got, c.json)
		}
	}
	if got := string(binlog.AppendIdentifier(nil, "a`b")); got != "`a``b`" {
		t.Error(got)
	}
}

func BenchmarkChanges(b *testing.B) {
	stream := benchmarkStream(b)
	b.SetBytes(int64(len(stream)))
	decoder := binlog.NewDecoder(binlog.NewTableCache())
	b.ReportAllocs()
	for b.Loop() {
		for _, err := range decoder.Changes(binlog.One(stream)) {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// benchmarkStream is ten thousand rows.
func benchmarkStream(b *testing.B) []byte {
	row := goldenRows(b)[0]
	rows := binlog.NewRowsBuilder(binlog.RowsOptions{}, 1)
	for range 10_000 {
		rows.Insert(row.Table, row.After)
	}
	return rows.Events()
}

func BenchmarkKey(b *testing.B) {
	row := goldenRows(b)[0]
	keys, err := binlog.KeyColumns(row.Table)
	if err != nil {
		b.Fatal(err)
	}
	values, arena := make([]relay.Value, 0, 8), make([]byte, 0, 512)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := keys.Values(row.After, values, arena); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	row := goldenRows(b)[0]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := row.Table.Decode(row.After); err != nil {
			b.Fatal(err)
		}
	}
}
