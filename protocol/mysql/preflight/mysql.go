package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/internal/finding"
)

// What the relay asks of MySQL and not of MariaDB, or in other words.

var mySQLChecks = []func(context.Context, *server) []finding.Result{
	checkMySQLSettings, checkFilters, checkMySQLLog, checkMySQLNumber, checkDurability, checkLimits,
	checkMySQLPrivileges, checkMySQLTables, checkAutoIncrement, checkTriggers, checkEvents, checkUnlogged, checkSchemas,
}

func checkMySQLVersion(s *server) finding.Result {
	const name = "version"
	text := "MySQL " + s.variables["version"]
	switch {
	case !s.mysqlSince(8, 0, 18):
		return finding.Fail.On(name, text, "upgrade to MySQL 8.0.18 or newer: older ones lack REPLICATION_APPLIER, or binlog_row_metadata")
	case s.mysqlSince(9, 7, 0) && !s.mysqlSince(9, 8, 0):
		return finding.OK.On(name, text, "")
	default:
		return finding.Info.On(name, text+": Octant is tested with 9.7, and with what 8.0 and 8.4 know of its statements", "")
	}
}

// mysqlSince tells whether this is a MySQL of a version or a later one.
func (s *server) mysqlSince(major, minor, patch int) bool {
	var have [3]int
	if _, err := fmt.Sscanf(s.variables["version"], "%d.%d.%d", &have[0], &have[1], &have[2]); err != nil {
		return false
	}
	return s.mysql() && slices.Compare(have[:], []int{major, minor, patch}) >= 0
}

var mySQLRequired = []setting{
	{"log_bin", "ON", "the binary log is what the relay reads", true, "mysql-bin"},
	{"gtid_mode", "ON", "the relay finds its place in the log by GTIDs", true, ""},
	{"enforce_gtid_consistency", "ON", "gtid_mode needs it", true, ""},
	{"binlog_format", "ROW", "statements give other results in other regions", false, ""},
	{"binlog_row_image", "FULL", "a row's whole content is needed to write it where it is missing", false, ""},
	{"binlog_row_metadata", "FULL", "each change must say its table's columns and key as they were", false, ""},
	{"binlog_row_value_options", "", "PARTIAL_JSON leaves out what stands in a document already, and the other region may have another one", false, ""},
	{"binlog_checksum", "CRC32", "events are kept with their checksum", false, ""},
}

func checkMySQLSettings(_ context.Context, s *server) []finding.Result {
	var results []finding.Result
	for _, r := range mySQLRequired {
		if _, there := s.variables[r.variable]; !there && r.variable == "binlog_format" {
			continue // a version that knows nothing but rows
		}
		results = append(results, r.check(s))
	}
	return append(results, checkReplicaUpdates(s), checkWritable(s))
}

// checkReplicaUpdates: the setting's name is of 8.0.26, and a server that does not know it does not start with it.
func checkReplicaUpdates(s *server) finding.Result {
	name := "log_replica_updates"
	if !s.mysqlSince(8, 0, 26) {
		name = "log_slave_updates"
	}
	if s.is(name, "ON") || s.is("log_slave_updates", "ON") {
		return finding.OK.On(name, "ON", "")
	}
	return finding.Warn.On(name, "OFF: what this server itself receives as a replica does not reach the other regions",
		name+" = ON in the server's configuration; then restart it. Not needed if it is nobody's replica")

}

// checkMySQLLog looks at what makes the log larger or smaller and changes nothing of what it says.
func checkMySQLLog(ctx context.Context, s *server) []finding.Result {
	const name = "binlog_transaction_compression"
	results := []finding.Result{finding.OK.On(name, s.variables[name]+": compressed transactions are read as well", "")}
	const text = "binlog_rows_query_log_events"
	if s.is(text, "OFF") {
		return append(results, finding.OK.On(text, "OFF", ""))
	}
	all, err := s.readGrants(ctx)
	if err != nil {
		return append(results, broken(text, err)...)
	}
	if all.global("SESSION_VARIABLES_ADMIN", true) {
		return append(results, finding.OK.On(text, "ON: the relay leaves the text of its own statements out", ""))
	}
	return append(results, finding.Warn.On(text, "ON: the text of the relay's own statements doubles the binary log", s.grant("SESSION_VARIABLES_ADMIN", "*.*")))
}

