package logical

import (
	"bytes"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/octant-db/octant/relay"
)

// composer is a description's relay.Composer. A cell is a column's text.
type composer struct{ *plain }

// Cells implements relay.Composer. A row that was not logged whole has none.
func (c composer) Cells(image relay.Image) ([][]byte, error) {
	list, err := Cells(make([]Cell, 0, len(c.types)), image, len(c.types))
	if err != nil {
		return nil, err
	}
	cells := make([][]byte, len(list))
	for i := range list {
		switch {
		case list[i].Kind == IsAbsent:
			return nil, fmt.Errorf("read row of %s.%s: column %s was not logged: %w", c.d.Schema, c.d.Name, c.d.Columns[i].Name, ErrMalformed)
		case list[i].Kind == IsText && list[i].Text == nil:
			cells[i] = []byte{} // nil is NULL
		case list[i].Kind == IsText:
			cells[i] = list[i].Text
		}
	}
	return cells, nil
}

// Join implements relay.Composer.
func (c composer) Join(_ relay.Image, cells [][]byte) (relay.Image, error) {
	if len(cells) != len(c.types) {
		return nil, fmt.Errorf("join row of %s.%s: %d columns, and the table has %d: %w", c.d.Schema, c.d.Name, len(cells), len(c.types), ErrMalformed)
	}
	list := make([]Cell, len(cells))
	for i, cell := range cells {
		list[i] = Cell{Kind: IsText, Text: cell}
		if cell == nil {
			list[i].Kind = IsNull
		}
	}
	return AppendImage(nil, list), nil
}

// Number implements relay.Composer. Texts are those that the server would log.
func (c composer) Number(i int, v relay.Value) ([]byte, error) {
	t := &c.types[i]
	switch {
	case t.Kind == relay.Float32 && v.Kind == relay.Float64:
		f := max(-math.MaxFloat32, min(v.Float, math.MaxFloat32))
		return floatText(float64(float32(f)), 32), nil
	case t.Kind == relay.Float64 && v.Kind == relay.Float64:
		return floatText(v.Float, 64), nil
	case t.Kind == relay.Int && v.Kind == relay.Decimal:
		return integerText(t.Bits, string(v.Bytes))
	case t.Kind == relay.Decimal && v.Kind == relay.Decimal:
		return numericText(t, v.Bytes)
	}
	return nil, fmt.Errorf("column %s of %s.%s is no number that can be counted with", c.d.Columns[i].Name, c.d.Schema, c.d.Name)
}

// integerText writes a whole number, or what of the type's range is nearest to it.
func integerText(bits int, digits string) ([]byte, error) {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return nil, ErrMalformed
	}
	end := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
	low, high := new(big.Int).Neg(end), new(big.Int).Sub(end, big.NewInt(1))
	switch {
	case n.Cmp(low) < 0:
		n = low
	case n.Cmp(high) > 0:
		n = high
	}
	return n.Append(nil, 10), nil
}

// numericText writes a number of so many digits, or what of the type's range is nearest to it. A numeric without a size takes every number.
func numericText(t *relay.Type, text []byte) ([]byte, error) {
	digits, negative := bytes.CutPrefix(text, []byte("-"))
	whole, fraction, _ := bytes.Cut(digits, []byte("."))
	if len(whole) == 0 || len(bytes.Trim(digits, ".0123456789")) > 0 {
		return nil, ErrMalformed
	}
	switch {
	case t.Digits == 0:
		return text, nil
	case len(fraction) != t.Scale:
		return nil, ErrMalformed
	case len(bytes.TrimLeft(whole, "0")) <= t.Digits-t.Scale:
		return text, nil
	}
	end := strings.Repeat("9", t.Digits-t.Scale)
	if end == "" {
		end = "0" // numeric(3,3)
	}
	if t.Scale > 0 {
		end += "." + strings.Repeat("9", t.Scale)
	}
	if negative {
		end = "-" + end
	}
	return []byte(end), nil
}
