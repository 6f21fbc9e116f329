package admin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/admin"
	"github.com/octant-db/octant/relay"
)

// sourced is a relay whose own source can be looked at and changed.
type sourced struct {
	*fixed
	capture relay.CaptureStatus
	alone   bool // without peers
	changes []string
}

func (s *sourced) Status() relay.Status {
	status := s.fixed.Status()
	status.Capture = s.capture
	return status
}

func (s *sourced) Peers() []relay.PeerStatus {
	if s.alone {
		return nil
	}
	return s.fixed.Peers()
}

func (*sourced) Source() admin.Source {
	return admin.Source{Address: "db1.example:3306", User: "octant", TLS: true, Verify: true, CA: "/etc/ca.pem", ServerID: 4242, UUID: "u-u-i-d", Override: "/data/source.toml"}
}

func (s *sourced) Change(_ context.Context, c admin.SourceChange) error {
	var b strings.Builder
	show := func(name string, v *string) {
		if v != nil {
			fmt.Fprintf(&b, " %s=%s", name, *v)
		}
	}
	show("host", c.Host)
	show("user", c.User)
	show("password", c.Password)
	show("ca", c.CA)
	show("cert", c.Cert)
	show("key", c.Key)
	if c.Port != nil {
		fmt.Fprintf(&b, " port=%d", *c.Port)
	}
	if c.TLS != nil {
		fmt.Fprintf(&b, " tls=%v", *c.TLS)
	}
	if c.Verify != nil {
		fmt.Fprintf(&b, " verify=%v", *c.Verify)
	}
	s.changes = append(s.changes, strings.TrimPrefix(b.String(), " "))
	return nil
}

func newSourced(capture relay.CaptureStatus, isMySQL bool, log *slog.Logger) (*sourced, *admin.Engine) {
	s := &sourced{fixed: &fixed{}, capture: capture}
	return s, admin.New(admin.Config{
		Inspector: s, Controller: s, Upstream: s, Version: "x", MySQL: isMySQL, Logger: log, Now: func() time.Time { return now },
	})
}

func TestChangeMaster(t *testing.T) {
	var log bytes.Buffer
	s, e := newSourced(relay.CaptureStatus{Stopped: true}, false, slog.New(slog.NewTextHandler(&log, nil)))
	tests := []struct{ query, change string }{
		{"CHANGE MASTER TO MASTER_HOST='db2', MASTER_PORT=3307, MASTER_USER='u', MASTER_PASSWORD='s3cret'", "host=db2 user=u password=s3cret port=3307"},
		{"change master '' to master_host = \"db2\", master_use_gtid = slave_pos", "host=db2"},
		{"CHANGE MASTER TO MASTER_HOST='db2', MASTER_USE_GTID=current_pos, MASTER_CONNECT_RETRY=10, MASTER_HEARTBEAT_PERIOD=1.5, MASTER_DELAY=0", "host=db2"},
		{"CHANGE REPLICATION SOURCE TO SOURCE_HOST='db2', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1 FOR CHANNEL ''", "host=db2"},
		{"CHANGE MASTER TO MASTER_SSL=1, MASTER_SSL_CA='ca', MASTER_SSL_CERT='c', MASTER_SSL_KEY='k', MASTER_SSL_VERIFY_SERVER_CERT=0, MASTER_SSL_CRL=''",
			"ca=ca cert=c key=k tls=true verify=false"},
		{"CHANGE MASTER TO MASTER_LOG_FILE='mariadb-bin.000002', MASTER_LOG_POS=4711", ""},
		{"CHANGE MASTER TO MASTER_HOST='db1.example', MASTER_PORT=3306, MASTER_USE_GTID=no, MASTER_LOG_POS=4711", "host=db1.example port=3306"},
		{"CHANGE MASTER TO IGNORE_SERVER_IDS=()", ""},
	}
	for _, test := range tests {
		s.changes = nil
		if _, err := e.Query(t.Context(), boss, test.query); err != nil {
			t.Errorf("%s: %v", test.query, err)
		} else if len(s.changes) != 1 || s.changes[0] != test.change {
			t.Errorf("%s: %q, want %q", test.query, s.changes, test.change)
		}
	}
	if strings.Contains(log.String(), "s3cret") || !strings.Contains(log.String(), "MASTER_PASSWORD='?'") {
		t.Errorf("the log is %s", log.String())
	}
}

