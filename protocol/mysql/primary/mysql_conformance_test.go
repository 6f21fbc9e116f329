package primary_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/protocol/mysql/primary"
)

const replicaUUID = "22222222-0000-4000-8000-000000000002"

// mysqlRequest is one dump as MySQL's clients ask for it.
type mysqlRequest struct {
	variables []string
	gtid      bool
	holds     string // with SRC in place of the source's UUID
	file      string
	offset    uint32
	flags     uint16
	serverID  uint32
	unaware   bool // of checksums
}

func (q mysqlRequest) send(r *raw, source string) error {
	if !q.unaware {
		if err := r.asMySQLReplica(replicaUUID, q.variables...); err != nil {
			return err
		}
	}
	if !q.gtid {
		return r.dump(q.file, q.offset, q.flags, q.serverID)
	}
	set, err := gtid.ParseSet(strings.ReplaceAll(q.holds, "SRC", source))
	if err != nil {
		return err
	}
	return r.dumpGTID(q.file, set.AppendBinary(nil), q.flags, q.serverID)
}

// dumpGTID sends COM_BINLOG_DUMP_GTID.
func (r *raw) dumpGTID(file string, set []byte, flags uint16, serverID uint32) error {
	b := []byte{0, 0, 0, 0, mysql.COM_BINLOG_DUMP_GTID}
	b = binary.LittleEndian.AppendUint16(b, flags)
	b = binary.LittleEndian.AppendUint32(b, serverID)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(file)))
	b = append(b, file...)
	b = binary.LittleEndian.AppendUint64(b, 4)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(set)))
	r.conn.ResetSequence()
	r.seq = 1
	return r.conn.WritePacket(append(b, set...))
}

func mysqlTranscript(t *testing.T, r *raw, source string, req mysqlRequest) []string {
	t.Helper()
	if err := req.send(r, source); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for {
		event, err := r.next()
		if err != nil {
			return append(lines, ending(err))
		}
		lines = append(lines, describe(t, event))
	}
}

// The relay must say what the real server says.
func TestDumpsLikeTheRealMySQL(t *testing.T) {
	b := startMySQLBed(t, nil)
	mysqlHistory(t, b.source)
	b.waitCaptured(t)
	file, end := b.end(t)
	first, second := strings.TrimSuffix(file, "3")+"1", strings.TrimSuffix(file, "3")+"2"
	inside := mysqlGroupStart(t, b, second, 3)

	tests := []struct {
		name string
		mysqlRequest
	}{
		{"file from the start", mysqlRequest{file: first, offset: 4, flags: 3}},
		{"no file", mysqlRequest{offset: 4, flags: 1}},
		{"without checksum of artificial events", mysqlRequest{variables: []string{"SET @master_binlog_checksum='NONE', @source_binlog_checksum='NONE'"}, file: first, offset: 4, flags: 1}},
		{"in the middle of a file", mysqlRequest{file: second, offset: inside, flags: 3}},
		{"at the end", mysqlRequest{file: file, offset: uint32(end), flags: 3}},
		{"unknown file", mysqlRequest{file: strings.TrimSuffix(file, "3") + "9", offset: 4, flags: 3}},
		{"offset past the end", mysqlRequest{file: file, offset: uint32(end) + 100, flags: 3}},
		{"offset before the first event", mysqlRequest{file: file, offset: 1, flags: 3}},
		{"client that knows no checksums", mysqlRequest{file: first, offset: 4, flags: 1, unaware: true}},
		{"gtid from the start", mysqlRequest{gtid: true, flags: 3}},
		{"gtid from the start, short heartbeats", mysqlRequest{gtid: true, flags: 1}},
		{"gtid with a file name", mysqlRequest{gtid: true, file: second, flags: 3}},
		{"gtid after the first group", mysqlRequest{gtid: true, holds: "SRC:1", flags: 3}},
		{"gtid after the first groups", mysqlRequest{gtid: true, holds: "SRC:1-3", flags: 3}},
		{"gtid at a file's end", mysqlRequest{gtid: true, holds: "SRC:1-4", flags: 3}},
		{"gtid in the middle of a file", mysqlRequest{gtid: true, holds: "SRC:1-5:nightly:1", flags: 3}},
		{"gtid in the middle, short heartbeats", mysqlRequest{gtid: true, holds: "SRC:1-5:nightly:1", flags: 1}},
		{"gtid with a hole", mysqlRequest{gtid: true, holds: "SRC:1-3:6-7", flags: 3}},
		{"gtid with a hole in the first file", mysqlRequest{gtid: true, holds: "SRC:1:3-6:nightly:1", flags: 3}},
		{"gtid of another server only", mysqlRequest{gtid: true, holds: "11111111-1111-1111-1111-111111111111:7", flags: 3}},
		{"gtid of a server that is not known", mysqlRequest{gtid: true, holds: "SRC:1-5,33333333-1111-1111-1111-111111111111:1-9", flags: 3}},
		{"gtid ahead", mysqlRequest{gtid: true, holds: "SRC:1-9999", flags: 3}},
		{"gtid ahead by a tag", mysqlRequest{gtid: true, holds: "SRC:1-5:nightly:1-7", flags: 3}},
		{"gtid that holds all", mysqlRequest{gtid: true, holds: "SRC:1-11:nightly:1,11111111-1111-1111-1111-111111111111:7", flags: 3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := mysqlTranscript(t, mustDial(t, b.addr, "repl", password), b.uuid, test.mysqlRequest)
			want := mysqlTranscript(t, b.dialSource(t), b.uuid, test.mysqlRequest)
			if test.unaware { // the server says it after the first event, with the place of that
				if want = want[len(want)-1:]; !strings.HasPrefix(want[0], got[0]) {
					t.Errorf("relay  %s\nserver %s", got[0], want[0])
				}
				return
			}
			compare(t, got, want)
		})
	}
}

