package primary_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

// echo answers every statement with one row: who asked what.
type echo struct {
	mu     sync.Mutex
	closed map[uint32]bool
}

func (*echo) Query(_ context.Context, s primary.Session, query string) (*mysql.Result, error) {
	if strings.Contains(query, "fail") {
		return nil, fmt.Errorf("plan: %w", mysql.NewError(1064, "no such grammar"))
	}
	set, err := mysql.BuildSimpleTextResultset([]string{"user", "query"}, [][]any{{s.User, query}})
	return mysql.NewResult(set), err
}

func (e *echo) Closed(id uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed[id] = true
}

func TestRoles(t *testing.T) {
	engine := &echo{closed: map[uint32]bool{}}
	s := startServer(t, func(c *primary.Config) { c.SQL = engine })
	tests := []struct {
		query               string
		repl, reader, admin bool
	}{
		{"SELECT * FROM octant.peers", false, true, true},
		{"  /* why */ select region FROM octant.replicas", false, true, true},
		{"SHOW SLAVE STATUS", false, true, true},
		{"SHOW GLOBAL VARIABLES", false, true, true},
		{"SET autocommit=1", false, true, true},
		{"SET @@session.autocommit=0, @@sql_mode=''", false, true, true},
		{"SET GLOBAL max_connections=1", false, false, true},
		{"SET @@global.read_only=1", false, false, true},
		{"SELECT 1 INTO OUTFILE '/tmp/x'", false, false, true},
		{"SELECT load_file('/etc/passwd')", false, false, true},
		{"SELECT 1; DROP TABLE x", false, false, true},
		{"/*! DROP TABLE x */", false, false, true},
		{"WITH x AS (SELECT 1) DELETE FROM t", false, false, true},
		{"CALL octant.pause('b')", false, false, true},
		{"START SLAVE", false, false, true},
		{"PURGE BINARY LOGS TO 'x'", false, false, true},
		{"KILL QUERY x", false, false, true},
		{"SELECT 'INSERT INTO OUTFILE'", false, true, true},
	}
	for user, allowed := range map[string]func(i int) bool{
		"repl":   func(i int) bool { return tests[i].repl },
		"reader": func(i int) bool { return tests[i].reader },
		"admin":  func(i int) bool { return tests[i].admin },
	} {
		c := mustDial(t, s.addr, user, password)
		for i, test := range tests {
			result, err := c.conn.Execute(test.query)
			if allowed(i) {
				if err != nil {
					t.Errorf("%s may not %s: %v", user, test.query, err)
				} else if got, _ := result.GetString(0, 1); got != test.query {
					t.Errorf("engine got %q, want %q", got, test.query)
				}
				continue
			}
			var e *mysql.MyError
			if !errors.As(err, &e) || e.Code != 1227 || !strings.Contains(e.Message, "role '") {
				t.Errorf("%s may %s: %v", user, test.query, err)
			}
		}
		id := c.conn.GetConnectionID()
		c.close()
		waitFor(t, "engine to be told", func() (bool, error) {
			engine.mu.Lock()
			defer engine.mu.Unlock()
			return engine.closed[id], nil
		})
	}
}

func TestEngineErrorsAreSent(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.SQL = &echo{closed: map[uint32]bool{}} })
	c := mustDial(t, s.addr, "admin", password)
	_, err := c.conn.Execute("SELECT fail")
	var e *mysql.MyError
	if !errors.As(err, &e) || e.Code != 1064 || e.Message != "no such grammar" {
		t.Errorf("got %v", err)
	}
	if err := c.conn.UseDB("octant"); err != nil {
		t.Errorf("use: %v", err)
	}
}

// What a replica asks before it dumps, spelled in unusual ways too.
func TestHandshake(t *testing.T) {
	s := startServer(t, nil)
	c := mustDial(t, s.addr, "repl", password)
	tests := []struct{ query, want string }{
		{"SET NAMES latin1", ""},
		{"SELECT UNIX_TIMESTAMP() > 0", "error"},
		{"show  variables\tLIKE 'server_id' ;", "4711"},
		{"SELECT @@GLOBAL.SERVER_ID", "4711"},
		{"SELECT VERSION()", "10.11.19-MariaDB-log"},
		{"set @MASTER_binlog_checksum:=@@global.binlog_checksum, @source_binlog_checksum = @@GLOBAL.binlog_checksum", ""},
		{"SELECT @master_binlog_checksum", "CRC32"},
		{"SELECT @source_binlog_checksum", "CRC32"},
		{"SET @x = -5, @y='it''s', @`z`=\"q\"", ""},
		{"SELECT @y", "it's"},
		{"SELECT @z;", "q"},
		{"SELECT @x", "-5"},
		{"SELECT @@GLOBAL.gtid_domain_id", "1"},
		{"SELECT binlog_gtid_pos('bin.000001',951)", ""},
		{"SHOW VARIABLES LIKE 'rpl_semi_sync_master_enabled'", "ON"},
		{"SET @a=1, @@global.x=2", "error"},
		{"SET @a=", "error"},
		{"SET @a=1,", "error"},
	}
	for _, test := range tests {
		result, err := c.conn.Execute(test.query)
		got := ""
		switch {
		case err != nil:
			got = "error"
		case result.HasResultset() && result.RowNumber() == 0:
			got = "empty"
		case result.HasResultset():
			got, _ = result.GetString(0, result.ColumnNumber()-1)
		}
		if got != test.want {
			t.Errorf("%s: %q (%v), want %q", test.query, got, err, test.want)
		}
	}
}

func TestBinlogGTIDPos(t *testing.T) {
	b := startBed(t)
	history(t, b.source)
	b.waitCaptured(t)
	query := fmt.Sprintf("SELECT binlog_gtid_pos('mariadb-bin.000002',%d)", groupStart(t, b, "mariadb-bin.000002", 3))
	result, err := mustDial(t, b.addr, "repl", password).conn.Execute(query)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := result.GetString(0, 0)
	var want string
	if err := b.source.DB().QueryRowContext(t.Context(), query).Scan(&want); err != nil {
		t.Fatal(err)
	}
	if sorted(got) != sorted(want) {
		t.Errorf("%s is %q, want %q", query, got, want)
	}
}
