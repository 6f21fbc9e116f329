package preflight

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// grants are the privileges of the relay's account.
type grants []grant

// grant is a line of SHOW GRANTS: privileges on a pattern of schemas and a table.
type grant struct {
	privileges    map[string]bool
	schema, table string // "*" for all; a schema is a LIKE pattern
}

// The object is *.*, `schema`.* or `schema`.`table`.
var grantPattern = regexp.MustCompile("^GRANT (.+?) ON (?:TABLE )?(\\*|`(?:[^`]|``)*`)\\.(\\*|`(?:[^`]|``)*`) TO ")

// readGrants asks without FOR, so that MariaDB has the grants of the current role among them.
func (s *server) readGrants(ctx context.Context) (grants, error) {
	roles, err := s.roles(ctx)
	if err != nil {
		return nil, err
	}
	var all grants
	err = s.query(ctx, "SHOW GRANTS"+roles, func(row []string) {
		if g, found := parseGrant(row[0]); found {
			all = append(all, g)
		}
	})
	return all, err
}

// parseGrant reads a line; those that give roles or proxies have no object and are not privileges. Privileges on single
// columns keep their column list and so equal no privilege that is asked for.
func parseGrant(line string) (grant, bool) {
	m := grantPattern.FindStringSubmatch(line)
	if m == nil {
		return grant{}, false
	}
	g := grant{privileges: map[string]bool{}, schema: unquote(m[2]), table: unquote(m[3])}
	for _, p := range strings.Split(m[1], ",") { // MySQL has no space between those that are not built in
		g.privileges[strings.ToUpper(strings.TrimSpace(p))] = true
	}
	return g, true
}

func unquote(name string) string {
	if len(name) < 2 || name[0] != '`' {
		return name
	}
	return strings.ReplaceAll(name[1:len(name)-1], "``", "`")
}

// global tells whether the account has a server-wide privilege, by itself, by ALL, or by the older SUPER where the server
// still takes it for the narrow ones (before 11.0).
func (g grants) global(privilege string, superCounts bool) bool {
	for _, one := range g {
		if one.schema != "*" {
			continue
		}
		if one.privileges[privilege] || one.privileges["ALL PRIVILEGES"] || superCounts && one.privileges["SUPER"] {
			return true
		}
	}
	return false
}

// on tells whether the account has a privilege on a table; table "*" asks for all tables of the schema.
func (g grants) on(privilege, schema, table string) bool {
	for _, one := range g {
		if !one.privileges[privilege] && !one.privileges["ALL PRIVILEGES"] {
			continue
		}
		if one.schema == "*" || like(one.schema, schema) && (one.table == "*" || one.table == table) {
			return true
		}
	}
	return false
}

// like matches a schema against a grant's pattern, in which % and _ are wild unless a backslash stands before them.
func like(pattern, name string) bool {
	var re strings.Builder
	re.WriteString("(?s)^")
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '\\' && i+1 < len(pattern):
			i++
			re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		case c == '%':
			re.WriteString(".*")
		case c == '_':
			re.WriteString(".")
		default:
			re.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	compiled, err := regexp.Compile(re.String() + "$")
	return err == nil && compiled.MatchString(name)
}

// grant returns the statement that gives the relay's account a privilege.
func (s *server) grant(privileges, object string) string {
	return fmt.Sprintf("GRANT %s ON %s TO %s;", privileges, object, s.quotedAccount())
}

func (s *server) quotedAccount() string {
	at := strings.LastIndex(s.account, "@")
	if at < 0 {
		return "'" + s.account + "'"
	}
	return "'" + s.account[:at] + "'@'" + s.account[at+1:] + "'"
}

func quoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