// What was trimmed is refused with the words of a server that purged its files.
func TestPurgedLikeTheRealMySQL(t *testing.T) {
	b := startMySQLBed(t, nil)
	mysqlHistory(t, b.source)
	b.waitCaptured(t)
	file, _ := b.end(t)
	second := strings.TrimSuffix(file, "3") + "2"
	entry, err := b.log.Local().Floor("p", binlog.PositionKey(second, 4))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.log.Local().Trim(uint64(entry)); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "trim", func() (bool, error) { return b.log.Local().First() == uint64(entry), nil })
	execute(t, b.source, "PURGE BINARY LOGS TO '"+second+"'")
	shown, err := primary.Describe(b.log)
	if err != nil {
		t.Fatal(err)
	}
	var purged string
	if err := b.source.DB().QueryRowContext(t.Context(), "SELECT @@gtid_purged").Scan(&purged); err != nil || shown.Purged != purged {
		t.Errorf("gtid_purged is %q, the server's %q: %v", shown.Purged, purged, err)
	}
	for _, req := range []mysqlRequest{
		{gtid: true, flags: 3}, {gtid: true, holds: "SRC:1-2", flags: 3}, {gtid: true, holds: "SRC:1:3-9", flags: 3}, {gtid: true, holds: "SRC:1-4", flags: 3},
		{gtid: true, holds: "SRC:1-6", flags: 3}, {file: strings.TrimSuffix(file, "3") + "1", offset: 4, flags: 1},
	} {
		t.Run(fmt.Sprint(req.holds, req.file), func(t *testing.T) {
			got := mysqlTranscript(t, mustDial(t, b.addr, "repl", password), b.uuid, req)
			want := mysqlTranscript(t, b.dialSource(t), b.uuid, req)
			compare(t, got, want)
		})
	}
}

// A replica that comes again is told apart by its UUID, and the one it left behind hears why it goes.
func TestMySQLZombieIsEvicted(t *testing.T) {
	b := startMySQLBed(t, nil)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	file, end := b.end(t)
	req := mysqlRequest{file: file, offset: 4, serverID: 777}
	evicted := func(dial func() *raw) string {
		old := dial()
		if err := req.send(old, b.uuid); err != nil {
			t.Fatal(err)
		}
		for at := uint64(0); at != end; { // everything, so that both are at the same place
			event, err := old.next()
			if err != nil {
				t.Fatal(err)
			}
			h, _ := binlog.ParseHeader(event)
			at = uint64(h.LogPos)
		}
		again := dial()
		if err := req.send(again, b.uuid); err != nil {
			t.Fatal(err)
		}
		e := refusal(t, old)
		return fmt.Sprint(e.Code, e.State, e.Message)
	}
	got := evicted(func() *raw { return mustDial(t, b.addr, "repl", password) })
	want := evicted(func() *raw { return b.dialSource(t) })
	if want = strings.ReplaceAll(want, "'./", "'"); got != want {
		t.Errorf("relay  %s\nserver %s", got, want)
	}
}

