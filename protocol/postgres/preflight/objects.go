package preflight

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/connect"
)

// checkRole looks at what the account may do.
func checkRole(ctx context.Context, s *server) []finding.Result {
	row, bad := s.ask(ctx, "role", `SELECT rolsuper, rolsuper OR rolreplication, pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE'),
 pg_catalog.bool_and(coalesce(pg_catalog.has_function_privilege(pg_catalog.to_regprocedure(f), 'EXECUTE'), false))
 FROM pg_catalog.pg_roles, unnest(ARRAY['pg_replication_origin_create(text)', 'pg_replication_origin_oid(text)',
 'pg_replication_origin_session_setup(text)', 'pg_replication_origin_session_reset()', 'pg_replication_origin_xact_setup(pg_lsn,timestamptz)']) f
 WHERE rolname = current_user GROUP BY rolsuper, rolreplication`)
	if bad != nil {
		return []finding.Result{*bad}
	}
	user := connect.Identifier(s.config.User)
	var list []finding.Result
	if string(row[1]) == "t" {
		list = append(list, finding.OK.On("replication", "the user may use replication slots", ""))
	} else {
		list = append(list, finding.Fail.On("replication", "the user may not use replication slots", "ALTER ROLE "+user+" REPLICATION"))
	}
	if string(row[2]) != "t" {
		list = append(list, finding.Info.On("create", "the user may not CREATE in the database: schema octant and the publication must be made for it",
			"GRANT CREATE ON DATABASE "+connect.Identifier(s.config.Database)+" TO "+user))
	}
	if string(row[3]) != "t" {
		list = append(list, finding.Info.On("origin_functions", "the user may not use replication origins: commits carry no origin for other tools",
			"GRANT EXECUTE ON FUNCTION pg_replication_origin_create(text), pg_replication_origin_oid(text), pg_replication_origin_session_setup(text),"+
				" pg_replication_origin_session_reset(), pg_replication_origin_xact_setup(pg_lsn, timestamptz) TO "+user))
	}
	return append(list, s.checkReplicaRole(ctx, user))
}

// checkReplicaRole tries to switch triggers and foreign keys off.
func (s *server) checkReplicaRole(ctx context.Context, user string) finding.Result {
	err := s.Run(ctx, "try session_replication_role", "SET session_replication_role = replica; RESET session_replication_role")
	if err == nil {
		return finding.OK.On("session_replication_role", "triggers and foreign keys do not fire for replicated rows", "")
	}
	return finding.Warn.On("session_replication_role", "triggers and foreign keys fire again for replicated rows, which can differ and fail",
		"GRANT SET ON PARAMETER session_replication_role TO "+user)

}

func checkLedger(ctx context.Context, s *server) []finding.Result {
	row, bad := s.ask(ctx, "ledger", `SELECT pg_catalog.to_regclass('octant.applied') IS NOT NULL,
 coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass('octant.applied')::oid, 'INSERT, UPDATE'), false),
 pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')`)
	switch {
	case bad != nil:
		return []finding.Result{*bad}
	case string(row[0]) != "t" && string(row[2]) != "t":
		return []finding.Result{finding.Fail.On("ledger", "octant.applied is missing, and the user may not make it",
			"CREATE SCHEMA octant AUTHORIZATION "+connect.Identifier(s.config.User))}
	case string(row[0]) != "t":
		return []finding.Result{finding.OK.On("ledger", "octant.applied will be made", "")}
	case string(row[1]) != "t":
		return []finding.Result{finding.Fail.On("ledger", "the user may not write octant.applied",
			"GRANT USAGE ON SCHEMA octant TO "+connect.Identifier(s.config.User)+"; GRANT SELECT, INSERT, UPDATE ON octant.applied TO "+connect.Identifier(s.config.User))}
	}
	return []finding.Result{finding.OK.On("ledger", "octant.applied", "")}
}

func checkPublication(ctx context.Context, s *server) []finding.Result {
	rows, err := s.Query(ctx, "check publication", `SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot
 FROM pg_catalog.pg_publication WHERE pubname = $1`, s.config.Publication)
	name := connect.Identifier(s.config.Publication)
	switch {
	case err != nil:
		return []finding.Result{finding.Warn.On("publication", err.Error(), "")}
	case len(rows) == 0:
		return []finding.Result{finding.OK.On("publication", s.config.Publication+" will be made", "")}
	case string(rows[0][0]) != "t" || string(rows[0][1]) != "t":
		return []finding.Result{finding.Fail.On("publication", s.config.Publication+" leaves out changes", "ALTER PUBLICATION "+name+
			" SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)")}
	}
	return []finding.Result{finding.OK.On("publication", s.config.Publication, "")}
}

func checkSlot(ctx context.Context, s *server) []finding.Result {
	rows, err := s.Query(ctx, "check slot", `SELECT coalesce(plugin, ''), coalesce(database, ''), coalesce(wal_status, ''), active,
 pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn))
 FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND NOT pg_catalog.pg_is_in_recovery()`, s.config.Slot)
	switch {
	case err != nil:
		return []finding.Result{finding.Warn.On("slot", err.Error(), "")}
	case len(rows) == 0:
		return []finding.Result{finding.OK.On("slot", s.config.Slot+" will be made", "")}
	}
	row := rows[0]
	switch {
	case string(row[0]) != "pgoutput" || string(row[1]) != s.config.Database:
		return []finding.Result{finding.Fail.On("slot", fmt.Sprintf("%s belongs to plugin %s in database %s", s.config.Slot, row[0], row[1]), "give the region another name")}
	case string(row[2]) == "lost":
		return []finding.Result{finding.Fail.On("slot", s.config.Slot+" has been invalidated: the server has dropped log that the relay needs",
			"raise max_slot_wal_keep_size; this region must join again")}
	case string(row[2]) == "unreserved":
		return []finding.Result{finding.Warn.On("slot", s.config.Slot+" will be invalidated soon: the relay is too far behind", "raise max_slot_wal_keep_size")}
	}
	return []finding.Result{finding.OK.On("slot", fmt.Sprintf("%s keeps %s of log", s.config.Slot, row[4]), "")}
}
