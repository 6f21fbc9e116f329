package preflight

import (
	"context"
	"slices"
	"strings"

	"github.com/octant-db/octant/internal/finding"
)

// privilege is something server-wide that the relay's account needs.
type privilege struct {
	name, why string
	missing   finding.Status
}

var needed = []privilege{
	{"REPLICATION SLAVE", "to read the binary log", finding.Fail},
	{"BINLOG MONITOR", "to see where the binary log ends", finding.Fail},
	{"BINLOG REPLAY", "to write the other regions' rows as row events, without triggers, marked with their origin; the way without it is slower", finding.Warn},
	{"BINLOG ADMIN", "to keep the text of its own statements out of the binary log, which doubles without it, and to log whole rows (session binlog_row_image) " +
		"when the server's default is another: without it the relay then cannot write", finding.Warn},
}

func checkPrivileges(ctx context.Context, s *server) []finding.Result {
	all, err := s.readGrants(ctx)
	if err != nil {
		return broken("privileges", err)
	}
	var results []finding.Result
	major, _ := s.version()
	for _, p := range needed {
		name := "privilege " + p.name
		if all.global(p.name, major < 11) {
			results = append(results, finding.OK.On(name, p.why, ""))
			continue
		}
		results = append(results, p.missing.On(name, "missing: "+p.why, s.grant(p.name, "*.*")))
	}
	results = append(results, checkBookkeeping(s, all), checkTableRights(ctx, s, all))
	return append(results, checkDefinitionRights(ctx, s, all)...)
}

// checkBookkeeping: the relay makes the schema and its table itself.
func checkBookkeeping(s *server, all grants) finding.Result {
	const name = "privileges on octant"
	for _, p := range []string{"CREATE", "SELECT", "INSERT", "UPDATE"} {
		if !all.on(p, "octant", "*") {
			return finding.Fail.On(name, "missing "+p+": the relay keeps its marks in a schema of its own", s.grant("ALL PRIVILEGES", "octant.*"))
		}
	}
	return finding.OK.On(name, "the relay can keep its marks", "")
}

// tableRights are what the account needs on each table: to look at rows, to delete those that have a unique value which a newer one needs, and to
// write them where it may not write row events, which ask for no right on their table.
func (s *server) tableRights(all grants) []string {
	switch {
	case s.mysql(): // which asks for rights for row events too
		return []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
	case s.replays(all):
		return []string{"SELECT", "DELETE"}
	}
	return []string{"SELECT", "INSERT", "DELETE"}
}

// replays tells whether the account may write row events. On MySQL nothing is written without.
func (s *server) replays(all grants) bool {
	if s.mysql() {
		return true
	}
	major, _ := s.version()
	return all.global("BINLOG REPLAY", major < 11)
}

// checkTableRights looks at the tables that the account can see; which others there are it cannot know.
func checkTableRights(ctx context.Context, s *server, all grants) finding.Result {
	const name = "privileges on tables"
	tables, err := s.tables(ctx)
	if err != nil {
		return broken(name, err)[0]
	}
	rights := s.tableRights(all)
	if len(tables) == 0 {
		return finding.Warn.On(name, "no table that is included can be seen: "+includes(s.config.Include),
			s.grant(strings.Join(rights, ", "), "*.*")+" or on the schemas that are included; or correct database.include")

	}
	var missing, objects []string
	for _, t := range tables {
		for _, right := range rights {
			if !all.on(right, t.schema, t.name) {
				missing = append(missing, right+" on "+t.String())
				objects = append(objects, quoteName(t.schema)+".*")
			}
		}
	}
	if len(missing) == 0 {
		return finding.OK.On(name, strings.Join(rights, ", ")+" on "+count(len(tables), "table"), "")
	}
	var remedies []string
	slices.Sort(objects)
	for _, object := range slices.Compact(objects) {
		remedies = append(remedies, s.grant(strings.Join(rights, ", "), object))
	}
	return finding.Fail.On(name, "missing "+join(missing), strings.Join(remedies, " "))
}

func includes(globs []string) string {
	if len(globs) == 0 {
		return "everything is included"
	}
	return "include is " + strings.Join(globs, ", ")
}