// Clients of the other kind, and those whose server id is the source's, are refused so that their operators read it.
func TestMySQLRefusals(t *testing.T) {
	b := startMySQLBed(t, nil)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	maria := mustDial(t, b.addr, "repl", password)
	if err := (request{variables: []string{connectState("")}, offset: 4}).send(maria); err != nil {
		t.Fatal(err)
	}
	if e := refusal(t, maria); e.Code != 1236 || !strings.Contains(e.Message, "Use a MySQL replica") {
		t.Errorf("MariaDB replica: %v", e)
	}
	for _, id := range []byte{1, 0x67} { // the source's, and the relay's
		same := mustDial(t, b.addr, "repl", password)
		register := []byte{0, 0, 0, 0, mysql.COM_REGISTER_SLAVE, id, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		if id != 1 {
			binary.LittleEndian.PutUint32(register[5:], relayServerID)
		}
		same.conn.ResetSequence()
		if err := same.conn.WritePacket(register); err != nil {
			t.Fatal(err)
		}
		if _, err := same.conn.ReadOKPacket(); err != nil {
			t.Fatal(err)
		}
		if err := (mysqlRequest{gtid: true}).send(same, b.uuid); err != nil {
			t.Fatal(err)
		}
		if e := refusal(t, same); e.Code != 1236 || !strings.Contains(e.Message, "equal MySQL server ids") {
			t.Errorf("server id %d: %v", id, e)
		}
	}
	broken := mustDial(t, b.addr, "repl", password)
	if err := broken.asMySQLReplica(replicaUUID); err != nil {
		t.Fatal(err)
	}
	if err := broken.dumpGTID("", []byte{1, 2, 3}, 2, 5); err != nil {
		t.Fatal(err)
	}
	var e *mysql.MyError
	if _, err := broken.next(); !errors.As(err, &e) {
		t.Errorf("malformed set: %v", err)
	}
}

// What the answers of the handshake are.
func TestMySQLHandshake(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.ServerVersion, c.ServerUUID = "9.7.4", relayUUID })
	c := mustDial(t, s.addr, "repl", password)
	if got := c.conn.GetServerVersion(); got != "9.7.4" {
		t.Errorf("greeting %q", got)
	}
	for query, want := range map[string]string{
		"SELECT @@GLOBAL.SERVER_UUID": relayUUID, "SELECT @@GLOBAL.GTID_MODE": "ON", "SELECT @@GLOBAL.SERVER_ID": "4711",
		"SELECT @@global.rpl_semi_sync_source_enabled": "1", "SELECT VERSION()": "9.7.4",
	} {
		result, err := c.conn.Execute(query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if got, _ := result.GetString(0, 0); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

// An idle replica is kept informed in the form that it asked for.
func TestMySQLHeartbeats(t *testing.T) {
	b := startMySQLBed(t, nil)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	file, end := b.end(t)
	for flags, want := range map[uint16]binlog.EventType{0: binlog.HeartbeatEvent, 2: binlog.HeartbeatV2Event} {
		line := func(r *raw) string {
			short := "SET @master_heartbeat_period = 50000000, @source_heartbeat_period = 50000000"
			if err := (mysqlRequest{file: file, offset: uint32(end), flags: flags, serverID: 9, variables: []string{short}}).send(r, b.uuid); err != nil {
				t.Fatal(err)
			}
			r.nc.SetReadDeadline(time.Now().Add(time.Minute))
			for {
				event, err := r.next()
				if err != nil {
					t.Fatal(err)
				}
				if h, _ := binlog.ParseHeader(event); h.Type == want {
					return describe(t, event)
				}
			}
		}
		if got, want := line(mustDial(t, b.addr, "repl", password)), line(b.dialSource(t)); got != want {
			t.Errorf("relay  %s\nserver %s", got, want)
		}
	}
}

func mysqlGroupStart(t testing.TB, b *mysqlBed, file string, n int) uint32 {
	t.Helper()
	rows, err := b.source.DB().QueryContext(t.Context(), "SHOW BINLOG EVENTS IN '"+file+"'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var log, kind, info string
		var id, begin, end uint32
		if err := rows.Scan(&log, &begin, &kind, &id, &end, &info); err != nil {
			t.Fatal(err)
		}
		if kind == "Gtid" || kind == "Gtid_tagged" {
			if n--; n == 0 {
				return begin
			}
		}
	}
	t.Fatalf("%s has too few groups (%v)", file, rows.Err())
	return 0
}
