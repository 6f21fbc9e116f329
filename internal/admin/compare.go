package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// roleReplicate may have all rows, and so may compare them.
const roleReplicate = "replicate"

// inquiry is a procedure by which other relays and octant verify compare this region's tables with others'.
type inquiry struct {
	arguments []tokenKind // the first ones; more is what further ones are
	more      tokenKind
	role      string
	run       func(ctx context.Context, c relay.Comparison, a []token) (*mysql.Result, error)
}

var inquiries = map[string]inquiry{
	"compare_tables":  {nil, 0, roleReplicate, compareTables},
	"compare_bound":   {[]tokenKind{text, text, number}, 0, roleReplicate, compareBound},
	"compare_digest":  {[]tokenKind{text, text, text}, 0, roleReplicate, compareDigest},
	"compare_rows":    {[]tokenKind{text, text, text}, 0, roleReplicate, compareRows},
	"compare_cut":     {nil, 0, roleReplicate, compareCut},
	"compare_shown":   {nil, 0, roleReplicate, compareShown},
	"compare_look":    {[]tokenKind{text, number}, text, roleReplicate, compareLook},
	"compare_columns": {[]tokenKind{text, text}, 0, roleReplicate, compareColumns},
	"compare_shape":   {[]tokenKind{text}, 0, roleReplicate, compareShape},
	"compare_replace": {[]tokenKind{text, text, text, text}, 0, roleAdmin, compareReplace},
}

// fits tells whether an inquiry takes the arguments.
func (q *inquiry) fits(a []token) bool {
	if len(a) < len(q.arguments) || len(a) > len(q.arguments) && q.more == 0 {
		return false
	}
	for i := range a {
		if want := append(slices.Clone(q.arguments), q.more)[min(i, len(q.arguments))]; a[i].kind != want {
			return false
		}
	}
	return true
}

// inquire is the statement that asks.
func (q inquiry) inquire(name string, a []token) (statement, error) {
	if !q.fits(a) {
		return statement{}, failure(codeWrongArgument, "Incorrect arguments to octant.%s: it is spoken between relays of one version", name)
	}
	return statement{role: q.role, run: func(ctx context.Context, call *call) (*mysql.Result, error) {
		side := call.e.comparison()
		if side == nil {
			return nil, notSupported("CALL octant." + name)
		}
		a, err := about(&side, a)
		if err != nil {
			return nil, err
		}
		result, err := q.run(ctx, side, a)
		if q.role == roleAdmin {
			call.e.cfg.Logger.Info("a user repairs a row", "user", call.session.account(), "table", a[0].text, "error", err)
		}
		return result, asFailure(err)
	}}, nil
}

// about takes the form off the table's name, if its rows are compared by value.
func about(side *relay.Comparison, a []token) ([]token, error) {
	if len(a) == 0 {
		return a, nil
	}
	table, form, err := relay.ParseSubject(a[0].text)
	if err != nil || form == nil {
		return a, err
	}
	*side, a = (*side).ByValue(form), slices.Clone(a)
	a[0].text = table
	return a, nil
}

// comparison is this region's side, nil if it has none.
func (e *Engine) comparison() relay.Comparison {
	if e.cfg.Comparison == nil {
		return nil
	}
	return e.cfg.Comparison()
}

// asFailure keeps the errors that a caller branches on apart.
func asFailure(err error) error {
	if errors.Is(err, relay.ErrChanged) {
		return failure(codeChanged, "%v", relay.ErrChanged)
	}
	return err
}

// codeChanged says that a row is not as it was: ER_CHECKREAD, "Record has changed since last read in table".
const codeChanged = 1020

func compareTables(ctx context.Context, c relay.Comparison, _ []token) (*mysql.Result, error) {
	list, err := c.Tables(ctx)
	return asRows([]column{{"name", textColumn}, {"definition", textColumn}, {"problem", textColumn}}, list,
		func(t relay.ComparedTable) []any { return []any{t.Name, t.Definition, t.Problem} }), err
}

// asRows makes a result of a list.
func asRows[T any](columns []column, list []T, row func(T) []any) *mysql.Result {
	rows := make([][]any, len(list))
	for i, v := range list {
		rows[i] = row(v)
	}
	return newResult(columns, rows...)
}

func compareBound(ctx context.Context, c relay.Comparison, a []token) (*mysql.Result, error) {
	rows, err := strconv.Atoi(a[2].text)
	if err != nil {
		return nil, err
	}
	key, err := c.Bound(ctx, a[0].text, relay.RowKey(a[1].text), rows)
	return newResult([]column{{"row_key", textColumn}}, []any{string(key)}), err
}

func spanOf(a []token) relay.Span {
	return relay.Span{After: relay.RowKey(a[0].text), UpTo: relay.RowKey(a[1].text)}
}

