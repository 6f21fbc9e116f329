package verify

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/inquire"
	"github.com/octant-db/octant/relay"
)

// ByValue implements relay.Comparison.
func (l *Local) ByValue(f *relay.ValueForm) relay.Comparison {
	valued := *l
	valued.Reader = l.Reader.ByValue(f)
	return &valued
}

// Shape implements relay.Comparison.
func (r *Remote) Shape(ctx context.Context, table string) (*relay.Shape, error) {
	var s *relay.Shape
	err := r.Ask(ctx, func(f []mysql.FieldValue) error {
		return json.Unmarshal([]byte(inquire.Cell(f, 0)), &s)
	}, "compare_shape", table)
	if err == nil && s == nil {
		err = fmt.Errorf("region %s: it does not say what table %s is like", r.Peer.Name, table)
	}
	return s, err
}

// ByValue implements relay.Comparison.
func (r *Remote) ByValue(f *relay.ValueForm) relay.Comparison { return &valuedRemote{r, f} }

// valuedRemote asks a relay about tables that are compared by value: the form goes with the table's name.
type valuedRemote struct {
	*Remote
	form *relay.ValueForm
}

// Bound implements relay.Comparison.
func (v *valuedRemote) Bound(ctx context.Context, table string, after relay.RowKey, rows int) (relay.RowKey, error) {
	subject, err := relay.Subject(table, v.form)
	if err != nil {
		return "", err
	}
	return v.Remote.Bound(ctx, subject, after, rows)
}

// Digest implements relay.Comparison.
func (v *valuedRemote) Digest(ctx context.Context, table string, s relay.Span) (relay.SpanDigest, error) {
	subject, err := relay.Subject(table, v.form)
	if err != nil {
		return relay.SpanDigest{}, err
	}
	return v.Remote.Digest(ctx, subject, s)
}

// Rows implements relay.Comparison.
func (v *valuedRemote) Rows(ctx context.Context, table string, s relay.Span) ([]relay.RowDigest, error) {
	subject, err := relay.Subject(table, v.form)
	if err != nil {
		return nil, err
	}
	return v.Remote.Rows(ctx, subject, s)
}

// Look implements relay.Comparison.
func (v *valuedRemote) Look(ctx context.Context, table string, since relay.LSN, keys []relay.RowKey) ([]relay.Look, error) {
	subject, err := relay.Subject(table, v.form)
	if err != nil {
		return nil, err
	}
	return v.Remote.Look(ctx, subject, since, keys)
}

// Columns implements relay.Comparison.
func (v *valuedRemote) Columns(ctx context.Context, table string, key relay.RowKey) ([]relay.ColumnValue, error) {
	subject, err := relay.Subject(table, v.form)
	if err != nil {
		return nil, err
	}
	return v.Remote.Columns(ctx, subject, key)
}

// Replace implements relay.Comparison.
func (v *valuedRemote) Replace(ctx context.Context, p relay.Replacement) (err error) {
	if p.Table, err = relay.Subject(p.Table, v.form); err != nil {
		return err
	}
	return v.Remote.Replace(ctx, p)
}

// ByValue implements relay.Comparison.
func (v *valuedRemote) ByValue(f *relay.ValueForm) relay.Comparison { return v.Remote.ByValue(f) }

// Agreement finds how regions of several engines compare the rows of a table, or why they cannot.
type Agreement func(regions []string, shapes []*relay.Shape) (*relay.ValueForm, error)

// shapes asks all members what a table is like.
func (v *verifier) shapes(ctx context.Context, table string) ([]*relay.Shape, error) {
	list := make([]*relay.Shape, len(v.members))
	err := v.each(ctx, func(ctx context.Context, i int, side relay.Comparison) (err error) {
		list[i], err = side.Shape(ctx, table)
		return err
	})
	return list, err
}

// between finds out how a table is compared whose definitions are not the same text everywhere: by value, if the regions are of several engines, and those of each
// engine define it alike.
func (v *verifier) between(ctx context.Context, t *TableReport, definitions []string) error {
	shapes, err := v.shapes(ctx, t.Table)
	if err != nil {
		t.Result, t.Reason = Failed, err.Error()
		return ctx.Err()
	}
	first := map[relay.Flavour]int{}
	var other []string
	for i, s := range shapes {
		flavour := s.Flavour
		if v.o.Agree == nil {
			flavour = ""
		}
		at, known := first[flavour]
		switch {
		case !known:
			first[flavour] = i
		case definitions[i] != definitions[at]:
			other = append(other, v.members[i].Name)
		}
	}
	if len(other) > 0 {
		t.Result, t.Reason = Differs, "its columns or its key are defined otherwise in "+listed(other)
		return nil
	}
	names := make([]string, len(v.members))
	for i, m := range v.members {
		names[i] = m.Name
	}
	if t.Form, err = v.o.Agree(names, shapes); err != nil {
		t.Result, t.Reason = Differs, "it cannot be compared by value: "+err.Error()
	}
	return nil
}

// byValue are the members as they compare a table in a form; nil: as the databases have it.
func byValue(members []Member, f *relay.ValueForm) []Member {
	if f == nil {
		return members
	}
	list := make([]Member, len(members))
	for i, m := range members {
		list[i] = Member{Name: m.Name, Side: m.Side.ByValue(f)}
	}
	return list
}
