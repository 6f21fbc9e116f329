package preflight_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
)

// TestObjects: what is there already and is not as the relay needs it is found, each for itself, and named with what mends it.
func TestObjects(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t), "max_replication_slots=2", "max_slot_wal_keep_size=1MB", "max_wal_senders=1")
	s.Prepare(t, "CREATE TABLE t (id int PRIMARY KEY, v text)")
	for _, c := range []struct {
		name, is, was  string
		check          string
		status         finding.Status
		detail, remedy string
	}{
		{"one sender", "SELECT", "SELECT", "max_wal_senders", finding.Fail, "1", "set it to 10"},
		{"another plugin's slot", "SELECT pg_create_logical_replication_slot('octant_a', 'test_decoding')", "SELECT pg_drop_replication_slot('octant_a')",
			"slot", finding.Fail, "belongs to plugin test_decoding", "another name"},
		{"a slot of ours", "SELECT pg_create_logical_replication_slot('octant_a', 'pgoutput')", "SELECT", "slot", finding.OK, "of log", ""},
		{"a lost slot", "CREATE TABLE noise AS SELECT repeat('x', 1000) FROM generate_series(1, 40000); SELECT pg_switch_wal(); CHECKPOINT", "SELECT pg_drop_replication_slot('octant_a')",
			"slot", finding.Fail, "has been invalidated", "max_slot_wal_keep_size"},
		{"no slot left", "SELECT pg_create_physical_replication_slot('one'), pg_create_physical_replication_slot('two')", "SELECT pg_drop_replication_slot('one'), pg_drop_replication_slot('two')",
			"max_replication_slots", finding.Fail, "all are taken", "restart"},
		{"changes left out", "CREATE PUBLICATION octant_a FOR TABLE app.t WITH (publish = 'insert, update')", "DROP PUBLICATION octant_a", "publication", finding.Fail, "leaves out changes", "publish_via_partition_root = true"},
		{"partitions apart", "CREATE PUBLICATION octant_a FOR TABLE app.t", "DROP PUBLICATION octant_a", "publication", finding.Fail, "leaves out changes", "publish_via_partition_root = true"},
		{"a trigger for all", "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW;END'; CREATE TRIGGER g BEFORE INSERT ON app.t EXECUTE FUNCTION f(); ALTER TABLE app.t ENABLE ALWAYS TRIGGER g",
			"DROP TRIGGER g ON app.t", "triggers", finding.Warn, "g on", "ENABLE TRIGGER"},
		{"no truncate", "ALTER TABLE app.t OWNER TO postgres; GRANT SELECT, INSERT, UPDATE, DELETE ON app.t TO octant", "ALTER TABLE app.t OWNER TO octant",
			"truncate_privilege", finding.Warn, "TRUNCATE", "GRANT TRUNCATE"},
	} {
		for sql := range strings.SplitSeq(c.is, "; ") { // a slot is invalidated outside of transactions
			s.Exec(t, sql)
		}
		if r := check(t, config(s))[c.check]; r.Status != c.status || !strings.Contains(r.Detail, c.detail) || !strings.Contains(r.Remedy, c.remedy) {
			t.Errorf("%s: %+v", c.name, r)
		}
		s.Exec(t, c.was)
	}
}
