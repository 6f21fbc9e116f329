package capture_test

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/capture"
	"github.com/octant-db/octant/relay"
)

// script builds what a server sends.
type script struct {
	packets  []byte
	sequence byte
	offset   uint32
}

func newScript() *script { return &script{sequence: 1, offset: 4} }

// packet adds one packet.
func (s *script) packet(payload []byte) *script {
	n := len(payload)
	s.packets = append(s.packets, byte(n), byte(n>>8), byte(n>>16), s.sequence)
	s.packets = append(s.packets, payload...)
	s.sequence++
	return s
}

// sent adds an event that does not stand in the file.
func (s *script) sent(event []byte) *script { return s.packet(append([]byte{0}, event...)) }

// event adds an event of the file.
func (s *script) event(t binlog.EventType, body []byte) *script {
	size := uint32(binlog.HeaderSize + len(body) + binlog.ChecksumSize)
	s.offset += size
	b := binary.LittleEndian.AppendUint32(nil, 1700000000)
	b = append(b, byte(t))
	b = binary.LittleEndian.AppendUint32(b, 1)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint32(b, s.offset)
	b = append(append(b, 0, 0), body...)
	return s.sent(binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b)))
}

const scriptFile = "mariadb-bin.000007"

// begun has sent what every dump of a whole file begins with.
func begun() *script {
	s := newScript()
	s.sent(binlog.FakeRotate(1, scriptFile, 4, true))
	fde := binlog.Body(binlog.FormatDescription(1))
	s.event(binlog.FormatDescriptionEvent, fde[:len(fde):len(fde)])
	return s.event(binlog.GTIDListEvent, make([]byte, 4))
}

func (s *script) gtid(seq uint64) *script {
	b := binary.LittleEndian.AppendUint64(nil, seq)
	return s.event(binlog.GTIDEvent, append(b, make([]byte, 11)...))
}

func (s *script) xid() *script { return s.event(binlog.XIDEvent, make([]byte, 8)) }

// bytesConn is a connection that has what it gives already.
type bytesConn struct {
	net.Conn
	io.Reader
}

func (c *bytesConn) Read(b []byte) (int, error)      { return c.Reader.Read(b) }
func (c *bytesConn) SetReadDeadline(time.Time) error { return nil }

func replay(stream []byte, m *memory) error {
	src := capture.New(capture.Config{ServerID: 9})
	return capture.Replay(src, &bytesConn{Reader: strings.NewReader(string(stream))},
		binlog.Position{File: scriptFile, Offset: 4}, m)
}

func TestMalformedStreams(t *testing.T) {
	badSum := begun().gtid(1)
	badSum.packets[len(badSum.packets)-1] ^= 1
	hole := begun().gtid(1)
	hole.offset += 100
	skipped := begun()
	skipped.sequence += 3
	cases := []struct {
		name    string
		script  *script
		want    error
		entries int
	}{
		{"connection ends", begun().gtid(1).xid().gtid(2), io.ErrUnexpectedEOF, 3},
		{"empty packet", begun().packet(nil), nil, 2},
		{"end of dump", begun().packet([]byte{0xfe, 0, 0, 0, 0}), nil, 2},
		{"unknown packet", begun().packet([]byte{7, 7, 7}), nil, 2},
		{"error", begun().packet([]byte("\xff\x28\x04#HY000no")), nil, 2},
		{"purged", begun().packet([]byte("\xff\xd4\x04#HY000Could not find first log file name in binary log index file")), relay.ErrPurged, 2},
		{"impossible", begun().packet([]byte("\xff\xd4\x04#HY000Client requested master to start replication from impossible position")), relay.ErrDiverged, 2},
		{"wrong checksum", badSum, relay.ErrCorrupt, 2},
		{"events missing", hole.xid(), binlog.ErrMalformed, 2},
		{"packet number", skipped.gtid(1), nil, 2},
		{"event too short", begun().packet([]byte{0, 1, 2, 3}), binlog.ErrMalformed, 2},
		{"group in a group", begun().gtid(1).gtid(2), binlog.ErrMalformed, 2},
		{"end without a group", begun().xid(), binlog.ErrUnknownEvent, 2},
		{"no format description", newScript().sent(binlog.FakeRotate(1, scriptFile, 4, true)).gtid(1), binlog.ErrMalformed, 0},
		{"no file", newScript().gtid(1), binlog.ErrMalformed, 0},
		{"another file", newScript().sent(binlog.FakeRotate(1, "other.000007", 4, true)), binlog.ErrMalformed, 0},
		{"an older file", begun().sent(binlog.FakeRotate(1, "mariadb-bin.000001", 4, true)), relay.ErrDiverged, 2},
		{"a foreign file", begun().sent(binlog.FakeRotate(1, "other.000008", 4, true)), relay.ErrDiverged, 2},
		{"heartbeat ahead", begun().sent(binlog.Heartbeat(1, scriptFile, 5000, true)), binlog.ErrMalformed, 2},
		{"rows of no table", begun().gtid(1).event(binlog.WriteRowsV1Event, []byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0}), binlog.ErrMalformed, 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newMemory()
			err := replay(c.script.packets, m)
			if err == nil || c.want != nil && !errors.Is(err, c.want) || len(m.entries) != c.entries {
				t.Errorf("%d entries and error %v, want %d and %v", len(m.entries), err, c.entries, c.want)
			}
		})
	}
}

