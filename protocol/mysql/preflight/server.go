package preflight

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/internal/finding"
)

// server is what the checks look at.
type server struct {
	db        *sql.DB
	config    Config
	account   string // as the server knows it: user@host
	variables map[string]string
	known     []*table // the catalog, once it was read
}

func (s *server) readVariables(ctx context.Context) error {
	if err := s.db.QueryRowContext(ctx, "SELECT CURRENT_USER()").Scan(&s.account); err != nil {
		return err
	}
	s.variables = map[string]string{}
	return s.query(ctx, "SHOW GLOBAL VARIABLES", func(row []string) {
		s.variables[strings.ToLower(row[0])] = row[1]
	})
}

// query calls visit with each row; NULL comes as an empty string.
func (s *server) query(ctx context.Context, query string, visit func(row []string), args ...any) error {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	values := make([]sql.NullString, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = v.String
		}
		visit(row)
	}
	return rows.Err()
}

// matches tells whether a table is replicated.
func (s *server) matches(schema, table string) bool {
	return s.config.Match == nil || s.config.Match(schema, table)
}

// is tells whether a variable has the value, in any case of letters.
func (s *server) is(variable, value string) bool {
	return strings.EqualFold(s.variables[variable], value)
}

// number returns a numeric variable, and whether the server has it.
func (s *server) number(variable string) (int64, bool) {
	n, err := strconv.ParseFloat(s.variables[variable], 64) // expire_logs_days has a fraction
	return int64(n), err == nil
}

// mysql tells whether this is MySQL, and not MariaDB.
func (s *server) mysql() bool {
	text := s.variables["version"]
	return text != "" && !strings.Contains(strings.ToLower(text), "mariadb")
}

// logStatus asks where the binary log ends; MySQL renamed it in 8.2.
func (s *server) logStatus() string {
	if s.mysqlSince(8, 2, 0) {
		return "SHOW BINARY LOG STATUS"
	}
	return "SHOW MASTER STATUS"
}

// statusPrivilege is what logStatus needs.
func (s *server) statusPrivilege() string {
	if s.mysql() {
		return "REPLICATION CLIENT"
	}
	return "BINLOG MONITOR"
}

// version returns major and minor; 0, 0 when this is not a MariaDB.
func (s *server) version() (major, minor int) {
	text := s.variables["version"]
	if !strings.Contains(strings.ToLower(text), "mariadb") {
		return 0, 0
	}
	if _, err := fmt.Sscanf(text, "%d.%d", &major, &minor); err != nil {
		return 0, 0
	}
	return major, minor
}

// broken is the result of a check that the server did not let run.
func broken(name string, err error) []finding.Result {
	return []finding.Result{finding.Fail.On(name, "could not be checked: "+err.Error(), "mend this and run doctor again")}
}
