package primary_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	driver "github.com/go-sql-driver/mysql"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

// Prepared statements are answered like texts with the parameters in them.
func TestPreparedStatements(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.SQL = &echo{closed: map[uint32]bool{}} })
	c := mustDial(t, s.addr, "reader", password)
	tests := []struct {
		query string
		args  []any
		want  string // the text that the engine got, or the error's code
	}{
		{"SELECT 1", nil, "SELECT 1"},
		{"SELECT ?, ? -- why?\n, '?', `?`, /* ? */ ?", []any{1, "a'b", nil}, "SELECT 1, x'612762' -- why?\n, '?', `?`, /* ? */ NULL"},
		{`SELECT '''?', "\"?", ?`, []any{"plain"}, `SELECT '''?', "\"?", 'plain'`},
		{"SELECT ?", []any{-5.25}, "SELECT -5.25"},
		{"SELECT # ?\n ?", []any{uint64(1) << 63}, "SELECT # ?\n 9223372036854775808"},
		{"SELECT fail", nil, "1064"},
		{"SHUTDOWN", nil, "1227"},
		{"SELECT UNIX_TIMESTAMP()", nil, ""},
	}
	for _, test := range tests {
		stmt, err := c.conn.Prepare(test.query)
		if err != nil {
			t.Fatal(err)
		}
		result, err := stmt.Execute(test.args...)
		var e *gomysql.MyError
		if errors.As(err, &e) {
			if fmt.Sprint(e.Code) != test.want {
				t.Errorf("%s: %v, want %s", test.query, err, test.want)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := result.GetString(0, result.ColumnNumber()-1); test.want != "" && got != test.want {
			t.Errorf("%s: %q, want %q", test.query, got, test.want)
		}
		if err := stmt.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The common driver works with its own way of preparing.
func TestPreparedByDriver(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.SQL = &echo{closed: map[uint32]bool{}} })
	cfg := driver.NewConfig()
	cfg.Net, cfg.Addr, cfg.User, cfg.Passwd = "tcp", s.addr, "reader", password
	connector, err := driver.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	var user, query string
	if err := db.QueryRowContext(t.Context(), "SELECT ?, ?", "a", 7).Scan(&user, &query); err != nil || user != "reader" || query != "SELECT 'a', 7" {
		t.Errorf("%s %s %v", user, query, err)
	}
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for n := 0; ; n++ {
		stmt, err := conn.PrepareContext(t.Context(), "SELECT ?")
		if err == nil {
			defer stmt.Close()
			continue
		}
		if !strings.Contains(err.Error(), "max_prepared_stmt_count") || n != 256 {
			t.Errorf("after %d: %v", n, err)
		}
		return
	}
}
