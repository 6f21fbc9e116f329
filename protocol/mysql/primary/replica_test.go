package primary_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// follow has a stock server follow the relay. how ends its CHANGE MASTER TO.
func follow(t testing.TB, r *testenv.Server, port int, user, how string) {
	t.Helper()
	execute(t, r, fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=%d, MASTER_USER='%s', MASTER_PASSWORD='%s', MASTER_CONNECT_RETRY=1, MASTER_HEARTBEAT_PERIOD=0.5, %s",
		port, user, password, how), "START SLAVE")
}

// slaveStatus returns SHOW SLAVE STATUS by column.
func slaveStatus(ctx context.Context, s *testenv.Server) (map[string]string, error) {
	rows, err := s.DB().QueryContext(ctx, "SHOW SLAVE STATUS")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		return nil, fmt.Errorf("no slave status: %w", err)
	}
	values := make([]sql.NullString, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	if err := rows.Scan(into...); err != nil {
		return nil, err
	}
	status := map[string]string{}
	for i, c := range columns {
		status[c] = values[i].String
	}
	return status, nil
}

// waitLevel waits until the replica has executed everything that the source has logged.
func waitLevel(t testing.TB, source, replica *testenv.Server) {
	t.Helper()
	waitFor(t, "replica to be level", func() (bool, error) {
		file, offset := masterStatus(t, source)
		status, err := slaveStatus(t.Context(), replica)
		if err != nil {
			return false, err
		}
		if status["Last_IO_Errno"] != "0" && status["Last_IO_Errno"] != "2003" || status["Last_SQL_Errno"] != "0" {
			return false, fmt.Errorf("replica stopped: %s %s / %s %s", status["Last_IO_Errno"], status["Last_IO_Error"], status["Last_SQL_Errno"], status["Last_SQL_Error"])
		}
		return status["Relay_Master_Log_File"] == file && status["Exec_Master_Log_Pos"] == fmt.Sprint(offset), nil
	})
}

// contents is a checksum of the table's rows.
func contents(t testing.TB, s *testenv.Server) string {
	t.Helper()
	var rows int
	var sum string
	err := s.DB().QueryRowContext(t.Context(), "SELECT COUNT(*), COALESCE(SHA2(GROUP_CONCAT(id, ':', SHA2(v, 256) ORDER BY id), 256), '') FROM app.t").Scan(&rows, &sum)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d rows, %s", rows, sum)
}

// load writes until stop is called.
func load(t testing.TB, s *testenv.Server) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	for w := range 2 {
		writers.Go(func() {
			if err := write(ctx, s, w); err != nil {
				t.Error(err)
			}
		})
	}
	return func() {
		cancel()
		writers.Wait()
	}
}

