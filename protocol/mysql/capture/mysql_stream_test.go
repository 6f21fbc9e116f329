package capture_test

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// mysqlBegun has sent what every dump of a whole file of MySQL's begins with, after the transactions of the set.
func mysqlBegun(before gtid.Set) *script {
	s := newScript()
	s.sent(binlog.FakeRotate(1, scriptFile, 4, true))
	fde := binlog.Body(binlog.FormatDescription(1))
	s.event(binlog.FormatDescriptionEvent, fde[:len(fde):len(fde)])
	return s.event(binlog.PreviousGTIDsEvent, before.AppendBinary(nil))
}

// mysqlGroup adds the first event of a group.
func (s *script) mysqlGroup(t binlog.EventType, number byte) *script {
	b := slices.Concat([]byte{0}, slices.Repeat([]byte{7}, 16), []byte{number, 0, 0, 0, 0, 0, 0, 0, 2}, make([]byte, 16))
	return s.event(t, b)
}

func (s *script) query(sql string) *script {
	b := make([]byte, 4+4+1+2+2)
	return s.event(binlog.QueryEvent, append(append(b, 0), sql...))
}

// payload adds a compressed transaction without compression.
func (s *script) payload(events ...[]byte) *script {
	var plain []byte
	for _, e := range events {
		size := uint32(len(e) - binlog.ChecksumSize)
		plain = append(plain, e[:size]...)
		binary.LittleEndian.PutUint32(plain[len(plain)-int(size)+9:], size)
	}
	return s.event(binlog.TransactionPayloadEvent, append([]byte{2, 3, 252, 255, 0, 1, 3, 252, byte(len(plain)), byte(len(plain) >> 8), 0}, plain...))
}

func mysqlReplay(s *script, rec relay.Recorder, from binlog.Position) error {
	src := capture.New(capture.Config{ServerID: 9, Flavour: binlog.MySQL})
	from.Flavour, from.File, from.Offset = binlog.MySQL, scriptFile, 4
	return capture.Replay(src, &bytesConn{Reader: strings.NewReader(string(s.packets))}, from, rec)
}

const sevens = "07070707-0707-0707-0707-070707070707"

// Groups end where MySQL's grammar says.
func TestMySQLGrammar(t *testing.T) {
	xid := binlog.Ignorable(binlog.XIDEvent, 1, make([]byte, 8))
	begin := binlog.Ignorable(binlog.QueryEvent, 1, append(make([]byte, 14), "BEGIN"...))
	first := func() *script { return mysqlBegun(gtid.Set{}).mysqlGroup(binlog.MySQLGTIDEvent, 1) }
	incident := []byte{1, 0, 0}
	for _, c := range []struct {
		name   string
		stream *script
		want   string // the kinds of the entries after the file's first
		err    error
	}{
		{"a transaction", first().query("BEGIN").query("SAVEPOINT `a`").xid(), "local", nil},
		{"a statement", first().event(binlog.IntvarEvent, make([]byte, 9)).query("DROP TABLE t"), "local", nil},
		{"without XID", first().query("BEGIN").query("COMMIT"), "local", nil},
		{"an incident", first().event(binlog.IncidentEvent, incident).mysqlGroup(binlog.MySQLGTIDEvent, 2).query("DROP TABLE t"), "history local", nil},
		{"an incident in a transaction", first().query("BEGIN").event(binlog.IncidentEvent, incident).query("COMMIT"), "history", nil},
		{"an incident in no group", mysqlBegun(gtid.Set{}).event(binlog.IncidentEvent, incident), "frame", nil},
		{"anonymous", mysqlBegun(gtid.Set{}).mysqlGroup(binlog.MySQLAnonymousEvent, 0).query("BEGIN").xid(), "local", nil},
		{"a change of view", first().query("BEGIN").event(binlog.ViewChangeEvent, make([]byte, 52)).query("COMMIT"), "local", nil},
		{"compressed", first().payload(begin, xid), "local", nil},
		{"compressed without an end", first().payload(begin), "", binlog.ErrMalformed},
		{"compressed with too many ends", first().payload(begin, xid, xid), "", binlog.ErrMalformed},
		{"a transaction that did not begin", first().xid(), "", binlog.ErrMalformed},
		{"a group in a group", first().query("BEGIN").mysqlGroup(binlog.MySQLGTIDEvent, 2), "", binlog.ErrMalformed},
		{"a file's beginning in a group", first().query("BEGIN").event(binlog.PreviousGTIDsEvent, make([]byte, 8)), "", binlog.ErrMalformed},
		{"MariaDB's group", mysqlBegun(gtid.Set{}).gtid(1), "", binlog.ErrMalformed},
	} {
		rec := &counter{}
		err := mysqlReplay(c.stream, rec, binlog.Position{})
		if c.err == nil {
			c.err = io.ErrUnexpectedEOF
		}
		var kinds []string
		for _, e := range rec.entries[min(2, len(rec.entries)):] {
			kinds = append(kinds, e.Kind.String())
		}
		if got := strings.Join(kinds, " "); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: entries %q, want %q; error %v, want %v", c.name, got, c.want, err, c.err)
		}
	}
}

// A file's PREVIOUS_GTIDS must be what was read before it; of a server that took another's place it may be less.
func TestMySQLPreviousGTIDs(t *testing.T) {
	set := func(text string) gtid.Set {
		s, err := gtid.ParseSet(text)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct {
		there, read string
		joining     bool
		want        error
		numbers     string
	}{
		{sevens + ":1-3", sevens + ":1-3", false, io.ErrUnexpectedEOF, "4 5"},
		{sevens + ":1-3", "", false, io.ErrUnexpectedEOF, "4 5"},
		{sevens + ":1-2", sevens + ":1-3", false, relay.ErrDiverged, ""},
		{sevens + ":1-4", sevens + ":1-3", false, relay.ErrDiverged, ""},
		{sevens + ":1-3", sevens + ":1-4", true, io.ErrUnexpectedEOF, "5"},
		{sevens + ":1-3", sevens + ":1-5", true, io.ErrUnexpectedEOF, ""},
		{sevens + ":1-3", sevens + ":1-3:5", true, io.ErrUnexpectedEOF, "4"},
		{sevens + ":1-3:9", sevens + ":1-4", true, relay.ErrDiverged, ""},
	} {
		stream := mysqlBegun(set(c.there)).mysqlGroup(binlog.MySQLGTIDEvent, 4).query("BEGIN").xid().
			mysqlGroup(binlog.MySQLGTIDEvent, 5).query("BEGIN").xid()
		rec := &counter{}
		err := mysqlReplay(stream, rec, binlog.Position{Executed: set(c.read), Joining: c.joining, Server: sevens})
		var numbers []string
		for _, e := range rec.entries {
			if e.GTID != "" {
				numbers = append(numbers, strings.TrimPrefix(e.GTID, sevens+":"))
			}
		}
		if got := strings.Join(numbers, " "); got != c.numbers || !errors.Is(err, c.want) {
			t.Errorf("%+v: captured %q, %v", c, got, err)
		}
	}
}
