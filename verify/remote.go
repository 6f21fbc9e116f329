package verify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/internal/inquire"
	"github.com/octant-db/octant/relay"
)

// Remote asks a relay about its region: relay.Comparison.
type Remote struct{ inquire.Relay }

var _ relay.Comparison = (*Remote)(nil)

// Tables implements relay.Comparison.
func (r *Remote) Tables(ctx context.Context) (list []relay.ComparedTable, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		list = append(list, relay.ComparedTable{Name: inquire.Cell(f, 0), Definition: inquire.Cell(f, 1), Problem: inquire.Cell(f, 2)})
		return nil
	}, "compare_tables")
	return list, err
}

// Bound implements relay.Comparison.
func (r *Remote) Bound(ctx context.Context, table string, after relay.RowKey, rows int) (key relay.RowKey, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		key = relay.RowKey(inquire.Cell(f, 0))
		return nil
	}, "compare_bound", table, string(after), rows)
	return key, err
}

// Digest implements relay.Comparison.
func (r *Remote) Digest(ctx context.Context, table string, s relay.Span) (d relay.SpanDigest, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		d.Rows = f[0].AsUint64()
		d.Sum, err = relay.ParseSum(inquire.Cell(f, 1))
		return err
	}, "compare_digest", table, string(s.After), string(s.UpTo))
	return d, err
}

// Rows implements relay.Comparison.
func (r *Remote) Rows(ctx context.Context, table string, s relay.Span) (list []relay.RowDigest, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		sum, err := relay.ParseSum(inquire.Cell(f, 1))
		list = append(list, relay.RowDigest{Key: relay.RowKey(inquire.Cell(f, 0)), Sum: sum})
		return err
	}, "compare_rows", table, string(s.After), string(s.UpTo))
	return list, err
}

// Cut implements relay.Comparison.
func (r *Remote) Cut(ctx context.Context) (c relay.Cut, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		c = relay.Cut{Region: relay.Region(f[0].AsInt64()), LSN: relay.LSN(f[1].AsUint64()), HLC: relay.HLC(f[2].AsInt64())}
		return nil
	}, "compare_cut")
	return c, err
}

// Shown implements relay.Comparison.
func (r *Remote) Shown(ctx context.Context) (v relay.Vector, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		v = append(v, relay.HLC(f[0].AsInt64()))
		return nil
	}, "compare_shown")
	return v, err
}

// lookBytes is how many bytes of keys one statement holds at most.
const lookBytes = 32 << 10

// Look implements relay.Comparison. Many keys are asked for in several statements.
func (r *Remote) Look(ctx context.Context, table string, since relay.LSN, keys []relay.RowKey) (list []relay.Look, err error) {
	for len(keys) > 0 {
		arguments := []any{table, uint64(since)}
		bytes, n := 0, 0
		for n < len(keys) && (n == 0 || bytes+len(keys[n]) < lookBytes) {
			bytes += len(keys[n]) + 3
			arguments = append(arguments, string(keys[n]))
			n++
		}
		before := len(list)
		if err := r.Ask(ctx, func(f []mysql.FieldValue) error {
			l, err := lookOf(f)
			list = append(list, l)
			return err
		}, "compare_look", arguments...); err != nil {
			return nil, err
		}
		if len(list) != before+n {
			return nil, fmt.Errorf("region %s: it was asked for %d rows and answered for %d", r.Peer.Name, n, len(list)-before)
		}
		keys = keys[n:]
	}
	return list, nil
}

func lookOf(f []mysql.FieldValue) (l relay.Look, err error) {
	l.Written = f[2].AsInt64() != 0
	l.Version = relay.Version{HLC: relay.HLC(f[3].AsInt64()), Region: relay.Region(f[4].AsInt64())}
	if f[0].Value() == nil {
		return l, nil
	}
	sum, err := relay.ParseSum(inquire.Cell(f, 1))
	l.Row = &relay.RowDigest{Key: relay.RowKey(inquire.Cell(f, 0)), Sum: sum}
	return l, err
}

// Columns implements relay.Comparison.
func (r *Remote) Columns(ctx context.Context, table string, key relay.RowKey) (list []relay.ColumnValue, err error) {
	err = r.Ask(ctx, func(f []mysql.FieldValue) error {
		v := relay.ColumnValue{Name: inquire.Cell(f, 0), Key: f[1].AsInt64() != 0}
		if f[2].Value() != nil {
			v.Value = append([]byte{}, f[2].AsString()...)
		}
		err := typed(&v, f)
		list = append(list, v)
		return err
	}, "compare_columns", table, string(key))
	return list, err
}

// typed reads what is said of a value that is compared with those of other engines.
func typed(v *relay.ColumnValue, f []mysql.FieldValue) error {
	if len(f) < 5 || f[3].Value() == nil {
		return nil
	}
	if err := json.Unmarshal(f[3].AsString(), &v.Type); err != nil || f[4].Value() == nil {
		return err
	}
	sum, err := relay.ParseSum(inquire.Cell(f, 4))
	v.Common = &sum
	return err
}

// Replace implements relay.Comparison. It is not tried twice: the first try may have been committed.
func (r *Remote) Replace(ctx context.Context, p relay.Replacement) error {
	expect, values := "", ""
	if p.Expect != nil {
		expect = p.Expect.String()
	}
	if p.Values != nil {
		data, err := json.Marshal(p.Values)
		if err != nil {
			return fmt.Errorf("write down a row: %w", err)
		}
		values = base64.StdEncoding.EncodeToString(data)
	}
	return r.Change(ctx, "compare_replace", p.Table, string(p.Key), expect, values)
}
