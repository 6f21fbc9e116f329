package testenv

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Diff is what an Oracle found.
type Diff struct {
	Tables []TableCount  // every table that could be compared
	Schema []SchemaDiff  // tables that could not
	Rows   []RowDiff     // rows that differ, at most MaxRows of each table
	More   int           // how many further rows differ
	Moving []string      // tables that differed at the first look and no more at the second
	Took   time.Duration // the comparison
}

// TableCount is a table and its number of rows at each site, in the order of the sites.
type TableCount struct {
	Table string
	Rows  []int
}

// SchemaDiff is a table that some sites do not have, or have with other columns than the first that has it.
type SchemaDiff struct {
	Table           string
	Missing, Unlike []string // sites
}

// RowDiff is a row that is not the same everywhere.
type RowDiff struct {
	Table   string
	Key     string   // the primary key's values
	Missing []string // the sites without the row
	Columns []string // the columns that are not the same at all sites that have the row
	// Values holds, with Oracle.ShowValues, those columns' values for each site that has the row.
	Values map[string][]string
}

// Identical says that nothing differs.
func (d Diff) Identical() bool { return len(d.Schema)+len(d.Rows)+len(d.Moving) == 0 }

// Err returns nil when nothing differs, and otherwise the differences as an error of several lines.
func (d Diff) Err() error {
	if d.Identical() {
		return nil
	}
	return errors.New("regions differ:\n" + d.String())
}

// String lists what differs, one line each, or the numbers of rows when nothing does.
func (d Diff) String() string {
	var b strings.Builder
	if d.Identical() {
		for _, t := range d.Tables {
			fmt.Fprintf(&b, "%s: identical, %d rows\n", t.Table, t.Rows[0])
		}
	}
	for _, s := range d.Schema {
		fmt.Fprintf(&b, "%s: missing at %v, other columns at %v\n", s.Table, s.Missing, s.Unlike)
	}
	for _, r := range d.Rows {
		fmt.Fprintln(&b, r)
	}
	for _, t := range d.Moving {
		fmt.Fprintf(&b, "%s: changed while it was read\n", t)
	}
	if d.More > 0 {
		fmt.Fprintf(&b, "and %d rows more\n", d.More)
	}
	return b.String()
}

// String is one line, or one more per site where values are shown.
func (r RowDiff) String() string {
	text := fmt.Sprintf("%s key %s:", r.Table, r.Key)
	if len(r.Missing) > 0 {
		text += fmt.Sprintf(" missing at %s;", strings.Join(r.Missing, ", "))
	}
	if len(r.Columns) > 0 {
		text += fmt.Sprintf(" differs in %s", strings.Join(r.Columns, ", "))
	}
	for _, site := range sortedKeys(r.Values) {
		text += fmt.Sprintf("\n    %s: %s", site, strings.Join(r.Values[site], " | "))
	}
	return text
}

func sortedKeys(m map[string][]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// fullRow is a row in memory and how often it is there: more than once only without a primary key.
type fullRow struct {
	values []sql.RawBytes
	times  int
}

// listRows reads a table of all sites into memory, which is all right because a test has failed by now, and
// notes the rows that differ.
func (o Oracle) listRows(ctx context.Context, t table, diff *Diff) error {
	perSite := make([]map[string]fullRow, len(o.Sites))
	err := atEach(ctx, o.Sites, func(ctx context.Context, i int, site Site) error {
		perSite[i] = make(map[string]fullRow)
		return t.scan(ctx, site.DB, func(values []sql.RawBytes) {
			key := t.keyOf(values)
			perSite[i][key] = fullRow{cloneRow(values), perSite[i][key].times + 1}
		})
	})
	if err != nil {
		return err
	}
	if o.noteRows(t, perSite, diff) == 0 {
		diff.Moving = append(diff.Moving, t.String())
	}
	return nil
}

// noteRows returns how many rows it put into the diff.
func (o Oracle) noteRows(t table, perSite []map[string]fullRow, diff *Diff) int {
	limit := o.MaxRows
	if limit == 0 {
		limit = 20
	}
	listed := 0
	for _, key := range allKeys(perSite) {
		row, differs := o.compareRow(t, key, perSite)
		switch {
		case !differs:
		case listed < limit:
			diff.Rows = append(diff.Rows, row)
			listed++
		default:
			diff.More++
		}
	}
	return listed
}

func allKeys(perSite []map[string]fullRow) []string {
	seen := make(map[string]bool)
	var keys []string
	for _, rows := range perSite {
		for key := range rows {
			if !seen[key] {
				seen[key] = true
				keys = append(keys, key)
			}
		}
	}
	slices.Sort(keys)
	return keys
}

func (o Oracle) compareRow(t table, key string, perSite []map[string]fullRow) (RowDiff, bool) {
	d := RowDiff{Table: t.String()}
	most, some := 0, fullRow{}
	for _, rows := range perSite {
		if row := rows[key]; row.times > most {
			most, some = row.times, row
		}
	}
	d.Key = t.showKey(some.values)
	differs := make([]bool, len(t.columns))
	for i, rows := range perSite {
		row := rows[key]
		if row.times < most {
			d.Missing = append(d.Missing, o.Sites[i].Name)
		}
		if row.times > 0 {
			markDifferent(differs, row.values, some.values)
		}
	}
	for i, c := range t.columns {
		if differs[i] {
			d.Columns = append(d.Columns, c.name)
		}
	}
	if o.ShowValues {
		d.Values = o.showValues(key, differs, perSite)
	}
	return d, len(d.Missing)+len(d.Columns) > 0
}

func markDifferent(differs []bool, a, b []sql.RawBytes) {
	for i := range differs {
		if (a[i] == nil) != (b[i] == nil) || string(a[i]) != string(b[i]) {
			differs[i] = true
		}
	}
}

func (o Oracle) showValues(key string, differs []bool, perSite []map[string]fullRow) map[string][]string {
	values := make(map[string][]string)
	for i, rows := range perSite {
		row := rows[key]
		if row.times == 0 {
			continue
		}
		for c, v := range row.values {
			if differs[c] {
				values[o.Sites[i].Name] = append(values[o.Sites[i].Name], showValue(v))
			}
		}
	}
	return values
}

func (t table) keyOf(values []sql.RawBytes) string {
	var key []byte
	for _, i := range t.identity() {
		key = appendValue(key, values[i])
	}
	return string(key)
}

func (t table) showKey(values []sql.RawBytes) string {
	var parts []string
	for _, i := range t.identity() {
		parts = append(parts, showValue(values[i]))
	}
	return "(" + strings.Join(parts, ", ") + ")"
}

// showValue quotes a value so that zero bytes and empty strings are seen; long ones are cut.
func showValue(v sql.RawBytes) string {
	const limit = 80
	switch {
	case v == nil:
		return "NULL"
	case len(v) > limit:
		return fmt.Sprintf("%q… of %d bytes", []byte(v[:limit]), len(v))
	default:
		return fmt.Sprintf("%q", []byte(v))
	}
}

// cloneRow copies a row out of the driver's buffer. An empty value must not become NULL.
func cloneRow(values []sql.RawBytes) []sql.RawBytes {
	row := make([]sql.RawBytes, len(values))
	for i, v := range values {
		if v != nil {
			row[i] = append(make(sql.RawBytes, 0, len(v)), v...)
		}
	}
	return row
}
