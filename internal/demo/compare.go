package demo

import (
	"context"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/testenv"
)

// compareEvery is how often the tables are read until they are the same.
const compareEvery = 100 * time.Millisecond

// awaitSame reads all tables of all regions, by value, until they are the same or ctx ends.
func (s *show) awaitSame(ctx context.Context) (time.Duration, testenv.Diff, error) {
	began := time.Now()
	for {
		diff, err := s.compare(ctx)
		if err == nil && diff.Identical() {
			return time.Since(began), diff, nil
		}
		if wait(ctx, compareEvery) != nil {
			last, lastErr := s.compare(context.WithoutCancel(ctx))
			return time.Since(began), last, lastErr
		}
	}
}

// compare reads every table once.
func (s *show) compare(ctx context.Context) (testenv.Diff, error) {
	var diff testenv.Diff
	for _, t := range shopRows {
		lines := make([][]string, len(s.databases))
		var g errgroup.Group
		for i, db := range s.databases {
			words := strings.NewReplacer(shopWords[s.bed.Regions[i].Engine]...)
			g.Go(func() (err error) {
				lines[i], err = db.lines(ctx, words.Replace(t.columns), t.table)
				slices.Sort(lines[i])
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return diff, err
		}
		s.note(&diff, "shop."+t.table, lines)
	}
	return diff, nil
}

// shownDiffs is how many rows of a table are printed that differ.
const shownDiffs = 20

// note counts a table's rows, and names those that are not everywhere.
func (s *show) note(diff *testenv.Diff, table string, lines [][]string) {
	count := testenv.TableCount{Table: table}
	regions := make(map[string][]string) // that have a row
	for i := range lines {
		count.Rows = append(count.Rows, len(lines[i]))
		for _, line := range lines[i] {
			regions[line] = append(regions[line], s.bed.Regions[i].Name)
		}
	}
	diff.Tables = append(diff.Tables, count)
	shown := 0
	for line, in := range regions {
		if len(in) == len(lines) {
			continue
		}
		if shown++; shown > shownDiffs {
			diff.More++
			continue
		}
		key, _, _ := strings.Cut(line, " | ")
		diff.Rows = append(diff.Rows, testenv.RowDiff{Table: table, Key: key, Values: map[string][]string{strings.Join(in, ","): {line}}})
	}
}
