package binlog_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// The fuzz targets claim that malformed bytes do not panic, and that what is read can be written again.

func FuzzEvents(f *testing.F) {
	f.Add(golden(f)[4:], 100)
	f.Add([]byte("short"), 1)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		total := 0
		for e, err := range binlog.Events(inPieces(b, max(1, size%1000))) {
			if err != nil {
				return
			}
			total += len(e)
		}
		if total != len(b) {
			t.Errorf("%d bytes of %d came out", total, len(b))
		}
	})
}

// pack writes events as type, length and body, for a fuzzer that shall not have to guess checksums.
func pack(events [][]byte) []byte {
	var b []byte
	for _, e := range events {
		h, _ := binlog.ParseHeader(e)
		body := binlog.Body(e)
		b = binary.LittleEndian.AppendUint16(append(b, byte(h.Type)), uint16(len(body)))
		b = append(b, body...)
	}
	return b
}

func unpack(b []byte) relay.Body {
	return func(yield func([]byte, error) bool) {
		for len(b) >= 3 {
			n := min(int(binary.LittleEndian.Uint16(b[1:])), len(b)-3)
			if !yield(binlog.Ignorable(binlog.EventType(b[0]), 1, b[3:3+n]), nil) {
				return
			}
			b = b[3+n:]
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(pack(collect(f, binlog.Events(binlog.One(golden(f)[4:])))))
	f.Fuzz(func(t *testing.T, b []byte) {
		decoder := binlog.NewDecoder(binlog.NewTableCache())
		for c, err := range decoder.Changes(unpack(b)) {
			if err != nil {
				return
			}
			for _, image := range []relay.Image{c.Before, c.After} {
				if image != nil {
					useImage(t, c.Table, image)
				}
			}
		}
	})
}

// useImage does with an image everything that can be done.
func useImage(t *testing.T, table *relay.Table, image relay.Image) {
	t.Helper()
	values, err := table.Decode(image)
	if err != nil {
		return
	}
	if len(values) != len(table.Columns) {
		t.Fatalf("%d values of %d columns", len(values), len(table.Columns))
	}
	var out []byte
	for i, v := range values {
		out = binlog.AppendLiteral(out, table.Columns[i], v)
		out = binlog.AppendJSON(out, table.Columns[i], v)
	}
	if keys, err := binlog.KeyColumns(table); err == nil {
		if _, _, err := keys.Values(image, nil, nil); err != nil {
			t.Fatalf("the whole row can be read and its key not: %v", err)
		}
	}
}

func FuzzTable(f *testing.F) {
	for _, e := range collect(f, binlog.Events(binlog.One(golden(f)[4:]))) {
		if _, native, err := binlog.SplitTableMap(e); err == nil {
			f.Add(native, []byte{0xFF, 0xFF, 0xFF, 0xFF, 0xFF})
		}
	}
	f.Fuzz(func(t *testing.T, native, image []byte) {
		s, err := binlog.ParseTable(native)
		if err != nil {
			return
		}
		useImage(t, s.Table, image)
	})
}

func FuzzParsers(f *testing.F) {
	for _, e := range collect(f, binlog.Events(binlog.One(golden(f)[4:]))) {
		h, _ := binlog.ParseHeader(e)
		f.Add(byte(h.Type), binlog.Body(e))
	}
	for _, e := range mysqlEvents(f, "mysql-9.7.binlog") {
		h, _ := binlog.ParseHeader(e)
		f.Add(byte(h.Type), binlog.Body(e))
	}
	f.Add(byte(binlog.HeartbeatV2Event), binlog.Body(binlog.HeartbeatV2(1, "bin.000001", 1<<40, true)))
	f.Fuzz(func(_ *testing.T, typ byte, body []byte) {
		e := binlog.Ignorable(binlog.EventType(typ), 1, body)
		_, _ = binlog.ParseFormat(e)
		_, _ = binlog.FormatForDump(e, true)
		_, _ = binlog.ParseRotate(e)
		_, _ = binlog.ParseXID(e)
		_, _ = binlog.ParseAnnotate(e)
		_, _ = binlog.ParseCheckpoint(e)
		_, _ = binlog.ParseIncident(e)
		_, _ = binlog.ParseXAPrepare(e)
		_, _ = binlog.ParseGTID(e)
		_, _ = binlog.ParseGTIDList(e)
		_, _ = binlog.ParseHeartbeat(e)
		_, _ = binlog.ParseRows(e)
		_, _ = binlog.ParseMySQLGTID(e)
		_, _ = binlog.ParsePreviousGTIDs(e)
		_, _ = binlog.ParseHeartbeatV2(e)
		_, _, _ = binlog.ParseIgnorable(e)
		_, _ = binlog.ParseSettings(body)
		if p, err := binlog.ParsePayload(e); err == nil {
			for _, err := range p.Events() {
				_ = err
			}
		}
		if q, err := binlog.ParseQuery(e); err == nil {
			q.Class()
		}
	})
}

func FuzzPosition(f *testing.F) {
	f.Add("0-1-100,9002-9002-7;mariadb-bin.000003:4711")
	f.Add(";:0")
	f.Add("mysql:c430a574-e57b-11f1-8410-02fc00000001:1-16:tagx:1;bin.000001:5000;bin.000002:4;@c430a574-e57b-11f1-8410-02fc00000001;^4711;+")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := binlog.ParsePosition(s)
		if err != nil {
			return
		}
		again, err := binlog.ParsePosition(p.String())
		if err != nil || again.String() != p.String() {
			t.Errorf("%q became %q: %v", s, p, err)
		}
	})
}

func FuzzMySQLDecoder(f *testing.F) {
	for _, name := range []string{"mysql-9.7.binlog", "mysql-9.7-types.binlog"} {
		f.Add(pack(mysqlEvents(f, name)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decoder := binlog.NewDecoder(binlog.NewMySQLTableCache())
		for c, err := range decoder.Changes(unpack(b)) {
			if err != nil {
				return
			}
			for _, image := range []relay.Image{c.Before, c.After} {
				if image != nil {
					useImage(t, c.Table, image)
				}
			}
		}
	})
}

// FuzzJSON reads documents of a table that has nothing else.
func FuzzJSON(f *testing.F) {
	var s *binlog.Schema
	for _, e := range mysqlEvents(f, "mysql-9.7.binlog") {
		if _, native, err := binlog.SplitTableMap(e); err == nil && bytes.HasPrefix(native, []byte("\x03app\x00\x01j")) {
			if s, err = binlog.ParseMySQLTable(native); err != nil {
				f.Fatal(err)
			}
		}
	}
	for _, doc := range []string{"\x05\x01\x00", "\x02\x01\x00\x08\x00\x05\x01\x00", "\x0c\x03abc", "\x04\x00", "\x0f\xf6\x03\x02\x01\x8c",
		"\x00\x01\x00\x0d\x00\x0b\x00\x01\x00\x05\x01\x00a", "\x0b\x00\x00\x00\x00\x00\x00\xf0?"} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		image := []byte{0, 1, 0, 0, 0}
		image = binary.LittleEndian.AppendUint32(image, uint32(len(doc)))
		values, err := s.Decode(append(image, doc...))
		if err != nil {
			return
		}
		if text := values[1].Bytes; !json.Valid(text) || len(text) > 32*len(doc)+128 {
			t.Errorf("%d bytes became %d: %.100q", len(doc), len(text), text)
		}
	})
}
