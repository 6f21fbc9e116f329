package preflight

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"github.com/octant-db/octant/internal/finding"
)

func checkVersion(s *server) finding.Result {
	const name = "version"
	if s.mysql() {
		return checkMySQLVersion(s)
	}
	text := s.variables["version"]
	switch major, minor := s.version(); {
	case major == 0:
		return finding.Fail.On(name, text+" is no version of MariaDB", "this version of Octant serves MariaDB 10.5 and newer")
	case major < 10 || major == 10 && minor < 5:
		return finding.Fail.On(name, "MariaDB "+text, "upgrade to MariaDB 10.5 or newer: older ones lack BINLOG REPLAY and binlog_row_metadata")
	case major == 10 && minor == 11:
		return finding.OK.On(name, "MariaDB "+text, "")
	default:
		return finding.Info.On(name, "MariaDB "+text+": Octant is tested with 10.11", "")
	}
}

// setting is a server variable that must have one value.
type setting struct {
	variable, want string
	why            string
	restart        bool   // it can only be set in the configuration file
	write          string // what is written there, if that is not want
}

var required = []setting{
	{"log_bin", "ON", "the binary log is what the relay reads", true, "mariadb-bin"},
	{"binlog_format", "ROW", "statements give other results in other regions", false, ""},
	{"binlog_row_image", "FULL", "a row's whole content is needed to write it where it is missing", false, ""},
	{"binlog_row_metadata", "FULL", "each change must say its table's columns and key as they were", false, ""},
	{"binlog_checksum", "CRC32", "events are kept with their checksum", false, ""},
}

func checkSettings(_ context.Context, s *server) []finding.Result {
	var results []finding.Result
	for _, r := range required {
		results = append(results, r.check(s))
	}
	return append(results, checkLogUpdates(s), checkWritable(s))
}

func (r setting) check(s *server) finding.Result {
	value, there := s.variables[r.variable]
	if there && strings.EqualFold(value, r.want) {
		return finding.OK.On(r.variable, cmp.Or(value, "none"), "")
	}
	return finding.Fail.On(r.variable, fmt.Sprintf("%s: %s", value, r.why), r.remedy())
}

func (r setting) remedy() string {
	if r.restart {
		return fmt.Sprintf("in the server's configuration: %s = %s; then restart it", r.variable, cmp.Or(r.write, r.want))
	}
	return fmt.Sprintf("SET GLOBAL %s = %s; and the same in the server's configuration; sessions that are open keep the old value: reconnect them",
		r.variable, cmp.Or(r.want, "''"))
}

func checkLogUpdates(s *server) finding.Result {
	const name = "log_slave_updates"
	if s.is(name, "ON") {
		return finding.OK.On(name, "ON", "")
	}
	return finding.Warn.On(name, "OFF: what this server itself receives as a replica does not reach the other regions",
		"log_slave_updates = ON in the server's configuration; then restart it. Not needed if it is nobody's replica")

}

func checkWritable(s *server) finding.Result {
	const name = "read_only"
	if s.is(name, "OFF") || s.is(name, "0") {
		return finding.OK.On(name, "OFF", "")
	}
	return finding.Fail.On(name, s.variables[name]+": the relay cannot write the other regions' changes", "SET GLOBAL read_only = OFF;")
}

// checkFilters asks where the log ends, the only place where 10.x shows these options.
func checkFilters(ctx context.Context, s *server) []finding.Result {
	const name = "binlog_filters"
	const remedy = "remove binlog_do_db and binlog_ignore_db from the server's configuration and restart it; choose tables with database.include"
	var filters []string
	err := s.query(ctx, s.logStatus(), func(row []string) {
		for i, option := range []string{"binlog_do_db", "binlog_ignore_db"} {
			if len(row) > 2+i && row[2+i] != "" {
				filters = append(filters, option+" = "+row[2+i])
			}
		}
	})
	switch {
	case err != nil:
		return []finding.Result{finding.Fail.On(name, "cannot ask: "+err.Error(), s.grant(s.statusPrivilege(), "*.*"))}
	case len(filters) > 0:
		return []finding.Result{finding.Fail.On(name, strings.Join(filters, ", ")+
			": changes, or the relay's own marks in schema octant, are missing from the binary log", remedy)}
	}
	return []finding.Result{finding.OK.On(name, "none", "")}
}
