package admin_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/relay"
)

func TestAnswers(t *testing.T) {
	e := newEngine(&fixed{versions: 4})
	tests := []struct{ query, columns, rows string }{
		// What clients ask at connect.
		{"select @@version_comment limit 1", "@@version_comment", "Octant relay of region a"},
		{"SELECT DATABASE()", "DATABASE()", "octant"},
		{"select DATABASE(), USER() limit 1", "DATABASE()|USER()", "octant|root@127.0.0.1"},
		{"SELECT @@max_allowed_packet,@@wait_timeout AS w", "@@max_allowed_packet|w", "16777216|28800"},
		{"SELECT @@session.autocommit, @@read_only", "@@session.autocommit|@@read_only", "1|1"},
		{"SELECT CONNECTION_ID(), VERSION(), 1, 'x' y;", "CONNECTION_ID()|VERSION()|1|y", "12|10.11.19-MariaDB-log|1|x"},
		{"/* app */ SELECT 1 -- one", "1", "1"},
		{"SELECT @@lower_case_table_names, @@max_connections", "@@lower_case_table_names|@@max_connections", "0|151"},
		{"SELECT @@gtid_binlog_pos, @@global.gtid_current_pos, @@hostname, @@port, @@server_id, UPPER('x') AS u",
			"@@gtid_binlog_pos|@@global.gtid_current_pos|@@hostname|@@port|@@server_id|u", "0-1-100|0-1-100|10.0.1.5|4001|3000000001|X"},
		{"SELECT @@version, @@log_bin, @@read_only, @@binlog_format, @@sync_binlog, @@tx_isolation, COUNT(*) FROM peers",
			"@@version|@@log_bin|@@read_only|@@binlog_format|@@sync_binlog|@@tx_isolation|COUNT(*)", "10.11.19-MariaDB-log|1|1|ROW|1|READ-COMMITTED|4"},
		{"SELECT CONCAT(@@hostname, ':', @@port) AS at", "at", "10.0.1.5:4001"},
		{"SET NAMES utf8mb4", "", ""},
		{"/*!40101 SET @@session.time_zone='+00:00' */", "", ""},
		{"SET autocommit=0, sql_mode=''", "", ""},
		{"USE octant", "", ""},
		{"use `OCTANT`;", "", ""},
		{"BEGIN", "", ""}, {"START TRANSACTION READ ONLY", "", ""}, {"COMMIT", "", ""},
		{"SHOW WARNINGS", "Level|Code|Message", ""},
		{"SHOW VARIABLES LIKE 'octant\\_region%'", "Variable_name|Value", "octant_region|a\noctant_region_id|1"},
		{"SHOW GLOBAL VARIABLES WHERE Variable_name='log_bin' OR Variable_name='read_only'", "Variable_name|Value", "log_bin|ON\nread_only|ON"},
		{"SHOW STATUS LIKE 'uptime'", "Variable_name|Value", "Uptime|90"},
		{"SHOW GLOBAL STATUS LIKE '%conflict%'", "Variable_name|Value", "Octant_conflicts|3"},
		{"SHOW DATABASES", "Database", "information_schema\noctant\nperformance_schema"},
		{"SHOW DATABASES LIKE 'oct%'", "Database", "octant"},
		{"SHOW TABLES LIKE 'p%'", "Tables_in_octant", "peers\nproblems"},
		{"SHOW FULL TABLES FROM octant LIKE 'log'", "Tables_in_octant|Table_type", "log|BASE TABLE"},
		{"DESCRIBE octant.versions", "Field|Type|Null|Key|Default|Extra",
			"table_name|varchar(1024)|YES||NULL|\nkey|longtext|YES||NULL|\nhlc|bigint|YES||NULL|\nregion|bigint|YES||NULL|\ndeleted|bigint|YES||NULL|"},

		// Replication as a server shows it.
		{"SHOW MASTER STATUS", "File|Position|Binlog_Do_DB|Binlog_Ignore_DB", "mariadb-bin.000002|4711||"},
		{"show binlog status;", "File|Position|Binlog_Do_DB|Binlog_Ignore_DB", "mariadb-bin.000002|4711||"},
		{"SHOW BINARY LOG STATUS", "File|Position|Binlog_Do_DB|Binlog_Ignore_DB|Executed_Gtid_Set", "mariadb-bin.000002|4711|||0-1-100"},
		{"SHOW BINARY LOGS", "Log_name|File_size", "mariadb-bin.000001|1000\nmariadb-bin.000002|4711"},
		{"SHOW MASTER LOGS", "Log_name|File_size", "mariadb-bin.000001|1000\nmariadb-bin.000002|4711"},
		{"SHOW SLAVE HOSTS", "Server_id|Host|Port|Master_id", "77|10.0.9.9|0|3000000001"},
		{"SHOW REPLICA HOSTS", "Server_id|Host|Port|Master_id", "77|10.0.9.9|0|3000000001"},
		{"SHOW REPLICAS", "Server_Id|Host|Port|Source_Id|Replica_UUID", "77|10.0.9.9|0|3000000001|"},
		{"SHOW FULL PROCESSLIST", "Id|User|Host|db|Command|Time|State|Info|Progress",
			"12|root|127.0.0.1:5555|octant|Query|0|starting|SHOW FULL PROCESSLIST|0.000\n" +
				"9|repl|10.0.9.9:50000|NULL|Binlog Dump|60|Sending the relay log to a replica|NULL|0.000\n" +
				"0|system user|127.0.0.1:3306|NULL|Slave_IO|80|the source is connected|NULL|0.000\n" +
				"0|system user|10.0.2.5:4001|NULL|Slave_IO|60|b is connected|NULL|0.000\n" +
				"0|system user|[::1]:4002|NULL|Slave_IO|0|c is connecting|NULL|0.000\n" +
				"0|system user|10.0.2.7:4001|NULL|Slave_IO|0|d is paused|NULL|0.000\n" +
				"0|system user|10.0.2.8:4001|NULL|Slave_IO|0|e is stopped|NULL|0.000"},

		// Tables, with real SQL.
		{"SELECT region, state, lag_ms FROM octant.peers WHERE lag_ms > 100 OR state <> 'connected' ORDER BY region DESC LIMIT 2",
			"region|state|lag_ms", "e|stopped|0\nd|paused|0"},
		{"SELECT MAX(lag_ms) FROM octant.peers", "MAX(lag_ms)", "2300"},
		{"SELECT id, address, applied_seq, applied_hlc, received_seq, received_hlc, offset_ms, holds_seq, reconnects, last_error, since FROM peers WHERE region='b'",
			"id|address|applied_seq|applied_hlc|received_seq|received_hlc|offset_ms|holds_seq|reconnects|last_error|since",
			"2|10.0.2.5:4001|48|900|50|1000|-4|60|0||2026-11-21 11:59:00.000"},
		{"SELECT since FROM peers WHERE region='d'", "since", "NULL"},
		{"SELECT region FROM peers WHERE since > NOW() - INTERVAL 5 MINUTE", "region", "b"},
		{"SELECT p.region, COUNT(*) AS n FROM conflicts c JOIN peers p ON p.id = c.winner_region OR p.id = c.loser_region GROUP BY p.region ORDER BY n DESC, p.region",
			"region|n", "b|2\nc|1"},
		{"SELECT kind, COUNT(*) FROM octant.conflicts GROUP BY kind HAVING COUNT(*) > 1", "kind|COUNT(*)", "insert_exists|2"},
		{"SELECT COUNT(DISTINCT table_name, `key`) AS n FROM octant.conflicts", "n", "3"},
		{"SELECT id, `key`, local_row, decision, at FROM octant.conflicts WHERE local_row IS NULL", "id|key|local_row|decision|at",
			"2|[2]|NULL|remote|2026-11-21 11:59:00.000"},
		{"SELECT JSON_UNQUOTE(JSON_EXTRACT(remote_row, '$.x')) AS x FROM conflicts WHERE id = 3", "x", "new"},
		{"SELECT * FROM octant.log", "first_sequence|last_sequence|gtid_set|file|position|bytes|oldest_at",
			"1|120|0-1-100|mariadb-bin.000002|4711|9000|2026-11-21 11:00:00.000"},
		{"SELECT * FROM log", "first_sequence|last_sequence|gtid_set|file|position|bytes|oldest_at",
			"1|120|0-1-100|mariadb-bin.000002|4711|9000|2026-11-21 11:00:00.000"},
		{"SELECT COUNT(*) AS n, SUM(deleted) AS gone FROM octant.versions", "n|gone", "4|2"},
		{"SELECT `key` FROM versions LIMIT 1", "key", "[0]"},
		{"SELECT id, peer, table_name, `key`, reason, attempts, state, detail, `row` FROM octant.dead_letters",
			"id|peer|table_name|key|reason|attempts|state|detail|row", `7|b|app.u|{"id":7}|check|3|parked|CONSTRAINT positive failed|{"id":7,"v":"x"}`},
		{"SELECT scope, subject, state, reason, failures FROM octant.breakers WHERE state <> 'closed'", "scope|subject|state|reason|failures",
			"table|app.u|open|the table is missing here|2"},
		{"SELECT table_name, state, reason FROM octant.tables WHERE state = 'held'", "table_name|state|reason", "app.u|held|no primary key"},
		{"SELECT table_name FROM tables LIMIT 1", "table_name", "app.t"},
		{"SELECT channel_name, service_state, last_error_number FROM performance_schema.replication_connection_status WHERE channel_name < 'c'",
			"channel_name|service_state|last_error_number", "|ON|0\nb|ON|0"},
		{"SELECT c.CHANNEL_NAME, c.HOST, s.SERVICE_STATE FROM performance_schema.replication_connection_configuration c JOIN " +
			"performance_schema.replication_applier_status s USING (CHANNEL_NAME) WHERE c.CHANNEL_NAME='b'", "CHANNEL_NAME|HOST|SERVICE_STATE", "b|10.0.2.5|ON"},
		{"SELECT LAST_ERROR_MESSAGE FROM performance_schema.replication_applier_status_by_worker WHERE CHANNEL_NAME=''", "LAST_ERROR_MESSAGE", ""},
		{"SELECT MEMBER_ID FROM performance_schema.replication_group_members", "MEMBER_ID", ""},
		{"SELECT acked_file, acked_position FROM octant.replicas", "acked_file|acked_position", "mariadb-bin.000001|3999"},
		{"SELECT server_id, kind, user, host, gtid, sequence FROM octant.replicas", "server_id|kind|user|host|gtid|sequence", "77|replica|repl|10.0.9.9:50000|0-1-99|119"},
		{"SELECT kind, subject, remedy, count FROM octant.problems", "kind|subject|remedy|count", "no_primary_key|app.u|add one|2"},
		{"SELECT region, ready, capture_lsn, index_entries, started FROM octant.status", "region|ready|capture_lsn|index_entries|started", "a|1|120|4|2026-11-21 11:58:30.000"},
		{"SELECT ready FROM status", "ready", "1"},
		{"SELECT value FROM octant.variables WHERE name = 'octant_cluster'", "value", "shop"},
		{"SELECT value FROM counters WHERE name LIKE '%captured_tr%'", "value", "60"},
		{"(SELECT region FROM peers WHERE id=2) UNION (SELECT 'z')", "region", "b\nz"},
		{"WITH late AS (SELECT * FROM peers WHERE lag_ms > 0) SELECT region FROM late", "region", "b"},
		{"SELECT COUNT(*) AS n FROM information_schema.tables WHERE table_schema='octant'", "n", "15"},
		{"SELECT 1+1 AS two", "two", "2"},
		{"SELECT 'INTO OUTFILE'", "INTO OUTFILE", "INTO OUTFILE"},

		// Regular expressions are Go's: see internal/regex.
		{"SELECT region FROM peers WHERE region REGEXP '^[bc]$' ORDER BY region", "region", "b\nc"},
		{"SELECT REGEXP_LIKE('Straße', 'STRASSE|straße', 'i') AS l, REGEXP_INSTR('aßbß', 'ß', 1, 2) AS i, REGEXP_SUBSTR('a1b22', '[0-9]+', 1, 2) AS s",
			"l|i|s", "1|4|22"},
		{"SELECT REGEXP_REPLACE('a1b22', '[0-9]+', '-') AS r", "r", "a-b-"},
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
}

func TestRefusals(t *testing.T) {
	e := newEngine(&fixed{versions: -1})
	tests := []struct {
		query string
		code  uint16
		state string
		text  string
	}{
		{"", 1065, "42000", "empty"},
		{" ; ", 1065, "42000", "empty"},
		{"foo bar", 1064, "42000", "near 'foo bar'"},
		{"SELECT FROM WHERE", 1064, "42000", "syntax"},
		{"SELECT 'open", 1064, "42000", "near ''open'"},
		{"/* open", 1064, "42000", ""},
		{"/*! SELECT 1", 1064, "42000", ""},
		{"SELECT 1; DROP TABLE peers", 1064, "42000", "one statement"},
		{"select $$", 1054, "42S22", "$$"},
		{"SELECT nothing FROM peers", 1054, "42S22", "nothing"},
		{"SELECT * FROM octant.nothing", 1146, "42S02", "nothing"},
		{"SELECT * FROM other.nothing", 1049, "42000", "other"},
		{"SELECT nothing()", 1305, "42000", "nothing"},
		{"SELECT @@nothing", 1193, "HY000", "nothing"},
		{"SELECT * FROM versions", 1105, "HY000", "the index is shut"},
		{"SHOW ENGINE INNODB STATUS", 1286, "42000", "Unknown storage engine 'innodb'"},
		{"show engine `InnoDB` mutex", 1286, "42000", "'InnoDB'"},
		{"SHOW ENGINE INNODB", 1064, "42000", "syntax"},
		{"USE app", 1049, "42000", "app"},
		{"INSERT INTO octant.peers VALUES (1)", 1290, "HY000", "CALL octant.pause"},
		{"/*! DELETE FROM peers */", 1290, "HY000", "read only"},
		{"UPDATE peers SET id=1", 1290, "HY000", "read only"},
		{"TRUNCATE peers", 1290, "HY000", "read only"},
		{"DROP TABLE peers", 1290, "HY000", "read only"},
		{"CREATE TABLE x (i INT)", 1290, "HY000", "read only"},
		{"SET GLOBAL read_only=0", 1290, "HY000", "configuration file"},
		{"SET @@global.read_only=0", 1290, "HY000", "configuration file"},
		{"SELECT * FROM peers INTO OUTFILE '/tmp/octant-x'", 1235, "42000", ""},
		{"SELECT LOAD_FILE('/etc/passwd')", 1235, "42000", ""},
		{"SELECT `load_file`('/etc/passwd')", 1235, "42000", ""},
		{"KILL 3", 1235, "42000", "KILL 3"},
		{"KILL x", 1064, "42000", "near 'x'"},
		{"KILL USER x", 1235, "42000", "SHOW PROCESSLIST"},
		{"FLUSH TABLES WITH READ LOCK", 1235, "42000", "no tables"},
		{"FLUSH", 1064, "42000", ""},
		{"RESET MASTER", 1235, "42000", "PURGE BINARY LOGS"},
		{"RESET BINARY LOGS AND GTIDS", 1235, "42000", "PURGE BINARY LOGS"},
		{"RESET SLAVE ALL", 1235, "42000", "CHANGE MASTER TO"},
		{"RESET REPLICA", 1235, "42000", "CHANGE MASTER TO"},
		{"RESET", 1064, "42000", ""},
		{"CHANGE MASTER TO MASTER_HOST='x'", 1235, "42000", "configuration file"},
		{"SHOW BINLOG EVENTS", 1235, "42000", ""},
		{"SHOW RELAYLOG EVENTS", 1235, "42000", "SHOW BINLOG EVENTS"},
		{"SHOW GRANTS FOR other", 1235, "42000", "own grants"},
		{"SELECT MASTER_GTID_WAIT('0-1-1', 1)", 1235, "42000", "master_gtid_wait"},
		{"SHOW SLAVE 'zz' STATUS", 1617, "HY000", "zz"},
		{"SHOW REPLICA STATUS FOR CHANNEL 'zz'", 1617, "HY000", "zz"},
		{"SHOW SLAVE STATUS foo", 1064, "42000", "near 'foo'"},
		{"SHOW ALL PEERS", 1064, "42000", ""},
		{"START SLAVE 'zz'", 1617, "HY000", "zz"},
		{"START SLAVE SQL_THREAD", 1235, "42000", "together"},
		{"START SLAVE UNTIL MASTER_LOG_FILE='x', MASTER_LOG_POS=4", 1235, "42000", "UNTIL"},
		{"STOP", 1064, "42000", ""},
		{"CALL octant.nothing()", 1305, "42000", "octant.nothing"},
		{"CALL app.pause('b')", 1305, "42000", "app.pause"},
		{"CALL octant.pause()", 1210, "HY000", "name of a peer"},
		{"CALL octant.pause(b)", 1210, "HY000", "name of a peer"},
		{"CALL octant.pause('b', 'c')", 1210, "HY000", "one"},
		{"CALL octant.pause('zz')", 1617, "HY000", "zz"},
		{"CALL octant.retry('app.u')", 1210, "HY000", "id"},
		{"CALL octant.retry(404)", 1105, "HY000", "dead letter 404"},
		{"CALL octant.edit(7)", 1210, "HY000", "JSON"},
		{"CALL octant.resolve('7', 'local')", 1210, "HY000", "JSON"},
		{"CALL octant.explain('orders', 5)", 1210, "HY000", "schema.table"},
		{"CALL octant.purge()", 1210, "HY000", "number"},
		{"CALL octant.purge('x')", 1373, "HY000", "not found"},
		{"CALL octant.purge(1, 'please')", 1210, "HY000", "'force'"},
		{"CALL octant.purge(99999999999999999999999)", 1210, "HY000", "no sequence number"},
		{"PURGE BINARY LOGS TO 'nothing'", 1373, "HY000", "not found"},
		{"PURGE BINARY LOGS BEFORE 'yesterday'", 1210, "HY000", "no time"},
		{"PURGE BINARY LOGS BEFORE (SELECT 1)", 1064, "42000", ""},
		{"PURGE LOGS", 1064, "42000", ""},
		{"SELECT '" + strings.Repeat("x", 70_000) + "'", 1153, "08S01", "65536"},
	}
	for _, test := range tests {
		_, err := e.Query(t.Context(), boss, test.query)
		var got *mysql.MyError
		if !errors.As(err, &got) || got.Code != test.code || got.State != test.state || !strings.Contains(got.Message, test.text) {
			t.Errorf("%.60s: %v, want %d (%s) with %q", test.query, err, test.code, test.state, test.text)
		} else if len(got.Message) > 512 {
			t.Errorf("%.60s: %d bytes of error", test.query, len(got.Message))
		}
	}
}

func TestReplicationStatus(t *testing.T) {
	e := newEngine(&fixed{})
	const common = "Slave_IO_State|Master_Host|Master_User|Master_Port|Connect_Retry|Master_Log_File|Read_Master_Log_Pos|Relay_Log_File|" +
		"Relay_Log_Pos|Relay_Master_Log_File|Slave_IO_Running|Slave_SQL_Running|Replicate_Do_DB|Replicate_Ignore_DB|Replicate_Do_Table|" +
		"Replicate_Ignore_Table|Replicate_Wild_Do_Table|Replicate_Wild_Ignore_Table|Last_Errno|Last_Error|Skip_Counter|" +
		"Exec_Master_Log_Pos|Relay_Log_Space|Until_Condition|Until_Log_File|Until_Log_Pos|Master_SSL_Allowed|Master_SSL_CA_File|" +
		"Master_SSL_CA_Path|Master_SSL_Cert|Master_SSL_Cipher|Master_SSL_Key|Seconds_Behind_Master|Master_SSL_Verify_Server_Cert|" +
		"Last_IO_Errno|Last_IO_Error|Last_SQL_Errno|Last_SQL_Error|Replicate_Ignore_Server_Ids|Master_Server_Id|Master_SSL_Crl|" +
		"Master_SSL_Crlpath|Using_Gtid|Gtid_IO_Pos|Replicate_Do_Domain_Ids|Replicate_Ignore_Domain_Ids|Parallel_Mode|SQL_Delay|" +
		"SQL_Remaining_Delay|Slave_SQL_Running_State|Slave_DDL_Groups|Slave_Non_Transactional_Groups|Slave_Transactional_Groups|" +
		"Replicate_Rewrite_DB"
	all := "Connection_name|Slave_SQL_State|" + common +
		"|Retried_transactions|Max_relay_log_size|Executed_log_entries|Slave_received_heartbeats|Slave_heartbeat_period|Gtid_Slave_Pos"
	tests := []struct {
		query, columns string
		rows           int
	}{
		{"SHOW SLAVE STATUS", common + "|Channel_Name", 4},
		{"SHOW REPLICA STATUS", common + "|Channel_Name", 4},
		{"SHOW REPLICA STATUS FOR CHANNEL ''", common + "|Channel_Name", 1},
		{"SHOW SLAVE '' STATUS", common + "|Channel_Name", 1},
		{"SHOW ALL SLAVES STATUS", all, 5},
		{"show all replicas status", all, 5},
		{"SHOW SLAVE 'b' STATUS", common + "|Channel_Name", 1},
		{"SHOW SLAVE STATUS FOR CHANNEL 'c'", common + "|Channel_Name", 1},
	}
	for _, test := range tests {
		r, err := e.Query(t.Context(), boss, test.query)
		if err != nil {
			t.Errorf("%s: %v", test.query, err)
			continue
		}
		columns, rows := answer(t, r)
		if columns != test.columns || len(rows) != test.rows {
			t.Errorf("%s: %d rows\n%s\nwant %d\n%s", test.query, len(rows), columns, test.rows, test.columns)
		}
	}
	r, err := e.Query(t.Context(), boss, "SHOW SLAVE STATUS")
	if err != nil {
		t.Fatal(err)
	}
	columns, rows := answer(t, r)
	for i, want := range []map[string]string{
		{
			"Slave_IO_State": "Waiting for master to send event", "Master_Host": "10.0.2.5", "Master_Port": "4001", "Slave_IO_Running": "Yes",
			"Slave_SQL_Running": "Yes", "Seconds_Behind_Master": "2", "Read_Master_Log_Pos": "50", "Exec_Master_Log_Pos": "48",
			"Slave_SQL_Running_State": "Applying the relay log", "Last_IO_Errno": "0", "Channel_Name": "b", "Master_Server_Id": "2",
		},
		{
			"Slave_IO_State": "Connecting to master", "Master_Host": "::1", "Slave_IO_Running": "Connecting", "Slave_SQL_Running": "Yes",
			"Seconds_Behind_Master": "NULL", "Last_IO_Errno": "2003", "Last_IO_Error": "dial tcp: connection refused",
			"Slave_SQL_Running_State": "Slave has read all relay log; waiting for more updates",
		},
		{"Slave_IO_Running": "No", "Slave_SQL_Running": "No", "Seconds_Behind_Master": "NULL", "Last_IO_Error": ""},
		{
			"Slave_IO_Running": "Yes", "Slave_SQL_Running": "No", "Last_SQL_Errno": "1105", "Last_SQL_Error": "app.t has other columns here",
			"Last_IO_Error": "", "Seconds_Behind_Master": "NULL",
		},
	} {
		cells := strings.Split(rows[i], "|")
		for j, name := range strings.Split(columns, "|") {
			if value, ok := want[name]; ok && cells[j] != value {
				t.Errorf("row %d: %s is %q, want %q", i, name, cells[j], value)
			}
		}
	}
}

func TestSteering(t *testing.T) {
	f := &fixed{}
	e := newEngine(f)
	tests := []struct{ query, calls string }{
		{"CALL octant.pause('b')", "pause b"},
		{"CALL octant.retry(7)", "retry 7"},
		{"CALL octant.skip(7)", "skip 7"},
		{"CALL octant.edit(7, '{\"v\":\"it''s\"}')", `edit 7 {"v":"it's"}`},
		{"CALL octant.resolve(7, 'remote')", "resolve 7 remote"},
		{"call `octant`.resume(\"b\");", "resume b"},
		{"CALL pause('b')", "pause b"},
		{"CALL octant.purge(42)", "purge 42"},
		{"CALL octant.purge(42, 'FORCE')", "purge 42 by force"},
		{"CALL octant.purge('mariadb-bin.000002', 'force')", "purge 60 by force"},
		{"START SLAVE", "start"},
		{"STOP REPLICA", "stop"},
		{"STOP SLAVE ''", "stop"},
		{"STOP SLAVE IO_THREAD", "stop"},
		{"START REPLICA IO_THREAD FOR CHANNEL ''", "start"},
		{"STOP ALL SLAVES", "stop; pause b; pause c; pause d; pause e"},
		{"START ALL REPLICAS", "start; resume b; resume c; resume d; resume e"},
		{"START SLAVE 'c'", "resume c"},
		{"STOP REPLICA FOR CHANNEL 'c'", "pause c"},
		{"PURGE BINARY LOGS TO 'mariadb-bin.000002'", "purge 60"},
		{"PURGE MASTER LOGS BEFORE '2026-11-21 10:00:00'", "purge 98"},
		{"PURGE BINARY LOGS BEFORE NOW() - INTERVAL 3 HOUR", "purge 97"},
		{"PURGE BINARY LOGS BEFORE '2026-11-21'", "purge 88"},
	}
	for _, test := range tests {
		if _, err := e.Query(t.Context(), boss, test.query); err != nil {
			t.Errorf("%s: %v", test.query, err)
		}
		if got := f.taken(); got != test.calls {
			t.Errorf("%s: %s, want %s", test.query, got, test.calls)
		}
	}
	f.fail = errors.New("entries from 40 on are still needed")
	for query, code := range map[string]uint16{"CALL octant.purge(99)": 1378, "CALL octant.pause('b')": 1105, "STOP SLAVE": 1105} {
		_, err := e.Query(t.Context(), boss, query)
		var got *mysql.MyError
		if !errors.As(err, &got) || got.Code != code || !strings.Contains(got.Message, "still needed") {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestWithoutControllerAndPlaces(t *testing.T) {
	f := &fixed{}
	for query, e := range map[string]*admin.Engine{
		"CALL octant.pause('b')":                admin.New(admin.Config{Inspector: f}),
		"PURGE BINARY LOGS TO 'x'":              admin.New(admin.Config{Inspector: f, Controller: f}),
		"PURGE BINARY LOGS BEFORE '2026-11-21'": admin.New(admin.Config{Inspector: f, Controller: f}),
	} {
		var got *mysql.MyError
		if _, err := e.Query(t.Context(), boss, query); !errors.As(err, &got) || got.Code != 1235 {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestRoles(t *testing.T) {
	f := &fixed{}
	e := newEngine(f)
	tests := []struct{ query, role string }{
		{"SELECT @@version_comment LIMIT 1", ""},
		{"SET NAMES utf8", ""},
		{"USE octant", ""},
		{"SHOW WARNINGS", ""},
		{"SELECT * FROM peers", "read"},
		{"SELECT (SELECT COUNT(*) FROM peers)", "read"},
		{"SHOW SLAVE STATUS", "read"},
		{"SHOW MASTER STATUS", "read"},
		{"SHOW VARIABLES LIKE 'x'", "read"},
		{"DESC peers", "read"},
		{"CALL octant.pause('b')", "admin"},
		{"START SLAVE", "admin"},
		{"STOP SLAVE", "admin"},
		{"PURGE BINARY LOGS TO 'mariadb-bin.000002'", "admin"},
	}
	may := map[string][]string{"": {"replicate", "read", "admin"}, "read": {"read", "admin"}, "admin": {"admin"}}
	for _, test := range tests {
		for _, role := range []string{"replicate", "read", "admin"} {
			_, err := e.Query(t.Context(), admin.Session{User: "u", Roles: []string{role}}, test.query)
			allowed := strings.Contains(strings.Join(may[test.role], " "), role)
			var denied *mysql.MyError
			switch {
			case allowed && err != nil:
				t.Errorf("%s as %s: %v", test.query, role, err)
			case !allowed && (!errors.As(err, &denied) || denied.Code != 1227 || denied.State != "42000" || !strings.Contains(denied.Message, "'"+test.role+"'")):
				t.Errorf("%s as %s: %v", test.query, role, err)
			}
		}
	}
}

func TestBounds(t *testing.T) {
	f := &fixed{versions: 1 << 20}
	e := newEngine(f)
	var got *mysql.MyError
	if _, err := e.Query(t.Context(), boss, "SELECT * FROM versions"); !errors.As(err, &got) || got.Code != 1104 || !strings.Contains(got.Message, "LIMIT") {
		t.Errorf("a large result: %v", err)
	}
	if _, err := e.Query(t.Context(), boss, "SELECT * FROM versions LIMIT 3"); err != nil {
		t.Errorf("a small part of it: %v", err)
	}
	f.mu.Lock()
	if f.ended != 2 {
		t.Errorf("%d of 2 lists were let go", f.ended)
	}
	f.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := e.Query(ctx, boss, "SELECT COUNT(*) FROM versions"); !errors.As(err, &got) || got.Code != 1317 {
		t.Errorf("an interrupted statement: %v", err)
	}
}

// panics shows a relay that is broken.
type panics struct{ *fixed }

func (panics) Status() relay.Status { panic("broken") }

func TestPanicsAreErrors(t *testing.T) {
	f := &fixed{}
	e := admin.New(admin.Config{Inspector: panics{f}, Controller: f})
	for _, query := range []string{"SHOW SLAVE STATUS", "SELECT * FROM status"} {
		var got *mysql.MyError
		if _, err := e.Query(t.Context(), boss, query); !errors.As(err, &got) || got.Code != 1815 {
			t.Errorf("%s: %v", query, err)
		}
	}
	if _, err := e.Query(t.Context(), boss, "SELECT region FROM peers"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestManyAtOnce(t *testing.T) {
	e := newEngine(&fixed{versions: 100})
	done := make(chan error)
	for range 16 {
		go func() {
			_, err := e.Query(context.Background(), boss, "SELECT region, COUNT(*) FROM versions GROUP BY region")
			done <- err
		}()
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, s := range []string{
		"SELECT 1", "SHOW SLAVE 'b' STATUS", "/*! SET x */", "CALL octant.pause('b')", "PURGE BINARY LOGS BEFORE NOW()", "select `", "SELECT '\\", "@@", "/*!",
		"SHOW VARIABLES LIKE 'a%\\_b'", "SHOW STATUS WHERE 1", "CHANGE MASTER 'b' TO MASTER_HOST='x', MASTER_PORT=1, MASTER_PASSWORD='s'",
		"CHANGE REPLICATION SOURCE TO SOURCE_AUTO_POSITION=1 FOR CHANNEL ''", "KILL HARD QUERY 7", "FLUSH LOCAL LOGS, STATUS", "RESET MASTER",
		"SHOW BINLOG EVENTS IN 'f' FROM 4 LIMIT 1, 2", "SELECT MASTER_POS_WAIT('f', 4, 0.5) AS x, @@port", "STOP SLAVE 'b' FOR CHANNEL 'c'", "DO 1",
	} {
		f.Add(s)
	}
	e := newEngineWith(&fixed{}, written{})
	f.Fuzz(func(t *testing.T, query string) {
		_, err := e.Query(t.Context(), boss, query)
		var known *mysql.MyError
		if err != nil && (!errors.As(err, &known) || known.Code == 1815) {
			t.Errorf("%q: %v", query, err)
		}
	})
}
