package values

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Database is what an engine brings to have its rows compared by value.
type Database interface {
	relay.TableReader
	Holder
}

// Holder lends tables.
type Holder interface {
	// Hold lends a table with its definition of now. use is called once more if the connection was lost.
	Hold(ctx context.Context, name string, use func(Held) error) error
}

// Held is a table while nobody else uses the reader's connection.
type Held interface {
	// Table describes the table; it has a Plain.
	Table() *relay.Table
	// Select hands over rows in the order of their keys, without holding more than one: the plain values of the columns that were asked for, the others
	// Missing. each must not keep them.
	Select(ctx context.Context, s Selection, each func(row []relay.Value) error) error
	// Digest digests rows in the database. ok is false if it cannot make the texts of the form.
	Digest(ctx context.Context, f *relay.ValueForm, s Selection) (d relay.SpanDigest, ok bool, err error)
	// Amend writes one row, under a lock and only if check takes it as it is, nil if there is none; see relay.Replacement. row is an image, nil to delete it.
	Amend(ctx context.Context, a Amendment) error
}

// Selection says which rows. The values of keys are plain ones of the columns' kinds, in the key's order, or decimals beyond the columns' range.
type Selection struct {
	At            []relay.Value // this one alone
	After, UpTo   []relay.Value // or those in between; nil: no bound
	KeyOnly       bool
	Limit, Offset int // Limit 0: all
}

// Amendment is a change of one row that an operator ordered.
type Amendment struct {
	At    []relay.Value // its key
	Check func(row []relay.Value) error
	Row   relay.Image
	Mark  relay.Mark
}

// Approve has the row as it stands checked, once it is locked, and tells whether it is there.
func (a *Amendment) Approve(ctx context.Context, h Held) (there bool, err error) {
	err = h.Select(ctx, Selection{At: a.At}, func(row []relay.Value) error {
		there = true
		return a.Check(row)
	})
	if err == nil && !there {
		err = a.Check(nil)
	}
	return there, err
}

// What keys of other engines can be to a database.
var (
	ErrNoKey   = errors.New("the row's key has no counterpart here")
	ErrNoBound = errors.New("a key of another region cannot be compared with those here")
)

// Reader compares the rows of a database by value: relay.TableReader. What Database does not compute is digested here, row by row.
type Reader struct {
	Database
	form *relay.ValueForm
}

var _ relay.TableReader = (*Reader)(nil)

// NewReader returns a reader for tables that are compared in a form.
func NewReader(d Database, f *relay.ValueForm) *Reader { return &Reader{Database: d, form: f} }

// ByValue implements relay.TableReader.
func (r *Reader) ByValue(f *relay.ValueForm) relay.TableReader { return NewReader(r.Database, f) }

// held is a table with what the form says of it.
type held struct {
	Held
	form   *relay.ValueForm
	places []int // by column of the form: the table's
	key    []int // columns of the form, in the key's order
}

// with lends a table.
func (r *Reader) with(ctx context.Context, name string, use func(*held) error) error {
	return r.Hold(ctx, name, func(t Held) error {
		h, err := hold(t.Table(), r.form)
		if err != nil {
			return err
		}
		h.Held = t
		return use(h)
	})
}

var errOtherForm = errors.New("its definition was changed while it was compared: compare it again")

func hold(t *relay.Table, f *relay.ValueForm) (*held, error) {
	h := &held{form: f, places: make([]int, len(f.Columns)), key: make([]int, len(t.Key))}
	named := 0
	for i, c := range f.Columns {
		if h.places[i] = columnNamed(t, c.Name); h.places[i] < 0 || c.Key > len(h.key) {
			return nil, errOtherForm
		}
		if c.Key > 0 {
			h.key[c.Key-1] = i
			named++
		}
	}
	if named != len(t.Key) {
		return nil, errOtherForm
	}
	for n, part := range t.Key {
		if h.places[h.key[n]] != part.Column {
			return nil, errOtherForm
		}
	}
	return h, nil
}

// text is the text of the i-th column of the form; nil for NULL.
func (h *held) text(row []relay.Value, i int) ([]byte, error) {
	v := row[h.places[i]]
	switch v.Kind {
	case relay.Null:
		return nil, nil
	case relay.Missing:
		return nil, errNotWhole
	}
	b, err := AppendCommon([]byte{}, v, h.form.Columns[i].As)
	if err != nil {
		return nil, fmt.Errorf("column %s: %w", h.form.Columns[i].Name, err)
	}
	return b, nil
}

