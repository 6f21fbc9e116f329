package guise

import (
	"fmt"
	"regexp"
	"strings"
)

// Edition is a version of MySQL: the statements and names that it knows.
type Edition struct {
	// Version is what SELECT VERSION() says, such as 8.0.36.
	Version string
	number  int // 80036
}

// MySQL80 and MySQL84 are what most servers are that have not been brought to 9.x.
var (
	MySQL80 = Edition{"8.0.36", 80036}
	MySQL84 = Edition{"8.4.3", 80403}
)

// span is for which versions something holds: since one, until before another. 0 is open.
type span struct{ since, until int }

func (s span) has(version int) bool {
	return version >= s.since && (s.until == 0 || version < s.until)
}

// word is a statement, or a part of one.
type word struct {
	span
	pattern *regexp.Regexp
}

func from(version int, pattern string) word {
	return word{span{since: version}, regexp.MustCompile(`(?i)` + pattern)}
}

func before(version int, pattern string) word {
	return word{span{until: version}, regexp.MustCompile(`(?i)` + pattern)}
}

// words are what MySQL's grammar has learned and lost since 8.0.0. Literals are taken out before they are looked for.
var words = []word{
	from(80018, `\bREPLICATION_APPLIER\b`),
	from(80022, `\b(START|STOP|RESET) REPLICA\b|\bSHOW REPLICA(S| STATUS)\b`),
	from(80023, `\bCHANGE REPLICATION SOURCE\b`),
	from(80200, `\bSHOW BINARY LOG STATUS\b|\bRESET BINARY LOGS\b`),
	from(80200, `\b(SET_ANY_DEFINER|ALLOW_NONEXISTENT_DEFINER)\b`),
	from(80300, `\bTRANSACTION_GTID_TAG\b`),
	from(90000, `\bVECTOR\s*\(|\b(TO|STRING_TO|FROM|VECTOR_TO)_(VECTOR|STRING)\(`),
	before(80400, `\bSHOW MASTER (STATUS|LOGS)\b|\bPURGE MASTER LOGS\b|\bRESET MASTER\b|\bCHANGE MASTER\b`),
	before(80400, `\bSHOW SLAVE (STATUS|HOSTS)\b|\b(START|STOP|RESET) SLAVE\b`),
	before(80400, `\bSET_USER_ID\b`),
}

// tagged is a literal with a GTID that has a tag, which 8.3 brought.
var tagged = from(80300, `'(AUTOMATIC:|[0-9a-f]{8}-[0-9a-f-]{27}:[a-z_])`)

// variables are the system variables that are spoken of here, and since when there are any. Others count as unknown.
var variables = map[string]span{
	"autocommit": {}, "binlog_checksum": {}, "binlog_row_image": {}, "binlog_row_value_options": {}, "binlog_rows_query_log_events": {},
	"character_set_client": {}, "character_set_results": {}, "collation_connection": {}, "collation_server": {}, "completion_type": {}, "foreign_key_checks": {},
	"gtid_executed": {}, "gtid_mode": {}, "gtid_next": {}, "innodb_lock_wait_timeout": {}, "lock_wait_timeout": {}, "max_allowed_packet": {}, "max_execution_time": {},
	"original_commit_timestamp": {}, "server_id": {}, "server_uuid": {}, "sql_mode": {}, "sql_notes": {}, "sql_safe_updates": {}, "time_zone": {},
	"transaction_isolation": {}, "unique_checks": {}, "wait_timeout": {},

	"log_replica_updates": {since: 80026}, "log_slave_updates": {},
	"binlog_transaction_compression":         {since: 80020},
	"sql_generate_invisible_primary_key":     {since: 80030},
	"binlog_transaction_dependency_tracking": {until: 80400},
	"innodb_native_foreign_keys":             {since: 90600},
}

// has tells whether a system variable is known.
func (e Edition) has(variable string) bool {
	s, listed := variables[strings.ToLower(variable)]
	return listed && s.has(e.number)
}

// hidden are the variables of 9.7 that the edition lacks, as a list of literals.
func (e Edition) hidden() string {
	list := []string{"''"}
	for name, s := range variables {
		if !s.has(e.number) {
			list = append(list, "'"+name+"'")
		}
	}
	return strings.Join(list, ",")
}

func (e Edition) String() string { return fmt.Sprintf("MySQL %s", e.Version) }
