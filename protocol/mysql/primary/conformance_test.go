package primary_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/testenv"
)

// history makes the source write files with everything that a dump can meet.
func history(t testing.TB, s *testenv.Server) {
	t.Helper()
	execute(t, s,
		"CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY, v LONGBLOB) ENGINE=InnoDB",
		"INSERT INTO app.t VALUES (1, 'one'), (2, 'two')",
		"SET gtid_domain_id=7", "INSERT INTO app.t VALUES (3, 'three')", "UPDATE app.t SET v='drei' WHERE id=3",
		"SET gtid_domain_id=1", "FLUSH BINARY LOGS",
		"INSERT INTO app.t VALUES (4, 'four')", "DELETE FROM app.t WHERE id=1",
		"ALTER TABLE app.t ADD COLUMN w INT",
		"BEGIN", "INSERT INTO app.t VALUES (5, 'five', 5)", "INSERT INTO app.t VALUES (6, 'six', 6)", "COMMIT",
		"INSERT INTO app.t VALUES (7, REPEAT('x', 20000000), 7)",
		"XA START 'x1'", "INSERT INTO app.t VALUES (8, 'eight', 8)", "XA END 'x1'", "XA PREPARE 'x1'", "XA COMMIT 'x1'",
		"SET gtid_domain_id=9", "INSERT INTO app.t VALUES (9, 'nine', 9)",
		"SET gtid_domain_id=1", "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (10, 'ten', 10)", "TRUNCATE TABLE app.t")
}

// transcript is what a primary sends for one request, an event a line, without what must differ: server ids of
// artificial events, checksums, and where their names stand.
func transcript(t testing.TB, addr, user, password string, req request) []string {
	t.Helper()
	r, err := dialRaw(addr, user, password)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if err := req.send(r); err != nil {
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

func ending(err error) string {
	var e *mysql.MyError
	switch {
	case errors.Is(err, io.EOF):
		return "EOF"
	case errors.As(err, &e):
		return fmt.Sprintf("ERR %d %s", e.Code, e.Message)
	}
	return err.Error()
}

func describe(t testing.TB, event []byte) string {
	t.Helper()
	h, err := binlog.ParseHeader(event)
	if err != nil {
		t.Fatal(err)
	}
	event = bytes.Clone(event)
	if h.Artificial() || h.Type == binlog.HeartbeatEvent || h.Type == binlog.HeartbeatV2Event {
		clear(event[5:9])
		if len(event) > int(h.Size) {
			t.Fatalf("event of %d bytes says %d", len(event), h.Size)
		}
		event = event[:len(event)-4]
	}
	if len(event) > 400 {
		event = append(event[:200:200], event[len(event)-200:]...)
	}
	return fmt.Sprintf("type %d flags %#x pos %d size %d: %x", h.Type, h.Flags, h.LogPos, h.Size, event)
}

// request is one dump.
type request struct {
	variables []string
	file      string
	offset    uint32
	flags     uint16
}

func (q request) send(r *raw) error {
	if err := r.asReplica(q.variables...); err != nil {
		return err
	}
	return r.dump(q.file, q.offset, q.flags, 0)
}

// The relay must say what the real server says.
func TestDumpsLikeTheRealServer(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)
	file, end := masterStatus(t, b.source)
	first, second := "mariadb-bin.000001", "mariadb-bin.000002"
	inside := groupStart(t, b, second, 4)
	_, insideGroup := group(t, b, second, 4)

	tests := []struct {
		name string
		request
	}{
		{"file from the start", request{file: first, offset: 4, flags: 3}},
		{"no file", request{offset: 4, flags: 3}},
		{"file without annotations", request{file: first, offset: 4, flags: 1}},
		{"file, artificial events without checksum", request{variables: []string{"SET @master_binlog_checksum='NONE'"}, file: first, offset: 4, flags: 3}},
		{"in the middle of a file", request{file: second, offset: inside, flags: 3}},
		{"in the middle, without checksum", request{variables: []string{"SET @master_binlog_checksum='NONE'"}, file: second, offset: inside, flags: 3}},
		{"inside a group", request{file: second, offset: insideGroup, flags: 3}},
		{"at the end", request{file: file, offset: uint32(end), flags: 3}},
		{"unknown file", request{file: "mariadb-bin.000099", offset: 4, flags: 3}},
		{"offset past the end", request{file: file, offset: uint32(end) + 100, flags: 3}},
		{"offset before the first event", request{file: file, offset: 1, flags: 3}},
		{"gtid from the start", request{variables: []string{connectState("")}, offset: 4, flags: 3}},
		{"gtid after the first groups", request{variables: []string{connectState("1-1-2,7-1-1")}, offset: 4, flags: 3}},
		{"gtid in the middle of a file", request{variables: []string{connectState("1-1-6,7-1-2")}, offset: 4, flags: 3}},
		{"gtid with leftover file", request{variables: []string{connectState("1-1-9,7-1-2")}, file: "nonsense", offset: 99, flags: 3}},
		{"gtid with a domain behind", request{variables: []string{connectState("1-1-9,7-1-1")}, offset: 4, flags: 3}},
		{"gtid with an unknown domain", request{variables: []string{connectState("1-1-9,7-1-2,55-5-5")}, offset: 4, flags: 3}},
		{"gtid until", request{variables: []string{connectState("1-1-2"), "SET @slave_until_gtid='1-1-5'"}, offset: 4, flags: 3}},
		{"gtid ahead", request{variables: []string{connectState("1-1-99999")}, offset: 4, flags: 3}},
		{"gtid of another server", request{variables: []string{connectState("1-77-4")}, offset: 4, flags: 3}},
		{"gtid malformed", request{variables: []string{connectState("1-77-4,1-77")}, offset: 4, flags: 3}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := transcript(t, b.addr, "repl", password, test.request)
			want := transcript(t, b.source.Addr(), "root", "", test.request)
			if strings.HasPrefix(test.name, "gtid") {
				got, want = essence(got), essence(want)
			}
			compare(t, got, want)
		})
	}
}

// essence drops the checkpoints that a real server passes while it looks for a replica's place, and what artificial GTID lists say: the
// server names what it skipped in the file, the relay all that the replica has.
func essence(lines []string) []string {
	lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "type 161 ") })
	for i, line := range lines {
		if before, _, ok := strings.Cut(line, " size"); ok && strings.HasPrefix(line, "type 163 flags 0x20") {
			lines[i] = before
		}
	}
	return lines
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("line %d:\nrelay  %s\nserver %s", i, at(got, i), at(want, i))
		}
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// groupStart returns where the nth group of a file begins, as the server says.
func groupStart(t testing.TB, b *bed, file string, n int) uint32 {
	t.Helper()
	begin, _ := group(t, b, file, n)
	return begin
}

// group returns where the nth group's GTID event begins and ends.
func group(t testing.TB, b *bed, file string, n int) (begin, end uint32) {
	t.Helper()
	rows, err := b.source.DB().QueryContext(t.Context(), "SHOW BINLOG EVENTS IN '"+file+"'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var log, kind, info string
		var id uint32
		if err := rows.Scan(&log, &begin, &kind, &id, &end, &info); err != nil {
			t.Fatal(err)
		}
		if kind == "Gtid" {
			if n--; n == 0 {
				return begin, end
			}
		}
	}
	t.Fatalf("%s has too few groups (%v)", file, rows.Err())
	return 0, 0
}
