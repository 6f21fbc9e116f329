package admin

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// variable is one setting, as SHOW VARIABLES has it.
type variable struct{ name, value string }

// variables are what clients ask for, as far as it has a true answer, and what a person wants to know of the relay. They are in
// order of their names.
func (e *Engine) variables() []variable {
	self := e.cfg.Inspector.Self()
	status := e.cfg.Inspector.Status()
	gtids := e.cfg.Inspector.LogStatus().GTIDSet
	return []variable{
		{"auto_increment_increment", "1"}, {"auto_increment_offset", "1"}, {"autocommit", "ON"}, {"binlog_format", "ROW"},
		{"character_set_client", "utf8mb4"}, {"character_set_connection", "utf8mb4"}, {"character_set_database", "utf8mb4"},
		{"character_set_results", "utf8mb4"}, {"character_set_server", "utf8mb4"}, {"character_set_system", "utf8mb3"},
		{"collation_connection", "utf8mb4_general_ci"}, {"collation_database", "utf8mb4_general_ci"},
		{"collation_server", "utf8mb4_general_ci"},
		{"gtid_binlog_pos", gtids}, {"gtid_current_pos", gtids},
		{"init_connect", ""}, {"interactive_timeout", "28800"}, {"log_bin", "ON"}, {"lower_case_table_names", "0"},
		{"max_allowed_packet", "16777216"}, {"net_buffer_length", "16384"}, {"net_write_timeout", "60"},
		{"octant_cluster", self.Cluster}, {"octant_database", status.DatabaseAt}, {"octant_engine", status.Engine},
		{"octant_region", self.Name}, {"octant_region_id", strconv.Itoa(int(self.Region))}, {"octant_store", self.Store},
		{"performance_schema", "OFF"}, {"protocol_version", "10"}, {"query_cache_size", "0"}, {"query_cache_type", "OFF"},
		{"read_only", "ON"}, {"sql_mode", ""}, {"system_time_zone", "UTC"}, {"time_zone", "+00:00"},
		{"transaction_isolation", "READ-COMMITTED"}, {"transaction_read_only", "OFF"},
		{"tx_isolation", "READ-COMMITTED"}, {"tx_read_only", "OFF"},
		{"version", e.cfg.Version}, {"version_comment", "Octant relay of region " + self.Name}, {"wait_timeout", "28800"},
	}
}

// variable returns the value of @@name. Numbers and switches are numbers there.
func (e *Engine) variable(name string) (any, bool) {
	for _, v := range e.variables() {
		if v.name != name {
			continue
		}
		switch n, err := strconv.ParseInt(v.value, 10, 64); {
		case err == nil:
			return n, true
		case v.value == "ON" && name != "log_bin":
			return int64(1), true
		case v.value == "OFF" && name != "query_cache_type":
			return int64(0), true
		}
		return v.value, true
	}
	return nil, false
}

// counters are the relay's numbers under the names that SHOW STATUS gives them, in order.
func (e *Engine) counters() []variable {
	s := e.cfg.Inspector.Status()
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	c := s.Counters
	running := "OFF"
	for _, p := range e.cfg.Inspector.Peers() {
		if p.State == "connected" {
			running = "ON"
		}
	}
	return []variable{
		{"Octant_applied_rows", n(c.AppliedRows)}, {"Octant_applied_transactions", n(c.AppliedTransactions)},
		{"Octant_apply_retries", n(c.ApplyRetries)}, {"Octant_capture_reconnects", n(c.CaptureReconnects)},
		{"Octant_captured_bytes", n(c.CapturedBytes)}, {"Octant_captured_transactions", n(c.CapturedTransactions)},
		{"Octant_conflicts", n(c.Conflicts)}, {"Octant_index_entries", strconv.Itoa(s.Apply.Index)},
		{"Octant_inversions", n(c.Inversions)}, {"Octant_log_syncs", n(c.LogSyncs)},
		{"Octant_received_bytes", n(c.ReceivedBytes)}, {"Octant_received_transactions", n(c.ReceivedTransactions)},
		{"Octant_repairs", n(c.RepairsDone)}, {"Octant_repairs_pending", strconv.Itoa(s.Apply.Repairs)},
		{"Octant_served_bytes", n(c.ServedBytes)}, {"Octant_served_transactions", n(c.ServedTransactions)},
		{"Octant_skipped_rows", n(c.SkippedRows)}, {"Slave_running", running},
		{"Slaves_connected", strconv.Itoa(len(e.cfg.Inspector.Replicas()))},
		{"Uptime", strconv.Itoa(int(max(0, e.cfg.Now().Sub(s.Started)).Seconds()))},
	}
}

var variableColumns = []column{{"Variable_name", textColumn}, {"Value", textColumn}}

// showList answers SHOW VARIABLES and SHOW STATUS. A WHERE is for the SQL engine, over the table that has the same list.
func (c *cursor) showList(table string, list func(*Engine) []variable) (statement, error) {
	switch {
	case c.words("where") && !c.done():
		condition := c.rest()
		if c.has(reaching...) {
			return statement{}, c.wrong()
		}
		return statement{roleRead, func(ctx context.Context, call *call) (*mysql.Result, error) {
			return call.e.ask(ctx, call.session, "SELECT * FROM (SELECT name AS Variable_name, value AS Value FROM octant."+
				table+") v WHERE "+condition)
		}}, nil
	case c.words("like"):
		pattern, err := c.string()
		if err == nil {
			err = c.end()
		}
		return statement{roleRead, func(_ context.Context, call *call) (*mysql.Result, error) {
			return listed(list(call.e), pattern), nil
		}}, err
	}
	return statement{roleRead, func(_ context.Context, call *call) (*mysql.Result, error) {
		return listed(list(call.e), "%"), nil
	}}, c.end()
}

func listed(list []variable, pattern string) *mysql.Result {
	var rows [][]any
	for _, v := range list {
		if like(pattern, v.name) {
			rows = append(rows, []any{v.name, v.value})
		}
	}
	return newResult(variableColumns, rows...)
}

// like tells whether s is like the pattern, without regard to case of ASCII letters.
func like(pattern, s string) bool {
	pattern, s = strings.ToLower(pattern), strings.ToLower(s)
	// star is where the last % stood in the pattern, and mark what of s it stands for so far.
	p, at, star, mark := 0, 0, -1, 0
	for at < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, mark = p, at
			p++
			continue
		case p+1 < len(pattern) && pattern[p] == '\\' && pattern[p+1] == s[at]:
			p, at = p+2, at+1
			continue
		case p < len(pattern) && pattern[p] != '\\' && (pattern[p] == '_' || pattern[p] == s[at]):
			p, at = p+1, at+1
			continue
		case star < 0:
			return false
		}
		mark++
		p, at = star+1, mark
	}
	return strings.Trim(pattern[p:], "%") == ""
}

// host is the address without the port.
func host(address string) string {
	if h, _, err := net.SplitHostPort(address); err == nil {
		return h
	}
	return address
}
