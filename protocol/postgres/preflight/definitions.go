package preflight

import (
	"context"
	"fmt"
	"strings"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ddl"
)

// InstallRemedy is how the event triggers are made.
const InstallRemedy = "as a superuser: octant definitions --config FILE | psql -v ON_ERROR_STOP=1 -d <the database>"

// eventTriggersSQL looks at the event triggers and what they call: enabled for every session, as they were made, and nobody's to change but a superuser's.
const eventTriggersSQL = `SELECT e.evtname, e.evtenabled, p.prosrc, p.prosecdef, (SELECT rolsuper FROM pg_catalog.pg_roles r WHERE r.oid = p.proowner)
FROM pg_catalog.pg_event_trigger e JOIN pg_catalog.pg_proc p ON p.oid = e.evtfoid WHERE e.evtname IN ('octant_definitions', 'octant_drops') ORDER BY 1`

// functionsSQL reads the functions that these call.
const functionsSQL = `SELECT p.proname, p.prosrc FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'octant_definitions'`

// checkDefinitions looks for the event triggers that tell of definitions. Without them definitions are made in every region by people, which is a choice.
func checkDefinitions(ctx context.Context, s *server) []finding.Result {
	const name = "definitions"
	triggers, err := s.Query(ctx, "check event triggers", eventTriggersSQL)
	if err != nil {
		return []finding.Result{finding.Warn.On(name, err.Error(), "")}
	}
	functions, err := s.Query(ctx, "check event triggers", functionsSQL)
	switch {
	case err != nil:
		return []finding.Result{finding.Warn.On(name, err.Error(), "")}
	case len(triggers) == 0 && len(functions) == 0:
		return []finding.Result{finding.Info.On(name, "there are no event triggers that tell of definitions: people make them in every region", InstallRemedy+", to have them carried")}
	case len(triggers) < 2:
		return []finding.Result{finding.Fail.On(name, "an event trigger is missing, and definitions are carried in part", InstallRemedy)}
	}
	for _, row := range triggers {
		if string(row[1]) != "A" {
			return []finding.Result{finding.Fail.On(name, fmt.Sprintf("event trigger %s is not enabled for every session", row[0]),
				fmt.Sprintf("ALTER EVENT TRIGGER %s ENABLE ALWAYS", row[0]))}
		}
		if string(row[3]) != "t" || string(row[4]) != "t" {
			return []finding.Result{finding.Warn.On(name, fmt.Sprintf("the function of event trigger %s does not belong to a superuser, or runs with the rights of whoever runs a statement", row[0]), InstallRemedy)}
		}
	}
	if changed := unlike(functions, ddl.Install(s.config.User)); changed != "" {
		return []finding.Result{finding.Warn.On(name, "function octant_definitions."+changed+" is not that of this version of Octant", InstallRemedy)}
	}
	rows, err := s.Query(ctx, "check event triggers", `SELECT pg_catalog.has_schema_privilege('octant_definitions', 'USAGE')
 AND pg_catalog.has_table_privilege('octant_definitions.seal', 'SELECT') AND pg_catalog.has_table_privilege('octant_definitions.published', 'INSERT')`)
	if err != nil || string(rows[0][0]) != "t" {
		return []finding.Result{finding.Fail.On(name, "the user may not read what the event triggers seal with, and takes nothing from them", InstallRemedy)}
	}
	if !s.config.Definitions {
		return []finding.Result{finding.Info.On(name, "event triggers tell of definitions, which are reported and not carried (database.ddl)", "")}
	}
	return []finding.Result{finding.OK.On(name, "event triggers tell of definitions in database "+connect.Identifier(s.config.Database), "")}
}

// unlike is a function whose body is not in the script.
func unlike(functions [][][]byte, script string) string {
	for _, row := range functions {
		if !strings.Contains(script, "$octant$"+string(row[1])+"$octant$") {
			return string(row[0])
		}
	}
	return ""
}
