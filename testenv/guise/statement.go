package guise

import (
	"fmt"
	"regexp"
	"strings"
)

// What no version knows, in place of what this one does not know.
const (
	unknownWord     = "UNKNOWN TO THIS VERSION"
	unknownVariable = "SELECT @@GLOBAL.unknown_to_this_version"
)

var (
	literals    = regexp.MustCompile(`'(?:[^'\\]|\\.|'')*'`)
	systemNames = regexp.MustCompile(`(?i)@@(?:(?:GLOBAL|SESSION|LOCAL|PERSIST)\.)?(\w+)`)
	assignments = regexp.MustCompile(`(?i)(?:^|;)\s*SET\s+([^;]*)`)
	assigned    = regexp.MustCompile(`(?i)(?:^|,)\s*(?:(?:GLOBAL|SESSION|LOCAL|PERSIST)\s+)?(\w+)\s*=`)
	versionCall = regexp.MustCompile(`(?i)\bVERSION\(\)|@@(?:GLOBAL\.)?version\b`)
	allShown    = regexp.MustCompile(`(?i)^\s*SHOW\s+(GLOBAL\s+|SESSION\s+)?VARIABLES\s*$`)
	grantsShown = regexp.MustCompile(`(?i)^\s*SHOW\s+GRANTS\b`)
	oneShown    = regexp.MustCompile(`(?i)^\s*SHOW\s+(?:GLOBAL\s+|SESSION\s+)?VARIABLES\s+LIKE\s+'(\w+)'\s*$`)
)

// older are words that 9.7 knows no more, and how it says them.
var older = []struct {
	pattern *regexp.Regexp
	now     string
}{
	{regexp.MustCompile(`(?i)\bSHOW MASTER STATUS\b`), "SHOW BINARY LOG STATUS"},
	{regexp.MustCompile(`(?i)\bRESET MASTER\b`), "RESET BINARY LOGS AND GTIDS"},
	{regexp.MustCompile(`(?i)\bSHOW SLAVE HOSTS\b`), "SHOW REPLICAS"},
	{regexp.MustCompile(`(?i)\bSHOW SLAVE STATUS\b`), "SHOW REPLICA STATUS"},
	{regexp.MustCompile(`(?i)\bSET_USER_ID\b`), "SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER"},
}

// say is what the real server is told in place of a statement. known is false if the edition does not know it.
func (e Edition) say(statement string) (text string, known bool) {
	bare := versionCall.ReplaceAllString(literals.ReplaceAllString(statement, "''"), "")
	for _, w := range words {
		if !w.has(e.number) && w.pattern.MatchString(bare) {
			return unknownWord, false
		}
	}
	if !tagged.has(e.number) && tagged.pattern.MatchString(statement) {
		return unknownWord, false
	}
	for _, name := range systemVariables(bare) {
		if !e.has(name) {
			return unknownVariable, false
		}
	}
	if allShown.MatchString(statement) {
		return fmt.Sprintf("SELECT VARIABLE_NAME AS Variable_name, IF(VARIABLE_NAME='version', '%s', VARIABLE_VALUE) AS Value"+
			" FROM performance_schema.global_variables WHERE VARIABLE_NAME NOT IN (%s) ORDER BY 1", e.Version, e.hidden()), true
	}
	if one := oneShown.FindStringSubmatch(statement); one != nil && !e.has(one[1]) {
		return "SHOW VARIABLES LIKE 'unknown_to_this_version'", true
	}
	for _, o := range older {
		if o.pattern.MatchString(bare) {
			statement = o.pattern.ReplaceAllString(statement, o.now)
		}
	}
	return versionCall.ReplaceAllString(statement, "'"+e.Version+"'"), true
}

// systemVariables are those that are read or set in a statement without literals.
func systemVariables(bare string) (names []string) {
	for _, m := range systemNames.FindAllStringSubmatch(bare, -1) {
		names = append(names, m[1])
	}
	for _, set := range assignments.FindAllStringSubmatch(bare, -1) {
		for _, m := range assigned.FindAllStringSubmatch(set[1], -1) {
			names = append(names, m[1])
		}
	}
	return names
}

// renamed are privileges by their older names: SET_USER_ID was split in two in 8.2.
func (e Edition) renamed(grant string) string {
	if e.number >= 80200 {
		return grant
	}
	both := strings.ReplaceAll(grant, "SET_ANY_DEFINER", "SET_USER_ID")
	for _, part := range []string{",ALLOW_NONEXISTENT_DEFINER", "ALLOW_NONEXISTENT_DEFINER,"} {
		both = strings.ReplaceAll(both, part, "")
	}
	return both
}
