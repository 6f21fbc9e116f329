package preflight

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/internal/finding"
)

func checkTables(ctx context.Context, s *server) []finding.Result {
	tables, err := s.tables(ctx)
	if err != nil {
		return broken("tables", err)
	}
	keys, err := checkForeignKeys(ctx, s)
	if err != nil {
		return broken("foreign_keys", err)
	}
	return []finding.Result{
		checkPrimaryKeys(tables), checkEngines(tables), checkVersioned(tables), checkTemporals(tables), keys, checkUniques(tables), checkFolding(tables),
	}
}

// pick returns the tables for which the condition holds.
func pick(tables []*table, condition func(*table) bool) []*table {
	return slices.DeleteFunc(slices.Clone(tables), func(t *table) bool { return !condition(t) })
}

func names(tables []*table) string {
	var all []string
	for _, t := range tables {
		all = append(all, t.String())
	}
	return join(all)
}

func checkPrimaryKeys(tables []*table) finding.Result {
	const name = "primary_keys"
	bare := pick(tables, func(t *table) bool { return !t.keyed })
	if len(bare) == 0 {
		return finding.OK.On(name, "every table has one", "")
	}
	return finding.Fail.On(name, "without a primary key no row can be told from another: "+names(bare),
		fmt.Sprintf("ALTER TABLE %s ADD PRIMARY KEY (…); in every region; or exclude the table", bare[0].quoted()))

}

func checkEngines(tables []*table) finding.Result {
	const name = "engines"
	other := pick(tables, func(t *table) bool {
		return !strings.EqualFold(t.engine, "InnoDB") && !strings.EqualFold(t.engine, "ROCKSDB")
	})
	if len(other) == 0 {
		return finding.OK.On(name, "all tables have transactions", "")
	}
	return finding.Fail.On(name, "without transactions, so rows and mark would not commit together: "+names(other),
		fmt.Sprintf("ALTER TABLE %s ENGINE = InnoDB; or exclude the table", other[0].quoted()))

}

// checkVersioned: an UPDATE of such a table is logged as an update and an insert of history, a DELETE as an update of the
// row's end.
func checkVersioned(tables []*table) finding.Result {
	const name = "system_versioning"
	versioned := pick(tables, func(t *table) bool { return t.kind == "SYSTEM VERSIONED" })
	if len(versioned) == 0 {
		return finding.OK.On(name, "no table has it", "")
	}
	return finding.Fail.On(name, "history has times of its own in each region, so these never become identical: "+names(versioned),
		fmt.Sprintf("exclude the table, or ALTER TABLE %s DROP SYSTEM VERSIONING;", versioned[0].quoted()))

}

// checkTemporals: the binary log does not say how long such a column is, so the relay refuses rows that have one.
func checkTemporals(tables []*table) finding.Result {
	const name = "temporal_columns"
	dated := pick(tables, func(t *table) bool { return t.dated })
	if len(dated) == 0 {
		return finding.OK.On(name, "none has the layout of MariaDB 5.3", "")
	}
	return finding.Fail.On(name, "TIME, DATETIME or TIMESTAMP in the layout of MariaDB 5.3, which the binary log does not describe: "+names(dated),
		fmt.Sprintf("SET GLOBAL mysql56_temporal_format = ON; and the same in the server's configuration; then ALTER TABLE %s FORCE; or exclude the table",
			dated[0].quoted()))

}

