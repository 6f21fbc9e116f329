package apply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// Check tells why changes of a table that is described by t cannot be written here, nil if they can; see relay.Target. A
// *relay.TableError is about the table; other errors say that the database could not be asked.
func (t *Target) Check(ctx context.Context, table *relay.Table) error {
	k, err := t.table(ctx, table)
	if err != nil {
		return err
	}
	return k.problem
}

// compare looks for the first thing that differs. It is strict: what is written here must be what was written there. A column may be wider here.
func compare(there *logical.Description, here *catalog.Table) error {
	reason := compareKind(there, here)
	if reason == "" {
		reason = compareColumns(there, here)
	}
	if reason == "" {
		reason = compareKey(there, here)
	}
	if reason == "" {
		return nil
	}
	return &relay.TableError{Table: there.Schema + "." + there.Name, Reason: reason}
}

func compareKind(there *logical.Description, here *catalog.Table) string {
	switch {
	case here.Kind != "r" && here.Kind != "p":
		return "it is no table here: exclude it"
	case here.Unlogged:
		return "it is UNLOGGED or temporary here: ALTER TABLE … SET LOGGED"
	case len(there.Key) == 0:
		return "it has no primary key where the change was made: add one in all regions"
	case len(here.Key) == 0:
		return "it has no primary key here: add one in all regions"
	}
	return ""
}

func compareColumns(there *logical.Description, here *catalog.Table) string {
	for i := range min(len(there.Columns), len(here.Columns)) {
		if reason := compareColumn(&there.Columns[i], &here.Columns[i]); reason != "" {
			return fmt.Sprintf("column %d %s: make the definitions equal", i+1, reason)
		}
	}
	switch {
	case len(there.Columns) > len(here.Columns):
		return fmt.Sprintf("column %s is missing here: add it", there.Columns[len(here.Columns)].Name)
	}
	return compareRest(there, here)
}

// compareRest looks at the columns that stand only here, behind the others: rows that come from a region that has them not yet are written
// with what stands there for such rows, which must be the same everywhere.
func compareRest(there *logical.Description, here *catalog.Table) string {
	for i := len(there.Columns); i < len(here.Columns); i++ {
		if reason := indispensable(here, i); reason != "" {
			return reason
		}
	}
	return ""
}

// indispensable tells why rows cannot do without the i-th column, "" if they can.
func indispensable(here *catalog.Table, i int) string {
	name := here.Columns[i].Name
	if !here.Optional[i] {
		return fmt.Sprintf("column %s stands only here, and rows cannot do without it: drop it, give it a constant DEFAULT, or add it where the change was made", name)
	}
	for _, index := range here.Unique {
		if slices.Contains(index.Columns, i) {
			return fmt.Sprintf("column %s stands only here, in unique index %s: add it where the change was made", name, index.Name)
		}
	}
	return ""
}

func compareColumn(there, here *logical.Column) string {
	switch {
	case there.Name != here.Name:
		return fmt.Sprintf("is %s there and %s here", there.Name, here.Name)
	case there.Type != here.Type && !ddl.Widens(there.Type, here.Type):
		return fmt.Sprintf("(%s) is %s there and %s here", there.Name, there.Type, here.Type)
	case there.Collation != here.Collation:
		return fmt.Sprintf("(%s) has collation %q there and %q here", there.Name, there.Collation, here.Collation)
	case !slices.Equal(there.Labels, here.Labels):
		return fmt.Sprintf("(%s) has other labels there than here", there.Name)
	}
	return ""
}

func compareKey(there *logical.Description, here *catalog.Table) string {
	names := func(d *logical.Description) string {
		var list []string
		for _, i := range d.Key {
			list = append(list, d.Columns[i].Name)
		}
		return strings.Join(list, ", ")
	}
	if a, b := names(there), names(&here.Description); a != b {
		return fmt.Sprintf("the primary key is (%s) there and (%s) here: make them equal", a, b)
	}
	return ""
}
