package relay

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Comparison is what a region offers to those who compare its tables with other regions' while all of them are written to. Every answer
// is of one moment of its database.
type Comparison interface {
	// Tables lists the replicated tables.
	Tables(ctx context.Context) ([]ComparedTable, error)
	// Bound returns the key of the row that stands the number of rows behind a key, "" if there are fewer.
	Bound(ctx context.Context, table string, after RowKey, rows int) (RowKey, error)
	// Digest digests the rows of a span.
	Digest(ctx context.Context, table string, s Span) (SpanDigest, error)
	// Rows digests each row of a span, in the order of their keys.
	Rows(ctx context.Context, table string, s Span) ([]RowDigest, error)
	// Cut says where the region's log ends.
	Cut(ctx context.Context) (Cut, error)
	// Shown says what the region's database shows of the others' logs for good; nil: that cannot be said yet.
	Shown(ctx context.Context) (Vector, error)
	// Look digests the rows of keys, in their order, and tells who wrote them last after an entry of the region's log.
	Look(ctx context.Context, table string, since LSN, keys []RowKey) ([]Look, error)
	// Columns returns a row's values; nil if there is no such row.
	Columns(ctx context.Context, table string, key RowKey) ([]ColumnValue, error)
	// Replace writes a row in this region alone, if it is still as expected: ErrChanged if it is not.
	Replace(ctx context.Context, r Replacement) error
	// Shape describes a table to regions of other engines.
	Shape(ctx context.Context, table string) (*Shape, error)
	// ByValue returns the same for a table that is compared with regions of other engines: keys, digests and values are those of the form. It must
	// not be used for another table.
	ByValue(f *ValueForm) Comparison
}

// TableReader is what an engine brings to a Comparison. Rows are found and told apart by the database's own rules.
type TableReader interface {
	Tables(ctx context.Context) ([]ComparedTable, error)
	Bound(ctx context.Context, table string, after RowKey, rows int) (RowKey, error)
	Digest(ctx context.Context, table string, s Span) (SpanDigest, error)
	Rows(ctx context.Context, table string, s Span) ([]RowDigest, error)
	// Find digests the rows of keys, in their order; nil where there is none.
	Find(ctx context.Context, table string, keys []RowKey) ([]*RowDigest, error)
	Columns(ctx context.Context, table string, key RowKey) ([]ColumnValue, error)
	// Key returns the key of an image.
	Key(t *Table, img Image) (RowKey, error)
	// Replace gives ErrChanged if the row is not as expected, and an error for the operator if it cannot be written.
	Replace(ctx context.Context, r Replacement) error
	Shape(ctx context.Context, table string) (*Shape, error)
	// ByValue returns the same for tables that are compared with regions of other engines. It uses the reader's connection.
	ByValue(f *ValueForm) TableReader
}

// ErrChanged says that a row is not as it was when it was compared.
var ErrChanged = errors.New("the row has been changed since it was compared")

// ComparedTable is a table as it stands in one region.
type ComparedTable struct {
	Name       string // "schema.table"
	Definition string // what must be the same everywhere: its columns and key in the engine's words
	Problem    string // why its rows cannot be compared; "" if they can
}

// RowKey names a row: the values of its primary key as the database gives them, each in hexadecimal digits, with dots between. "" is the
// place before the first row or behind the last.
type RowKey string

// NewRowKey makes the key of values.
func NewRowKey(values [][]byte) RowKey {
	parts := make([]string, len(values))
	for i, v := range values {
		parts[i] = hex.EncodeToString(v) + "_" // an empty value is not no value
	}
	return RowKey(strings.Join(parts, "."))
}

// Values returns the key's values, of which there must be n.
func (k RowKey) Values(n int) ([][]byte, error) {
	parts := strings.Split(string(k), ".")
	if len(parts) != n {
		return nil, fmt.Errorf("read row key: it has %d values, and the table's primary key %d columns", len(parts), n)
	}
	values := make([][]byte, n)
	for i, part := range parts {
		digits, whole := strings.CutSuffix(part, "_")
		v, err := hex.DecodeString(digits)
		if err != nil || !whole {
			return nil, errors.New("read row key: it is not made of hexadecimal digits")
		}
		values[i] = v
	}
	return values, nil
}

// Span is the rows behind After up to UpTo, that one included. "" as UpTo: to the end.
type Span struct{ After, UpTo RowKey }

// Sum is the digest of exactly the bytes of one or more rows.
type Sum [16]byte

// String returns the sum in hexadecimal digits.
func (s Sum) String() string { return hex.EncodeToString(s[:]) }

// ParseSum reads what String gives.
func ParseSum(text string) (Sum, error) {
	var s Sum
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(s) {
		return s, errors.New("read digest: it is not 32 hexadecimal digits")
	}
	return Sum(b), nil
}

// SpanDigest is the number of a span's rows and a digest of them that does not depend on their order.
type SpanDigest struct {
	Rows uint64
	Sum  Sum
}

// RowDigest is one row.
type RowDigest struct {
	Key RowKey
	Sum Sum
}

// Cut is a place in a region's log.
type Cut struct {
	Region Region
	LSN    LSN
	HLC    HLC // everything that is logged there has a clock up to this, and what comes later a higher one
}

// Look is one row of a region, and what its log says of it.
type Look struct {
	Row     *RowDigest // nil: there is none
	Written bool       // the row was written after the entry that was named, or may have been
	Version Version    // of the last of these writes, if that could be found
}

// ColumnValue is one column of a row. Value is nil for NULL.
type ColumnValue struct {
	Name  string
	Key   bool // it is part of the primary key
	Value []byte

	// Of rows that are compared by value: Value is the text of a plain one of this type, and what all engines call it digested.
	Type   *Type `json:",omitempty"`
	Common *Sum  `json:",omitempty"`
}

// Same tells whether two regions have the same in a column.
func (v *ColumnValue) Same(other *ColumnValue) bool {
	switch {
	case v.Value == nil || other.Value == nil:
		return v.Value == nil && other.Value == nil
	case v.Common != nil && other.Common != nil:
		return *v.Common == *other.Common
	}
	return bytes.Equal(v.Value, other.Value)
}

// Replacement says what a row shall be.
type Replacement struct {
	Table  string
	Key    RowKey
	Expect *Sum          // what it must be until then; nil: there is no such row
	Values []ColumnValue // what it shall be, all columns; nil: it is deleted
	Mark   Mark          // what the write is known by in the log; a Comparison fills it in
}