func (h *held) rowKey(row []relay.Value) (relay.RowKey, error) {
	parts := make([][]byte, len(h.key))
	for n, i := range h.key {
		var err error
		if parts[n], err = h.text(row, i); err != nil {
			return "", err
		}
	}
	return relay.NewRowKey(parts), nil
}

func (h *held) digest(row []relay.Value) (relay.Sum, error) {
	texts := make(common, len(h.places))
	for i := range texts {
		var err error
		if texts[i], err = h.text(row, i); err != nil {
			return relay.Sum{}, err
		}
	}
	return texts.digest(h.form), nil
}

func (h *held) rowDigest(row []relay.Value) (d relay.RowDigest, err error) {
	if d.Key, err = h.rowKey(row); err == nil {
		d.Sum, err = h.digest(row)
	}
	return d, err
}

// values reads a key. False: no row here can have it.
func (h *held) values(key relay.RowKey) (list []relay.Value, possible bool, err error) {
	texts, err := key.Values(len(h.key))
	if err != nil {
		return nil, false, err
	}
	types := h.Table().Plain.Types()
	list = make([]relay.Value, len(texts))
	for n, i := range h.key {
		if list[n], possible = ownValue(texts[n], h.form.Columns[i].As, &types[h.places[i]]); !possible {
			return nil, false, nil
		}
	}
	return list, true, nil
}

func (h *held) span(s relay.Span) (sel Selection, err error) {
	for _, side := range []struct {
		key relay.RowKey
		to  *[]relay.Value
	}{{s.After, &sel.After}, {s.UpTo, &sel.UpTo}} {
		if side.key == "" {
			continue
		}
		list, possible, err := h.values(side.key)
		if err != nil {
			return sel, err
		}
		if !possible {
			return sel, errors.New("a key of another region cannot be compared with those here")
		}
		*side.to = list
	}
	return sel, nil
}

// Bound implements relay.TableReader.
func (r *Reader) Bound(ctx context.Context, name string, after relay.RowKey, rows int) (key relay.RowKey, err error) {
	err = r.with(ctx, name, func(h *held) error {
		s, err := h.span(relay.Span{After: after})
		if err != nil {
			return err
		}
		s.KeyOnly, s.Limit, s.Offset = true, 1, max(rows, 1)-1
		key = ""
		return h.Select(ctx, s, func(row []relay.Value) (err error) {
			key, err = h.rowKey(row)
			return err
		})
	})
	return key, err
}

// Digest implements relay.TableReader.
func (r *Reader) Digest(ctx context.Context, name string, s relay.Span) (d relay.SpanDigest, err error) {
	err = r.with(ctx, name, func(h *held) error {
		sel, err := h.span(s)
		if err != nil {
			return err
		}
		var ok bool
		if d, ok, err = h.Held.Digest(ctx, h.form, sel); ok || err != nil {
			return err
		}
		d = relay.SpanDigest{}
		return h.Select(ctx, sel, func(row []relay.Value) error {
			sum, err := h.digest(row)
			d.Rows++
			for i := range sum {
				d.Sum[i] ^= sum[i]
			}
			return err
		})
	})
	return d, err
}

// Rows implements relay.TableReader.
func (r *Reader) Rows(ctx context.Context, name string, s relay.Span) (list []relay.RowDigest, err error) {
	err = r.with(ctx, name, func(h *held) error {
		sel, err := h.span(s)
		if err != nil {
			return err
		}
		list = list[:0]
		return h.Select(ctx, sel, func(row []relay.Value) error {
			d, err := h.rowDigest(row)
			list = append(list, d)
			return err
		})
	})
	return list, err
}

