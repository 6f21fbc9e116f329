package ddl

import (
	"regexp"
	"slices"
)

// constant is what the default of a column looks like that is the same whenever and wherever it is asked for: a literal, with casts. It is the
// pattern by which package catalog knows columns that rows can do without.
var constant = regexp.MustCompile(`^\(?('([^']|'')*'|-?[0-9][0-9.e+-]*|true|false|NULL)\)?(::("([^"]|"")*"|[a-z0-9_. ,()\[\]])+)?$`)

// alter compares what an object was with what it is. A difference that no one sees in the catalog of columns and constraints, such as how rows are stored, concerns
// its region alone.
func (n *Noted) alter() (reason string, nothing bool) {
	before, after := n.Before, n.After
	switch {
	case after == nil:
		return noKind, false
	case before == nil:
		return "what it was before is not known: the event triggers were made after it, or were disabled", false
	case before.Schema != after.Schema || before.Name != after.Name:
		return formerName, false
	case before.Kind != after.Kind || before.Persistence != after.Persistence || before.PartitionKey != after.PartitionKey || before.Typed != after.Typed:
		return "it makes another kind of table of it", false
	case before.Bound != after.Bound || !slices.Equal(before.Parents, after.Parents) || !slices.Equal(before.Partitions, after.Partitions):
		return "it gives partitions or children to a table, or takes them away: run it in every region", false
	case before.Definition != after.Definition:
		return noKind, false
	}
	if reason = compareConstraints(before, after); reason != "" {
		return reason, false
	}
	changes, reason := compareColumns(before, after)
	return reason, reason == "" && len(changes) == 0
}

func compareConstraints(before, after *Picture) string {
	for _, c := range before.Constraints {
		if !slices.Contains(after.Constraints, c) {
			return takesAway
		}
	}
	for _, c := range after.Constraints {
		switch {
		case slices.Contains(before.Constraints, c):
		case c.Kind == "u" || c.Kind == "p" || c.Kind == "x":
			return uniqueIndex
		default:
			return condition
		}
	}
	return ""
}

// change is what can be done to a column anywhere and at any time.
type change struct {
	column *Column // as it is now
	added  bool
	wider  bool
	nulls  bool // it may be NULL now
}

func compareColumns(before, after *Picture) (list []change, reason string) {
	for i := range before.Columns {
		was := &before.Columns[i]
		is := after.column(was.Number)
		if is == nil {
			return nil, takesAway
		}
		c, reason := compareColumn(was, is)
		switch {
		case reason != "":
			return nil, "column " + was.Name + ": " + reason
		case c.wider || c.nulls:
			list = append(list, c)
		}
	}
	for i := range after.Columns {
		is := &after.Columns[i]
		if before.column(is.Number) != nil {
			continue
		}
		if reason := addable(is); reason != "" {
			return nil, "column " + is.Name + ": " + reason
		}
		list = append(list, change{column: is, added: true})
	}
	return list, ""
}

func compareColumn(was, is *Column) (change, string) {
	c := change{column: is, nulls: was.NotNull && !is.NotNull, wider: was.Type != is.Type}
	switch {
	case was.Name != is.Name:
		return c, "rows that other regions write meanwhile have the former name: stop writing to the table first"
	case c.wider && !Widens(was.Type, is.Type), was.Collation != is.Collation, was.Generated != is.Generated, was.Identity != is.Identity:
		return c, changesColumn
	case !was.NotNull && is.NotNull:
		return c, condition
	case was.Default != is.Default && !(c.wider && constant.MatchString(was.Default) && constant.MatchString(is.Default)): // a default is shown with its type
		return c, changesDefault
	}
	return c, ""
}

// addable tells why a column is none that rows without it can do without: NULL or a constant stands there for them, the same one in every region.
func addable(c *Column) string {
	switch {
	case c.Generated != "" || c.Identity != "":
		return "its values would be computed in each region anew"
	case c.Domain:
		return "its type is a domain, which rows without it may not meet"
	case c.Default != "" && !constant.MatchString(c.Default):
		return "its DEFAULT is not a constant, and would be another value in each region"
	case c.NotNull && c.Default == "":
		return "it is NOT NULL and has no DEFAULT, which rows without it need"
	}
	return ""
}
