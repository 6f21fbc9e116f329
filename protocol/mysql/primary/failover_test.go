package primary_test

import (
	"context"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// writeEntry puts bytes into the log as if they stood at a place of a file.
func writeEntry(t testing.TB, log relay.LocalStream, file string, offset uint64, gtid string, events ...[]byte) {
	t.Helper()
	w := log.Begin(context.Background())
	var size int64
	for _, event := range events {
		size += int64(len(event))
		if err := w.Append(event); err != nil {
			t.Fatal(err)
		}
	}
	lsn := relay.LSN(log.Last() + 1)
	e := relay.Entry{LSN: lsn, Kind: relay.Frame, Flavour: binlog.Flavour, Size: size, Keys: []string{binlog.PositionKey(file, offset)}}
	var set binlog.Set
	if gtid != "" {
		g, err := binlog.Parse(gtid)
		if err != nil {
			t.Fatal(err)
		}
		set.Add(g)
		e.Kind, e.GTID, e.Keys = relay.History, gtid, append(e.Keys, binlog.GTIDKey(g))
	}
	e.Position = relay.Position(binlog.Position{GTIDs: set, File: file, Offset: offset + uint64(size)}.String())
	if err := w.Commit(e, relay.State{LSN: lsn, Position: e.Position}); err != nil {
		t.Fatal(err)
	}
	if err := log.WaitDurable(t.Context(), lsn); err != nil {
		t.Fatal(err)
	}
}

// formatEvent reads a format description off a real server.
func formatEvent(t testing.TB) []byte {
	t.Helper()
	s := startSource(t)
	r := mustDial(t, s.Addr(), "root", "")
	if err := (request{file: "mariadb-bin.000001", offset: 4, flags: 3}).send(r); err != nil {
		t.Fatal(err)
	}
	for {
		event, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		if h, _ := binlog.ParseHeader(event); h.Type == binlog.FormatDescriptionEvent {
			return event
		}
	}
}

// When another server takes the source's place, with files of the same names, replicas are told where they are, and find their places in the
// newer file.
func TestFilesOfTwoServers(t *testing.T) {
	s := startServer(t, nil)
	log, format := s.log.Local(), formatEvent(t)
	body := binlog.Ignorable(200, 1, make([]byte, 100))
	size, n := uint64(len(body)), uint64(len(format))
	const file = "mariadb-bin.000001"
	writeEntry(t, log, file, 4, "", format)
	for i, gtid := range []string{"0-1-1", "0-1-2", "0-1-3"} {
		writeEntry(t, log, file, 4+n+uint64(i)*size, gtid, body)
	}
	// The promoted server: its groups up to 0-1-3 were passed over.
	writeEntry(t, log, file, 4, "", format)
	writeEntry(t, log, file, 4+n+10*size, "0-2-4", body)
	writeEntry(t, log, file, 4+n+11*size, "0-2-5", body)

	places := func(req request) (got []string) {
		for _, line := range transcript(t, s.addr, "repl", password, req) {
			switch {
			case strings.HasPrefix(line, "type 4 "):
				got = append(got, "rotate")
			case strings.HasPrefix(line, "type 15 "):
				got = append(got, "format")
			case strings.HasPrefix(line, "type 200 "):
				got = append(got, "group")
			case strings.HasPrefix(line, "ERR"):
				got = append(got, line)
			}
		}
		return got
	}
	inNew := uint32(4 + n + 11*size)
	tests := []struct {
		name string
		request
		want string
	}{
		{"by GTID from the start", request{variables: []string{connectState("")}, flags: 3}, "rotate format group group group rotate format rotate format group group"},
		{"by GTID from the old file", request{variables: []string{connectState("0-1-2")}, flags: 3}, "rotate format group rotate format rotate format group group"},
		{"by GTID from the new file", request{variables: []string{connectState("0-2-4")}, flags: 3}, "rotate format group"},
		{"by GTID over the hole", request{variables: []string{connectState("0-1-3")}, flags: 3}, "rotate format rotate format group group"},
		{"by file in the new one", request{file: file, offset: inNew, flags: 3}, "rotate format group"},
		{"by file at the new one's end", request{file: file, offset: inNew + uint32(size), flags: 3}, "rotate format"},
	}
	for _, test := range tests {
		if got := strings.Join(places(test.request), " "); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

// Beyond 4 GiB heartbeats have another form, and replicas by GTID are served all the same.
func TestBeyond4GiB(t *testing.T) {
	s := startServer(t, nil)
	log, format := s.log.Local(), formatEvent(t)
	body := binlog.Ignorable(200, 1, make([]byte, 100))
	const file, far = "mariadb-bin.000001", uint64(5 << 30)
	writeEntry(t, log, file, 4, "", format)
	writeEntry(t, log, file, far, "0-1-1", body)
	r := mustDial(t, s.addr, "repl", password)
	if err := (request{variables: []string{connectState(""), "SET @master_heartbeat_period=10000000"}, flags: 2}).send(r); err != nil {
		t.Fatal(err)
	}
	groups := 0
	for {
		event, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		h, err := binlog.ParseHeader(event)
		if err != nil {
			t.Fatal(err)
		}
		if h.Type == 200 {
			groups++
		}
		if h.Type != binlog.HeartbeatEvent {
			continue
		}
		at, err := binlog.ParseHeartbeat(event)
		if err != nil || at.File != file || at.Offset != far+uint64(len(body)) || groups != 1 {
			t.Errorf("heartbeat at %+v after %d groups: %v", at, groups, err)
		}
		return
	}
}