// Find implements relay.TableReader.
func (r *Reader) Find(ctx context.Context, name string, keys []relay.RowKey) (list []*relay.RowDigest, err error) {
	err = r.with(ctx, name, func(h *held) error {
		list = make([]*relay.RowDigest, len(keys))
		for i, key := range keys {
			if err := h.find(ctx, key, func(row []relay.Value) error {
				d, err := h.rowDigest(row)
				list[i] = &d
				return err
			}); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

// find hands over the row with a key, if there is one.
func (h *held) find(ctx context.Context, key relay.RowKey, each func(row []relay.Value) error) error {
	at, possible, err := h.values(key)
	if err != nil || !possible {
		return err
	}
	return h.Select(ctx, Selection{At: at}, each)
}

// Columns implements relay.TableReader. Values are plain ones with their types.
func (r *Reader) Columns(ctx context.Context, name string, key relay.RowKey) (list []relay.ColumnValue, err error) {
	err = r.with(ctx, name, func(h *held) error {
		list = nil
		return h.find(ctx, key, func(row []relay.Value) (err error) {
			list, err = h.columns(row)
			return err
		})
	})
	return list, err
}

func (h *held) columns(row []relay.Value) ([]relay.ColumnValue, error) {
	types := h.Table().Plain.Types()
	list := make([]relay.ColumnValue, len(h.places))
	for i, at := range h.places {
		text, err := h.text(row, i)
		if err != nil {
			return nil, err
		}
		t := types[at]
		list[i] = relay.ColumnValue{Name: h.form.Columns[i].Name, Key: h.form.Columns[i].Key > 0, Type: &t}
		if text != nil {
			sum := sumOf(text)
			list[i].Value, list[i].Common = PlainText(row[at]), &sum
		}
	}
	return list, nil
}

// Key implements relay.TableReader, for images of every engine. One that has no plain values does not tell.
func (r *Reader) Key(t *relay.Table, img relay.Image) (relay.RowKey, error) {
	if t.Plain == nil {
		return "", nil
	}
	h, err := hold(t, r.form)
	if err != nil {
		return "", nil //nolint:nilerr // it had another definition when the row was written
	}
	row, err := t.Plain.Values(img)
	if err != nil {
		return "", nil //nolint:nilerr // such as the error value of an ENUM
	}
	key, err := h.rowKey(row)
	if err != nil {
		return "", nil //nolint:nilerr // the key was not logged
	}
	return key, nil
}

// Replace implements relay.TableReader. The row is brought over from the types that it comes with.
func (r *Reader) Replace(ctx context.Context, p relay.Replacement) error {
	return r.with(ctx, p.Table, func(h *held) error {
		at, possible, err := h.values(p.Key)
		if err != nil {
			return err
		}
		if !possible {
			return ErrNoKey
		}
		a := Amendment{At: at, Mark: p.Mark, Check: func(row []relay.Value) error { return h.expect(row, p.Expect) }}
		if p.Values != nil {
			if a.Row, err = h.image(p.Values); err != nil {
				return fmt.Errorf("bring the row over: %w", err)
			}
		}
		return h.Amend(ctx, a)
	})
}

// expect compares a row with what it must be.
func (h *held) expect(row []relay.Value, want *relay.Sum) error {
	if row == nil || want == nil {
		if row == nil && want == nil {
			return nil
		}
		return relay.ErrChanged
	}
	sum, err := h.digest(row)
	if err == nil && sum != *want {
		err = relay.ErrChanged
	}
	return err
}

// image makes a row of the table of values with their types.
func (h *held) image(list []relay.ColumnValue) (relay.Image, error) {
	t := h.Table()
	types, row := t.Plain.Types(), make([]relay.Value, len(t.Columns))
	for i, c := range t.Columns {
		at := slices.IndexFunc(list, func(v relay.ColumnValue) bool { return strings.EqualFold(v.Name, c.Name) })
		if at < 0 || list[at].Type == nil {
			return nil, fmt.Errorf("it does not say what column %s shall be", c.Name)
		}
		if list[at].Value == nil {
			continue
		}
		v, err := ParsePlain(list[at].Value, list[at].Type)
		if err == nil && !sameType(list[at].Type, &types[i]) {
			v, err = Convert(v, list[at].Type, &types[i])
		}
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
		row[i] = v
	}
	return t.Plain.Image(row)
}

// sameType tells whether a row goes back to where it came from: all of it fits, also what would fit nowhere else.
func sameType(a, b *relay.Type) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.Bits == b.Bits && a.Digits == b.Digits && a.Scale == b.Scale && a.Length == b.Length &&
		a.Fixed == b.Fixed && a.Fraction == b.Fraction && slices.Equal(a.Labels, b.Labels)
}
