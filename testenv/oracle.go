package testenv

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Oracle reads databases of all sites over SQL and compares them byte by byte. It knows nothing of relays:
// its eyes are those of an application.
type Oracle struct {
	Sites     []Site   // at least one; the first is no better than the others
	Databases []string // all base tables of these are compared
	// MaxRows bounds the rows that a Diff lists for each table; 0 means 20.
	MaxRows int
	// ShowValues puts the values of rows that differ into the Diff. Leave it off where data are not made up.
	ShowValues bool
}

// Compare reads every table at every site and returns what differs; an empty Diff means identical: the same
// tables with the same columns and the same rows, and every column the same bytes, with NULL unlike the empty
// string. Each table is read at its own moment, so compare when writes have stopped.
func (o Oracle) Compare(ctx context.Context) (Diff, error) {
	began := time.Now()
	var diff Diff
	tables, err := o.compareTables(ctx, &diff)
	if err != nil {
		return Diff{}, err
	}
	for _, t := range tables {
		rows, err := o.compareRows(ctx, t, &diff)
		if err != nil {
			return Diff{}, err
		}
		diff.Tables = append(diff.Tables, TableCount{Table: t.String(), Rows: rows})
	}
	diff.Took = time.Since(began)
	return diff, nil
}

// WaitIdentical compares until all sites are identical and returns how long that took. When ctx ends first it
// returns the last complete Diff and an error. Sites that cannot be read meanwhile are asked again.
func (o Oracle) WaitIdentical(ctx context.Context) (time.Duration, Diff, error) {
	began := time.Now()
	var last Diff
	var trouble error
	for {
		diff, err := o.Compare(ctx)
		if trouble = err; err == nil {
			if last = diff; last.Identical() {
				return time.Since(began), last, nil
			}
		}
		// Looking costs the databases' time, so look no more than half of the time.
		if err := pause(ctx, max(50*time.Millisecond, diff.Took)); err != nil {
			return time.Since(began), last, fmt.Errorf("wait until regions are identical: %w",
				errors.Join(err, trouble, last.Err()))
		}
	}
}

// compareTables notes tables that are not everywhere or not everywhere alike, and returns those that are.
func (o Oracle) compareTables(ctx context.Context, diff *Diff) ([]table, error) {
	perSite := make([]map[string]table, len(o.Sites))
	err := atEach(ctx, o.Sites, func(ctx context.Context, i int, site Site) error {
		var err error
		perSite[i], err = readTables(ctx, site.DB, o.Databases)
		return err
	})
	if err != nil {
		return nil, err
	}
	names := make(map[string]bool)
	for _, tables := range perSite {
		for name := range tables {
			names[name] = true
		}
	}
	var same []table
	for name := range names {
		if o.sameTable(name, perSite, diff) {
			same = append(same, perSite[0][name])
		}
	}
	slices.SortFunc(same, func(a, b table) int { return strings.Compare(a.String(), b.String()) })
	slices.SortFunc(diff.Schema, func(a, b SchemaDiff) int { return strings.Compare(a.Table, b.Table) })
	return same, nil
}

func (o Oracle) sameTable(name string, perSite []map[string]table, diff *Diff) bool {
	d := SchemaDiff{Table: name}
	for i, tables := range perSite {
		t, there := tables[name]
		switch {
		case !there:
			d.Missing = append(d.Missing, o.Sites[i].Name)
		case !t.like(firstTable(name, perSite)):
			d.Unlike = append(d.Unlike, o.Sites[i].Name)
		}
	}
	if len(d.Missing)+len(d.Unlike) == 0 {
		return true
	}
	diff.Schema = append(diff.Schema, d)
	return false
}

func firstTable(name string, perSite []map[string]table) table {
	for _, tables := range perSite {
		if t, there := tables[name]; there {
			return t
		}
	}
	return table{}
}

// compareRows compares by digest first, which needs no memory, and reads rows into memory only where digests
// differ. It returns the number of rows at each site.
func (o Oracle) compareRows(ctx context.Context, t table, diff *Diff) ([]int, error) {
	digests := make([]digest, len(o.Sites))
	err := atEach(ctx, o.Sites, func(ctx context.Context, i int, site Site) error {
		var err error
		digests[i], err = t.digest(ctx, site.DB)
		return err
	})
	if err != nil {
		return nil, err
	}
	counts := make([]int, len(digests))
	same := true
	for i, d := range digests {
		counts[i] = d.rows
		same = same && d == digests[0]
	}
	if same {
		return counts, nil
	}
	return counts, o.listRows(ctx, t, diff)
}
