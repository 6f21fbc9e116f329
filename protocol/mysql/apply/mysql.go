package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// mySQL is the dialect of MySQL 8.0 and later.
type mySQL struct{}

func (mySQL) name() string { return "MySQL" }

// pinned: MySQL cannot be told to leave CHECKs alone.
func (mySQL) pinned(c *Config) string {
	return fmt.Sprintf(pinned+`, max_execution_time=0, transaction_isolation='READ-COMMITTED'; SET NAMES utf8mb4`, c.lockWaitSeconds())
}

// idle: MySQL has no limit of its own for transactions without a word, so lanes have one for all that is idle.
func (mySQL) idle() time.Duration { return idleTransactionSeconds * time.Second }

func (mySQL) whole() []setting {
	const grant = "GRANT SESSION_VARIABLES_ADMIN ON *.*"
	return []setting{{"binlog_row_image", "FULL", grant}, {"binlog_row_value_options", "", grant}}
}

// errNoReplay: without row events triggers would fire again, and documents lose what JSON text does not say.
var errNoReplay = errors.New("look for privileges: GRANT REPLICATION_APPLIER ON *.* to the database user, who writes rows as row events")

func (mySQL) learn(ctx context.Context, s *session, _ *Config) (abilities, error) {
	can := abilities{version: s.conn.GetServerVersion()}
	rs, err := s.query(ctx, "read settings", "SELECT @@max_allowed_packet, @@binlog_rows_query_log_events")
	if err != nil {
		return can, err
	}
	row := rs[0].Values[0]
	can.maxPacket = int(row[0].AsUint64())
	if can.replay, err = allowed(ctx, s, "SET SESSION original_commit_timestamp=DEFAULT"); err != nil {
		return can, err
	}
	if !can.replay {
		return can, errNoReplay
	}
	if row[1].AsUint64() == 0 {
		return can, nil
	}
	can.unlogged, err = allowed(ctx, s, "SET SESSION binlog_rows_query_log_events=0")
	can.annotated = !can.unlogged
	return can, err
}

// lane: the format description leaves the session waiting for a GTID.
func (mySQL) lane(can *abilities) string {
	setup := fmt.Sprintf("SET SESSION wait_timeout=%d;", idleTransactionSeconds)
	if can.unlogged {
		setup += "SET SESSION binlog_rows_query_log_events=0;"
	}
	setup += string(binlog.AppendStatement(nil, binlog.MySQLFormatDescription(eventServerID, can.version)))
	return setup + "; SET SESSION gtid_next='AUTOMATIC'"
}

// native says when the transaction was committed first, for tools that measure lag. The server takes it for one transaction; it is in
// microseconds, as our clocks are. Its server_id cannot be set, and its own GTIDs stay: with those of the origin a transaction of which parts
// lost could not be told from the whole.
func (mySQL) native(mark relay.Mark, _ relay.Region) string {
	if mark.HLC <= 0 || mark.HLC >= noCommitTime {
		return "SET SESSION original_commit_timestamp=DEFAULT"
	}
	return fmt.Sprintf("SET SESSION original_commit_timestamp=%d", mark.HLC)
}

// noCommitTime is what the server's variable is when there is none: UNDEFINED_COMMIT_TIMESTAMP in MySQL's sql/binlog.h.
const noCommitTime = 1 << 55

func (mySQL) rows() binlog.RowsOptions {
	return binlog.RowsOptions{ServerID: eventServerID, Limit: statementBytes, Flags: binlog.RowsNoForeignKeyChecks, Version2: true}
}

// mySQLCodes: see https://dev.mysql.com/doc/mysql-errors/9.7/en/server-error-reference.html.
var mySQLCodes = codes{
	retryable: set(retryable, 3169, 4031),                                     // killed, idle for too long
	harmless:  set(harmless, 1229, 1231, 1782, 1837, 3169, 3819, 4031, 13146), // 3819: a constraint's name
	ended:     set(ended, 3169, 4031),
}

func (mySQL) codes() *codes { return &mySQLCodes }

// index takes the table's name away: from 8.0.19 on MySQL says 'table.index'.
func (mySQL) index(table, name string) string {
	for i := range len(name) {
		if name[i] == '.' && strings.HasSuffix(table, "."+name[:i]) {
			return name[i+1:]
		}
	}
	return name
}

// mySQLOptional: extra says which defaults are expressions and what the server fills in.
const mySQLOptional = `(is_nullable='YES' OR column_default IS NOT NULL) AND extra IN ('', 'INVISIBLE') AND IFNULL(column_default,'') NOT LIKE 'CURRENT\_TIMESTAMP%'`

func (mySQL) catalog() catalog {
	return catalog{generated: "generation_expression<>''", optional: mySQLOptional, expression: "expression IS NOT NULL", native: mySQLType}
}

// mySQLType is nativeType for the types that MySQL has, or has under another name.
func mySQLType(t string) (string, []string) {
	switch {
	case t == "geomcollection":
		return "geometrycollection", nil
	case strings.HasPrefix(t, "vector("):
		return "vector", nil // the table map says no size
	}
	return nativeType(t)
}

// text reads the rule from the collation's name: those of version 9.0.0 of the Unicode algorithm are NO PAD, all others PAD SPACE. A weight
// has all levels in it.
func (mySQL) text(c relay.Column, prefix int) textRule {
	return newTextRule(c, prefix, !strings.Contains(c.Collation, "_0900_"))
}
