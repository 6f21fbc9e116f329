package primary_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

const shownUUID = "11111111-2222-3333-4444-555555555555"

// startShown serves a log without binlog events, of so many entries, to replicas of both kinds.
func startShown(t *testing.T, entries int) (s *relayServer, maria, mysql *rendition.Log) {
	t.Helper()
	s = startServer(t, func(c *primary.Config) {
		logs := make(map[relay.Flavour]*rendition.Log)
		for _, flavour := range []relay.Flavour{binlog.Flavour, binlog.MySQL} {
			l, err := rendition.New(rendition.Config{
				Flavour: flavour, Log: c.Log.Local(), Decoder: logical.NewDecoder(logical.NewTableCache()),
				Match: func(string, string) bool { return true }, Name: "test", UUID: shownUUID,
			})
			if err != nil {
				t.Fatal(err)
			}
			logs[flavour] = l
		}
		maria, mysql = logs[binlog.Flavour], logs[binlog.MySQL]
		c.Renditions, c.ServerUUID, c.ServerVersion = []*rendition.Log{maria, mysql}, shownUUID, "10.11.0-MariaDB-octant-postgresql"
		c.Upstream = nil
	})
	for range entries {
		appendFrame(t, s)
	}
	return s, maria, mysql
}

// appendFrame adds an entry that is an empty transaction to replicas.
func appendFrame(t *testing.T, s *relayServer) {
	t.Helper()
	state := s.log.State()
	state.LSN++
	w := s.log.Local().Begin(t.Context())
	err := w.Append(logical.AppendMessage(nil, []byte{logical.KindFrame}, nil))
	if err == nil {
		err = w.Commit(relay.Entry{Kind: relay.Frame, Flavour: logical.Flavour}, state)
	}
	if err == nil {
		err = s.log.Local().WaitDurable(t.Context(), state.LSN)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// heard is what a dump sends: how many of each type, and how it ends.
func heard(t *testing.T, r *raw) (types string, groups int, ending error) {
	t.Helper()
	for {
		event, err := r.next()
		if err != nil {
			return types, groups, err
		}
		h, err := binlog.ParseHeader(event)
		if err != nil {
			t.Fatal(err)
		}
		if binlog.BeginsGroup(h.Type) {
			groups++
		}
		if groups == 0 || h.Type == binlog.HeartbeatEvent || h.Type == binlog.HeartbeatV2Event {
			types += fmt.Sprintf("%d ", h.Type)
		}
	}
}

// Both kinds of replicas are served from where they are, or told why not in the servers' words. Entries up to 3 are trimmed.
func TestShownLog(t *testing.T) {
	s, maria, _ := startShown(t, 10)
	if err := s.log.Local().Trim(4); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "trim", func() (bool, error) { return s.log.Local().First() == 4, nil })
	id := fmt.Sprint("0-", maria.ServerID(), "-")
	file := rendition.FileOf(4)
	head, err := maria.Head(file)
	if err != nil {
		t.Fatal(err)
	}
	first := uint32(4 + len(head))
	tests := []struct {
		name   string
		maria  *request
		mysql  *mysqlRequest
		groups int
		refuse string
	}{
		{name: "from the first that is there", maria: &request{variables: []string{connectState(id + "3")}, flags: 3}, groups: 7},
		{name: "in the middle", maria: &request{variables: []string{connectState(id + "8,7-1-9")}, flags: 3}, groups: 2},
		{name: "at the end", maria: &request{variables: []string{connectState(id + "10")}, flags: 3}},
		{name: "purged", maria: &request{variables: []string{connectState("")}, flags: 3}, refuse: "Could not find GTID state requested by slave in any binlog files"},
		{name: "purged too", maria: &request{variables: []string{connectState(id + "2")}, flags: 3}, refuse: "Could not find GTID state requested by slave in any binlog files"},
		{name: "ahead", maria: &request{variables: []string{connectState(id + "11")}, flags: 3}, refuse: "requested to start from GTID " + id + "11, which is not in the master's binlog"},
		{name: "another log", maria: &request{variables: []string{connectState("0-5-8")}, flags: 3}, refuse: "it probably means that the slave has diverged"},
		{name: "until", maria: &request{variables: []string{connectState(id + "5"), "SET @slave_until_gtid='" + id + "7'"}, flags: 2}, groups: 2},
		{name: "file", maria: &request{file: file, offset: 4, flags: 3}, groups: 7},
		{name: "no file", maria: &request{offset: 4, flags: 3}, groups: 7},
		{name: "first entry of a file", maria: &request{file: file, offset: first, flags: 3}, groups: 7},
		{name: "between events", maria: &request{file: file, offset: first + 42, flags: 3}, groups: 6},
		{name: "inside an event", maria: &request{file: file, offset: first + 43, flags: 3}, refuse: "binlog truncated in the middle of event"},
		{name: "past the end", maria: &request{file: file, offset: 1 << 20, flags: 3}, refuse: "impossible position"},
		{name: "before the beginning", maria: &request{file: file, offset: 1, flags: 3}, refuse: "impossible position"},
		{name: "purged file", maria: &request{file: rendition.FileOf(1), offset: 4, flags: 3}, refuse: "no longer holds the beginning of " + rendition.FileOf(1)},
		{name: "unknown file", maria: &request{file: "bin.000001", offset: 4, flags: 3}, refuse: "Could not find first log file name"},

		{name: "from the first that is there", mysql: &mysqlRequest{gtid: true, holds: "SRC:1-3", flags: 3}, groups: 7},
		{name: "with a hole", mysql: &mysqlRequest{gtid: true, holds: "SRC:1-5:7-8,33333333-1111-1111-1111-111111111111:1-9", flags: 3}, groups: 3},
		{name: "at the end", mysql: &mysqlRequest{gtid: true, holds: "SRC:1-10", flags: 3}},
		{name: "purged", mysql: &mysqlRequest{gtid: true, holds: "SRC:1-2", flags: 3}, refuse: "the missing transactions are '" + shownUUID + ":3'"},
		{name: "ahead", mysql: &mysqlRequest{gtid: true, holds: "SRC:1-11", flags: 3}, refuse: "Replica has more GTIDs than the source has"},
		{name: "gtid with a file", mysql: &mysqlRequest{gtid: true, file: file, holds: "SRC:1-8", flags: 3}, groups: 2},
		{name: "file", mysql: &mysqlRequest{file: file, offset: 4, flags: 3}, groups: 7},
		{name: "past the end", mysql: &mysqlRequest{file: file, offset: 1 << 20, flags: 3}, refuse: "position > file size"},
	}
	for _, test := range tests {
		kind := "mariadb"
		if test.mysql != nil {
			kind = "mysql"
		}
		t.Run(kind+" "+test.name, func(t *testing.T) {
			r, err := dialRaw(s.addr, "repl", password)
			if err != nil {
				t.Fatal(err)
			}
			defer r.close()
			if test.maria != nil {
				if err := r.asReplica(test.maria.variables...); err != nil {
					t.Fatal(err)
				}
				err = r.dump(test.maria.file, test.maria.offset, test.maria.flags, 0)
			} else {
				err = test.mysql.send(r, shownUUID)
			}
			if err != nil {
				t.Fatal(err)
			}
			types, groups, ending := heard(t, r)
			if groups != test.groups {
				t.Errorf("%d transactions after %s, not %d", groups, types, test.groups)
			}
			var e *mysql.MyError
			switch {
			case test.refuse == "" && !errors.Is(ending, io.EOF):
				t.Errorf("it ends with %v", ending)
			case test.refuse != "" && (!errors.As(ending, &e) || e.Code != 1236 || !strings.Contains(e.Message, test.refuse)):
				t.Errorf("it is refused with %v", ending)
			case test.refuse == "" && !strings.HasPrefix(types, "4 15 "):
				t.Errorf("it begins with %s", types)
			}
		})
	}
}

// A replica that has everything hears heartbeats, and then what comes.
func TestShownLogGoesOn(t *testing.T) {
	s, maria, _ := startShown(t, 1)
	r, err := dialRaw(s.addr, "repl", password)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if err := r.asReplica("SET @master_heartbeat_period=20000000", connectState(maria.GTID(1))); err != nil {
		t.Fatal(err)
	}
	if err := r.dump("", 4, 2, 77); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for beats := 0; ctx.Err() == nil; {
		event, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		h, err := binlog.ParseHeader(event)
		if err != nil {
			t.Fatal(err)
		}
		if h.Type == binlog.HeartbeatEvent {
			if beats++; beats == 2 {
				appendFrame(t, s)
			}
		}
		if h.Type != binlog.GTIDEvent {
			continue
		}
		if g, err := binlog.ParseGTID(event); err != nil || g.GTID.String() != maria.GTID(2) {
			t.Errorf("%v comes: %v", g.GTID, err)
		}
		if list := s.Replicas(); len(list) != 1 || list[0].LSN > 2 {
			t.Errorf("shown are %v", list)
		}
		return
	}
	t.Error("nothing came")
}

// A replica with the server id of the events would pass over them.
func TestShownServerID(t *testing.T) {
	s, maria, _ := startShown(t, 1)
	r, err := dialRaw(s.addr, "repl", password)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	if err := r.asReplica(connectState("")); err != nil {
		t.Fatal(err)
	}
	register := append(binary.LittleEndian.AppendUint32([]byte{0, 0, 0, 0, mysql.COM_REGISTER_SLAVE}, maria.ServerID()), make([]byte, 13)...)
	r.conn.ResetSequence()
	if err := r.conn.WritePacket(register); err != nil {
		t.Fatal(err)
	}
	if _, err := r.conn.ReadOKPacket(); err != nil {
		t.Fatal(err)
	}
	if err := r.dump("", 4, 2, maria.ServerID()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := heard(t, r); err == nil || !strings.Contains(err.Error(), "equal MariaDB server ids") {
		t.Errorf("it ends with %v", err)
	}
}
