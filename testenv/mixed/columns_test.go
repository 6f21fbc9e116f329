package mixed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// grown is a table that gets more columns in one region after the other, and grownWide what it is in the end.
var (
	grown     = &table{name: "grown", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"v", text("varchar(50)"), ""}}}
	grownWide = &table{name: "grown", columns: append(grown.columns[:2:2], column{"w", each("int"), ""}, column{"x", each("varchar(10)"), ""}, column{"y", both("datetime(3)", "timestamp(3)"), "moment"})}
)

// columns adds columns in one region after the other, in each engine's own words, while rows without them come from the others: they are written with the columns' defaults, everywhere
// alike. Rows that have the columns wait where these are missing. A column that rows cannot do without holds the table.
func (b *bed) columns(t *testing.T) {
	for _, r := range b.regions {
		r.exec(t, fmt.Sprintf("INSERT INTO app.grown VALUES (%d, 'old'), (%d, 'old')", r.id, 10+r.id))
	}
	b.awaitSame(t, time.Minute, grown)
	for n := range b.regions {
		r, next := b.regions[(n+2)%len(b.regions)], b.regions[(n+3)%len(b.regions)] // PostgreSQL begins
		r.exec(t, "ALTER TABLE app.grown ADD w int"+map[bool]string{true: "", false: " NULL"}[r.is == postgreSQL]+", ADD x varchar(10) NOT NULL DEFAULT 'd', ADD y "+grownWide.columns[4].types[r.is]+
			" DEFAULT '2024-01-01 00:00:00'")
		r.exec(t, fmt.Sprintf("UPDATE app.grown SET w = %d, x = 'own', y = NULL WHERE id = %d", r.id, 10+r.id))
		if n < len(b.regions)-1 {
			next.exec(t, fmt.Sprintf("UPDATE app.grown SET v = 'later' WHERE id = %d", r.id))
			next.exec(t, fmt.Sprintf("INSERT INTO app.grown (id, v) VALUES (%d, 'new')", 20+n))
			for _, wide := range b.regions {
				if wide.has(t, "grown", "w") {
					awaitTrue(t, time.Minute, "rows without the columns have their defaults in region "+wide.name, func() bool {
						return wide.one(t, fmt.Sprintf("SELECT COUNT(*) FROM app.grown WHERE id IN (%d, %d) AND v IN ('later', 'new') AND w IS NULL AND x = 'd' AND y = '2024-01-01'", r.id, 20+n)) == "2"
					})
				}
			}
			awaitTrue(t, time.Minute, "a row with the columns waits in region "+next.name, func() bool {
				return strings.Contains(next.ask(t, "SELECT GROUP_CONCAT(detail) FROM octant.dead_letters WHERE table_name = 'app.grown'"), "column w is missing here: add it")
			})
		}
	}
	b.awaitSame(t, 2*time.Minute, grownWide)
	b.noLetters(t)
	if got := grownWide.dump(t, b.regions[0]); strings.Count(got, `x="own" y=NULL`) != len(b.regions) || strings.Count(got, `w=NULL x="d" y="2024-01-01 00:00:00"`) != 5 {
		t.Errorf("grown is\n%s", got)
	}

	first, last := b.regions[0], b.regions[2]
	last.exec(t, "ALTER TABLE app.grown ADD need uuid NOT NULL DEFAULT gen_random_uuid()")
	first.exec(t, "UPDATE app.grown SET v = 'held' WHERE id = 1")
	awaitTrue(t, time.Minute, "the table is held", func() bool {
		return strings.Contains(last.ask(t, "SELECT GROUP_CONCAT(reason) FROM octant.tables WHERE table_name = 'app.grown'"), "column need stands only here")
	})
	last.exec(t, "ALTER TABLE app.grown DROP need")
	b.awaitSame(t, 2*time.Minute, grownWide)
	b.noLetters(t)
}

// has tells whether a table of the region has a column.
func (r *region) has(t *testing.T, table, column string) bool {
	t.Helper()
	return r.one(t, fmt.Sprintf("SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'app' AND table_name = '%s' AND column_name = '%s'", table, column)) == "1"
}
