package preflight_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/protocol/postgres/preflight"
)

func config(s *pgtest.Server) preflight.Config {
	return preflight.Config{
		Addr: s.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password, Slot: "octant_a", Publication: "octant_a",
		Regions: 3, Lanes: 2, Include: func(schema, _ string) bool { return schema == "app" },
	}
}

func check(t *testing.T, c preflight.Config) map[string]finding.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	found := make(map[string]finding.Result)
	for _, r := range preflight.Check(ctx, c) {
		if found[r.Name].Name != "" {
			t.Errorf("two results of %s", r.Name)
		}
		if r.Status == finding.Fail && r.Remedy == "" {
			t.Errorf("%s has no remedy", r.Name)
		}
		found[r.Name] = r
	}
	return found
}

// TestGoodServer: a server that is set up as the manual says, as a user without more than it names.
func TestGoodServer(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, e pgtest.Engine) {
		s := pgtest.Start(t, e, "fsync=on")
		s.Prepare(t, "CREATE TABLE t (id uuid PRIMARY KEY, n int); CREATE TABLE ruled (id int PRIMARY KEY); ALTER TABLE ruled REPLICA IDENTITY FULL")
		c := config(s)
		c.Ruled = func(_, table string) bool { return table == "ruled" }
		for name, r := range check(t, c) {
			if r.Status == finding.Fail || r.Status == finding.Warn {
				t.Errorf("%s: %s, %s", name, r.Status, r.Detail)
			}
		}
	})
}

// TestFindings: what is not as it must be is found.
func TestFindings(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t), "wal_level=replica", "max_replication_slots=3")
	s.Prepare(t, `CREATE TABLE nokey (v text); CREATE TABLE nothing (id int PRIMARY KEY); ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE UNLOGGED TABLE fleeting (id int PRIMARY KEY); CREATE TABLE s (id serial PRIMARY KEY, o oid, v text);
CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE);
CREATE TABLE ruled (id int PRIMARY KEY); CREATE TABLE ruled_parts (id int PRIMARY KEY) PARTITION BY RANGE (id); ALTER TABLE ruled_parts REPLICA IDENTITY FULL;
CREATE TABLE part PARTITION OF ruled_parts FOR VALUES FROM (0) TO (9)`)
	s.Exec(t, `ALTER ROLE octant NOREPLICATION; REVOKE CREATE ON DATABASE shop FROM octant; REVOKE SET ON PARAMETER session_replication_role FROM octant;
CREATE TABLE app.foreign_owner (id int PRIMARY KEY); GRANT SELECT ON app.foreign_owner TO octant; ALTER TABLE app.foreign_owner ENABLE ROW LEVEL SECURITY`)
	c := config(s)
	c.Ruled = func(_, table string) bool { return strings.HasPrefix(table, "ruled") }
	found := check(t, c)
	for name, want := range map[string]finding.Status{
		"wal_level": finding.Fail, "replication": finding.Fail, "create": finding.Info, "session_replication_role": finding.Warn,
		"ledger": finding.Fail, "primary_key": finding.Warn, "replica_identity": finding.Warn, "unlogged": finding.Warn,
		"table_privileges": finding.Fail, "table_owner": finding.Fail, "row_security": finding.Fail, "types": finding.Warn,
		"sequences": finding.Warn, "large_values": finding.Info, "replication_origins": finding.Info, "fsync": finding.Warn, "rows_before": finding.Fail,
	} {
		if found[name].Status != want {
			t.Errorf("%s: %+v, want %s", name, found[name], want)
		}
	}
	if d := found["primary_key"].Detail; !strings.Contains(d, "nokey") || !strings.Contains(d, "deferred") {
		t.Errorf("primary_key: %s", d)
	}
	if d := found["rows_before"].Detail; !strings.Contains(d, `"ruled", `) || !strings.Contains(d, "ruled_parts") {
		t.Errorf("rows_before: %s", d)
	}
	if !finding.Failed(slices.Collect(func(yield func(finding.Result) bool) {
		for _, r := range found {
			if !yield(r) {
				return
			}
		}
	})) {
		t.Error("it has not failed")
	}
}

// TestConnect: why one cannot log in.
func TestConnect(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, "")
	for name, c := range map[string]struct {
		change func(*preflight.Config)
		remedy string
	}{
		"password": {func(c *preflight.Config) { c.Password = "wrong" }, "correct database.password"},
		"database": {func(c *preflight.Config) { c.Database = "nothing" }, "database's name"},
		"address":  {func(c *preflight.Config) { c.Addr = "127.0.0.1:1" }, "start the server"},
	} {
		config := config(s)
		c.change(&config)
		r := check(t, config)["connect"]
		if r.Status != finding.Fail || !strings.Contains(r.Remedy, c.remedy) || strings.Contains(r.Detail, "wrong") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}
