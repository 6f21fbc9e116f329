package logical_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// description is a table with a key of two columns, in another order than the columns.
var description = logical.Description{
	Schema: "app", Name: "t", Key: []int{2, 0},
	Columns: []logical.Column{
		{Name: "a", Type: "integer", Form: logical.Integer}, {Name: "b", Type: "text", Form: logical.Text},
		{Name: "c", Type: "app.mood", Form: logical.Enum, Labels: []string{"sad", "ok"}},
	},
}

// image makes an image of texts; NULL and ? mean what they say.
func image(texts ...string) relay.Image {
	cells := make([]logical.Cell, len(texts))
	for i, text := range texts {
		cells[i] = logical.Cell{Kind: logical.IsText, Text: []byte(text)}
		switch text {
		case "NULL":
			cells[i] = logical.Cell{Kind: logical.IsNull}
		case "?":
			cells[i] = logical.Cell{Kind: logical.IsAbsent}
		}
	}
	return logical.AppendImage(nil, cells)
}

// text is the reverse of image.
func text(t interface{ Fatal(...any) }, i relay.Image, columns int) string {
	if i == nil {
		return "-"
	}
	cells, err := logical.Cells(nil, i, columns)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	for _, c := range cells {
		switch c.Kind {
		case logical.IsNull:
			words = append(words, "NULL")
		case logical.IsAbsent:
			words = append(words, "?")
		default:
			words = append(words, string(c.Text))
		}
	}
	return strings.Join(words, ",")
}

// row makes a message of pgoutput.
func row(kind byte, parts ...any) []byte {
	b := binary.BigEndian.AppendUint32([]byte{kind}, 7)
	for _, p := range parts {
		switch p := p.(type) {
		case rune:
			b = append(b, byte(p))
		case relay.Image:
			b = append(b, p...)
		}
	}
	return b
}

// native joins messages, the table's description in front.
func native(messages ...[]byte) []byte {
	b := logical.Describe{OID: 7, Identity: 'd', Native: description.Append(nil)}.Append(nil)
	for _, m := range messages {
		b = logical.AppendMessage(b, m, nil)
	}
	return b
}

func body(b []byte, piece int) relay.Body {
	return func(yield func([]byte, error) bool) {
		for len(b) > 0 {
			n := min(piece, len(b))
			if !yield(slices.Clone(b[:n]), nil) {
				return
			}
			b = b[n:]
		}
	}
}

func decode(t interface{ Fatal(...any) }, b []byte, piece int) ([]string, error) {
	var list []string
	for c, err := range logical.NewDecoder(logical.NewTableCache()).Changes(body(b, piece)) {
		if err != nil {
			return list, err
		}
		if c.Op == relay.Statement {
			list = append(list, c.SQL)
			continue
		}
		op := c.Op.String()
		if c.Stayed {
			op += " where it was"
		}
		list = append(list, fmt.Sprintf("%s %s > %s", op, text(t, c.Before, len(c.Table.Columns)), text(t, c.After, len(c.Table.Columns))))
	}
	return list, nil
}

// TestChanges: what becomes of each message, in pieces of any size.
// emitted is what pg_logical_emit_message writes.
func emitted(prefix, content string) []byte {
	m := append([]byte{'M', 1, 0, 0, 0, 0, 0, 0, 0, 9}, prefix...)
	return append(binary.BigEndian.AppendUint32(append(m, 0), uint32(len(content))), content...)
}

// told is what an event trigger tells, without a seal: that is looked at when it is captured.
func told(fields string) string { return strings.Repeat("0", 64) + "{" + fields + "}" }

