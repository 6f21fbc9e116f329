package preflight

import (
	"context"
	"slices"
	"strings"

	"github.com/octant-db/octant/internal/finding"
)

// definitionRights are what statements need that change definitions. MySQL, unlike MariaDB, asks for REFERENCES where a table with a foreign key is made.
func (s *server) definitionRights() []string {
	rights := []string{"CREATE", "ALTER", "INDEX", "DROP", "CREATE VIEW"}
	if s.mysql() {
		rights = append(rights, "REFERENCES")
	}
	return rights
}

// checkDefinitionRights looks at the schemas whose tables the account can see. Without these rights definitions of other regions are reported, and left
// to people.
func checkDefinitionRights(ctx context.Context, s *server, all grants) []finding.Result {
	const name = "privileges for definitions"
	if !s.config.Definitions {
		return nil
	}
	tables, err := s.tables(ctx)
	if err != nil {
		return broken(name, err)
	}
	var schemas []string
	for _, t := range tables {
		schemas = append(schemas, t.schema)
	}
	slices.Sort(schemas)
	var missing, remedies []string
	for _, schema := range slices.Compact(schemas) {
		lacks := s.lackedRights(all, schema)
		if len(lacks) > 0 {
			missing = append(missing, strings.Join(lacks, ", ")+" on "+quoteName(schema))
			remedies = append(remedies, s.grant(strings.Join(lacks, ", "), quoteName(schema)+".*"))
		}
	}
	for _, p := range s.definerRights(all) {
		missing, remedies = append(missing, p), append(remedies, s.grant(p, "*.*"))
	}
	if len(missing) == 0 {
		return []finding.Result{finding.OK.On(name, "what other regions define can be defined here", "")}
	}
	return []finding.Result{finding.Warn.On(name, "missing "+join(missing)+": what other regions define is left to people here",
		strings.Join(remedies, " ")+" or database.ddl = \"report\" in all regions")}
}

func (s *server) lackedRights(all grants, schema string) (lacks []string) {
	for _, right := range s.definitionRights() {
		if !all.on(right, schema, "*") {
			lacks = append(lacks, right)
		}
	}
	return lacks
}

// definerRights are missing rights to make a view in the name of who made it.
func (s *server) definerRights(all grants) (missing []string) {
	rights, superCounts := s.rightsForDefiners()
	for _, right := range rights {
		if !all.global(right, superCounts) {
			missing = append(missing, right)
		}
	}
	return missing
}

// rightsForDefiners are what the server calls them, and whether SUPER is as good. MySQL split its one in two in 8.2, and does not know it any more from 8.4 on.
func (s *server) rightsForDefiners() (rights []string, superCounts bool) {
	switch {
	case s.mysqlSince(8, 2, 0):
		return []string{"SET_ANY_DEFINER", "ALLOW_NONEXISTENT_DEFINER"}, false
	case s.mysql():
		return []string{"SET_USER_ID"}, true
	}
	major, _ := s.version()
	return []string{"SET USER"}, major < 11
}
