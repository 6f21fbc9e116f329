package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/relay"
)

// Member is a region that takes part.
type Member struct {
	Name string
	Side relay.Comparison
}

// Options say what is compared, and how gently.
type Options struct {
	Tables []string // "schema.table" or "schema.*", the first ones first; none: all
	Rate   int      // rows per second at most; 0: as fast as the databases answer
	// Patience is how long rows that differ are judged again before they count as unsettled; 0 means DefaultPatience.
	Patience time.Duration
	// Limit bounds the differences of a table that are listed; more are only counted. 0 means DefaultLimit.
	Limit int
	// Values puts the values of columns that differ into the report.
	Values bool
	Clock  relay.Clock
	// Agree is for regions of several engines; nil: their tables are reported as defined otherwise.
	Agree Agreement
	// Done hears of every table once it has been compared. May be nil.
	Done func(TableReport)
}

// Defaults of Options.
const (
	DefaultPatience = time.Minute
	DefaultLimit    = 10_000
)

// What the size of chunks follows: how long the slowest database digests one.
const (
	chunkTime  = 200 * time.Millisecond
	firstChunk = 1_000
	leastChunk = 100
	mostChunk  = 20_000
)

// Run compares the tables of all members with each other. It returns an error, beside what was found so far, if it could not go on.
func Run(ctx context.Context, members []Member, o Options) (*Report, error) {
	if len(members) < 2 {
		return nil, errors.New("compare regions: there is only one")
	}
	o.Patience = cmp.Or(o.Patience, DefaultPatience)
	o.Limit = cmp.Or(o.Limit, DefaultLimit)
	v := &verifier{members: members, o: o}
	r := &Report{Began: o.Clock.Now()}
	for _, m := range members {
		r.Regions = append(r.Regions, m.Name)
	}
	if err := v.meet(ctx); err != nil {
		return r, err
	}
	tables, err := v.tables(ctx)
	if err != nil {
		return r, err
	}
	for _, t := range tables {
		if t.Result == "" {
			err = v.table(ctx, &t)
		}
		r.Tables = append(r.Tables, t)
		if o.Done != nil {
			o.Done(t)
		}
		if err != nil {
			return r, err
		}
	}
	r.Ended = o.Clock.Now()
	return r, nil
}

// verifier is one run.
type verifier struct {
	members []Member
	ids     []relay.Region // of the members
	o       Options
}

// meet learns the members' ids.
func (v *verifier) meet(ctx context.Context) error {
	v.ids = make([]relay.Region, len(v.members))
	err := v.each(ctx, func(ctx context.Context, i int, side relay.Comparison) error {
		cut, err := side.Cut(ctx)
		v.ids[i] = cut.Region
		return err
	})
	for i, id := range v.ids {
		if other := slices.Index(v.ids, id); err == nil && other < i {
			return fmt.Errorf("compare regions: %s and %s are the same region: correct the addresses of the peers", v.members[other].Name, v.members[i].Name)
		}
	}
	return err
}

// each asks all members at a time.
func (v *verifier) each(ctx context.Context, ask func(ctx context.Context, i int, side relay.Comparison) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for i, m := range v.members {
		g.Go(func() error { return ask(ctx, i, m.Side) })
	}
	return g.Wait()
}

// tables lists what is to be compared. Those that cannot be have a result already.
func (v *verifier) tables(ctx context.Context) ([]TableReport, error) {
	lists := make([]map[string]relay.ComparedTable, len(v.members))
	names := map[string]bool{}
	err := v.each(ctx, func(ctx context.Context, i int, side relay.Comparison) error {
		list, err := side.Tables(ctx)
		lists[i] = map[string]relay.ComparedTable{}
		for _, t := range list {
			lists[i][t.Name] = t
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, list := range lists {
		for name := range list {
			names[name] = true
		}
	}
	chosen, err := choose(slices.Sorted(maps.Keys(names)), v.o.Tables)
	if err != nil {
		return nil, err
	}
	reports := make([]TableReport, len(chosen))
	for i, name := range chosen {
		if reports[i], err = v.definitions(ctx, name, lists); err != nil {
			return nil, err
		}
	}
	return reports, nil
}

// choose picks tables by patterns, in the patterns' order.
func choose(names, patterns []string) ([]string, error) {
	if len(patterns) == 0 {
		return names, nil
	}
	var chosen []string
	for _, p := range patterns {
		found := false
		for _, name := range names {
			if matches(p, name) {
				if found = true; !slices.Contains(chosen, name) {
					chosen = append(chosen, name)
				}
			}
		}
		if !found {
			return nil, fmt.Errorf("no replicated table is called %s: name them as schema.table or schema.*", p)
		}
	}
	return chosen, nil
}

func matches(pattern, name string) bool {
	schema, all := strings.CutSuffix(pattern, ".*")
	return pattern == name || all && strings.HasPrefix(name, schema+".")
}

// definitions compares how a table is defined.
func (v *verifier) definitions(ctx context.Context, name string, lists []map[string]relay.ComparedTable) (TableReport, error) {
	t := TableReport{Table: name}
	var missing []string
	definitions, same := make([]string, len(lists)), true
	for i, list := range lists {
		c, there := list[name]
		switch {
		case !there:
			missing = append(missing, v.members[i].Name)
		case c.Problem != "":
			t.Result, t.Reason = Skipped, c.Problem
			if slices.Contains(v.o.Tables, name) { // somebody counts on it
				t.Result = Failed
			}
		}
		definitions[i] = c.Definition
		same = same && c.Definition == definitions[0]
	}
	switch {
	case len(missing) > 0:
		t.Result, t.Reason = Differs, "it is missing or not replicated in "+listed(missing)
	case t.Result == "" && !same:
		return t, v.between(ctx, &t, definitions)
	}
	return t, nil
}

func listed(names []string) string { return strings.Join(names, ", ") }

// table compares the rows of one table.
func (v *verifier) table(ctx context.Context, t *TableReport) error {
	members := byValue(v.members, t.Form)
	c := &comparison{verifier: &verifier{members: members, ids: v.ids, o: v.o}, t: t, size: firstChunk}
	began := v.o.Clock.Now()
	err := c.rows(ctx)
	if err == nil {
		err = c.settle(ctx)
	}
	if err == nil {
		err = c.explain(ctx)
	}
	t.Seconds = v.o.Clock.Now().Sub(began).Seconds()
	if ctx.Err() != nil {
		t.Result, t.Reason = Unsettled, "it was interrupted"
		return context.Cause(ctx)
	}
	if err != nil {
		t.Result, t.Reason = Failed, err.Error()
		return nil // the other tables can still be compared
	}
	t.conclude()
	return nil
}
