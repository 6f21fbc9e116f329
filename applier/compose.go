package applier

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// composer does to a row what an update did to another version of it. It depends on nothing but the rows: every region comes to the same.
type composer struct {
	table    string
	counters []string
	whole    bool // all but the counters goes with the later write
	flavour  relay.Flavour
	target   relay.Target
	unfit    func(table, column, why string)
}

// identifyTimeout bounds how long the database may take to say what a new row's unique values are. Nearly always it is not asked.
const identifyTimeout = 10 * time.Second

// replay implements conflict.Rule.Replay. Where an update cannot be done again, because a definition has changed or a column is not what the
// rule takes it for, the later write counts.
func (c composer) replay(onto, before, after conflict.Row) (conflict.Row, error) {
	if after.Table == nil || after.Table.Composer == nil || onto.Table == nil || onto.Table.Composer == nil {
		return after, nil
	}
	base, was, is, err := c.level(onto, before, after)
	if err != nil {
		return after, err
	}
	cells, changed, err := c.compose(base, was, is)
	if err != nil || !changed {
		return after, nil
	}
	image, err := is.Table.Composer.Join(is.Image, cells)
	if err != nil {
		return after, nil
	}
	return c.identified(context.Background(), c.own(onto, conflict.Row{Table: is.Table, Image: image}))
}

// level brings an update and the row that it is done to into one form, if they come from several engines: one of them had none here. What neither engine can hold
// beside what the other cannot is not dropped for it.
func (c composer) level(onto, before, after conflict.Row) (conflict.Row, conflict.Row, conflict.Row, error) {
	if onto.Table.Flavour == after.Table.Flavour {
		return onto, before, after, nil
	}
	if row, err := as(onto, after.Table); err == nil {
		return row, before, after, nil
	}
	was, err := as(before, onto.Table)
	if err != nil {
		return onto, before, after, c.apart(onto, after, err)
	}
	is, err := as(after, onto.Table)
	if err != nil {
		return onto, before, after, c.apart(onto, after, err)
	}
	return onto, was, is, nil
}

func (c composer) apart(onto, after conflict.Row, err error) error {
	return fmt.Errorf("compose a row of %s from changes of %s and %s: each has values that the other engine does not have: give the columns other types: %w",
		c.table, onto.Table.Flavour, after.Table.Flavour, err)
}

// own brings a composed row into the form of this database, where there is one.
func (c composer) own(onto, row conflict.Row) conflict.Row {
	if row.Table.Flavour == c.flavour || onto.Table.Flavour != c.flavour {
		return row
	}
	if own, err := as(row, onto.Table); err == nil {
		return own
	}
	return row
}

// as is a row in the form of another engine's table.
func as(row conflict.Row, t *relay.Table) (conflict.Row, error) {
	if row.Table == t {
		return row, nil
	}
	if row.Table == nil || row.Table.As == nil {
		return row, relay.ErrCorrupt
	}
	image, err := row.Table.As(row.Image, t)
	return conflict.Row{Table: t, Image: image}, err
}

// identified gives a new row its unique values.
func (c composer) identified(ctx context.Context, row conflict.Row) (conflict.Row, error) {
	ctx, cancel := context.WithTimeout(ctx, identifyTimeout)
	defer cancel()
	ids, err := c.target.Identify(ctx, row.Table, []relay.Image{row.Image})
	if err != nil {
		return row, fmt.Errorf("identify a composed row of %s: %w", c.table, err)
	}
	return rowOf(row.Table, row.Table.String(), row.Image, &ids[0]), nil
}

// update is one update that is done again, taken apart.
type update struct {
	onto, before, after [][]byte
	numbers             [3][]relay.Value // of the same rows; nil if nothing is counted
}

func (c composer) takeApart(onto, before, after conflict.Row) (u update, err error) {
	for i, row := range []conflict.Row{onto, before, after} {
		if row.Table == nil || row.Table.Composer == nil {
			return u, relay.ErrCorrupt
		}
		cells, err := row.Table.Composer.Cells(row.Image)
		if err != nil {
			return u, err
		}
		*[]*[][]byte{&u.onto, &u.before, &u.after}[i] = cells
		if len(c.counters) == 0 {
			continue
		}
		if u.numbers[i], err = row.Table.Decode(row.Image); err != nil {
			return u, err
		}
	}
	return u, nil
}

// compose makes the cells of the new row, in the later write's definition of the table, and tells whether they differ from that write's own.
func (c composer) compose(onto, before, after conflict.Row) (cells [][]byte, changed bool, err error) {
	u, err := c.takeApart(onto, before, after)
	if err != nil || len(u.before) != len(u.after) {
		return nil, false, err
	}
	cells = slices.Clone(u.after)
	for i := range cells {
		j := sameColumn(onto.Table, after.Table, i)
		if j < 0 {
			continue
		}
		cells[i] = c.cell(after.Table, &u, j, i)
		changed = changed || !same(cells[i], u.after[i])
	}
	return cells, changed, nil
}