// write ends between two statements: one that is cut off may still be executed.
func write(stop context.Context, s *testenv.Server, writer int) error {
	ctx := context.WithoutCancel(stop)
	conn, err := s.DB().Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for i := 0; stop.Err() == nil; i++ {
		id := 1000*writer + i%500 + 100
		statements := []string{
			fmt.Sprintf("SET gtid_domain_id=%d", 1+i%50/40),
			fmt.Sprintf("REPLACE INTO app.t (id, v) VALUES (%d, REPEAT('%c', %d))", id, 'a'+i%26, 1+i*37%5000),
			fmt.Sprintf("DELETE FROM app.t WHERE id=%d", id-250),
		}
		switch i % 200 {
		case 70 + writer:
			statements = append(statements, "FLUSH BINARY LOGS")
		case 140:
			statements = append(statements, fmt.Sprintf("REPLACE INTO app.t (id, v) VALUES (%d, REPEAT('y', 17000000))", 90+writer))
		case 170:
			statements = append(statements, fmt.Sprintf("CREATE OR REPLACE TABLE app.other%d (id INT PRIMARY KEY)", writer))
		}
		for _, statement := range statements {
			if _, err := conn.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestReplicasFollow(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)
	file, offset := masterStatus(t, b.source)
	var state string
	if err := b.source.DB().QueryRowContext(t.Context(), "SELECT @@gtid_binlog_pos").Scan(&state); err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name, how string
		prepare   []string
	}{
		{"by GTID from the start", "MASTER_USE_GTID=slave_pos", nil},
		{"by GTID from the middle", "MASTER_USE_GTID=slave_pos", []string{"SET GLOBAL gtid_slave_pos='" + state + "'"}},
		{"by file from the start", "MASTER_USE_GTID=no, MASTER_LOG_FILE='mariadb-bin.000001', MASTER_LOG_POS=4", nil},
		{"by file from the middle", fmt.Sprintf("MASTER_USE_GTID=no, MASTER_LOG_FILE='%s', MASTER_LOG_POS=%d", file, offset), []string{"by file"}},
	}
	var replicas []*testenv.Server
	for i, test := range tests {
		r := envtest.Server(t, testenv.ServerOptions{ID: 20 + i, Relaxed: true, Args: []string{"--slave-net-timeout=2"}})
		if test.prepare != nil { // as restored from a dump
			execute(t, r, "SET sql_log_bin=0", "CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY, v LONGBLOB, w INT) ENGINE=InnoDB")
		}
		if test.prepare != nil && test.prepare[0] != "by file" {
			execute(t, r, test.prepare...)
		}
		follow(t, r, b.port(t), "repl", test.how)
		replicas = append(replicas, r)
	}
	stop := load(t, b.source)
	for range 4 {
		for _, r := range replicas {
			waitRunning(t, r)
			execute(t, r, "STOP SLAVE", "START SLAVE")
		}
	}
	for _, r := range replicas { // only the I/O thread, which then goes on wherever it was
		execute(t, r, "STOP SLAVE IO_THREAD", "START SLAVE IO_THREAD")
	}
	stop()
	want := contents(t, b.source)
	for i, r := range replicas {
		waitLevel(t, b.source, r)
		if got := contents(t, r); got != want {
			t.Errorf("%s: %s, want %s", tests[i].name, got, want)
		}
	}
	if n := len(b.Replicas()); n != len(replicas) {
		t.Errorf("%d replicas are served, want %d: %+v", n, len(replicas), b.Replicas())
	}
	transactions, bytes := b.Served()
	t.Logf("served %d transactions, %d bytes", transactions, bytes)
	staysConnected(t, b, replicas)
}

func waitRunning(t testing.TB, r *testenv.Server) {
	t.Helper()
	waitFor(t, "replica to run", func() (bool, error) {
		status, err := slaveStatus(t.Context(), r)
		if err != nil {
			return false, err
		}
		if status["Slave_IO_Running"] == "No" || status["Slave_SQL_Running"] == "No" {
			return false, fmt.Errorf("replica stopped: %s %s", status["Last_IO_Error"], status["Last_SQL_Error"])
		}
		return status["Slave_IO_Running"] == "Yes", nil
	})
}

// staysConnected checks that heartbeats keep idle replicas, which give up after two seconds of silence.
func staysConnected(t *testing.T, b *bed, replicas []*testenv.Server) {
	t.Helper()
	before := map[uint32]bool{}
	for _, r := range b.Replicas() {
		before[r.Connection] = true
	}
	for _, r := range replicas {
		start := heartbeats(t, r)
		waitFor(t, "heartbeats", func() (bool, error) { return heartbeats(t, r) >= start+8, nil })
	}
	for _, r := range b.Replicas() {
		if !before[r.Connection] {
			t.Errorf("server %d reconnected while idle", r.ServerID)
		}
	}
}

func heartbeats(t testing.TB, r *testenv.Server) (n int) {
	t.Helper()
	var name string
	if err := r.DB().QueryRowContext(t.Context(), "SHOW STATUS LIKE 'Slave_received_heartbeats'").Scan(&name, &n); err != nil {
		t.Fatal(err)
	}
	return n
}
