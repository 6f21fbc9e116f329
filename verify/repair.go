package verify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/relay"
)

// Choice picks the region whose row shall stand, by its place in the report, or says why none can be picked.
type Choice func(table string, d *Difference) (stands int, err error)

// Newest picks the row that was written last, as far as the regions' logs tell. Among rows of one version, or where none is known, it picks
// what most regions show.
func Newest(_ string, d *Difference) (int, error) {
	groups := d.groups()
	best := ""
	for _, g := range groups {
		if v := newest(g); version(v).After(version(best)) {
			best = v
		}
	}
	groups = slices.DeleteFunc(groups, func(g []*RowState) bool { return newest(g) != best })
	slices.SortStableFunc(groups, func(a, b []*RowState) int { return len(b) - len(a) })
	if len(groups) > 1 && len(groups[0]) == len(groups[1]) {
		return 0, errors.New("the logs do not tell which row is the newest, and no row is that of most regions: choose a region")
	}
	return d.place(groups[0][0].Region), nil
}

// From picks one region's rows.
func From(region string) Choice {
	return func(_ string, d *Difference) (int, error) {
		if n := d.place(region); n >= 0 {
			return n, nil
		}
		return 0, fmt.Errorf("region %s was not compared", region)
	}
}

func (d *Difference) place(region string) int {
	return slices.IndexFunc(d.Rows, func(r RowState) bool { return r.Region == region })
}

// ErrSkip is what a Choice says to leave a row as it is.
var ErrSkip = errors.New("left as it is")

// Change is one row in one region, as it was and as it shall be. Written to a file, changes can be taken back: see Undo.
type Change struct {
	Table  string       `json:"table"`
	Key    relay.RowKey `json:"row_key"`
	Region string       `json:"region"`
	// Form is set if the row was compared by value, between engines.
	Form *relay.ValueForm `json:"by_value,omitempty"`
	Was  *Content         `json:"was"` // nil: there was no such row
	Is   *Content         `json:"is"`
}

// Content is a row whole. In JSON its values are base64 of their bytes.
type Content struct {
	Digest string              `json:"digest"`
	Values []relay.ColumnValue `json:"values"`
}

// Undo returns the change that takes this one back.
func (c Change) Undo() Change {
	c.Was, c.Is = c.Is, c.Was
	return c
}

// Repairer writes rows.
type Repairer struct {
	Members []Member
	Choose  Choice
	DryRun  bool
	// Record is called before each change is made, and makes it durable so that it can be taken back. An error ends the repair.
	Record func(Change) error
	// Told hears what became of each change. May be nil.
	Told func(Change, error)
	// Skipped hears why a row was left as it is.
	Skipped func(table string, d *Difference, why error)
}

// Outcome counts what a repair did.
type Outcome struct {
	Changed int // rows written, a row in two regions being two; of a dry run: that would be
	Failed  int // changes that could not be made
	Skipped int // rows that were left as they are
}

// repairBatch is how many rows are looked at together.
const repairBatch = 100

// Run repairs the differences of a report. It returns an error if it could not go on.
func (p *Repairer) Run(ctx context.Context, r *Report) (o Outcome, err error) {
	for i := range r.Tables {
		t := &r.Tables[i]
		for batch := range slices.Chunk(t.Differences, repairBatch) {
			if err := p.batch(ctx, t, batch, &o); err != nil {
				return o, fmt.Errorf("repair table %s: %w", t.Table, err)
			}
		}
	}
	return o, nil
}

// side returns a region's member, as it compares by a form.
func (p *Repairer) side(region string, f *relay.ValueForm) (relay.Comparison, error) {
	for _, m := range p.Members {
		if m.Name == region && f != nil {
			return m.Side.ByValue(f), nil
		}
		if m.Name == region {
			return m.Side, nil
		}
	}
	return nil, fmt.Errorf("region %s is not in the configuration", region)
}

