package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/postgres/connect"
)

const tablesSQL = `SELECT n.nspname, c.relname, c.relpersistence, c.relreplident,
  EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid AND (i.indimmediate OR c.relreplident = 'f')),
  pg_catalog.has_table_privilege(c.oid, 'SELECT') AND pg_catalog.has_table_privilege(c.oid, 'INSERT') AND
  pg_catalog.has_table_privilege(c.oid, 'UPDATE') AND pg_catalog.has_table_privilege(c.oid, 'DELETE'),
  pg_catalog.pg_has_role(c.relowner, 'USAGE') OR EXISTS (SELECT FROM pg_catalog.pg_publication_tables p WHERE p.pubname = $1
    AND p.schemaname = n.nspname AND p.tablename = c.relname),
  c.relrowsecurity AND NOT (SELECT rolsuper OR rolbypassrls FROM pg_catalog.pg_roles WHERE rolname = current_user)
    AND (c.relforcerowsecurity OR NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')),
  EXISTS (SELECT FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND a.attlen = -1 AND a.attstorage IN ('x', 'e') AND a.attnum > 0 AND NOT a.attisdropped),
  pg_catalog.has_table_privilege(c.oid, 'TRUNCATE'),
  c.relkind = 'r' AND c.relreplident = 'f' OR c.relkind = 'p' AND NOT EXISTS (SELECT FROM pg_catalog.pg_partition_tree(c.oid) t
    JOIN pg_catalog.pg_class l ON l.oid = t.relid WHERE t.isleaf AND l.relreplident <> 'f')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'octant') AND n.nspname !~ '^pg_'
ORDER BY 1, 2`

// flaw collects the tables that have the same thing wrong.
type flaw struct {
	name   string
	status finding.Status
	detail string
	remedy string // %s stands for a table
	tables []string
}

func checkTables(ctx context.Context, s *server) []finding.Result {
	rows, err := s.Query(ctx, "check tables", tablesSQL, s.config.Publication)
	if err != nil {
		return []finding.Result{finding.Warn.On("tables", err.Error(), "")}
	}
	user := connect.Identifier(s.config.User)
	flaws := []*flaw{
		{name: "primary_key", status: finding.Warn, detail: "no primary key that rows can be told apart by; they are not replicated",
			remedy: "ALTER TABLE %s ADD PRIMARY KEY (…), not deferrable, or exclude them"},
		{name: "replica_identity", status: finding.Warn, detail: "REPLICA IDENTITY NOTHING; they are not replicated", remedy: "ALTER TABLE %s REPLICA IDENTITY DEFAULT"},
		{name: "unlogged", status: finding.Warn, detail: "unlogged; they are not replicated", remedy: "ALTER TABLE %s SET LOGGED, or exclude them"},
		{name: "table_privileges", status: finding.Fail, detail: "the user may not read and write them", remedy: "GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO " + user},
		{name: "table_owner", status: finding.Fail, detail: "not in the publication, and the user may not put them there",
			remedy: "ALTER PUBLICATION " + connect.Identifier(s.config.Publication) + " ADD TABLE %s as their owner, or GRANT the owner's role TO " + user},
		{name: "row_security", status: finding.Fail, detail: "row security hides rows from the user", remedy: "ALTER ROLE " + user + " BYPASSRLS"},
		{name: "truncate_privilege", status: finding.Warn, detail: "the user may not empty them as other regions' TRUNCATE does", remedy: "GRANT TRUNCATE ON %s TO " + user},
		{name: "large_values", status: finding.Info, detail: "large values that an update leaves alone are not in the log; the relay reads them from the table",
			remedy: "ALTER TABLE %s REPLICA IDENTITY FULL, where rows are often updated and deleted at once"},
		{name: "rows_before", status: finding.Fail, detail: "under a [[rule]] other than that the last writer wins, and the log lacks the rows before each change: their updates and" +
			" deletions are not sent, and nothing is written to them", remedy: "ALTER TABLE %s REPLICA IDENTITY FULL, of its partitions too"},
	}
	total := 0
	for _, row := range rows {
		if !s.config.Include(string(row[0]), string(row[1])) {
			continue
		}
		total++
		is := func(i int) bool { return string(row[i]) == "t" }
		unlogged := string(row[2]) != "p"
		for i, bad := range []bool{
			!is(4), string(row[3]) == "n", unlogged, !is(5), !is(6) && is(4) && !unlogged, is(7), !is(9), is(8) && string(row[3]) != "f" && is(4),
			!is(10) && s.config.Ruled(string(row[0]), string(row[1])),
		} {
			if bad {
				flaws[i].tables = append(flaws[i].tables, connect.Table(string(row[0]), string(row[1])))
			}
		}
	}
	return append([]finding.Result{finding.OK.On("tables", fmt.Sprintf("%d are replicated", total), "")}, results(flaws)...)
}

func results(flaws []*flaw) []finding.Result {
	var list []finding.Result
	for _, f := range flaws {
		if len(f.tables) == 0 {
			continue
		}
		remedy := strings.Replace(f.remedy, "%s", f.tables[0], 1)
		list = append(list, f.status.On(f.name, few(f.tables)+": "+f.detail, remedy))
	}
	return list
}

// few names at most five of a list.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// checkTypes looks for columns whose texts mean something in one database only: they are numbers of its own objects.
func checkTypes(ctx context.Context, s *server) []finding.Result {
	rows, err := s.Query(ctx, "check types", `SELECT n.nspname, c.relname, a.attname, t.typname FROM pg_catalog.pg_attribute a
 JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'octant')
 AND t.typname IN ('oid', 'lo', 'xid', 'xid8', 'cid', 'tid', 'pg_lsn', 'txid_snapshot', 'pg_snapshot') ORDER BY 1, 2, 3`)
	if err != nil {
		return []finding.Result{finding.Warn.On("types", err.Error(), "")}
	}
	var list []string
	for _, row := range rows {
		if s.config.Include(string(row[0]), string(row[1])) {
			list = append(list, fmt.Sprintf("%s.%s.%s (%s)", row[0], row[1], row[2], row[3]))
		}
	}
	if len(list) == 0 {
		return nil
	}
	return []finding.Result{finding.Warn.On("types", few(list)+": what these numbers name, large objects for example, is not replicated", "keep such values in bytea or text")}
}

// checkTriggers tells which triggers fire for replicated rows too.
func checkTriggers(ctx context.Context, s *server) []finding.Result {
	rows, err := s.Query(ctx, "check triggers", `SELECT n.nspname, c.relname, t.tgname FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE t.tgenabled IN ('A', 'R') AND NOT t.tgisinternal ORDER BY 1, 2, 3`)
	if err != nil {
		return []finding.Result{finding.Warn.On("triggers", err.Error(), "")}
	}
	var names []string
	for _, row := range rows {
		if s.config.Include(string(row[0]), string(row[1])) {
			names = append(names, string(row[2])+" on "+connect.Table(string(row[0]), string(row[1])))
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	return []finding.Result{finding.Warn.On("triggers", few(names)+": they fire for replicated rows as well (ENABLE ALWAYS or REPLICA), and what they write is undone",
		"ALTER TABLE … ENABLE TRIGGER …")}
}
