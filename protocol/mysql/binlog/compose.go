package binlog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Cells implements relay.Composer. A cell has its length in front if the column's varies.
func (s *Schema) Cells(image relay.Image) ([][]byte, error) {
	cells := make([][]byte, len(s.columns))
	at := s.nullBytes
	if at > len(image) {
		return nil, s.malformed()
	}
	for i := range s.columns {
		if isNull(image, i) {
			continue
		}
		n := s.columns[i].skip(image[at:])
		if n < 0 || n > len(image)-at {
			return nil, s.malformed()
		}
		cells[i] = image[at : at+n : at+n]
		at += n
	}
	if at != len(image) {
		return nil, s.malformed()
	}
	return cells, nil
}

// Join implements relay.Composer. The bits after the last column's in the bitmap are those of like.
func (s *Schema) Join(like relay.Image, cells [][]byte) (relay.Image, error) {
	if len(cells) != len(s.columns) || len(like) < s.nullBytes {
		return nil, s.malformed()
	}
	image := bytes.Clone(like[:s.nullBytes])
	for i, cell := range cells {
		if cell == nil {
			image[i>>3] |= 1 << (i & 7)
			continue
		}
		image[i>>3] &^= 1 << (i & 7)
		image = append(image, cell...)
	}
	return relay.Image(image), nil
}

// unset implements relay.Table.Unset.
func (s *Schema) unset(img relay.Image, columns []int) (relay.Image, error) {
	cells, err := s.Cells(img)
	if err != nil {
		return nil, err
	}
	for _, i := range columns {
		cells[i] = nil
	}
	return s.Join(img, cells)
}

// Number implements relay.Composer.
func (s *Schema) Number(i int, v relay.Value) ([]byte, error) {
	c := &s.columns[i]
	switch {
	case c.typ == typeFloat && v.Kind == relay.Float64:
		f := max(-math.MaxFloat32, min(v.Float, math.MaxFloat32))
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(f))), nil
	case c.typ == typeDouble && v.Kind == relay.Float64:
		return binary.LittleEndian.AppendUint64(nil, math.Float64bits(v.Float)), nil
	case c.typ == typeNewDecimal && v.Kind == relay.Decimal:
		return c.decimal(string(v.Bytes))
	case (c.kind == relay.Int || c.kind == relay.Uint) && c.typ != typeYear && v.Kind == relay.Decimal:
		return c.integer(string(v.Bytes))
	}
	return nil, fmt.Errorf("column %s of %s is no number that can be counted with", s.Table.Columns[i].Name, s.Table)
}

// integer writes a whole number, or what of the column's range is nearest to it.
func (c *column) integer(digits string) ([]byte, error) {
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok {
		return nil, ErrMalformed
	}
	bits := uint(8 * c.fixed)
	low, high := new(big.Int), new(big.Int).Lsh(big.NewInt(1), bits)
	if !c.unsigned {
		low.Lsh(big.NewInt(-1), bits-1)
		high.Rsh(high, 1)
	}
	high.Sub(high, big.NewInt(1))
	switch {
	case n.Cmp(low) < 0:
		n = low
	case n.Cmp(high) > 0:
		n = high
	}
	u := n.Uint64()
	if !c.unsigned {
		u = uint64(n.Int64())
	}
	return binary.LittleEndian.AppendUint64(nil, u)[:c.fixed:c.fixed], nil
}

// decimal writes a number with as many digits after the point as the column has, or what of the column's range is nearest to it.
func (c *column) decimal(text string) ([]byte, error) {
	digits, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(digits, ".")
	whole = strings.TrimLeft(whole, "0")
	if len(fraction) != c.scale || strings.Trim(whole+fraction, "0123456789") != "" {
		return nil, ErrMalformed
	}
	if room := c.digits - c.scale; len(whole) > room {
		whole, fraction = strings.Repeat("9", room), strings.Repeat("9", c.scale)
	} else {
		whole = strings.Repeat("0", room-len(whole)) + whole
	}
	first := len(whole) % groupDigits
	b := appendGroup(make([]byte, 0, c.fixed), whole[:first])
	for rest := whole[first:]; rest != ""; rest = rest[groupDigits:] {
		b = appendGroup(b, rest[:groupDigits])
	}
	for fraction != "" {
		n := min(groupDigits, len(fraction))
		b = appendGroup(b, fraction[:n])
		fraction = fraction[n:]
	}
	if negative && strings.Trim(digits, "0.") != "" {
		for i := range b {
			b[i] = ^b[i]
		}
	}
	b[0] ^= 0x80
	return b, nil
}

// appendGroup writes a group of up to nine digits, big endian.
func appendGroup(b []byte, digits string) []byte {
	n := 0
	for _, d := range []byte(digits) {
		n = 10*n + int(d-'0')
	}
	for size := groupBytes[len(digits)]; size > 0; size-- {
		b = append(b, byte(n>>(8*(size-1))))
	}
	return b
}