func (p *Repairer) batch(ctx context.Context, t *TableReport, list []Difference, o *Outcome) error {
	for i := range list {
		d := &list[i]
		changes, err := p.plan(ctx, t, d)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			o.Skipped++
			p.Skipped(t.Table, d, err)
			continue
		}
		for _, c := range changes {
			if err := p.do(ctx, c, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// plan reads a row in all regions, and makes a change for each where it is to become another one.
func (p *Repairer) plan(ctx context.Context, t *TableReport, d *Difference) ([]Change, error) {
	stands, err := p.Choose(t.Table, d)
	if err != nil {
		return nil, err
	}
	rows := make([]*Content, len(d.Rows))
	g, ctx := errgroup.WithContext(ctx)
	for i, row := range d.Rows {
		g.Go(func() (err error) {
			rows[i], err = p.read(ctx, t, d.Key, row)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var changes []Change
	for i, row := range d.Rows {
		if row.Digest != d.Rows[stands].Digest {
			changes = append(changes, Change{Table: t.Table, Key: d.Key, Region: row.Region, Form: t.Form, Was: rows[i], Is: rows[stands]})
		}
	}
	return changes, nil
}

// read reads a row whole: it must be as it was compared, before and after it is read.
func (p *Repairer) read(ctx context.Context, t *TableReport, key relay.RowKey, as RowState) (*Content, error) {
	side, err := p.side(as.Region, t.Form)
	if err != nil {
		return nil, err
	}
	first, err := side.Columns(ctx, t.Table, key)
	if err != nil {
		return nil, err
	}
	cut, err := side.Cut(ctx)
	if err != nil {
		return nil, err
	}
	looks, err := side.Look(ctx, t.Table, cut.LSN, []relay.RowKey{key})
	if err != nil {
		return nil, err
	}
	second, err := side.Columns(ctx, t.Table, key)
	if err != nil {
		return nil, err
	}
	if digest := digestText(looks[0]); digest != as.Digest || looks[0].Written || !sameRow(first, second) {
		return nil, fmt.Errorf("region %s: %w", as.Region, relay.ErrChanged)
	}
	if as.Missing {
		return nil, nil
	}
	return &Content{Digest: as.Digest, Values: first}, nil
}

func digestText(l relay.Look) string {
	if l.Row == nil {
		return ""
	}
	return l.Row.Sum.String()
}

func sameRow(a, b []relay.ColumnValue) bool {
	return slices.EqualFunc(a, b, func(x, y relay.ColumnValue) bool {
		return x.Name == y.Name && (x.Value == nil) == (y.Value == nil) && bytes.Equal(x.Value, y.Value)
	})
}

// do makes one change. It returns an error only if the repair must end.
func (p *Repairer) do(ctx context.Context, c Change, o *Outcome) error {
	if p.DryRun {
		o.Changed++
		p.tell(c, nil)
		return nil
	}
	if err := p.Record(c); err != nil {
		return fmt.Errorf("write the change down: %w", err)
	}
	err := p.make(ctx, c)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if p.tell(c, err); err != nil {
		o.Failed++
		return nil
	}
	o.Changed++
	return nil
}

func (p *Repairer) tell(c Change, err error) {
	if p.Told != nil {
		p.Told(c, err)
	}
}

func (p *Repairer) make(ctx context.Context, c Change) error {
	side, err := p.side(c.Region, c.Form)
	if err != nil {
		return err
	}
	r := relay.Replacement{Table: c.Table, Key: c.Key}
	if c.Was != nil {
		sum, err := relay.ParseSum(c.Was.Digest)
		if err != nil {
			return err
		}
		r.Expect = &sum
	}
	if c.Is != nil {
		r.Values = c.Is.Values
	}
	return side.Replace(ctx, r)
}

// Undo takes changes back, the last one first, as far as the rows are as they left them.
func (p *Repairer) Undo(ctx context.Context, changes []Change) (o Outcome, err error) {
	for _, c := range slices.Backward(changes) {
		if err := p.do(ctx, c.Undo(), &o); err != nil {
			return o, err
		}
	}
	return o, nil
}
