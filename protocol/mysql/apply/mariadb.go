package apply

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// mariaDB is the dialect of MariaDB 10.5 and later.
type mariaDB struct{}

func (mariaDB) name() string { return "MariaDB" }

// nativeServer is where the native marks of the regions begin: a lane that writes for region r has this plus r as its
// server_id, so that tools that know nothing of octant.applied see whose rows these are. The database's gtid_domain_id
// stays: a replica with slave_parallel_threads runs different domains out of order, and an application's write of a row and ours
// could change places on it; see "Out-of-order parallel replication" in MariaDB's manual.
const nativeServer = 9000

// pinned switches off what stops statements and rows by settings of MariaDB's own; see pinned.
func (mariaDB) pinned(c *Config) string {
	return fmt.Sprintf(pinned+`, check_constraint_checks=0, max_statement_time=0, idle_transaction_timeout=%d,
 tx_isolation='READ-COMMITTED'; SET NAMES utf8mb4`, c.lockWaitSeconds(), idleTransactionSeconds)
}

func (mariaDB) idle() time.Duration { return 0 }

func (mariaDB) whole() []setting {
	return []setting{{"binlog_row_image", "FULL", "GRANT BINLOG ADMIN ON *.*"}}
}

func (mariaDB) learn(ctx context.Context, s *session, c *Config) (abilities, error) {
	var can abilities
	rs, err := s.query(ctx, "read settings", "SELECT @@max_allowed_packet, @@binlog_annotate_row_events, @@server_id")
	if err != nil {
		return can, err
	}
	row := rs[0].Values[0]
	can.maxPacket = int(row[0].AsUint64())
	if !c.NoBinlog {
		id := strconv.FormatUint(row[2].AsUint64(), 10)
		if can.replay, err = allowed(ctx, s, "SET SESSION server_id="+id); err != nil {
			return can, err
		}
	}
	if row[1].AsUint64() == 0 {
		return can, nil
	}
	can.unlogged, err = allowed(ctx, s, "SET SESSION binlog_annotate_row_events=0")
	can.annotated = !can.unlogged
	return can, err
}

func (mariaDB) lane(can *abilities) string {
	setup := ""
	if can.unlogged {
		setup = "SET SESSION binlog_annotate_row_events=0;"
	}
	if can.replay {
		setup += string(binlog.AppendStatement(nil, binlog.FormatDescription(eventServerID)))
	}
	return setup
}

// native makes what follows carry the origin's number, in the database's own GTID domain. It stays with the session.
func (mariaDB) native(mark relay.Mark, carried relay.Region) string {
	if carried == mark.Origin {
		return ""
	}
	return fmt.Sprintf("SET SESSION server_id=%d", nativeServer+int(mark.Origin))
}

// rows: what held where the row was born need not be checked again, and may come in another order.
func (mariaDB) rows() binlog.RowsOptions {
	return binlog.RowsOptions{ServerID: eventServerID, Limit: statementBytes, Flags: binlog.RowsNoForeignKeyChecks | binlog.RowsNoCheckConstraints}
}

// mariaDBCodes: see https://mariadb.com/kb/en/mariadb-error-codes/.
var mariaDBCodes = codes{
	retryable: set(retryable, 1927),                              // killed
	harmless:  set(harmless, 1594, 1609, 1927, 1950, 4025, 4047), // 4025: a constraint's name
	ended:     set(ended, 1927),
}

func (mariaDB) codes() *codes { return &mariaDBCodes }

func (mariaDB) index(_, name string) string { return name }

// mariaDBOptional: column_default is an expression, in which literals are a number or in quotes.
const mariaDBOptional = `(extra IN ('', 'INVISIBLE') AND (is_nullable='YES' OR column_default IS NOT NULL) AND
 (column_default IS NULL OR column_default='NULL' OR column_default REGEXP '^[-+]?[0-9.]|^[bx]?'''))`

func (mariaDB) catalog() catalog {
	return catalog{generated: "is_generated='ALWAYS'", optional: mariaDBOptional, expression: "0", native: nativeType}
}

// text reads the rule from the collation's name: in MariaDB all collations are PAD SPACE but "binary" and those that say nopad; see
// https://mariadb.com/kb/en/supported-character-sets-and-collations/#no-pad-collations.
func (mariaDB) text(c relay.Column, prefix int) textRule {
	r := newTextRule(c, prefix, !strings.Contains(c.Collation, "nopad"))
	r.levels = levelsOf(c.Collation)
	return r
}

// levelsOf tells the multi-level collations, all of which are of the Unicode algorithm: those that tell accents or case apart by
// the second and third level.
func levelsOf(collation string) int {
	accents := strings.Contains(collation, "uca1400") && (strings.Contains(collation, "_as_") || strings.HasSuffix(collation, "_cs"))
	if accents || strings.HasSuffix(collation, "_w2") {
		return 3
	}
	return 1
}
