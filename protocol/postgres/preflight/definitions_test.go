package preflight_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
)

// TestDefinitions: event triggers that are not as they were made are found, with what mends them.
func TestDefinitions(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, e pgtest.Engine) {
		s := pgtest.Start(t, e)
		s.Prepare(t, "CREATE TABLE t (id uuid PRIMARY KEY)")
		expect := func(after string, status finding.Status, detail, remedy string) {
			t.Helper()
			s.Exec(t, after)
			c := config(s)
			c.Definitions = true
			r := check(t, c)["definitions"]
			if r.Status != status || !strings.Contains(r.Detail, detail) || !strings.Contains(r.Remedy, remedy) {
				t.Errorf("after %.60s: %+v, want %s, %s, %s", after, r, status, detail, remedy)
			}
		}
		install := ddl.Install(pgtest.User)
		expect("SELECT", finding.Info, "there are no event triggers", "octant definitions --config FILE | psql")
		expect(install, finding.OK, "", "")
		expect(install, finding.OK, "", "") // again
		expect("ALTER EVENT TRIGGER octant_drops ENABLE", finding.Fail, "octant_drops is not enabled for every session", "ALTER EVENT TRIGGER octant_drops ENABLE ALWAYS")
		expect("ALTER EVENT TRIGGER octant_drops ENABLE ALWAYS", finding.OK, "", "")
		expect("CREATE OR REPLACE FUNCTION octant_definitions.keep(changed oid) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb'", finding.Warn, "octant_definitions.keep is not that", "psql")
		expect(install+"DROP EVENT TRIGGER octant_definitions", finding.Fail, "an event trigger is missing", "psql")
		expect(install+"ALTER FUNCTION octant_definitions.note() SECURITY INVOKER", finding.Warn, "with the rights of whoever", "psql")
		expect(install+"REVOKE ALL ON octant_definitions.seal FROM octant", finding.Fail, "may not read what the event triggers seal with", "psql")
	})
}