// checkForeignKeys: what foreign keys do when a row is deleted, and that they let go of one that is given another key, the relays do themselves where the last writer wins, since the
// log does not have it. So they do where rows follow such a row, but for some; if two things come at a time, these can be left in one region, and so can rows that can both go and let go.
func checkForeignKeys(ctx context.Context, s *server) (finding.Result, error) {
	const name = "foreign_keys"
	var ruled, updating, divided, deleting []string
	err := s.query(ctx, `SELECT CONSTRAINT_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, DELETE_RULE, UPDATE_RULE FROM information_schema.REFERENTIAL_CONSTRAINTS
		WHERE DELETE_RULE NOT IN ('RESTRICT', 'NO ACTION') OR UPDATE_RULE NOT IN ('RESTRICT', 'NO ACTION')
		ORDER BY 1, 2, 3`, func(row []string) {
		key := row[0] + "." + row[1] + " (" + row[2] + ")"
		switch acts := row[3] == "CASCADE" || row[3] == "SET NULL" || row[4] == "SET NULL"; {
		case !s.matches(row[0], row[1]):
		case acts && s.config.Ruled != nil && s.config.Ruled(row[0], row[1]):
			ruled = append(ruled, key)
		case row[4] == "CASCADE":
			updating = append(updating, key)
		case row[4] == "SET NULL" && row[3] == "CASCADE":
			divided = append(divided, key)
		default:
			deleting = append(deleting, key)
		}
	})
	switch {
	case err != nil:
		return finding.OK.On(name, "", ""), err
	case len(ruled) > 0:
		return finding.Fail.On(name, "what foreign keys change is not in the binary log, and is carried only where the last writer wins; tables with a [[rule]] are held: "+join(ruled),
			"have the application delete the children first, with ON DELETE RESTRICT and ON UPDATE RESTRICT; or leave the table to the last writer"), nil
	case len(updating) > 0:
		return finding.Warn.On(name, "rows that follow a key (ON UPDATE CASCADE) can be left elsewhere if two regions change it at a time, or one deletes the row, and follow in one region alone if the foreign key is part of a key or in a chain: "+join(updating),
			"change each key in one region only, or ON UPDATE RESTRICT; a region where rows may differ says so"), nil
	case len(divided) > 0:
		return finding.Warn.On(name, "if one region deletes a row while another one gives it another key, rows that refer to it can be left in the latter alone (ON UPDATE SET NULL beside ON DELETE CASCADE): "+join(divided),
			"have both do the same, or ON UPDATE RESTRICT; a region where it happens says so"), nil
	case len(deleting) > 0:
		return finding.OK.On(name, "what they do is done in every region: "+join(deleting), ""), nil
	}
	return finding.OK.On(name, "none changes rows by itself", ""), nil
}

func checkUniques(tables []*table) finding.Result {
	const name = "unique_keys"
	unique := pick(tables, func(t *table) bool { return t.uniques > 0 })
	if len(unique) == 0 {
		return finding.OK.On(name, "no table has secondary unique keys", "")
	}
	return finding.Info.On(name, "if two regions take one value for different rows, the later write keeps it: "+names(unique), "")
}

func checkFolding(tables []*table) finding.Result {
	const name = "key_collations"
	folding := pick(tables, func(t *table) bool { return t.folding })
	if len(folding) == 0 {
		return finding.OK.On(name, "every primary key tells all its values apart", "")
	}
	return finding.Info.On(name, "'a' and 'A ' may be one key, by the collation of the key's columns: "+names(folding), "")
}

func checkSequences(ctx context.Context, s *server) []finding.Result {
	const name = "sequences"
	all, err := s.catalog(ctx)
	if err != nil {
		return broken(name, err)
	}
	sequences := pick(all, func(t *table) bool { return t.kind == "SEQUENCE" })
	if len(sequences) == 0 {
		return []finding.Result{finding.OK.On(name, "none", "")}
	}
	return []finding.Result{finding.Warn.On(name, "each region counts by itself and will give the same numbers: "+names(sequences),
		fmt.Sprintf("ALTER SEQUENCE %s INCREMENT BY 0; lets it follow auto_increment_increment and auto_increment_offset", sequences[0].quoted()))}
}

func checkAutoIncrement(ctx context.Context, s *server) []finding.Result {
	const name = "auto_increment"
	tables, err := s.tables(ctx)
	if err != nil {
		return broken(name, err)
	}
	counted := pick(tables, func(t *table) bool { return t.counted })
	if len(counted) == 0 || s.config.Regions < 2 {
		return []finding.Result{finding.OK.On(name, "no numbers that two regions could both give", "")}
	}
	increment, _ := s.number("auto_increment_increment")
	offset, _ := s.number("auto_increment_offset")
	detail := fmt.Sprintf("increment %d, offset %d", increment, offset)
	if increment >= int64(s.config.Regions) && offset <= increment {
		return []finding.Result{finding.OK.On(name, detail+": see that no other region has this offset", "")}
	}
	return []finding.Result{finding.Warn.On(name, detail+": two regions will give one number to different rows, and the later one wins: "+names(counted),
		fmt.Sprintf("SET GLOBAL auto_increment_increment = %d, auto_increment_offset = %d; and the same in the server's configuration",
			s.config.Regions, s.config.Region))}
}
