package preflight

import (
	"context"
	"slices"
	"strings"
)

// privilege is something server-wide that the relay's account needs.
type privilege struct {
	name, why string
	missing   func(name, detail, remedy string) Result
}

var needed = []privilege{
	{"REPLICATION SLAVE", "to read the binary log", fail},
	{"BINLOG MONITOR", "to see where the binary log ends", fail},
	{"BINLOG REPLAY", "to write the other regions' rows exactly as they were, marked with their origin", fail},
	{"BINLOG ADMIN", "to leave annotations out of what it writes", warn},
}

func checkPrivileges(ctx context.Context, s *server) []Result {
	all, err := s.readGrants(ctx)
	if err != nil {
		return broken("privileges", err)
	}
	var results []Result
	major, _ := s.version()
	for _, p := range needed {
		name := "privilege " + p.name
		if all.global(p.name, major < 11) {
			results = append(results, ok(name, p.why))
			continue
		}
		results = append(results, p.missing(name, "missing: "+p.why, s.grant(p.name, "*.*")))
	}
	return append(results, checkBookkeeping(s, all), checkTableRights(ctx, s, all))
}

// checkBookkeeping: the relay makes the schema and its table itself.
func checkBookkeeping(s *server, all grants) Result {
	const name = "privileges on octant"
	for _, p := range []string{"CREATE", "SELECT", "INSERT", "UPDATE", "DELETE"} {
		if !all.on(p, "octant", "*") {
			return fail(name, "missing "+p+": the relay keeps its marks in a schema of its own", s.grant("ALL PRIVILEGES", "octant.*"))
		}
	}
	return ok(name, "the relay can keep its marks")
}

var tableRights = []string{"SELECT", "INSERT", "UPDATE", "DELETE"}

// checkTableRights looks at the tables that the account can see; which others there are it cannot know.
func checkTableRights(ctx context.Context, s *server, all grants) Result {
	const name = "privileges on tables"
	tables, err := s.tables(ctx)
	if err != nil {
		return broken(name, err)[0]
	}
	if len(tables) == 0 {
		return warn(name, "no table that is included can be seen: "+includes(s.config.Include),
			s.grant(strings.Join(tableRights, ", "), "*.*")+" or on the schemas that are included; or correct database.include")
	}
	var missing, objects []string
	for _, t := range tables {
		for _, right := range tableRights {
			if !all.on(right, t.schema, t.name) {
				missing = append(missing, right+" on "+t.String())
				objects = append(objects, quoteName(t.schema)+".*")
			}
		}
	}
	if len(missing) == 0 {
		return ok(name, count(len(tables), "table")+" can be read and written")
	}
	var remedies []string
	slices.Sort(objects)
	for _, object := range slices.Compact(objects) {
		remedies = append(remedies, s.grant(strings.Join(tableRights, ", "), object))
	}
	return fail(name, "missing "+join(missing), strings.Join(remedies, " "))
}

func includes(globs []string) string {
	if len(globs) == 0 {
		return "everything is included"
	}
	return "include is " + strings.Join(globs, ", ")
}