func TestChangeMasterRefusals(t *testing.T) {
	s, e := newSourced(relay.CaptureStatus{Stopped: true}, false, nil)
	tests := []struct {
		query string
		code  uint16
		text  string
	}{
		{"CHANGE MASTER TO", 1064, "near ''"},
		{"CHANGE MASTER TO MASTER_HOST", 1064, ""},
		{"CHANGE MASTER TO MASTER_HOST='x' MASTER_PASSWORD='s3cret'", 1064, "near 'master_password'"},
		{"CHANGE MASTER TO MASTER_WISH='s3cret'", 1064, "near 'master_wish'"},
		{"CHANGE MASTER TO MASTER_PASSWORD='s3cret", 1064, "near ''"},
		{"CHANGE MASTER MASTER_PASSWORD='s3cret'", 1064, "near ''"},
		{"CHANGE MASTER TO MASTER_PORT=70000", 1064, ""},
		{"CHANGE MASTER 'b' TO MASTER_HOST='x'", 1235, "[[peer]]"},
		{"CHANGE REPLICATION SOURCE TO SOURCE_HOST='x' FOR CHANNEL 'zz'", 1617, "zz"},
		{"CHANGE REPLICATION FILTER REPLICATE_DO_DB=(x)", 1235, "include and exclude"},
		{"CHANGE MASTER TO MASTER_HOST='x', MASTER_LOG_FILE='mariadb-bin.000001', MASTER_LOG_POS=4", 1235, "by GTID"},
		{"CHANGE MASTER TO MASTER_PORT=3307, MASTER_USE_GTID=no", 1235, "by GTID"},
		{"CHANGE REPLICATION SOURCE TO SOURCE_HOST='x', SOURCE_AUTO_POSITION=0", 1235, "by GTID"},
		{"CHANGE MASTER TO MASTER_LOG_FILE='mariadb-bin.000002', MASTER_LOG_POS=4", 1235, "mariadb-bin.000002:4711"},
		{"CHANGE MASTER TO MASTER_DELAY=3600", 1235, "does not delay"},
		{"CHANGE MASTER TO IGNORE_SERVER_IDS=(3)", 1235, "everything"},
		{"CHANGE MASTER TO RELAY_LOG_FILE='x'", 1235, "relay log"},
	}
	check := func(e *admin.Engine, query string, code uint16, text string) {
		t.Helper()
		_, err := e.Query(t.Context(), boss, query)
		var got *mysql.MyError
		if !errors.As(err, &got) || got.Code != code || !strings.Contains(got.Message, text) || strings.Contains(got.Message, "s3cret") {
			t.Errorf("%s: %v, want %d with %q", query, err, code, text)
		}
	}
	for _, test := range tests {
		check(e, test.query, test.code, test.text)
	}
	if s.changes != nil {
		t.Errorf("refused and yet changed: %q", s.changes)
	}
	_, e = newSourced(relay.CaptureStatus{Connected: true}, false, nil)
	check(e, "CHANGE MASTER TO MASTER_HOST='x'", 1198, "run STOP SLAVE '' first")
	_, e = newSourced(relay.CaptureStatus{}, true, nil)
	check(e, "CHANGE REPLICATION SOURCE TO SOURCE_HOST='x'", 3021, "run STOP REPLICA IO_THREAD FOR CHANNEL '' first")
}

// TestSourceStatus has a monitor look at the relay's own source.
func TestSourceStatus(t *testing.T) {
	tests := []struct {
		name    string
		capture relay.CaptureStatus
		want    map[string]string
	}{
		{"running", relay.CaptureStatus{Connected: true, LSN: 9, Merged: 9, LastEvent: now.Add(-5 * time.Second)}, map[string]string{
			"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Seconds_Behind_Master": "5", "Master_Log_File": "mariadb-bin.000002",
			"Read_Master_Log_Pos": "4711", "Exec_Master_Log_Pos": "4711", "Gtid_IO_Pos": "0-1-100", "Using_Gtid": "Slave_Pos",
			"Slave_IO_State": "Waiting for master to send event", "Master_Host": "db1.example", "Master_Port": "3306", "Master_User": "octant", "Master_Server_Id": "4242",
			"Master_SSL_Allowed": "Yes", "Master_SSL_CA_File": "/etc/ca.pem", "Master_SSL_Verify_Server_Cert": "Yes", "Channel_Name": "",
			"Slave_SQL_Running_State": "Slave has read all relay log; waiting for more updates", "Last_IO_Errno": "0",
		}},
		{"level", relay.CaptureStatus{Connected: true, CaughtUp: true, LastEvent: now.Add(-time.Hour)}, map[string]string{"Seconds_Behind_Master": "0"}},
		{"stopped", relay.CaptureStatus{Stopped: true}, map[string]string{
			"Slave_IO_Running": "No", "Slave_SQL_Running": "No", "Seconds_Behind_Master": "NULL", "Slave_IO_State": "", "Last_IO_Error": "",
		}},
		{"lost", relay.CaptureStatus{Err: "dial tcp: connection refused"}, map[string]string{
			"Slave_IO_Running": "Connecting", "Slave_SQL_Running": "Yes", "Seconds_Behind_Master": "NULL", "Last_IO_Errno": "2003",
			"Last_IO_Error": "dial tcp: connection refused",
		}},
		{"purged", relay.CaptureStatus{Err: "capture: " + relay.ErrPurged.Error()}, map[string]string{"Slave_IO_Running": "Connecting", "Last_IO_Errno": "1236"}},
	}
	for _, test := range tests {
		s, e := newSourced(test.capture, false, nil)
		for _, query := range []string{"SHOW SLAVE '' STATUS", "SHOW REPLICA STATUS FOR CHANNEL ''", "SHOW ALL SLAVES STATUS", "SHOW SLAVE STATUS"} {
			s.alone = query == "SHOW SLAVE STATUS"
			wantRow(t, e, test.name+": "+query, query, test.want)
		}
	}
	s, e := newSourced(relay.CaptureStatus{Stopped: true}, false, nil)
	s.alone = true
	wantRow(t, e, "variables", "SHOW VARIABLES LIKE 'octant_source_file'", map[string]string{"Value": "/data/source.toml"})
}

