package primary_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// farther moves an event that comes with or after the first group of its file, as if a transaction of some GiB stood before it.
func (c *capturer) farther(h binlog.Header, event []byte) []byte {
	if c.far == 0 {
		return event
	}
	if binlog.BeginsGroup(h.Type) && c.offset < c.far {
		c.offset += c.far
	}
	if c.offset < c.far || h.LogPos == 0 {
		return event
	}
	const position = 13
	event = bytes.Clone(event)
	binary.LittleEndian.PutUint32(event[position:], uint32(uint64(h.LogPos)+c.far))
	end := len(event) - binlog.ChecksumSize
	binary.LittleEndian.PutUint32(event[end:], crc32.ChecksumIEEE(event[:end]))
	return event
}

// Stock replicas of each kind go beyond 4 GiB of a file, where the places in events have no room any more, over a rotation and into the next such file. Heartbeats
// there keep them: one that names a place before theirs would stop them.
func TestReplicasBeyond4GiB(t *testing.T) {
	envtest.EachEngine(t, func(t *testing.T, engine testenv.Engine) {
		source, s := startFar(t, engine, 5<<30)
		execute(t, source, "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY, v LONGBLOB)", "INSERT INTO app.t VALUES (1, 'a')")
		replicas := []*testenv.Server{followFar(t, s, engine, 60, ""), followFar(t, s, engine, 61, currentFile(t, source))}
		level := func() {
			t.Helper()
			for _, r := range replicas {
				if err := r.WaitReplicated(envtest.Context(t, time.Minute), source); err != nil {
					t.Fatal(err)
				}
			}
		}
		level()
		before := connections(s)
		execute(t, source, "INSERT INTO app.t VALUES (2, REPEAT('b', 17000000))", "FLUSH BINARY LOGS", "INSERT INTO app.t VALUES (3, 'c')")
		level()
		waitHeartbeats(t, engine, replicas)
		execute(t, source, "UPDATE app.t SET v='d' WHERE id=3")
		level()
		for _, r := range replicas {
			if got, want := contents(t, r), contents(t, source); got != want {
				t.Errorf("replica %d: %s, want %s", r.ID(), got, want)
			}
			requireFar(t, r, 5<<30)
		}
		if after := connections(s); after != before {
			t.Errorf("replicas came again: the connections were %s and are %s", before, after)
		}
	})
}

// requireFar looks where a replica's I/O thread believes to be. Its other thread goes by what stands in events.
func requireFar(t *testing.T, r *testenv.Server, far uint64) {
	t.Helper()
	status, err := r.ReplicaStatus(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	text := status["Read_Master_Log_Pos"] + status["Read_Source_Log_Pos"]
	if at, err := strconv.ParseUint(text, 10, 64); err != nil || at < far {
		t.Errorf("replica %d has read up to %q", r.ID(), text)
	}
}

// startFar is a source, and a relay that has its log with all groups so many bytes farther.
func startFar(t *testing.T, engine testenv.Engine, far uint64) (*testenv.Server, *relayServer) {
	t.Helper()
	source := envtest.Server(t, testenv.ServerOptions{ID: 1, Relaxed: true, Engine: engine})
	start, version := "RESET MASTER", engines[engine]
	if engine.IsMySQL() {
		start, version = "RESET BINARY LOGS AND GTIDS", "9.7.4"
	}
	execute(t, source, "CREATE USER raw@'%' IDENTIFIED BY ''", "GRANT ALL ON *.* TO raw@'%'", start)
	s := startServer(t, func(c *primary.Config) { c.ServerVersion, c.ServerUUID = version, relayUUID })
	c := mustDial(t, source.Addr(), "raw", "")
	prepare := func() error { return c.asReplica("SET @master_heartbeat_period=1000000000") }
	if engine.IsMySQL() {
		prepare = c.asCapturingMySQLReplica
	}
	c.captures(t, prepare, capturer{log: s.log.Local(), mysql: engine.IsMySQL(), far: far})
	return source, s
}

func currentFile(t *testing.T, s *testenv.Server) string {
	t.Helper()
	query := "SHOW MASTER STATUS"
	if s.Engine().IsMySQL() {
		query = "SHOW BINARY LOG STATUS"
	}
	rows, err := s.DB().QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	cells := make([]any, len(columns))
	var file string
	cells[0] = &file
	for i := range cells[1:] {
		cells[i+1] = new(any)
	}
	if !rows.Next() {
		t.Fatal("the server shows no file")
	}
	if err := rows.Scan(cells...); err != nil {
		t.Fatal(err)
	}
	return file
}

// followFar starts a replica that follows from the beginning, by GTID or by file.
func followFar(t *testing.T, s *relayServer, engine testenv.Engine, id int, file string) *testenv.Server {
	t.Helper()
	r := envtest.Server(t, testenv.ServerOptions{ID: id, Relaxed: true, Engine: engine, Args: []string{"--slave-net-timeout=2"}})
	if engine.IsMySQL() {
		execute(t, r, "RESET BINARY LOGS AND GTIDS")
	}
	source := testenv.Source{Addr: s.addr, User: "repl", Password: password, File: file, Position: 4}
	if err := r.Follow(envtest.Context(t, time.Minute), source); err != nil {
		t.Fatal(err)
	}
	return r
}

// connections are those of the dumps that are served.
func connections(s *relayServer) string {
	list := map[uint32]uint32{}
	for _, r := range s.Replicas() {
		list[r.ServerID] = r.Connection
	}
	return fmt.Sprint(list)
}

// waitHeartbeats waits until every replica has heard some.
func waitHeartbeats(t *testing.T, engine testenv.Engine, replicas []*testenv.Server) {
	t.Helper()
	query := "SELECT variable_value FROM information_schema.global_status WHERE variable_name='Slave_received_heartbeats'"
	if engine.IsMySQL() {
		query = "SELECT count_received_heartbeats FROM performance_schema.replication_connection_status"
	}
	for _, r := range replicas {
		start := -1
		waitFor(t, "heartbeats", func() (bool, error) {
			var n int
			if err := r.DB().QueryRowContext(t.Context(), query).Scan(&n); err != nil {
				return false, err
			}
			if start < 0 {
				start = n
			}
			return n >= start+3, nil
		})
	}
}
