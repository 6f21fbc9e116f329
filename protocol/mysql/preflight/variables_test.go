package preflight

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/finding"
)

func with(variables ...string) *server {
	s := &server{variables: map[string]string{}}
	for i := 0; i < len(variables); i += 2 {
		s.variables[variables[i]] = variables[i+1]
	}
	return s
}

func TestVersions(t *testing.T) {
	cases := []struct {
		version string
		want    finding.Status
	}{
		{"10.11.19-MariaDB-0+deb12u1-log", finding.OK}, {"10.5.2-MariaDB", finding.Info}, {"11.8.6-MariaDB-ubu2404", finding.Info},
		{"10.4.34-MariaDB", finding.Fail}, {"5.5.68-MariaDB", finding.Fail}, {"8.4.3", finding.Info}, {"9.7.0-debug", finding.OK}, {"8.0.36", finding.Info}, {"8.0.18", finding.Info}, {"8.0.17", finding.Fail}, {"9.6.0", finding.Info}, {"9.10.1", finding.Info}, {"5.7.44-log", finding.Fail}, {"", finding.Fail}, {"x.y-mariadb", finding.Fail},
	}
	for _, c := range cases {
		if r := checkVersion(with("version", c.version)); r.Status != c.want {
			t.Errorf("%q: got %+v, want %s", c.version, r, c.want)
		}
	}
}

// TestExpiry covers variables that not every version has.
func TestExpiry(t *testing.T) {
	cases := []struct {
		variables []string
		want      finding.Status
		text      string
	}{
		{[]string{"expire_logs_days", "0.000000"}, finding.OK, "until they are purged"},
		{[]string{"expire_logs_days", "10.000000"}, finding.OK, "10 days"},
		{[]string{"expire_logs_days", "10.000000", "binlog_expire_logs_seconds", "3600"}, finding.Warn, "3600 s"},
		{[]string{"binlog_expire_logs_seconds", "0"}, finding.OK, "until they are purged"},
		{[]string{"binlog_expire_logs_seconds", "0", "max_binlog_total_size", "1073741824"}, finding.Warn, "max_binlog_total_size"},
	}
	for _, c := range cases {
		if r := checkExpiry(with(c.variables...)); r.Status != c.want || !strings.Contains(r.Detail, c.text) {
			t.Errorf("%v: got %+v", c.variables, r)
		}
	}
}

func TestSuperCountsBeforeVersion11(t *testing.T) {
	g := grants{{privileges: map[string]bool{"SUPER": true}, schema: "*", table: "*"}}
	if !with("version", "10.11.1-MariaDB").replays(g) || with("version", "11.4.2-MariaDB").replays(g) {
		t.Error("SUPER holds BINLOG REPLAY before 11.0 and not after")
	}
}

// TestNamesOfOlderVersions: remedies are in words that the server knows.
func TestNamesOfOlderVersions(t *testing.T) {
	cases := []struct{ version, setting, status, right string }{
		{"8.0.25", "log_slave_updates", "SHOW MASTER STATUS", "SET_USER_ID"}, {"8.0.26", "log_replica_updates", "SHOW MASTER STATUS", "SET_USER_ID"},
		{"8.1.0", "log_replica_updates", "SHOW MASTER STATUS", "SET_USER_ID"}, {"8.2.0", "log_replica_updates", "SHOW BINARY LOG STATUS", "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER"},
		{"9.7.1", "log_replica_updates", "SHOW BINARY LOG STATUS", "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER"}, {"10.11.6-MariaDB", "", "SHOW MASTER STATUS", "SET USER"},
	}
	for _, c := range cases {
		s := with("version", c.version)
		if r := checkReplicaUpdates(s); c.setting != "" && (r.Name != c.setting || !strings.Contains(r.Remedy, c.setting+" = ON")) {
			t.Errorf("%s: %+v", c.version, r)
		}
		if have := s.logStatus(); have != c.status {
			t.Errorf("%s: %s", c.version, have)
		}
		if have := strings.Join(s.definerRights(nil), ", "); have != c.right {
			t.Errorf("%s: %s", c.version, have)
		}
	}
}

func TestLongListsAreCut(t *testing.T) {
	if got := join(strings.Split("abcdefghijkl", "")); got != "a, b, c, d, e, f, g, h and 4 more" {
		t.Errorf("got %q", got)
	}
}
