package admin_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/relay"
)

// written is a history of one file with five events, in which sets of GTIDs are single numbers up to 100.
type written struct{}

func (written) Events(_ context.Context, file string, from uint64, yield func(admin.LogEvent) bool) error {
	if file != "mariadb-bin.000001" {
		return fmt.Errorf("find it: %w", relay.ErrNotFound)
	}
	if from%100 != 0 && from > 4 {
		return admin.ErrNoEvent
	}
	for i := range uint64(5) {
		if e := (admin.LogEvent{Offset: i * 100, Type: "Query", ServerID: 7, End: i*100 + 100, Info: fmt.Sprintf("event %d", i)}); e.Offset >= from && !yield(e) {
			break
		}
	}
	return nil
}

func (written) GTIDsAt(file string, offset uint64) (string, bool, error) {
	return "0-1-" + strconv.FormatUint(offset, 10), file == "f", nil
}

func (written) WaitGTIDs(ctx context.Context, set string) error {
	n, err := strconv.Atoi(set)
	if err != nil {
		return admin.ErrMalformedGTIDs
	}
	if n > 100 {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

func (w written) WaitPosition(ctx context.Context, _ string, offset uint64) (int64, error) {
	return 3, w.WaitGTIDs(ctx, strconv.FormatUint(offset, 10))
}

func (written) Subset(set, of string) (bool, error) { return strings.Contains(of, set), nil }

func (written) Subtract(set, less string) (string, error) {
	return strings.ReplaceAll(set, less, ""), nil
}

// listed is who is connected.
type listed struct{ killed []string }

func (*listed) Clients() []admin.Client {
	return []admin.Client{
		{ID: 12, User: "root", Host: "127.0.0.1:5555", Command: "Query", State: "executing", Since: now, Info: strings.Repeat("SHOW ", 30)},
		{ID: 13, User: "repl", Host: "10.0.9.9:50000", Database: "octant", Command: "Binlog Dump", State: "sending", Since: now.Add(-time.Minute)},
	}
}

func (l *listed) Kill(by admin.Session, id uint32, onlyStatement bool) error {
	if id == 99 {
		return mysql.NewDefaultError(mysql.ER_NO_SUCH_THREAD, id)
	}
	l.killed = append(l.killed, fmt.Sprint(by.User, " ", id, " ", onlyStatement))
	return nil
}

func TestHistory(t *testing.T) {
	f, clients := &fixed{}, &listed{}
	e := admin.New(admin.Config{
		Inspector: f, Controller: f, History: written{}, Clients: clients, Version: "10.11.19-MariaDB-log", Now: func() time.Time { return now },
	})
	const events = "Log_name|Pos|Event_type|Server_id|End_log_pos|Info"
	tests := []struct{ query, columns, rows string }{
		{"SHOW BINLOG EVENTS LIMIT 2", events, "mariadb-bin.000001|0|Query|7|100|event 0\nmariadb-bin.000001|100|Query|7|200|event 1"},
		{"SHOW BINLOG EVENTS IN 'mariadb-bin.000001' FROM 300", events, "mariadb-bin.000001|300|Query|7|400|event 3\nmariadb-bin.000001|400|Query|7|500|event 4"},
		{"SHOW BINLOG EVENTS FROM 100 LIMIT 2, 1", events, "mariadb-bin.000001|300|Query|7|400|event 3"},
		{"SHOW BINLOG EVENTS LIMIT 1 OFFSET 4", events, "mariadb-bin.000001|400|Query|7|500|event 4"},
		{"SHOW BINLOG EVENTS LIMIT 0", events, ""},
		{"SELECT MASTER_GTID_WAIT('50')", "MASTER_GTID_WAIT('50')", "0"},
		{"SELECT MASTER_GTID_WAIT('500', 0.01) AS w", "w", "-1"},
		{"SELECT WAIT_FOR_EXECUTED_GTID_SET('50', 10)", "WAIT_FOR_EXECUTED_GTID_SET('50', 10)", "0"},
		{"SELECT WAIT_FOR_EXECUTED_GTID_SET('500', 0)", "WAIT_FOR_EXECUTED_GTID_SET('500', 0)", "1"},
		{"SELECT MASTER_POS_WAIT('f', 50)", "MASTER_POS_WAIT('f', 50)", "3"},
		{"SELECT SOURCE_POS_WAIT('f', 500, 0, '')", "SOURCE_POS_WAIT('f', 500, 0, '')", "-1"},
		{"DO MASTER_POS_WAIT('f', 50)", "", ""},
		{"SELECT BINLOG_GTID_POS('f', 4), 1", "BINLOG_GTID_POS('f', 4)|1", "0-1-4|1"},
		{"SELECT BINLOG_GTID_POS('g', 4) p", "p", "NULL"},
		{"SELECT GTID_SUBSET('0-1-100', @@GLOBAL.gtid_binlog_pos) s", "s", "1"},
		{"SELECT GTID_SUBTRACT('ab', 'a')", "GTID_SUBTRACT('ab', 'a')", "b"},
		{"SHOW PROCESSLIST", "Id|User|Host|db|Command|Time|State|Info|Progress",
			"12|root|127.0.0.1:5555|NULL|Query|0|executing|" + strings.Repeat("SHOW ", 20) + "|0.000\n" +
				"13|repl|10.0.9.9:50000|octant|Binlog Dump|60|sending|NULL|0.000\n" +
				"0|system user|127.0.0.1:3306|NULL|Slave_IO|80|the source is connected|NULL|0.000\n" +
				"0|system user|10.0.2.5:4001|NULL|Slave_IO|60|b is connected|NULL|0.000\n" +
				"0|system user|[::1]:4002|NULL|Slave_IO|0|c is connecting|NULL|0.000\n" +
				"0|system user|10.0.2.7:4001|NULL|Slave_IO|0|d is paused|NULL|0.000\n" +
				"0|system user|10.0.2.8:4001|NULL|Slave_IO|0|e is stopped|NULL|0.000"},
		{"KILL 13", "", ""}, {"KILL SOFT QUERY 13", "", ""}, {"KILL CONNECTION 13", "", ""},
		{"FLUSH LOGS", "", ""}, {"FLUSH LOCAL BINARY LOGS", "", ""}, {"FLUSH ERROR LOGS, ENGINE LOGS", "", ""},
		{"SHOW GRANTS", "Grants for root@%", "GRANT PROCESS, BINLOG MONITOR, SLAVE MONITOR, CONNECTION ADMIN, BINLOG ADMIN, REPLICATION SLAVE ADMIN ON *.* TO `root`@`%`\n" +
			"GRANT SELECT ON `octant`.* TO `root`@`%`"},
		{"SHOW STATUS LIKE 'Threads_connected'", "Variable_name|Value", "Threads_connected|2"},
	}
	for _, test := range tests {
		r, err := e.Query(t.Context(), boss, test.query)
		if err != nil {
			t.Errorf("%s: %v", test.query, err)
			continue
		}
		columns, rows := answer(t, r)
		if got := strings.Join(rows, "\n"); columns != test.columns || got != test.rows {
			t.Errorf("%s:\n%s\n%s\nwant\n%s\n%s", test.query, columns, got, test.columns, test.rows)
		}
	}
	if got := strings.Join(clients.killed, "; "); got != "root 13 false; root 13 true; root 13 false" {
		t.Errorf("killed: %s", got)
	}
	for query, code := range map[string]uint16{
		"SHOW BINLOG EVENTS IN 'x'": 1220, "SHOW BINLOG EVENTS FROM 17": 1220, "SHOW BINLOG EVENTS LIMIT": 1064, "KILL 99": 1094,
		"SELECT MASTER_GTID_WAIT('x')": 1941, "SELECT MASTER_GTID_WAIT('1', 'soon')": 1210, "KILL 99999999999": 1094,
	} {
		var got *mysql.MyError
		if _, err := e.Query(t.Context(), boss, query); !errors.As(err, &got) || got.Code != code {
			t.Errorf("%s: %v, want %d", query, err, code)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var got *mysql.MyError
	if _, err := e.Query(ctx, boss, "SELECT MASTER_GTID_WAIT('500')"); !errors.As(err, &got) || got.Code != 1317 {
		t.Errorf("a wait that is killed: %v", err)
	}
}
