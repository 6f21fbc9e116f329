package binlog_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// The files mysql-9.7*.binlog in testdata are a MySQL 9.7.4 server's own.
func mysqlEvents(t testing.TB, name string) [][]byte {
	t.Helper()
	events := collect(t, binlog.Events(binlog.One(readFile(t, "testdata/"+name)[4:])))
	for _, e := range events {
		if _, err := binlog.VerifyChecksum(e); err != nil {
			t.Fatal(err)
		}
	}
	return events
}

func readFile(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// mysqlGroups returns the events of each group.
func mysqlGroups(t testing.TB, name string) (groups [][][]byte) {
	t.Helper()
	for _, e := range mysqlEvents(t, name) {
		h, _ := binlog.ParseHeader(e)
		switch {
		case binlog.BeginsGroup(h.Type):
			groups = append(groups, [][]byte{e})
		case len(groups) > 0 && h.Type != binlog.RotateEvent:
			groups[len(groups)-1] = append(groups[len(groups)-1], e)
		}
	}
	return groups
}

const mysqlServer = "c430a574-e57b-11f1-8410-02fc00000001"

func TestMySQLGroups(t *testing.T) {
	var executed gtid.Set
	var before binlog.MySQLGroup
	for _, g := range mysqlGroups(t, "mysql-9.7.binlog") {
		head, err := binlog.ParseMySQLGTID(g[0])
		if err != nil {
			t.Fatal(err)
		}
		if head.Anonymous() || head.Length != uint64(len(bytes.Join(g, nil))) || head.Immediate != head.Original ||
			head.Immediate <= before.Immediate || head.Sequence != before.Sequence+1 || head.Version != 90704 || head.OriginVersion != 90704 {
			t.Errorf("group %+v after %+v", head, before)
		}
		executed.Add(head.GTID)
		before = head
	}
	if got := executed.String(); got != mysqlServer+":1-16:tagx:1" {
		t.Errorf("executed %s", got)
	}
	previous := mysqlEvents(t, "mysql-9.7-types.binlog")[1]
	if set, err := binlog.ParsePreviousGTIDs(previous); err != nil || !set.Equal(executed) {
		t.Errorf("previous %s, %v", set, err)
	}
	if built := binlog.PreviousGTIDs(1, executed, 244, true); !bytes.Equal(built[4:len(built)-4], previous[4:len(previous)-4]) {
		t.Errorf("built  %x\nserver %x", built, previous)
	}
}

// changesOfMySQL tells what each group of a file changed, or why that cannot be told.
func changesOfMySQL(t *testing.T, name string) (told []string, rows []relay.Change) {
	t.Helper()
	decoder := binlog.NewDecoder(binlog.NewMySQLTableCache())
	for _, g := range mysqlGroups(t, name) {
		var words []string
		for c, err := range decoder.Changes(binlog.One(bytes.Join(g, nil))) {
			switch {
			case err != nil:
				for _, known := range []error{binlog.ErrXA, binlog.ErrPartialJSON} {
					if errors.Is(err, known) {
						err = known
					}
				}
				words = append(words, "error: "+strings.SplitN(err.Error(), ":", 2)[0])
			case c.Op == relay.Statement:
				words = append(words, strings.ToLower(strings.Join(strings.Fields(c.SQL)[:2], " ")))
			default:
				rows = append(rows, c)
				words = append(words, c.Op.String()+" "+c.Table.String())
			}
		}
		told = append(told, strings.Join(words, ", "))
	}
	return told, rows
}

func TestMySQLChanges(t *testing.T) {
	told, rows := changesOfMySQL(t, "mysql-9.7.binlog")
	xa := "error: " + strings.SplitN(binlog.ErrXA.Error(), ":", 2)[0]
	want := []string{"create database", "create database", "create table", "create table",
		"INSERT app.t", "INSERT app.t", "INSERT octant.applied, INSERT app.t",
		"INSERT app.t, " + xa, xa, "INSERT app.t", "INSERT app.t, " + xa, "", "create table" + strings.Repeat(", INSERT app.u", 5), "create table",
		"INSERT app.j", "error: " + strings.SplitN(binlog.ErrPartialJSON.Error(), ":", 2)[0], "UPDATE app.j"}
	if !slices.Equal(told, want) {
		t.Errorf("got  %q\nwant %q", told, want)
	}
	for _, c := range rows {
		if c.Table.Flavour != binlog.MySQL {
			t.Fatalf("%s is of flavour %q", c.Table, c.Table.Flavour)
		}
		if c.Table.String() != "octant.applied" {
			continue
		}
		values, err := c.Table.Decode(c.After)
		if err != nil || fmt.Sprint(values) != "[{2 0 2 0 []} {2 0 0 0 []} {2 0 1 0 []} {2 0 3 0 []} {1 77 0 0 []} {2 0 0 0 []}]" {
			t.Errorf("mark %v, %v", values, err)
		}
	}
}

func TestMySQLTypes(t *testing.T) {
	_, rows := changesOfMySQL(t, "mysql-9.7-types.binlog")
	if len(rows) != 1 {
		t.Fatalf("%d rows", len(rows))
	}
	table := rows[0].Table
	var columns []string
	for _, c := range table.Columns {
		columns = append(columns, strings.TrimSpace(c.Name+" "+c.Type+" "+c.Collation))
	}
	want := []string{"id int", "y year", "a tinyint unsigned", "b smallint", "g geometry", "c varchar(10) latin1_swedish_ci", "v vector",
		"d varchar(5) utf8mb4_bin", "e enum utf8mb4_0900_ai_ci", "f set latin1_bin", "j json", "t text utf8mb4_0900_ai_ci", "bl blob", "dc decimal(5,2) unsigned",
		"fl float unsigned", "bt bit(11)"}
	if !slices.Equal(columns, want) {
		t.Errorf("got  %q\nwant %q", columns, want)
	}
	values, err := table.Decode(rows[0].After)
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for i, v := range values {
		shown = append(shown, string(binlog.AppendJSON(nil, table.Columns[i], v)))
	}
	wantValues := []string{"1", "2024", "255", "-3", `"0xe6100000010100000000000000000000400000000000` + `00f03f"`, `"abc"`,
		`"0x0000803f000000400000404000009040"`, `"dd"`, `"q"`, `["x","y"]`, `"[1]"`, `"tt"`, `"0x6262"`, "123.45", "1.5", `"0x0401"`}
	for i := range wantValues {
		if strings.ToLower(shown[i]) != wantValues[i] {
			t.Errorf("%s is %s, want %s", table.Columns[i].Name, shown[i], wantValues[i])
		}
	}
}

// TestMySQLJSON compares documents with what the server says that they are: a column beside them.
func TestMySQLJSON(t *testing.T) {
	_, rows := changesOfMySQL(t, "mysql-9.7-json.binlog")
	if len(rows) < 15 {
		t.Fatalf("%d rows", len(rows))
	}
	for _, c := range rows {
		v, err := c.Table.Decode(c.After)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(v[1].Bytes, v[2].Bytes) || v[1].IsNull() != v[2].IsNull() {
			t.Errorf("document %d\n is   %.700s\n want %.700s", v[0].Int, v[1].Bytes, v[2].Bytes)
		}
	}
}

// payload compresses events, without their checksums, as a TRANSACTION_PAYLOAD's body.
func payload(events ...[]byte) []byte {
	var plain []byte
	for _, e := range events {
		plain = append(plain, e[:len(e)-binlog.ChecksumSize]...)
		size := len(e) - binlog.ChecksumSize
		copy(plain[len(plain)-size+9:], []byte{byte(size), byte(size >> 8), byte(size >> 16), 0})
	}
	return payloadOf(plain, len(plain))
}

func payloadOf(plain []byte, claim int) []byte {
	encoder, _ := zstd.NewWriter(nil)
	packed := encoder.EncodeAll(plain, nil)
	number := func(kind byte, n int) []byte { return []byte{kind, 4, 253, byte(n), byte(n >> 8), byte(n >> 16)} }
	return slices.Concat([]byte{2, 1, 0}, number(3, claim), number(1, len(packed)), []byte{0}, packed)
}

func TestPayloads(t *testing.T) {
	event := binlog.Ignorable(200, 1, bytes.Repeat([]byte("x"), 5000))
	read := func(body []byte) (events [][]byte, err error) {
		p, err := binlog.ParsePayload(binlog.Ignorable(binlog.TransactionPayloadEvent, 1, body))
		if err != nil {
			return nil, err
		}
		for e, err := range p.Events() {
			if err != nil {
				return events, err
			}
			events = append(events, e)
		}
		return events, nil
	}
	events, err := read(payload(event, event))
	if err != nil || len(events) != 2 || !bytes.Equal(events[0], event) || !bytes.Equal(events[1], event) {
		t.Errorf("%d events, %v", len(events), err)
	}
	plain := event[:len(event)-4]
	bomb := bytes.Clone(plain)
	copy(bomb[9:], []byte{0, 0, 0, 0x30}) // an event of 768 MiB
	for name, body := range map[string][]byte{
		"less than it claims":    payloadOf(plain, len(plain)+1),
		"more than it claims":    payloadOf(plain, 100),
		"half an event":          payloadOf(plain[:1000], 1000),
		"an event beyond":        payloadOf(bomb, len(bomb)),
		"a bomb":                 payloadOf(make([]byte, 10<<20), 10<<20),
		"unknown compression":    {2, 1, 7, 1, 1, 0, 0},
		"wrong size":             {1, 1, 9, 0, 1},
		"not zstd":               {2, 1, 0, 3, 1, 50, 1, 1, 4, 0, 1, 2, 3, 4},
		"no end of its fields":   {2, 1, 0},
		"a field that is longer": {2, 100, 0},
	} {
		if events, err := read(body); !errors.Is(err, binlog.ErrMalformed) {
			t.Errorf("%s: %d events, %v", name, len(events), err)
		}
	}
}

func TestHeartbeatV2(t *testing.T) {
	// As MySQL 9.7 sent it at offset 685.
	want := unhex(t, "010a62696e2e30303030303202"+"03fcad0200")
	e := binlog.HeartbeatV2(1, "bin.000002", 685, true)
	if !bytes.Equal(binlog.Body(e), want) {
		t.Errorf("%x, want %x", binlog.Body(e), want)
	}
	rapid.Check(t, func(t *rapid.T) {
		at := binlog.Rotate{File: rapid.StringN(0, 300, -1).Draw(t, "file"), Offset: rapid.Uint64().Draw(t, "offset")}
		got, err := binlog.ParseHeartbeatV2(binlog.HeartbeatV2(1, at.File, at.Offset, true))
		if err != nil || got != at {
			t.Fatalf("%+v, %v; want %+v", got, err, at)
		}
	})
}

func TestMySQLPositions(t *testing.T) {
	set, _ := gtid.ParseSet(mysqlServer + ":1-16:19:tagx:1")
	full := binlog.Position{Flavour: binlog.MySQL, Executed: set, File: "bin.000002", Offset: 1 << 33, Server: mysqlServer, Group: 4711,
		Joining: true, Epoch: 3, HistoryFile: "bin.000001", HistoryOffset: 77}
	for _, p := range []binlog.Position{full, {Flavour: binlog.MySQL, File: "b.1", Offset: 4}, {Flavour: binlog.Flavour, File: "b.1", Offset: 4, Server: "31"}} {
		got, err := binlog.ParsePosition(p.String())
		if err != nil || got.String() != p.String() || !got.Executed.Equal(p.Executed) || got.Flavour != p.Flavour || got.Server != p.Server ||
			got.Group != p.Group || got.Joining != p.Joining || got.Epoch != p.Epoch || got.Offset != p.Offset || got.HistoryFile != p.HistoryFile {
			t.Errorf("%s came back as %s, %v", p, got, err)
		}
	}
	old, err := binlog.ParsePosition("0-1-5;bin.000001:900;bin.000002:33")
	if err != nil || old.Flavour != binlog.Flavour || old.HistoryOffset != 33 || old.Server != "" {
		t.Errorf("an old position is %+v, %v", old, err)
	}
	for _, bad := range []string{"mysql:x;b.1:4", ";b.1:4;b.1:5;b.1:6", ";b.1:4;^x", ";b.1:4;#4294967296", "mysql:", ";b.1:4;+;x:"} {
		if p, err := binlog.ParsePosition(bad); err == nil {
			t.Errorf("%q is %+v", bad, p)
		}
	}
}

func TestMySQLGTIDKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		source := gtid.Source{Tag: rapid.StringMatching(`([a-z_][a-z0-9_]{0,31})?`).Draw(t, "tag")}
		copy(source.Server[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "server"))
		a, b := gtid.GTID{Source: source, Number: rapid.Uint64().Draw(t, "a")}, gtid.GTID{Source: source, Number: rapid.Uint64().Draw(t, "b")}
		if (binlog.MySQLGTIDKey(a) < binlog.MySQLGTIDKey(b)) != (a.Number < b.Number) ||
			!strings.HasPrefix(binlog.MySQLGTIDKey(a), binlog.MySQLGTIDPrefix(source)) {
			t.Fatal("keys do not sort by number")
		}
		if got, err := binlog.ParseMySQLGTIDKey(binlog.MySQLGTIDKey(a)); err != nil || got != a {
			t.Fatalf("%v, %v", got, err)
		}
	})
}

func BenchmarkSmallPayload(b *testing.B) {
	event := binlog.Ignorable(200, 1, bytes.Repeat([]byte("x"), 500))
	e := binlog.Ignorable(binlog.TransactionPayloadEvent, 1, payload(event, event, event, event))
	b.ReportAllocs()
	for b.Loop() {
		p, err := binlog.ParsePayload(e)
		if err != nil {
			b.Fatal(err)
		}
		for _, err := range p.Events() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
}