func checkMySQLNumber(_ context.Context, s *server) []finding.Result {
	const name = "server_id"
	id, _ := s.number(name)
	remedy := fmt.Sprintf("SET GLOBAL server_id = %d; and the same in the server's configuration", max(s.config.Region, 1))
	switch {
	case id == 0:
		return []finding.Result{finding.Fail.On(name, "0: a server without a number serves no replicas", remedy)}
	case s.config.ReplicaID != 0 && id == int64(s.config.ReplicaID):
		return []finding.Result{finding.Fail.On(name, fmt.Sprintf("%d is the number that the relay registers with", id), remedy)}
	}
	return []finding.Result{finding.OK.On(name, fmt.Sprint(id), "")}
}

// mySQLNeeded: see the privileges in MySQL's manual, "Privileges Provided by MySQL".
var mySQLNeeded = []privilege{
	{"REPLICATION SLAVE", "to read the binary log", finding.Fail},
	{"REPLICATION CLIENT", "to see where the binary log ends", finding.Fail},
	{"REPLICATION_APPLIER", "to write the other regions' rows as row events, without triggers, with the time of their first commit", finding.Fail},
}

func checkMySQLPrivileges(ctx context.Context, s *server) []finding.Result {
	all, err := s.readGrants(ctx)
	if err != nil {
		return broken("privileges", err)
	}
	var results []finding.Result
	for _, p := range mySQLNeeded {
		name := "privilege " + p.name
		if all.global(p.name, p.name == "REPLICATION_APPLIER") {
			results = append(results, finding.OK.On(name, p.why, ""))
			continue
		}
		results = append(results, p.missing.On(name, "missing: "+p.why, s.grant(p.name, "*.*")))
	}
	results = append(results, checkBookkeeping(s, all), checkTableRights(ctx, s, all))
	return append(results, checkDefinitionRights(ctx, s, all)...)
}

func checkMySQLTables(ctx context.Context, s *server) []finding.Result {
	tables, err := s.tables(ctx)
	if err != nil {
		return broken("tables", err)
	}
	keys, err := checkMySQLForeignKeys(ctx, s)
	if err != nil {
		return broken("foreign_keys", err)
	}
	return []finding.Result{checkPrimaryKeys(tables), checkEngines(tables), checkExpressions(tables), keys, checkUniques(tables), checkFolding(tables)}
}

// checkExpressions: the columns that MySQL makes for such indexes are not in its binary log.
func checkExpressions(tables []*table) finding.Result {
	const name = "unique_expressions"
	computed := pick(tables, func(t *table) bool { return t.computed })
	if len(computed) == 0 {
		return finding.OK.On(name, "no unique index is on an expression", "")
	}
	return finding.Fail.On(name, "the binary log does not have the values of a unique index on an expression: "+names(computed),
		fmt.Sprintf("put the index on a generated column: ALTER TABLE %s ADD COLUMN … AS (…), ADD UNIQUE (…); in every region; or exclude the table",
			computed[0].quoted()))

}

// checkMySQLForeignKeys: from 9.6 on the server itself does what foreign keys do, and logs it, unless innodb_native_foreign_keys leaves it
// to InnoDB, as before.
func checkMySQLForeignKeys(ctx context.Context, s *server) (finding.Result, error) {
	if s.is("innodb_native_foreign_keys", "OFF") {
		return finding.OK.On("foreign_keys", "what they change is in the binary log", ""), nil
	}
	r, err := checkForeignKeys(ctx, s)
	if native, there := s.variables["innodb_native_foreign_keys"]; there && r.Status == finding.Warn {
		r.Remedy = "innodb_native_foreign_keys = OFF in the server's configuration, not " + native + "; then restart it"
	}
	return r, err
}

// roles returns how the grants of the current roles are asked for: unlike MariaDB, MySQL does not show them by itself.
func (s *server) roles(ctx context.Context) (string, error) {
	if !s.mysql() {
		return "", nil
	}
	var roles string
	if err := s.query(ctx, "SELECT CURRENT_ROLE()", func(row []string) { roles = row[0] }); err != nil || roles == "NONE" {
		return "", err
	}
	return " FOR CURRENT_USER() USING " + strings.TrimSpace(roles), nil
}
