package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Check tells why changes of a table that is described by t cannot be written here, nil if they can; see relay.Target. A
// *relay.TableError is about the table; other errors say that the database could not be asked. What it found is remembered
// until Refresh.
func (t *Target) Check(ctx context.Context, table *relay.Table) error {
	k, err := t.table(ctx, table)
	if err != nil {
		return err
	}
	return k.problem
}

// compare looks for the first thing that differs. It is strict: what is written here must be what was written there.
func compare(t *relay.Table, l *localTable) error {
	reason := compareKind(t, l)
	if reason == "" {
		reason = compareColumns(t, l)
	}
	if reason == "" {
		reason = compareKey(t, l)
	}
	if reason == "" {
		return nil
	}
	e := &relay.TableError{Table: t.String(), Reason: reason}
	if l.kind == "" {
		e.Kind = relay.MissingTable
	}
	return e
}

func compareKind(t *relay.Table, l *localTable) string {
	switch {
	case l.kind == "":
		return "the table is missing here, or the database user may not SELECT from it: create it, or grant that"
	case l.kind == "SYSTEM VERSIONED":
		return "the table is system-versioned here, and each region would make row histories of its own: exclude it, or drop the versioning"
	case l.kind != "BASE TABLE":
		return "it is a " + strings.ToLower(l.kind) + " here: exclude it"
	case !strings.EqualFold(l.engine, "InnoDB") && !strings.EqualFold(l.engine, "ROCKSDB"):
		return "its engine here is " + l.engine + ", which has no transactions: ALTER TABLE … ENGINE=InnoDB"
	case len(t.Key) == 0:
		return "it has no primary key where the change was made: add one in all regions"
	case len(l.primary) == 0:
		return "it has no primary key here: add one in all regions"
	case l.computed != "":
		return "its unique index " + l.computed + " is on an expression, whose values the log does not have: put the index on a generated column"
	}
	return ""
}

func compareColumns(t *relay.Table, l *localTable) string {
	for i := range min(len(t.Columns), len(l.columns)) {
		if reason := compareColumn(&t.Columns[i], &l.columns[i]); reason != "" {
			return fmt.Sprintf("column %d %s: make the definitions equal", i+1, reason)
		}
	}
	switch {
	case len(t.Columns) > len(l.columns):
		return fmt.Sprintf("column %s is missing here: add it", t.Columns[len(l.columns)].Name)
	}
	return compareRest(t, l)
}

// compareRest looks at the columns that stand only here, behind the others: rows that come from a region that has them not yet are written
// with what stands there for such rows, which must be the same everywhere.
func compareRest(t *relay.Table, l *localTable) string {
	for i := len(t.Columns); i < len(l.columns); i++ {
		if reason := l.indispensable(i); reason != "" {
			return reason
		}
	}
	return ""
}

// indispensable tells why rows cannot do without the i-th column, "" if they can.
func (l *localTable) indispensable(i int) string {
	c := &l.columns[i]
	if !c.optional {
		return fmt.Sprintf("column %s stands only here, and rows cannot do without it: drop it, give it a constant DEFAULT, or add it where the change was made", c.name)
	}
	for _, index := range l.unique {
		if slices.ContainsFunc(index.parts, func(p localPart) bool { return p.column == i }) {
			return fmt.Sprintf("column %s stands only here, in unique index %s: add it where the change was made", c.name, index.name)
		}
	}
	return ""
}

func compareColumn(c *relay.Column, l *localColumn) string {
	switch {
	case !strings.EqualFold(c.Name, l.name):
		return fmt.Sprintf("is %s there and %s here", c.Name, l.name)
	case c.Type != l.typ:
		return fmt.Sprintf("(%s) is %s there and %s here", c.Name, c.Type, l.typ)
	case c.Collation != "" && c.Collation != l.collation:
		return fmt.Sprintf("(%s) has collation %s there and %s here", c.Name, c.Collation, l.collation)
	case !equalLabels(c, l.labels):
		return fmt.Sprintf("(%s) has other labels there than here", c.Name)
	}
	return ""
}

// equalLabels compares the labels of an ENUM or SET. They come in the column's character set, and from the database in UTF-8;
// where these are not the same, their number is compared.
func equalLabels(c *relay.Column, local []string) bool {
	if len(c.Labels) != len(local) {
		return false
	}
	for i, label := range c.Labels {
		if label != local[i] && (strings.HasPrefix(c.Charset, "utf8") || isASCII(label) && isASCII(local[i])) {
			return false
		}
	}
	return true
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// generates says why rows of a table cannot be composed.
func (l *localTable) generates(t *relay.Table) error {
	for _, c := range l.columns {
		if c.generated {
			return &relay.TableError{Table: t.String(), Reason: "its column " + c.name + " is generated, which conflict policies with merge or counters cannot have: " +
				"give the table another policy, or make it an ordinary column"}
		}
	}
	return nil
}

func compareKey(t *relay.Table, l *localTable) string {
	there, here := make([]string, len(t.Key)), make([]string, len(l.primary))
	for i, part := range t.Key {
		there[i] = partName(t.Columns[part.Column].Name, part.Prefix)
	}
	for i, part := range l.primary {
		here[i] = partName(l.columns[part.column].name, part.prefix)
	}
	if a, b := strings.Join(there, ", "), strings.Join(here, ", "); !strings.EqualFold(a, b) {
		return fmt.Sprintf("the primary key is (%s) there and (%s) here: make them equal", a, b)
	}
	return ""
}

func partName(column string, prefix int) string {
	if prefix == 0 {
		return column
	}
	return fmt.Sprintf("%s(%d)", column, prefix)
}