// cell is what the update makes of the j-th column of the row that stands: its i-th, as a definition may have changed.
func (c composer) cell(t *relay.Table, u *update, j, i int) []byte {
	counts := slices.Contains(c.counters, t.Columns[i].Name)
	switch {
	case counts && u.onto[j] != nil && u.before[i] != nil && u.after[i] != nil:
		if v, ok := plus(u.numbers[0][j], u.numbers[2][i], u.numbers[1][i]); ok {
			if cell, err := t.Composer.Number(i, v); err == nil {
				return cell
			}
		}
		c.unfit(c.table, t.Columns[i].Name, "it is no number that can be counted with")
	case (counts || !c.whole) && same(u.before[i], u.after[i]):
		return u.onto[j]
	}
	return u.after[i]
}

// sameRow tells whether two rows are equal. If the table's definition has changed in between, that cannot be told, and they count as equal. Rows of several engines
// are compared by value.
func sameRow(a, b conflict.Row) bool {
	if a.Exists() && b.Exists() && a.Table != nil && b.Table != nil && a.Table.Flavour == b.Table.Flavour && !sameColumns(a.Table, b.Table) {
		return true
	}
	return a.Same(b)
}

func sameColumns(a, b *relay.Table) bool {
	return a == b || slices.EqualFunc(a.Columns, b.Columns, func(c, d relay.Column) bool { return sameType(&c, &d) })
}

func sameType(c, d *relay.Column) bool {
	return c.Name == d.Name && c.Type == d.Type && c.Collation == d.Collation && slices.Equal(c.Labels, d.Labels)
}

// same tells whether two cells are equal; nil is NULL.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

// sameColumn finds the i-th column of a table in another definition of it, -1 if it is not there or of another type.
func sameColumn(in, t *relay.Table, i int) int {
	if in == t {
		return i
	}
	return slices.IndexFunc(in.Columns, func(d relay.Column) bool { return sameType(&d, &t.Columns[i]) })
}

// plus is base + is - was, for numbers of one column, with as many digits after the point as the most exact of them.
func plus(base, is, was relay.Value) (relay.Value, bool) {
	switch base.Kind {
	case relay.Float32, relay.Float64:
		f := max(-math.MaxFloat64, min(base.Float+(is.Float-was.Float), math.MaxFloat64))
		return relay.Value{Kind: relay.Float64, Float: f}, !math.IsNaN(f)
	case relay.Int, relay.Uint, relay.Decimal:
	default:
		return relay.Value{}, false
	}
	a, scaleA, ok := whole(base)
	b, scaleB, okB := whole(is)
	c, scaleC, okC := whole(was)
	if !ok || !okB || !okC {
		return relay.Value{}, false
	}
	scale := max(scaleA, scaleB, scaleC)
	raise(a, scale-scaleA)
	raise(b, scale-scaleB)
	raise(c, scale-scaleC)
	return relay.Value{Kind: relay.Decimal, Bytes: point(a.Add(a, b.Sub(b, c)), scale)}, true
}

// raise puts zeros behind a number.
func raise(n *big.Int, zeros int) {
	if zeros > 0 {
		n.Mul(n, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(zeros)), nil))
	}
}

// whole is a number without its point, and how many digits stand after that.
func whole(v relay.Value) (n *big.Int, scale int, ok bool) {
	switch v.Kind {
	case relay.Int:
		return big.NewInt(v.Int), 0, true
	case relay.Uint:
		return new(big.Int).SetUint64(v.Uint), 0, true
	}
	digits, fraction, _ := strings.Cut(string(v.Bytes), ".")
	n, ok = new(big.Int).SetString(digits+fraction, 10)
	return n, len(fraction), ok
}

// point writes a number with so many digits after the point.
func point(n *big.Int, scale int) []byte {
	if scale == 0 {
		return n.Append(nil, 10)
	}
	digits := new(big.Int).Abs(n).String()
	if missing := scale + 1 - len(digits); missing > 0 {
		digits = strings.Repeat("0", missing) + digits
	}
	at := len(digits) - scale
	text := digits[:at] + "." + digits[at:]
	if n.Sign() < 0 {
		text = "-" + text
	}
	return []byte(text)
}

// momentOf is the time in a row's column, for Timestamp.
func momentOf(row conflict.Row, column string) (relay.HLC, bool) {
	if row.Table == nil {
		return 0, false
	}
	i := slices.IndexFunc(row.Table.Columns, func(c relay.Column) bool { return c.Name == column })
	if i < 0 {
		return 0, false
	}
	values, err := row.Table.Decode(row.Image)
	if err != nil {
		return 0, false
	}
	switch v := values[i]; v.Kind {
	case relay.DateTime, relay.Timestamp:
		at, err := time.Parse("2006-01-02 15:04:05", string(v.Bytes)) // takes a fraction too
		return relay.HLC(at.UnixMicro()), err == nil
	case relay.Int:
		return relay.HLC(v.Int), true
	case relay.Uint:
		return relay.HLC(min(v.Uint, math.MaxInt64)), true
	}
	return 0, false
}