func compareDigest(ctx context.Context, c relay.Comparison, a []token) (*mysql.Result, error) {
	d, err := c.Digest(ctx, a[0].text, spanOf(a[1:]))
	return newResult([]column{{"row_count", naturalColumn}, {"digest", textColumn}}, []any{d.Rows, d.Sum.String()}), err
}

func compareRows(ctx context.Context, c relay.Comparison, a []token) (*mysql.Result, error) {
	list, err := c.Rows(ctx, a[0].text, spanOf(a[1:]))
	return asRows([]column{{"row_key", textColumn}, {"digest", textColumn}}, list,
		func(d relay.RowDigest) []any { return []any{string(d.Key), d.Sum.String()} }), err
}

func compareCut(ctx context.Context, c relay.Comparison, _ []token) (*mysql.Result, error) {
	cut, err := c.Cut(ctx)
	return newResult([]column{{"region_id", intColumn}, {"lsn", naturalColumn}, {"hlc", intColumn}},
		[]any{int64(cut.Region), uint64(cut.LSN), int64(cut.HLC)}), err
}

// compareShown answers with a row for each region, or with none if nothing can be said now.
func compareShown(ctx context.Context, c relay.Comparison, _ []token) (*mysql.Result, error) {
	v, err := c.Shown(ctx)
	return asRows([]column{{"hlc", intColumn}}, v, func(h relay.HLC) []any { return []any{int64(h)} }), err
}

func compareLook(ctx context.Context, c relay.Comparison, a []token) (*mysql.Result, error) {
	since, err := strconv.ParseUint(a[1].text, 10, 64)
	if err != nil {
		return nil, err
	}
	keys := make([]relay.RowKey, len(a)-2)
	for i, t := range a[2:] {
		keys[i] = relay.RowKey(t.text)
	}
	list, err := c.Look(ctx, a[0].text, relay.LSN(since), keys)
	columns := []column{{"row_key", textColumn}, {"digest", textColumn}, {"written", intColumn}, {"hlc", intColumn}, {"region_id", intColumn}}
	return asRows(columns, list, func(l relay.Look) []any {
		row := []any{nil, nil, truth(l.Written), int64(l.Version.HLC), int64(l.Version.Region)}
		if l.Row != nil {
			row[0], row[1] = string(l.Row.Key), l.Row.Sum.String()
		}
		return row
	}), err
}

func compareColumns(ctx context.Context, c relay.Comparison, a []token) (*mysql.Result, error) {
	list, err := c.Columns(ctx, a[0].text, relay.RowKey(a[1].text))
	columns := []column{{"name", textColumn}, {"in_key", intColumn}, {"value", longColumn}, {"type", longColumn}, {"common", textColumn}}
	return asRows(columns, list, func(v relay.ColumnValue) []any {
		row := []any{v.Name, truth(v.Key), nil, nil, nil}
		if v.Value != nil {
			row[2] = v.Value
		}
		if v.Type != nil {
			row[3] = asJSON(v.Type)
		}
		if v.Common != nil {
			row[4] = v.Common.String()
		}
		return row
	}), err
}

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return "" // of our own types that cannot be
	}
	return string(text)
}

// compareShape tells what a table is like, for regions of other engines.
func compareShape(ctx context.Context, c relay.Comparison, a []token) (*mysql.Result, error) {
	s, err := c.Shape(ctx, a[0].text)
	return newResult([]column{{"shape", longColumn}}, []any{[]byte(asJSON(s))}), err
}

// compareReplace writes a row: its new values come as base64 of JSON, "" to delete it; the expected digest is "" if there is no row.
func compareReplace(ctx context.Context, c relay.Comparison, a []token) (*mysql.Result, error) {
	r := relay.Replacement{Table: a[0].text, Key: relay.RowKey(a[1].text)}
	if a[2].text != "" {
		sum, err := relay.ParseSum(a[2].text)
		if err != nil {
			return nil, err
		}
		r.Expect = &sum
	}
	if a[3].text != "" {
		data, err := base64.StdEncoding.DecodeString(a[3].text)
		if err == nil {
			err = json.Unmarshal(data, &r.Values)
		}
		if err != nil {
			return nil, errors.New("read the row's values: they are not base64 of JSON")
		}
	}
	return nil, c.Replace(ctx, r)
}

// What bounds the statement that brings a row, and one that says how rows are compared, in bytes.
const (
	maxReplacement = 12 << 20
	maxInquiry     = 512 << 10
)

// bound is how long a statement may be.
func bound(query string) int {
	const replacing, comparing = "call octant.compare_replace(", "call octant.compare_"
	switch {
	case len(query) > len(replacing) && strings.EqualFold(query[:len(replacing)], replacing):
		return maxReplacement
	case len(query) > len(comparing) && strings.EqualFold(query[:len(comparing)], comparing):
		return maxInquiry
	}
	return maxStatement
}
