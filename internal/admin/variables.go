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

// variable returns the value of @@name. Numbers and switches are numbers there.
func (e *Engine) variable(name string) (any, bool) {
	value, ok := e.setting(name)
	switch n, err := strconv.ParseInt(value, 10, 64); {
	case !ok:
		return nil, false
	case err == nil:
		return n, true
	case value == "ON" && name != "gtid_mode" && name != "enforce_gtid_consistency": // these two have more than two values
		return int64(1), true
	case value == "OFF" && name != "query_cache_type":
		return int64(0), true
	}
	return value, true
}

// setting returns the value as SHOW VARIABLES has it.
func (e *Engine) setting(name string) (string, bool) {
	for _, v := range e.variables() {
		if v.name == name {
			return v.value, true
		}
	}
	return "", false
}

// counters are the relay's numbers under the names that SHOW STATUS gives them, in order.
func (e *Engine) counters() []variable {
	s := e.cfg.Inspector.Status()
	n := func(v uint64) string { return strconv.FormatUint(v, 10) }
	c := s.Counters
	return []variable{
		{"Octant_applied_rows", n(c.AppliedRows)}, {"Octant_applied_transactions", n(c.AppliedTransactions)},
		{"Octant_apply_retries", n(c.ApplyRetries)}, {"Octant_capture_reconnects", n(c.CaptureReconnects)},
		{"Octant_captured_bytes", n(c.CapturedBytes)}, {"Octant_captured_transactions", n(c.CapturedTransactions)},
		{"Octant_conflicts", n(c.Conflicts)}, {"Octant_index_entries", strconv.Itoa(s.Apply.Index)},
		{"Octant_inversions", n(c.Inversions)}, {"Octant_log_syncs", n(c.LogSyncs)},
		{"Octant_received_bytes", n(c.ReceivedBytes)}, {"Octant_received_transactions", n(c.ReceivedTransactions)},
		{"Octant_repairs", n(c.RepairsDone)}, {"Octant_repairs_pending", strconv.Itoa(s.Apply.Repairs)},
		{"Octant_served_bytes", n(c.ServedBytes)}, {"Octant_served_transactions", n(c.ServedTransactions)},
		{"Octant_skipped_rows", n(c.SkippedRows)}, {"Slave_retried_transactions", n(c.ApplyRetries)}, {"Slave_running", e.running()},
		{"Slaves_connected", strconv.Itoa(len(e.cfg.Inspector.Replicas()))},
		{"Threads_connected", strconv.Itoa(e.connected())},
		{"Uptime", strconv.Itoa(int(max(0, e.cfg.Now().Sub(s.Started)).Seconds()))},
	}
}

// running tells whether the relay reads its source or a peer.
func (e *Engine) running() string {
	reading := e.cfg.Inspector.Status().Capture.Connected
	for _, p := range e.cfg.Inspector.Peers() {
		reading = reading || p.State == "connected"
	}
	if reading {
		return "ON"
	}
	return "OFF"
}

// connected is how many clients there are: at least the one who asks.
func (e *Engine) connected() int {
	if e.cfg.Clients == nil {
		return 1 + len(e.cfg.Inspector.Replicas())
	}
	return len(e.cfg.Clients.Clients())
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
		return statement{role: roleRead, run: func(ctx context.Context, call *call) (*mysql.Result, error) {
			return call.e.ask(ctx, call.session, "SELECT * FROM (SELECT name AS Variable_name, value AS Value FROM octant."+
				table+") v WHERE "+condition)
		}}, nil
	case c.words("like"):
		pattern, err := c.string()
		if err == nil {
			err = c.end()
		}
		return statement{role: roleRead, run: func(_ context.Context, call *call) (*mysql.Result, error) {
			return listed(list(call.e), pattern), nil
		}}, err
	}
	return statement{role: roleRead, run: func(_ context.Context, call *call) (*mysql.Result, error) {
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
