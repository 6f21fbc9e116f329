package preflight

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/connect"
)

// Config says which database to look at, and with whose eyes.
type Config struct {
	Addr, Database, User, Password string
	TLS                            *tls.Config // nil: without TLS
	Slot, Publication              string
	Regions                        int // in the cluster, this one included
	Lanes                          int // of the applier, per origin
	// Include tells which tables are replicated; nil: all.
	Include func(schema, table string) bool
	// Ruled tells of which tables the log must have the rows before each change, since not the last writer wins; nil: none.
	Ruled       func(schema, table string) bool
	Definitions bool // are carried to other regions, if there are event triggers that tell of them
}

// server is a session with what every check needs.
type server struct {
	*connect.Conn
	config  Config
	number  int // server_version_num
	version string
}

// checks in the order in which an operator should mend things.
var checks = []func(context.Context, *server) []finding.Result{
	checkSettings, checkNumbers, checkRole, checkLedger, checkPublication, checkSlot, checkTables, checkTypes, checkSequences, checkTriggers, checkDefinitions,
}

// Check runs all checks that make sense, in a fixed order. If the server cannot be reached or is too old there are no further results than that.
func Check(ctx context.Context, c Config) []finding.Result {
	if c.Include == nil {
		c.Include = func(string, string) bool { return true }
	}
	if c.Ruled == nil {
		c.Ruled = func(string, string) bool { return false }
	}
	conn, err := connect.Open(ctx, connect.Config{
		Addr: c.Addr, Database: c.Database, User: c.User, Password: c.Password, TLS: c.TLS, Name: "octant doctor",
	}, map[string]string{"default_transaction_read_only": "on"})
	if err != nil {
		return []finding.Result{finding.Fail.On("connect", err.Error(), loginRemedy(c, err))}
	}
	defer conn.End()
	s := &server{Conn: conn, config: c}
	rows, err := s.Query(ctx, "ask for the version", "SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_setting('server_version_num')")
	if err != nil {
		return []finding.Result{finding.Fail.On("connect", err.Error(), "see the server's log")}
	}
	s.version = string(rows[0][0])
	if s.number, err = strconv.Atoi(string(rows[0][1])); err != nil {
		return []finding.Result{finding.Fail.On("connect", "the server's version is no number", "see that PostgreSQL answers at this address")}
	}
	results := []finding.Result{finding.OK.On("connect", fmt.Sprintf("%s as %s, database %s", c.Addr, c.User, c.Database), ""), checkVersion(s)}
	if finding.Failed(results) {
		return results
	}
	for _, check := range checks {
		results = append(results, check(ctx, s)...)
	}
	return results
}

func loginRemedy(c Config, err error) string {
	var e *connect.Error
	if !errors.As(err, &e) {
		return "start the server, and see that its listen_addresses and port, and the firewall, let the relay in"
	}
	switch {
	case strings.HasPrefix(e.Code, "28"):
		return fmt.Sprintf("correct database.password and pg_hba.conf, or on the database: CREATE ROLE %s LOGIN REPLICATION PASSWORD '…'",
			connect.Identifier(c.User))
	case e.Code == "3D000":
		return "correct the database's name in database.url"
	}
	return "see the server's log"
}

func checkVersion(s *server) finding.Result {
	switch {
	case s.number < 140000:
		return finding.Fail.On("version", "PostgreSQL "+s.version, "upgrade to PostgreSQL 15 or later")
	case s.number < 150000:
		return finding.Warn.On("version", "PostgreSQL "+s.version+", which Octant is not tested with", "upgrade to PostgreSQL 15 or later")
	}
	return finding.OK.On("version", "PostgreSQL "+s.version, "")
}

// ask returns the first row of a query, or a result that tells why there is none.
func (s *server) ask(ctx context.Context, name, sql string, args ...any) ([][]byte, *finding.Result) {
	rows, err := s.Query(ctx, "check "+name, sql, args...)
	if err != nil || len(rows) == 0 {
		r := finding.Warn.On(name, fmt.Sprintf("could not be looked at: %v", err), "")
		return nil, &r
	}
	return rows[0], nil
}