// wantRow compares some cells of the first row, by column.
func wantRow(t *testing.T, e *admin.Engine, name, query string, want map[string]string) {
	t.Helper()
	r, err := e.Query(t.Context(), boss, query)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	columns, rows := answer(t, r)
	if len(rows) == 0 {
		t.Errorf("%s: no rows", name)
		return
	}
	cells := strings.Split(rows[0], "|")
	for i, column := range strings.Split(columns, "|") {
		if value, ok := want[column]; ok && cells[i] != value {
			t.Errorf("%s: %s is %q, want %q", name, column, cells[i], value)
		}
	}
}

// TestStoppedSourceHoldsPeers: what a monitor shows of a peer is true too when nothing is applied because the relay's own source is stopped.
func TestStoppedSourceHoldsPeers(t *testing.T) {
	_, e := newSourced(relay.CaptureStatus{Stopped: true}, false, nil)
	wantRow(t, e, "a peer", "SHOW SLAVE 'b' STATUS", map[string]string{
		"Slave_IO_Running": "Yes", "Slave_SQL_Running": "No", "Seconds_Behind_Master": "NULL",
	})
}

func TestMySQLColumns(t *testing.T) {
	_, e := newSourced(relay.CaptureStatus{Connected: true, CaughtUp: true}, true, nil)
	const replica = "Replica_IO_State|Source_Host|Source_User|Source_Port|Connect_Retry|Source_Log_File|Read_Source_Log_Pos|Relay_Log_File|" +
		"Relay_Log_Pos|Relay_Source_Log_File|Replica_IO_Running|Replica_SQL_Running|Replicate_Do_DB|Replicate_Ignore_DB|Replicate_Do_Table|" +
		"Replicate_Ignore_Table|Replicate_Wild_Do_Table|Replicate_Wild_Ignore_Table|Last_Errno|Last_Error|Skip_Counter|Exec_Source_Log_Pos|" +
		"Relay_Log_Space|Until_Condition|Until_Log_File|Until_Log_Pos|Source_SSL_Allowed|Source_SSL_CA_File|Source_SSL_CA_Path|Source_SSL_Cert|" +
		"Source_SSL_Cipher|Source_SSL_Key|Seconds_Behind_Source|Source_SSL_Verify_Server_Cert|Last_IO_Errno|Last_IO_Error|Last_SQL_Errno|" +
		"Last_SQL_Error|Replicate_Ignore_Server_Ids|Source_Server_Id|Source_UUID|Source_Info_File|SQL_Delay|SQL_Remaining_Delay|" +
		"Replica_SQL_Running_State|Source_Retry_Count|Source_Bind|Last_IO_Error_Timestamp|Last_SQL_Error_Timestamp|Source_SSL_Crl|" +
		"Source_SSL_Crlpath|Retrieved_Gtid_Set|Executed_Gtid_Set|Auto_Position|Replicate_Rewrite_DB|Channel_Name|Source_TLS_Version|" +
		"Source_public_key_path|Get_Source_public_key|Network_Namespace"
	slave := strings.NewReplacer("Source_public", "Master_public", "Source", "Master", "Replica_", "Slave_").Replace(replica)
	for query, want := range map[string]string{
		"SHOW REPLICA STATUS": replica, "SHOW REPLICA STATUS FOR CHANNEL ''": replica, "SHOW SLAVE STATUS": slave,
		"SHOW BINARY LOGS":       "Log_name|File_size|Encrypted",
		"SHOW BINARY LOG STATUS": "File|Position|Binlog_Do_DB|Binlog_Ignore_DB|Executed_Gtid_Set",
		"SHOW PROCESSLIST":       "Id|User|Host|db|Command|Time|State|Info",
	} {
		r, err := e.Query(t.Context(), boss, query)
		if err != nil {
			t.Errorf("%s: %v", query, err)
			continue
		}
		if columns, _ := answer(t, r); columns != want {
			t.Errorf("%s:\n%s\nwant\n%s", query, columns, want)
		}
	}
	wantRow(t, e, "identity", "SHOW REPLICA STATUS FOR CHANNEL ''", map[string]string{"Source_UUID": "u-u-i-d", "Source_Server_Id": "4242"})
	wantRow(t, e, "executed", "SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged, @@gtid_mode, @@super_read_only", map[string]string{
		"@@GLOBAL.gtid_executed": "0-1-100", "@@GLOBAL.gtid_purged": "0-1-7", "@@gtid_mode": "ON", "@@super_read_only": "1",
	})
}