func TestChanges(t *testing.T) {
	fill := append([]byte{logical.KindFill}, image("1", "large", "ok")...)
	for _, c := range []struct {
		name     string
		messages [][]byte
		want     []string
	}{
		{"insert", [][]byte{row('I', 'N', image("1", "x", "ok"))}, []string{"INSERT - > 1,x,ok"}},
		{"update", [][]byte{row('U', 'N', image("1", "x", "ok"))}, []string{"UPDATE where it was 1,?,ok > 1,x,ok"}},
		{"update of the key", [][]byte{row('U', 'K', image("1", "NULL", "sad"), 'N', image("1", "x", "ok"))}, []string{"UPDATE 1,?,sad > 1,x,ok"}},
		{"full update", [][]byte{row('U', 'O', image("1", "y", "ok"), 'N', image("1", "x", "ok"))}, []string{"UPDATE 1,y,ok > 1,x,ok"}},
		{"large value in the old row", [][]byte{row('U', 'O', image("1", "y", "ok"), 'N', image("1", "?", "sad"))}, []string{"UPDATE 1,y,ok > 1,y,sad"}},
		{"large value filled in", [][]byte{fill, row('U', 'N', image("1", "?", "ok"))}, []string{"UPDATE where it was 1,?,ok > 1,large,ok"}},
		{"large value gone", [][]byte{{logical.KindGone}, row('U', 'N', image("1", "?", "ok"))}, []string{"DELETE 1,?,ok > -"}},
		{"delete", [][]byte{row('D', 'K', image("1", "NULL", "ok"))}, []string{"DELETE 1,?,ok > -"}},
		{"full delete", [][]byte{row('D', 'O', image("1", "NULL", "ok"))}, []string{"DELETE 1,NULL,ok > -"}},
		{"truncate", [][]byte{{'T', 0, 0, 0, 1, 0, 0, 0, 0, 7}}, []string{"TRUNCATE app.t"}},
		{"what changes nothing", [][]byte{{'B'}, {'O'}, emitted("another", "text"), {logical.KindFrame, 'x'}, {'C'}}, nil},
		{"what concerns one region", [][]byte{emitted(ddl.Prefix, told(`"tag": "COMMENT"`))}, nil},
		{"definition", [][]byte{emitted(ddl.Prefix, told(`"tag": "CREATE SCHEMA", "name": "s", "identity": "s"`))}, []string{"CREATE SCHEMA s"}},
		{"definition that is not understood", [][]byte{emitted(ddl.Prefix, told(`"other": 1`))}, []string{"definition definition"}},
	} {
		for _, piece := range []int{1, 7, 1 << 20} {
			got, err := decode(t, native(c.messages...), piece)
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%s, in pieces of %d: %q, %v; want %q", c.name, piece, got, err, c.want)
			}
		}
	}
}