// A file whose GTID_LIST knows more than we have read follows a hole.
func TestHoleBetweenFiles(t *testing.T) {
	for name, c := range map[string]struct {
		seq  uint64
		want error
	}{"as we read": {1, io.ErrUnexpectedEOF}, "more": {2, relay.ErrDiverged}} {
		t.Run(name, func(t *testing.T) {
			s := begun().gtid(1).xid()
			s.sent(binlog.FakeRotate(1, "mariadb-bin.000008", 4, true))
			s.offset = 4
			s.event(binlog.FormatDescriptionEvent, binlog.Body(binlog.FormatDescription(1)))
			list := binary.LittleEndian.AppendUint32(nil, 1)
			list = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(list, 0), 1)
			s.event(binlog.GTIDListEvent, binary.LittleEndian.AppendUint64(list, c.seq))
			if err := replay(s.packets, newMemory()); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

// The server crashed in a group: what there is of it is a frame.
func TestTornGroupIsAFrame(t *testing.T) {
	s := begun().gtid(1).sent(binlog.FakeRotate(1, "mariadb-bin.000008", 4, true))
	m := newMemory()
	if err := replay(s.packets, m); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if e := m.last(); len(m.entries) != 3 || e.Kind != relay.Frame || e.GTID != "" {
		t.Errorf("%d entries, the last is %+v", len(m.entries), e)
	}
}

// Whatever comes, nothing panics, and what is committed has no holes, which memory checks.
func FuzzStream(f *testing.F) {
	f.Add(begun().gtid(1).xid().packets)
	f.Add(begun().gtid(1).event(binlog.QueryEvent, append(make([]byte, 14), "COMMIT"...)).packets)
	f.Add(begun().gtid(1).event(binlog.TableMapEvent, []byte("\x01\x00\x00\x00\x00\x00\x01\x00\x03app\x00\x01t\x00\x01\x03\x00\x00")).packets)
	f.Add([]byte{0xff, 0xff, 0xff, 1, 0})
	f.Fuzz(func(t *testing.T, stream []byte) {
		if err := replay(stream, newMemory()); err == nil {
			t.Error("the stream ended without an error")
		}
	})
}

// The same of what stands around the events of a semi-synchronous server.
func FuzzSemiSyncPackets(f *testing.F) {
	f.Add([]byte("\x04\x00\x00\x01\x00\xef\x01e\x04\x00\x00\x01\x00\xef\x00e"))
	f.Add([]byte("\x01\x00\x00\x01\x00"))
	f.Add([]byte("\x09\x00\x00\x01\xff\xd4\x04#HY000"))
	f.Add([]byte("\xff\xff\xff\x01\x00\xef"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		if err := capture.SemiSyncPackets(&bytesConn{Reader: strings.NewReader(string(stream))}); err == nil {
			t.Error("the stream ended without an error")
		}
	})
}

// Checksums keep a fuzzer out, so here they are made right again.
func FuzzEvent(f *testing.F) {
	f.Add(byte(binlog.QueryEvent), append(make([]byte, 14), "CREATE TABLE a.b (c INT)"...))
	f.Add(byte(binlog.TableMapEvent), []byte("\x01\x00\x00\x00\x00\x00\x01\x00\x06octant\x00\x07applied\x00\x01\x03\x00\x00"))
	f.Add(byte(binlog.WriteRowsV1Event), []byte{1, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0})
	f.Add(byte(binlog.GTIDListEvent), make([]byte, 4))
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		if len(body) > 1<<20 {
			return
		}
		_ = replay(begun().event(binlog.EventType(kind), body).packets, newMemory())
		_ = replay(begun().gtid(1).event(binlog.EventType(kind), body).xid().packets, newMemory())
	})
}

// Files can be larger than the 32 bits that an event has for its place.
func TestBeyondFourGiB(t *testing.T) {
	const start = 1<<32 - 100
	low := uint32(start & (1<<32 - 1))
	s := newScript()
	s.sent(binlog.FakeRotate(1, scriptFile, start, true))
	fde, err := binlog.FormatForDump(binlog.FormatDescription(1), true)
	if err != nil {
		t.Fatal(err)
	}
	s.sent(fde)
	s.offset = low
	s.gtid(8).xid().gtid(9).xid()
	s.sent(binlog.Heartbeat(1, scriptFile, start+uint64(s.offset-low), true))
	s.sent(binlog.HeartbeatV2(1, scriptFile, start+uint64(s.offset-low), true))
	from := binlog.Position{File: scriptFile, Offset: start}
	rec := &counter{}
	err = capture.Replay(capture.New(capture.Config{ServerID: 9}), &bytesConn{Reader: strings.NewReader(string(s.packets))}, from, rec)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(rec.entries) != 2 || rec.caughtUp < 2 {
		t.Fatalf("%d entries, %d times caught up: %v", len(rec.entries), rec.caughtUp, err)
	}
	p, err := binlog.ParsePosition(string(rec.entries[1].Position))
	if err != nil || p.Offset != start+uint64(s.offset-low) || p.Offset <= 1<<32 {
		t.Errorf("position %s, %v", p, err)
	}
	s.sent(binlog.HeartbeatV2(1, scriptFile, 77, true))
	err = capture.Replay(capture.New(capture.Config{ServerID: 9}), &bytesConn{Reader: strings.NewReader(string(s.packets))}, from, &counter{})
	requireIs(t, err, binlog.ErrMalformed)
}

// counter is a recorder that keeps what was said and no bytes.
type counter struct {
	entries  []relay.Captured
	caughtUp int
}

func (c *counter) Append([]byte) error           { return nil }
func (c *counter) Commit(e relay.Captured) error { c.entries = append(c.entries, e); return nil }
func (c *counter) CaughtUp() error               { c.caughtUp++; return nil }
func (c *counter) Report(relay.Problem)          {}
