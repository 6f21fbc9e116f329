package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/internal/finding"
)

func checkTriggers(ctx context.Context, s *server) []finding.Result {
	const name = "triggers"
	var found []string
	err := s.query(ctx, `SELECT EVENT_OBJECT_SCHEMA, EVENT_OBJECT_TABLE, TRIGGER_NAME FROM information_schema.TRIGGERS
		ORDER BY 1, 2, 3`, func(row []string) {
		if s.matches(row[0], row[1]) {
			found = append(found, fmt.Sprintf("%s.%s (%s)", row[0], row[1], row[2]))
		}
	})
	if err != nil {
		return broken(name, err)
	}
	all, err := s.readGrants(ctx)
	switch {
	case err != nil:
		return broken(name, err)
	case len(found) > 0 && !s.replays(all):
		return []finding.Result{finding.Fail.On(name, "without BINLOG REPLAY these would fire a second time in every other region: "+join(found),
			s.grant("BINLOG REPLAY", "*.*"))}
	case len(found) > 0:
		return []finding.Result{finding.Info.On(name, "these fire where the application writes; their own writes are replicated, so they do not fire again in the other regions: "+
			join(found), "")}
	}
	return []finding.Result{s.visible(ctx, name, "TRIGGER", "none")}
}

func checkEvents(ctx context.Context, s *server) []finding.Result {
	const name = "events"
	if !s.is("event_scheduler", "ON") {
		return []finding.Result{finding.OK.On(name, "the event scheduler is off", "")}
	}
	var found []string
	err := s.query(ctx, `SELECT EVENT_SCHEMA, EVENT_NAME FROM information_schema.EVENTS WHERE STATUS = 'ENABLED' ORDER BY 1, 2`,
		func(row []string) { found = append(found, row[0]+"."+row[1]) })
	switch {
	case err != nil:
		return broken(name, err)
	case len(found) > 0:
		return []finding.Result{finding.Warn.On(name, "what they write is replicated; if they are enabled in several regions, it is done several times: "+join(found),
			"enable each event in one region only: ALTER EVENT … DISABLE; in the others")}
	}
	return []finding.Result{s.visible(ctx, name, "EVENT", "the scheduler is on, no event is enabled")}
}

// visible is ok if the account could have seen what was not found; MariaDB hides triggers and events without a privilege.
func (s *server) visible(ctx context.Context, name, privilege, detail string) finding.Result {
	all, err := s.readGrants(ctx)
	if err != nil || all.global(privilege, false) {
		return finding.OK.On(name, detail, "")
	}
	tables, err := s.tables(ctx)
	if err != nil {
		return broken(name, err)[0]
	}
	for _, t := range tables {
		if !all.on(privilege, t.schema, t.name) {
			return finding.Info.On(name, "not looked for in "+t.schema+": the account may not see them", s.grant(privilege, quoteName(t.schema)+".*"))
		}
	}
	return finding.OK.On(name, detail, "")
}

// installed are the accounts that every installation has.
var installed = []string{
	"'root'@'localhost'", "'root'@'127.0.0.1'", "'root'@'::1'", "'mysql'@'localhost'", "'mariadb.sys'@'localhost'",
	"'mysql.session'@'localhost'",
}

// checkUnlogged looks for accounts that may SET sql_log_bin = 0.
func checkUnlogged(ctx context.Context, s *server) []finding.Result {
	const name = "sql_log_bin"
	privileges, accounts := []string{"BINLOG ADMIN", "SUPER"}, "global_priv"
	if s.mysql() {
		privileges, accounts = []string{"SESSION_VARIABLES_ADMIN", "SYSTEM_VARIABLES_ADMIN", "SUPER"}, "user"
	}
	remedy := "REVOKE " + strings.Join(privileges, ", ") + " ON *.* FROM those that do not need it"
	var able []string
	err := s.query(ctx, `SELECT DISTINCT GRANTEE FROM information_schema.USER_PRIVILEGES
		WHERE PRIVILEGE_TYPE IN ('`+strings.Join(privileges, "', '")+`') ORDER BY 1`, func(row []string) {
		if row[0] != s.quotedAccount() {
			able = append(able, row[0])
		}
	})
	if err != nil {
		return broken(name, err)
	}
	all, err := s.readGrants(ctx)
	if err != nil {
		return broken(name, err)
	}
	unusual := slices.DeleteFunc(slices.Clone(able), func(a string) bool { return slices.Contains(installed, a) })
	switch {
	case !all.on("SELECT", "mysql", accounts):
		return []finding.Result{finding.Info.On(name, "who may write past the binary log (SET sql_log_bin = 0) is not shown to the relay's account", s.grant("SELECT", "mysql.*"))}
	case len(unusual) > 0:
		return []finding.Result{finding.Warn.On(name, "what these write with sql_log_bin = 0 stays in this region: "+join(unusual), remedy)}
	}
	return []finding.Result{finding.Info.On(name, "only the installation's own accounts may write past the binary log: "+join(able), "")}
}

func checkSchemas(ctx context.Context, s *server) []finding.Result {
	const name = "schemas"
	tables, err := s.tables(ctx)
	if err != nil {
		return broken(name, err)
	}
	var found []string
	err = s.query(ctx, "SELECT SCHEMA_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA ORDER BY 1", func(row []string) {
		if slices.ContainsFunc(tables, func(t *table) bool { return t.schema == row[0] }) {
			found = append(found, row[0]+" ("+row[1]+")")
		}
	})
	if err != nil {
		return broken(name, err)
	}
	if len(found) == 0 {
		return []finding.Result{finding.Info.On(name, "none with included tables", "")}
	}
	return []finding.Result{finding.OK.On(name, strings.TrimSpace(count(len(tables), "table")+" in "+join(found)+"; the same definitions must stand in every region"), "")}
}