// TestMalformed gives errors, without values.
func TestMalformed(t *testing.T) {
	whole := native(row('I', 'N', image("1", "hunter2", "ok")))
	for name, b := range map[string][]byte{
		"cut off": whole[:len(whole)-1], "empty message": {0, 0, 0, 0}, "too long": {0xff, 0xff, 0xff, 0xff}, "unknown kind": {0, 0, 0, 1, 'x'},
		"nothing describes it": logical.AppendMessage(nil, row('I', 'N', image("1", "x", "ok")), nil),
		"fewer columns":        native(row('I', 'N', image("1", "hunter2"))), "two rows": native(row('I', 'N', image("1", "hunter2", "x"), 'N')),
		"a large value is missing": native(row('U', 'N', image("1", "?", "ok"))), "insert with an old row": native(row('I', 'K', image("1", "x", "ok"))),
		"delete without": native(row('D', 'N', image("1", "x", "ok"))),
	} {
		_, err := decode(t, b, 100)
		if !errors.Is(err, logical.ErrMalformed) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestValues reads texts as other engines need them.
func TestValues(t *testing.T) {
	for _, c := range []struct {
		form   logical.Form
		labels []string
		text   string
		want   string // "" : an error
	}{
		{logical.Bool, nil, "t", "{1 1 0 0 }"}, {logical.Bool, nil, "yes", ""}, {logical.Integer, nil, "-9223372036854775808", "{1 -9223372036854775808 0 0 }"},
		{logical.Integer, nil, "1x", ""}, {logical.OID, nil, "4294967295", "{2 0 4294967295 0 }"}, {logical.Double, nil, "0.1", "{4 0 0 0.1 }"},
		{logical.Double, nil, "-Infinity", "{4 0 0 -Inf }"}, {logical.Numeric, nil, "1.50", "{5 0 0 0 1.50}"}, {logical.Bytea, nil, `\x4142`, "{7 0 0 0 AB}"},
		{logical.Bytea, nil, `\x4`, ""}, {logical.Bytea, nil, `AB`, ""}, {logical.TimestampTZ, nil, "2024-01-01 00:00:00+00", "{11 0 0 0 2024-01-01 00:00:00}"},
		{logical.Bit, nil, "101000001", "{12 0 0 0 \x01A}"}, {logical.Bit, nil, "12", ""}, {logical.Enum, []string{"a", "b"}, "b", "{13 0 2 0 }"},
		{logical.Enum, []string{"a"}, "b", ""}, {logical.UUID, nil, "41414141-4141-4141-4141-414141414141", "{16 0 0 0 AAAAAAAAAAAAAAAA}"}, {logical.UUID, nil, "41", ""},
		{logical.Other, nil, "{1,2}", "{6 0 0 0 {1,2}}"},
	} {
		d := logical.Description{Schema: "s", Name: "t", Columns: []logical.Column{{Name: "c", Form: c.form, Labels: c.labels}}}
		s, err := logical.NewTableCache().Get(d.Append(nil))
		if err != nil {
			t.Fatal(err)
		}
		values, err := s.Table.Decode(image(c.text))
		switch {
		case c.want == "" && err == nil, c.want != "" && err != nil:
			t.Errorf("form %d, %q: %v", c.form, c.text, err)
		case err == nil:
			if v := values[0]; fmt.Sprintf("{%d %d %d %v %s}", v.Kind, v.Int, v.Uint, v.Float, v.Bytes) != c.want {
				t.Errorf("form %d, %q: %+v, want %s", c.form, c.text, v, c.want)
			}
		}
	}
}

// TestCanonical: equal values have one text.
func TestCanonical(t *testing.T) {
	for _, c := range []struct {
		form       logical.Form
		text, want string
	}{
		{logical.Numeric, "1.00", "1"}, {logical.Numeric, "1.50", "1.5"}, {logical.Numeric, "100", "100"}, {logical.Numeric, "0.000", "0"},
		{logical.Char, "ab  ", "ab"}, {logical.Text, "ab  ", "ab  "}, {logical.Text, "1.00", "1.00"},
	} {
		if got := string(c.form.Canonicalize([]byte(c.text))); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

// TestJSON shows rows to people.
func TestJSON(t *testing.T) {
	s, err := logical.NewTableCache().Get(description.Append(nil))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := logical.RowJSON(s.Table, image("1", "a\"\n\x01ö", "ok"), false), `{"a":1,"b":"a\"\u000a\u0001ö","c":"ok"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := logical.RowJSON(s.Table, image("1", "?", "NULL"), true), `{"a":1,"c":null}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// TestDescriptionRoundTrip: what is written is read.
func TestDescriptionRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := logical.Description{Schema: rapid.String().Draw(t, "schema"), Name: rapid.String().Draw(t, "name")}
		n := rapid.IntRange(0, 20).Draw(t, "columns")
		for range n {
			d.Columns = append(d.Columns, logical.Column{
				Name: rapid.String().Draw(t, "column"), Type: rapid.String().Draw(t, "type"), Form: logical.Form(rapid.Byte().Draw(t, "form")),
				Collation: rapid.String().Draw(t, "collation"), Labels: rapid.SliceOfN(rapid.String(), 0, 3).Draw(t, "labels"),
			})
			if len(d.Columns[len(d.Columns)-1].Labels) == 0 {
				d.Columns[len(d.Columns)-1].Labels = nil
			}
		}
		if n > 0 {
			d.Key = rapid.SliceOfN(rapid.IntRange(0, n-1), 1, 3).Draw(t, "key")
		}
		got, err := logical.ParseDescription(d.Append(nil))
		if err != nil || !reflect.DeepEqual(*got, d) {
			t.Fatalf("%+v, %v; want %+v", *got, err, d)
		}
	})
}

// FuzzDecoder reads anything without panic.
func FuzzDecoder(f *testing.F) {
	f.Add(native(row('I', 'N', image("1", "x", "ok")), row('U', 'K', image("1", "NULL", "sad"), 'N', image("1", "?", "ok"))))
	f.Add(native([]byte{'T', 0, 0, 0, 1, 0, 0, 0, 0, 7}, row('D', 'O', image("1", "NULL", "ok"))))
	f.Add([]byte{0, 0, 0, 1, 'B'})
	f.Fuzz(func(t *testing.T, b []byte) {
		for c, err := range logical.NewDecoder(logical.NewTableCache()).Changes(body(b, 64)) {
			if err != nil || c.Table == nil {
				continue
			}
			for _, i := range []relay.Image{c.Before, c.After} {
				if i != nil {
					_, _ = c.Table.Decode(i)
					logical.RowJSON(c.Table, i, false)
				}
			}
		}
	})
}

// FuzzMessages reads anything that a server could send without panic.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("R\x00\x00\x00\x07app\x00t\x00d\x00\x01\x01a\x00\x00\x00\x00\x17\xff\xff\xff\xff"))
	f.Add([]byte("B\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = logical.ParseRelation(b)
		_, _ = logical.ParseBegin(b)
		_, _ = logical.ParseCommit(b)
		_, _ = logical.ParseRow(b)
		_, _ = logical.ParseTruncate(b)
		_, _ = logical.ParseDescribe(b)
		_, _ = logical.ParseDescription(b)
	})
}
