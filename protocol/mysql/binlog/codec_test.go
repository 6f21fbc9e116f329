package binlog_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// unhex reads the byte vectors that were taken from the wire between stock servers.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFakeRotateIsTheServers(t *testing.T) {
	want := unhex(t, "00000000 04 1f000000 29000000 00000000 2000 0400000000000000 62696e2e303030303031 f1c28012")
	if got := binlog.FakeRotate(31, "bin.000001", 4, true); !bytes.Equal(got, want) {
		t.Errorf("got  %x\nwant %x", got, want)
	}
	if got := binlog.FakeRotate(31, "bin.000001", 4, false); !bytes.Equal(got[HeaderSize:], want[HeaderSize:len(want)-4]) {
		t.Errorf("without checksum: %x", got)
	}
}

// HeaderSize shortens the tests.
const HeaderSize = binlog.HeaderSize

func TestFakeGTIDListIsTheServers(t *testing.T) {
	e := binlog.FakeGTIDList(51, []binlog.GTID{{Domain: 0, Server: 51, Seq: 2}}, 285, true)
	h, err := binlog.ParseHeader(e)
	if err != nil || h.Timestamp != 0 || !h.Artificial() || h.LogPos != 285 || h.Type != binlog.GTIDListEvent {
		t.Errorf("header %+v, %v", h, err)
	}
	if want := unhex(t, "01000000 00000000 33000000 0200000000000000"); !bytes.Equal(binlog.Body(e), want) {
		t.Errorf("body %x", binlog.Body(e))
	}
}

func TestGTIDEventsOfServers(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       binlog.Group
	}{
		{"10.11", "0500000000000000 00000000 0c 000000000000", binlog.Group{Flags: 0x0c}},
		{"11.8 with thread", "0500000000000000 00000000 0c 10 06000000 00", binlog.Group{Flags: 0x0c, Extra: 0x10, Thread: 6}},
		{"prepared XA", "0500000000000000 00000000 4c 01000000 03 00 786131 01 ff", binlog.Group{Flags: 0x4c, XID: binlog.XID{Format: 1, GlobalID: "xa1"}, Extra: 1}},
		{"start alter", "0500000000000000 00000000 29 02", binlog.Group{Flags: 0x29, Extra: 2}},
		{"commit alter", "0500000000000000 00000000 29 04 0400000000000000", binlog.Group{Flags: 0x29, Extra: 4, AlterSeq: 4}},
		{"group commit", "0500000000000000 00000000 0e 1100000000000000", binlog.Group{Flags: 0x0e, CommitID: 17}},
	} {
		got, err := binlog.ParseGTID(binlog.Ignorable(binlog.GTIDEvent, 7, unhex(t, c.body)))
		c.want.GTID = binlog.GTID{Domain: 0, Server: 7, Seq: 5}
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v", c.name, got, err)
		}
	}
}

func TestHeartbeat(t *testing.T) {
	for _, offset := range []uint64{616, 1<<32 - 1, 1 << 32, 1 << 40} {
		e := binlog.Heartbeat(1, "bin.000001", offset, true)
		if _, err := binlog.VerifyChecksum(e); err != nil {
			t.Error(err)
		}
		at, err := binlog.ParseHeartbeat(e)
		if err != nil || at != (binlog.Rotate{File: "bin.000001", Offset: offset}) {
			t.Errorf("offset %d: got %+v, %v", offset, at, err)
		}
	}
	small, large := binlog.Heartbeat(1, "b", 616, false), binlog.Heartbeat(1, "b", 1<<32, false)
	if len(small) != HeaderSize+1 || len(large) != HeaderSize+9 {
		t.Errorf("sizes %d and %d", len(small), len(large))
	}
}

