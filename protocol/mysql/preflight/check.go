package preflight

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/relay"
)

// Config says which server to look at, and with whose eyes.
type Config struct {
	Address        string      // host:port
	User, Password string      // the relay's account
	TLS            *tls.Config // nil: without TLS
	Region         relay.Region
	Regions        int    // in the cluster, this one included
	ReplicaID      uint32 // with which the relay registers as a replica; 0: not known
	// Include are the configured table globs, for texts; Match decides.
	Include []string
	Match   func(schema, table string) bool
	// Ruled tells whether a table has another rule than that the last writer wins; nil: none has.
	Ruled func(schema, table string) bool
	// Definitions that another region changes are changed here.
	Definitions bool
}

// connectTimeout bounds the login; each later statement is bounded by the context alone.
const connectTimeout = 10 * time.Second

// Check runs all checks that make sense, in a fixed order. If the server cannot be reached, or is too old, there are
// no further results than that.
func Check(ctx context.Context, c Config) []finding.Result {
	db, err := open(c)
	if err != nil {
		return []finding.Result{finding.Fail.On("connect", err.Error(), "correct the address in database.url")}
	}
	defer db.Close()
	s := &server{db: db, config: c}
	if err := s.readVariables(ctx); err != nil {
		return []finding.Result{connectFailure(c, err)}
	}
	results := []finding.Result{finding.OK.On("connect", fmt.Sprintf("%s as %s", c.Address, s.account), ""), checkVersion(s)}
	if finding.Failed(results) {
		return results
	}
	list := checks
	if s.mysql() {
		list = mySQLChecks
	}
	for _, check := range list {
		results = append(results, check(ctx, s)...)
	}
	return results
}

// checks in the order in which an operator should mend things.
var checks = []func(context.Context, *server) []finding.Result{
	checkSettings, checkFilters, checkNumbers, checkDurability, checkLimits,
	checkPrivileges, checkTables, checkSequences, checkAutoIncrement, checkTriggers, checkEvents, checkUnlogged, checkSchemas,
}

func open(c Config) (*sql.DB, error) {
	o := mysql.NewConfig()
	o.User, o.Passwd = c.User, c.Password
	o.Net, o.Addr = "tcp", c.Address
	o.Timeout, o.TLS = connectTimeout, c.TLS
	o.Logger = &mysql.NopLogger{} // what fails is told in the results
	connector, err := mysql.NewConnector(o)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.Address, err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return db, nil
}

// Errors by which the servers turn a login away: see their error references.
const (
	erAccessDenied     = 1045
	erDBAccessDenied   = 1044
	erHostNotPrivilege = 1130
	erHostBlocked      = 1129
	erTooManyConns     = 1040
	erSecureTransport  = 3159 // of MySQL
)

func connectFailure(c Config, err error) finding.Result {
	const name = "connect"
	var answer *mysql.MySQLError
	var network *net.OpError
	switch {
	case errors.As(err, &answer):
		return finding.Fail.On(name, answer.Message, loginRemedy(c, answer.Number))
	case errors.As(err, &network):
		return finding.Fail.On(name, fmt.Sprintf("%s does not answer: %v", c.Address, network.Err),
			"start the server, and see that its bind_address and port, and the firewall, let the relay in")

	}
	return finding.Fail.On(name, fmt.Sprintf("%s: %v", c.Address, err), "see that a MariaDB or MySQL server listens at this address")
}

func loginRemedy(c Config, code uint16) string {
	switch code {
	case erAccessDenied, erDBAccessDenied, erHostNotPrivilege:
		return fmt.Sprintf("correct database.password, or on the database: CREATE USER '%s'@'%%' IDENTIFIED BY '…';", c.User)
	case erHostBlocked:
		return "on the database: FLUSH HOSTS;"
	case erTooManyConns:
		return "raise max_connections"
	case erSecureTransport:
		return "set tls in [database]"
	}
	return "see the database's error log"
}
