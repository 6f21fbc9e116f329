package rendition_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"
	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog"
)

// people is a table with a key of two columns, in another order than the columns.
var people = logical.Description{
	Schema: "app", Name: "people", Key: []int{2, 0},
	Columns: []logical.Column{
		{Name: "name", Type: "text", Form: logical.Text}, {Name: "age", Type: "smallint", Form: logical.Integer},
		{Name: "id", Type: "bigint", Form: logical.Integer}, {Name: "about", Type: "jsonb", Form: logical.JSONB},
	},
}

// shown reads a file with another library and says what is in it.
func shown(t *testing.T, flavour relay.Flavour, raw []byte) []string {
	t.Helper()
	p := replication.NewBinlogParser()
	p.SetVerifyChecksum(true)
	p.SetFlavor(string(flavour))
	var list []string
	at := uint32(4)
	err := p.ParseReader(bytes.NewReader(raw), func(e *replication.BinlogEvent) error {
		if at += e.Header.EventSize; e.Header.LogPos != at {
			t.Errorf("%s says that it ends at %d, and it ends at %d", e.Header.EventType, e.Header.LogPos, at)
		}
		switch body := e.Event.(type) {
		case *replication.GTIDEvent:
			list = append(list, fmt.Sprintf("gtid %d, %d after %d", body.GNO, body.SequenceNumber, body.LastCommitted))
		case *replication.MariadbGTIDEvent:
			list = append(list, fmt.Sprintf("gtid %d", body.GTID.SequenceNumber))
		case *replication.QueryEvent:
			list = append(list, string(body.Query))
		case *replication.RowsEvent:
			names := body.Table.ColumnNameString()
			for i, row := range body.Rows {
				text := fmt.Sprintf("%s %s.%s key %v", e.Header.EventType, body.Table.Schema, body.Table.Table, body.Table.PrimaryKey)
				for n, v := range row {
					if skipped := body.SkippedColumns[i]; len(skipped) > 0 && contains(skipped, n) {
						continue
					}
					if b, ok := v.([]byte); ok {
						v = string(b)
					}
					text += fmt.Sprintf(" %s=%v", names[n], v)
				}
				list = append(list, text)
			}
		case *replication.XIDEvent:
			list = append(list, fmt.Sprintf("xid %d", body.XID))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func contains(list []int, n int) bool {
	for _, i := range list {
		if i == n {
			return true
		}
	}
	return false
}

// What is shown is read by others as it was meant.
func TestOthersReadIt(t *testing.T) {
	books := logical.Description{Schema: "octant", Name: "applied", Columns: people.Columns, Key: people.Key}
	ann, older := image("Ann", "30", "1", `{"a": 1}`), image("Ann", "31", "1", "NULL")
	both(t, func(t *testing.T, flavour relay.Flavour) {
		db := open(t, t.TempDir(), relaylog.Options{})
		defer db.Close()
		write(t, db,
			entry(&people, message('I', 'N', ann), message('I', 'N', image("Bob", "NULL", "2", "NULL")), message('U', 'N', older), message('D', 'K', older)),
			nil,
			entry(&books, message('I', 'N', ann)),
			entry(&people, message('U', 'K', ann, 'N', image("Ann", "30", "9", "NULL")), message('U', 'O', older, 'N', ann)),
			append(entry(&people, message('I', 'N', ann)), logical.AppendMessage(nil, []byte("T\x00\x00\x00\x01\x00\x00\x00\x00\x07"), nil)...),
		)
		raw, _ := file(t, logOf(t, db.Local(), flavour), 1)
		got := strings.Join(shown(t, flavour, raw), "\n")
		want := map[relay.Flavour]string{binlog.Flavour: "testdata/mariadb.txt", binlog.MySQL: "testdata/mysql.txt"}[flavour]
		text, err := os.ReadFile(want)
		if err != nil {
			t.Fatal(err)
		}
		if got != strings.TrimSpace(string(text)) {
			t.Errorf("shown is\n%s\nand not\n%s", got, text)
		}
	})
}

// The same entry at the same place is the same bytes, whoever reads, from wherever, and after a restart.
func TestTheSameBytes(t *testing.T) {
	both(t, func(t *testing.T, flavour relay.Flavour) {
		dir := t.TempDir()
		db := open(t, dir, relaylog.Options{})
		defer func() { db.Close() }()
		rapid.Check(t, func(rt *rapid.T) {
			n := rapid.IntRange(1, 12).Draw(rt, "entries")
			for range n {
				write(rt, db, drawEntry(rt))
			}
			first := relay.LSN(int(db.Local().Last()) - rapid.IntRange(0, n-1).Draw(rt, "first"))
			raw, begins := file(rt, logOf(rt, db.Local(), flavour), first)
			if rapid.IntRange(0, 19).Draw(rt, "restart") == 0 {
				if err := db.Close(); err != nil {
					rt.Fatal(err)
				}
				db = open(rt, dir, relaylog.Options{})
			}
			l := logOf(rt, db.Local(), flavour)
			if again, _ := file(rt, l, first); !bytes.Equal(raw, again) {
				rt.Fatal("other bytes after a restart")
			}
			at := rapid.IntRange(0, len(begins)-1).Draw(rt, "found")
			v := l.View("")
			lsn, skip, err := v.Find(context.Background(), rendition.FileOf(first), 4+uint64(begins[at])+19)
			if err != nil || lsn != first+relay.LSN(at) || skip != 19 {
				rt.Fatalf("%d bytes into entry %d are found %d bytes into entry %d: %v", 19, first+relay.LSN(at), skip, lsn, err)
			}
			_, body, err := v.Entry(lsn)
			if err != nil {
				rt.Fatal(err)
			}
			for piece, err := range body {
				if err != nil || !bytes.HasPrefix(raw[begins[at]:], piece) {
					rt.Fatalf("other bytes where one goes on: %v", err)
				}
			}
			readBack(rt, flavour, raw)
		})
	})
}

func drawEntry(rt *rapid.T) []byte {
	var messages [][]byte
	for range rapid.IntRange(0, 6).Draw(rt, "rows") {
		text := rapid.SampledFrom([]string{"", "a", "a ", "Ä漢😀", "0123456789012345678901234567890123456789"})
		row := image(text.Draw(rt, "name"), rapid.SampledFrom([]string{"NULL", "-32768", "32767"}).Draw(rt, "age"),
			fmt.Sprint(rapid.Int64().Draw(rt, "id")), rapid.SampledFrom([]string{"NULL", "{}", `[1.5, {"x": null}]`}).Draw(rt, "about"))
		messages = append(messages, rapid.SampledFrom([][]byte{message('I', 'N', row), message('U', 'N', row), message('D', 'K', row), message('U', 'O', row, 'N', row)}).Draw(rt, "change"))
	}
	if len(messages) == 0 {
		return nil
	}
	return entry(&people, messages...)
}

// readBack checks what every event says of itself, and that transactions are as long as they say.
func readBack(rt *rapid.T, flavour relay.Flavour, raw []byte) {
	at, left := uint32(4), uint64(0)
	for event, err := range binlog.Events(binlog.One(raw)) {
		if err != nil {
			rt.Fatal(err)
		}
		h, err := binlog.VerifyChecksum(event)
		if at += h.Size; err != nil || h.LogPos != at {
			rt.Fatalf("an event of type %d ends at %d and says %d: %v", h.Type, at, h.LogPos, err)
		}
		if h.Type == binlog.MySQLGTIDEvent {
			g, err := binlog.ParseMySQLGTID(event)
			if err != nil || left != 0 {
				rt.Fatalf("a transaction begins %d bytes before the end of another one: %v", left, err)
			}
			left = g.Length
		}
		if flavour == binlog.MySQL && h.Type != binlog.FormatDescriptionEvent && h.Type != binlog.PreviousGTIDsEvent {
			left -= uint64(h.Size)
		}
	}
	if left != 0 {
		rt.Fatalf("the last transaction says that it has %d bytes more", left)
	}
}

// A transaction that is too large to be kept in memory is the same as a small one.
func TestLargeTransactions(t *testing.T) {
	both(t, func(t *testing.T, flavour relay.Flavour) {
		db := open(t, t.TempDir(), relaylog.Options{})
		defer db.Close()
		var messages [][]byte
		for i := range 3000 {
			messages = append(messages, message('I', 'N', image(strings.Repeat("x", 200), "1", fmt.Sprint(i), `"`+strings.Repeat("y", 1000)+`"`)))
		}
		write(t, db, entry(&people, messages...), entry(&people, messages[0]))
		l := logOf(t, db.Local(), flavour)
		raw, begins := file(t, l, 1)
		rows := 0
		for _, line := range shown(t, flavour, raw) {
			if strings.Contains(line, "app.people") {
				rows++
			}
		}
		if rows != 3001 || begins[1] < 3<<20 {
			t.Errorf("%d rows in %d bytes", rows, begins[1])
		}
		lsn, skip, err := l.View("").Find(t.Context(), rendition.FileOf(1), 4+uint64(len(raw)))
		if err != nil || lsn != 3 || skip != 0 {
			t.Errorf("the end is found %d bytes into %d: %v", skip, lsn, err)
		}
	})
}

// Files end where they are long enough, and the next one is named after its first entry.
func TestFiles(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer db.Close()
	row := message('I', 'N', image("x", "1", "1", `"`+strings.Repeat("y", 1<<20)+`"`))
	many := make([][]byte, 70)
	for i := range many {
		many[i] = row
	}
	write(t, db, entry(&people, row), entry(&people, many...), entry(&people, row))
	l := logOf(t, db.Local(), binlog.Flavour)
	v := l.View("")
	if _, _, err := v.Open(1); err != nil {
		t.Fatal(err)
	}
	c, err := v.Read(1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var names []string
	for range 3 {
		e, _, err := c.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := binlog.ParsePositionKey(e.Keys[0])
		names = append(names, name)
	}
	if got := strings.Join(names, " "); got != "octant-bin.000000000001 octant-bin.000000000001 octant-bin.000000000003" {
		t.Errorf("the entries are in %s", got)
	}
	for name, want := range map[string]error{"octant-bin.000000000009": rendition.ErrNoFile, "octant-bin.3": rendition.ErrNoFile, "other.000000000001": rendition.ErrNoFile, "": rendition.ErrNoFile} {
		if _, _, err := v.Find(t.Context(), name, 4); !errors.Is(err, want) {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, _, err := v.Find(t.Context(), rendition.FileOf(3), 10<<20); !errors.Is(err, rendition.ErrPast) {
		t.Errorf("past the end: %v", err)
	}
}

// What cannot be shown is refused with its reason and without its value; what comes before it is shown.
func TestRefusals(t *testing.T) {
	column := func(typ string, form logical.Form) logical.Description {
		return logical.Description{Schema: "app", Name: "t", Key: []int{0}, Columns: []logical.Column{
			{Name: "id", Type: "integer", Form: logical.Integer}, {Name: "c", Type: typ, Form: form},
		}}
	}
	tests := []struct {
		typ   string
		form  logical.Form
		value string
		want  string
	}{
		{"integer[]", logical.Other, "{1}", "column c: its type is integer[]: it has no counterpart"},
		{"date", logical.Date, "infinity", "column c: the database has no such date"},
		{"numeric", logical.Numeric, "NaN", "column c: it is no finite number"},
		{"numeric", logical.Numeric, "0." + strings.Repeat("1", 31), "column c: the number has more digits than decimal(65,30)"},
		{"double precision", logical.Double, "NaN", "column c: the number is not finite"},
		{"timestamp with time zone", logical.TimestampTZ, "2040-01-01 00:00:00+00", "column c: the database has no such date"},
		{"interval", logical.Other, "1 day", "column c: "},
	}
	both(t, func(t *testing.T, flavour relay.Flavour) {
		for _, test := range tests {
			db := open(t, t.TempDir(), relaylog.Options{})
			d := column(test.typ, test.form)
			write(t, db, entry(&people, message('I', 'N', image("Ann", "30", "1", "NULL"))), entry(&d, message('I', 'N', image("1", test.value))))
			v := logOf(t, db.Local(), flavour).View("")
			if _, _, err := v.Open(1); err != nil {
				t.Fatal(err)
			}
			c, err := v.Read(1)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Next(t.Context()); err != nil {
				t.Errorf("what comes before: %v", err)
			}
			_, _, err = c.Next(t.Context())
			var refused *rendition.Refusal
			if !errors.As(err, &refused) || refused.Table != "app.t" || !strings.Contains(refused.Reason, test.want) || refused.Transaction != v.GTID(2) {
				t.Errorf("%s: %v", test.typ, err)
			}
			if len(test.value) > 6 && strings.Contains(err.Error(), test.value) {
				t.Errorf("%s: the value is in the error: %v", test.typ, err)
			}
			c.Close()
			db.Close()
		}
	})
}

// A definition among rows is not shown, and stops nobody: a replica is stopped by the first row that does not fit.
func TestDefinitionsAreNotShown(t *testing.T) {
	content := strings.Repeat("0", 64) + `{"tag": "CREATE SCHEMA", "name": "s"}`
	told := append([]byte{'M', 1, 0, 0, 0, 0, 0, 0, 0, 9}, ddl.Prefix+"\x00"...)
	told = append(binary.BigEndian.AppendUint32(told, uint32(len(content))), content...)
	row := message('I', 'N', image("Ann", "30", "1", "NULL"))
	both(t, func(t *testing.T, flavour relay.Flavour) {
		with, without := open(t, t.TempDir(), relaylog.Options{}), open(t, t.TempDir(), relaylog.Options{})
		defer with.Close()
		defer without.Close()
		write(t, with, entry(&people, row, told, row))
		write(t, without, entry(&people, row, row))
		a, _ := file(t, logOf(t, with.Local(), flavour), 1)
		b, _ := file(t, logOf(t, without.Local(), flavour), 1)
		if got, want := len(shown(t, flavour, a)), len(shown(t, flavour, b)); got != want || want == 0 {
			t.Errorf("%d lines are shown with a definition, and %d without", got, want)
		}
	})
}

// What stood before can be what cannot be shown: then the key says which row it was.
func TestUnshownBefore(t *testing.T) {
	d := logical.Description{Schema: "app", Name: "days", Key: []int{0}, Columns: []logical.Column{
		{Name: "id", Type: "integer", Form: logical.Integer}, {Name: "day", Type: "date", Form: logical.Date},
	}}
	both(t, func(t *testing.T, flavour relay.Flavour) {
		db := open(t, t.TempDir(), relaylog.Options{})
		defer db.Close()
		write(t, db, entry(&d, message('U', 'O', image("1", "infinity"), 'N', image("1", "2024-02-29")), message('D', 'O', image("1", "-infinity"))))
		raw, _ := file(t, logOf(t, db.Local(), flavour), 1)
		var rows []string
		for _, line := range shown(t, flavour, raw) {
			if _, row, ok := strings.Cut(line, "key [0] "); ok {
				rows = append(rows, row)
			}
		}
		if got := strings.Join(rows, "; "); got != "id=1; id=1 day=2024-02-29; id=1" {
			t.Errorf("shown are %s", got)
		}
	})
}

// Another relay log has other names for its entries.
func TestNames(t *testing.T) {
	db := open(t, t.TempDir(), relaylog.Options{})
	defer db.Close()
	one := logOf(t, db.Local(), binlog.Flavour)
	other, err := rendition.New(rendition.Config{Flavour: binlog.Flavour, Log: db.Local(), Name: "other", UUID: uuid})
	if err != nil {
		t.Fatal(err)
	}
	if one.ServerID() == other.ServerID() || one.ServerID() < 1<<31 {
		t.Errorf("servers %d and %d", one.ServerID(), other.ServerID())
	}
	if got := logOf(t, db.Local(), binlog.MySQL).Executed(7); got != uuid+":1-7" {
		t.Errorf("executed %s", got)
	}
	if set, err := mysql.ParseMariadbGTIDSet(one.Executed(7)); err != nil || set.String() != one.GTID(7) {
		t.Errorf("executed %s: %v", one.Executed(7), err)
	}
}