// golden is a file of MariaDB 10.11.19 that was copied while the server had it open and closed.
func golden(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/types.binlog")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFormatDescription(t *testing.T) {
	fde := collect(t, binlog.Events(binlog.One(golden(t)[4:])))[0]
	f, err := binlog.ParseFormat(fde)
	if err != nil || f.Server != "10.11.19-MariaDB-0+deb12u1-log" || f.Checksum != binlog.ChecksumCRC32 || f.PostSize(binlog.TableMapEvent) != 8 {
		t.Errorf("format %+v, %v", f, err)
	}
	for _, open := range []bool{false, true} {
		file := bytes.Clone(fde)
		if open { // as the server has it in a file that it writes to: the checksum stays
			file[17] |= 1
		}
		if _, err := binlog.VerifyChecksum(file); err != nil {
			t.Error(err)
		}
		sent, err := binlog.FormatForDump(file, false)
		if err != nil || !bytes.Equal(sent, fde) {
			t.Errorf("for a dump from the start: %v", err)
		}
		sent, err = binlog.FormatForDump(file, true)
		got, _ := binlog.ParseFormat(sent)
		h, _ := binlog.ParseHeader(sent)
		if err != nil || verify(sent) != nil || got.Created != 0 || h.LogPos != 0 || h.Flags != 0 {
			t.Errorf("for a dump from the middle: %+v %+v %v", got, h, err)
		}
	}
	own, err := binlog.ParseFormat(binlog.FormatDescription(5))
	if err != nil || !bytes.Equal(own.PostSizes, f.PostSizes) {
		t.Errorf("our own: %v, %v", own, err)
	}
}

func TestChecksumCatchesEveryBit(t *testing.T) {
	e := binlog.FakeRotate(31, "bin.000001", 4, true)
	for i := range len(e) * 8 {
		e[i/8] ^= 1 << (i % 8)
		if verify(e) == nil {
			t.Errorf("bit %d", i)
		}
		e[i/8] ^= 1 << (i % 8)
	}
	e[len(e)-1] ^= 1
	if _, err := binlog.VerifyChecksum(e); !errors.Is(err, relay.ErrCorrupt) {
		t.Errorf("got %v", err)
	}
}

func TestEventsAreTheFileHoweverItIsCut(t *testing.T) {
	file := golden(t)[4:]
	whole := collect(t, binlog.Events(binlog.One(file)))
	rapid.Check(t, func(rt *rapid.T) {
		var events [][]byte
		for e, err := range binlog.Events(inPieces(file, rapid.IntRange(1, len(file)).Draw(rt, "size"))) {
			if err != nil {
				rt.Fatal(err)
			}
			events = append(events, e)
		}
		if len(events) != len(whole) || !bytes.Equal(bytes.Join(events, nil), file) {
			rt.Fatalf("%d events of %d", len(events), len(whole))
		}
	})
}

func TestEventsRefuse(t *testing.T) {
	file := golden(t)[4:]
	last := func(body relay.Body) (err error) {
		for _, err = range binlog.Events(body) {
		}
		return err
	}
	if err := last(binlog.One(file[:len(file)-1])); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("torn: %v", err)
	}
	for _, size := range []string{"12000000", "ffffff7f", "ffffffff", "00000000"} {
		e := unhex(t, "00000000 04 1f000000 "+size+" 00000000 2000 0000")
		for _, step := range []int{1, 100} {
			if err := last(inPieces(e, step)); !errors.Is(err, binlog.ErrMalformed) {
				t.Errorf("size %s: %v", size, err)
			}
		}
	}
	stop := errors.New("stop")
	if err := last(func(yield func([]byte, error) bool) { yield(nil, stop) }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func drawGTID(t *rapid.T) binlog.GTID {
	return binlog.GTID{Domain: rapid.Uint32().Draw(t, "domain"), Server: rapid.Uint32().Draw(t, "server"), Seq: rapid.Uint64().Draw(t, "seq")}
}

func TestGTIDsRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set binlog.Set
		for range rapid.IntRange(0, 5).Draw(t, "domains") {
			set.Add(drawGTID(t))
		}
		p := binlog.Position{GTIDs: set, File: rapid.StringMatching(`[a-z:.0-9-]{0,20}`).Draw(t, "file"), Offset: rapid.Uint64().Draw(t, "offset")}
		got, err := binlog.ParsePosition(p.String())
		if err != nil || !got.GTIDs.Equal(set) || got.File != p.File || got.Offset != p.Offset || got.String() != p.String() {
			t.Fatalf("%q: %+v, %v", p, got, err)
		}
		if !set.Includes(got.GTIDs) || !got.GTIDs.Includes(set) || len(set.List()) != len(set) {
			t.Fatalf("%v", set)
		}
		list, err := binlog.ParseGTIDList(binlog.FakeGTIDList(1, set.List(), 0, true))
		if err != nil || len(list) != len(set) {
			t.Fatalf("%v, %v", list, err)
		}
	})
}

func TestKeysSortAndRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawGTID(t), drawGTID(t)
		b.Domain = a.Domain
		if (binlog.GTIDKey(a) < binlog.GTIDKey(b)) != (a.Seq < b.Seq) || !strings.HasPrefix(binlog.GTIDKey(a), binlog.GTIDPrefix(a.Domain)) {
			t.Fatal("GTID keys do not sort by sequence")
		}
		domain, seq, err := binlog.ParseGTIDKey(binlog.GTIDKey(a))
		if err != nil || domain != a.Domain || seq != a.Seq {
			t.Fatal(domain, seq, err)
		}
		file := rapid.StringMatching(`[a-z.0-9]{0,20}`).Draw(t, "file")
		if (binlog.PositionKey(file, a.Seq) < binlog.PositionKey(file, b.Seq)) != (a.Seq < b.Seq) ||
			!strings.HasPrefix(binlog.PositionKey(file, a.Seq), binlog.PositionPrefix(file)) {
			t.Fatal("position keys do not sort by offset")
		}
		name, offset, err := binlog.ParsePositionKey(binlog.PositionKey(file, a.Seq))
		if err != nil || name != file || offset != a.Seq {
			t.Fatal(name, offset, err)
		}
	})
	if got := binlog.PositionKey("b.1", 258); got != "pb.1\x00\x00\x00\x00\x00\x00\x00\x01\x02" {
		t.Errorf("%q", got)
	}
	if got := binlog.GTIDKey(binlog.GTID{Domain: 3, Server: 9, Seq: 258}); got != "g\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x01\x02" {
		t.Errorf("%q", got)
	}
}

func TestSets(t *testing.T) {
	for _, bad := range []string{"0-1", "0-1-2-3", "x", "0-1-2,0-2-3", ",", "0-1-2,", "-1-1-1", "4294967296-1-1", "0-1-18446744073709551616"} {
		if set, err := binlog.ParseSet(bad); err == nil {
			t.Errorf("%q gave %v", bad, set)
		}
	}
	set, err := binlog.ParseSet("9002-9002-7, 0-1-100")
	if err != nil || set.String() != "0-1-100,9002-9002-7" {
		t.Errorf("%v, %v", set, err)
	}
	for g, want := range map[binlog.GTID]bool{{0, 5, 100}: true, {0, 1, 101}: false, {1, 1, 1}: false, {9002, 1, 0}: true} {
		if set.Contains(g) != want {
			t.Errorf("contains %s: %v", g, !want)
		}
	}
	clone := set.Clone()
	clone.Add(binlog.GTID{Domain: 0, Server: 2, Seq: 101})
	if set.Equal(clone) || clone.String() != "0-2-101,9002-9002-7" || !clone.Includes(set) || set.Includes(clone) {
		t.Errorf("%v, %v", set, clone)
	}
}

func TestQueryClass(t *testing.T) {
	for sql, want := range map[string]binlog.Class{
		"BEGIN": binlog.Begin, "begin": binlog.Begin, "COMMIT": binlog.Commit, "ROLLBACK": binlog.Rollback, "ROLLBACK TO `a`": binlog.RollbackTo,
		"SAVEPOINT `a`": binlog.Savepoint, "RELEASE SAVEPOINT `a`": binlog.Savepoint, "XA START X'7831',X'',1": binlog.Begin, "XA END X'78',X'',1": binlog.Begin,
		"XA COMMIT X'78',X'',1": binlog.XAEnd, "XA ROLLBACK X'78',X'',1": binlog.XAEnd,
		"": binlog.Other, "BEGIN NOT ATOMIC DELETE FROM t; END": binlog.Other, "COMMITTEE": binlog.Other, "CREATE TABLE t (a INT)": binlog.Other, "savepoints": binlog.Other,
	} {
		q := binlog.Query{SQL: []byte(sql)}
		if got := q.Class(); got != want {
			t.Errorf("%q: %d, want %d", sql, got, want)
		}
	}
}

// resum computes an event's checksum again.
func resum(e []byte) []byte {
	end := len(e) - binlog.ChecksumSize
	return binary.LittleEndian.AppendUint32(e[:end:end], crc32.ChecksumIEEE(e[:end]))
}

func verify(event []byte) error {
	_, err := binlog.VerifyChecksum(event)
	return err
}
