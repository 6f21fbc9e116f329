package preflight_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
)

// TestSequences: numbers that two regions would both give are found, of serial columns, identity columns and sequences of their own; of others it is said which ones they are.
func TestSequences(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, "CREATE TABLE s (id serial PRIMARY KEY); CREATE TABLE i (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY); CREATE SEQUENCE own; CREATE TEMP SEQUENCE fleeting")
	for _, c := range []struct {
		sql, detail string
		status      finding.Status
	}{
		{"SELECT", `"app"."i_id_seq", "app"."own", "app"."s_id_seq": several regions`, finding.Warn},
		{"ALTER TABLE app.i ALTER id SET INCREMENT BY 16 RESTART WITH 3; ALTER SEQUENCE app.own INCREMENT BY 8 RESTART WITH 2", `"app"."s_id_seq": several regions`, finding.Warn},
		{"ALTER SEQUENCE app.s_id_seq INCREMENT BY 2 RESTART WITH 1", `"app"."s_id_seq": several regions`, finding.Warn}, // there are three regions
		{"ALTER SEQUENCE app.s_id_seq INCREMENT BY 3", `"app"."i_id_seq" goes up by 16 with remainder 3, "app"."own" goes up by 8 with remainder 2, "app"."s_id_seq" goes up by 3 with remainder 1`, finding.OK},
		{"INSERT INTO app.i DEFAULT VALUES; INSERT INTO app.i DEFAULT VALUES", `"app"."i_id_seq" goes up by 16 with remainder 3`, finding.OK},
	} {
		s.Exec(t, c.sql)
		if r := check(t, config(s))["sequences"]; r.Status != c.status || !strings.HasPrefix(r.Detail, c.detail) {
			t.Errorf("after %s: %+v", c.sql, r)
		}
	}
}
