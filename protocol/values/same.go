package values

import (
	"bytes"

	"github.com/octant-db/octant/relay"
)

// Same tells whether rows of two engines are one row by value: whether the one, brought into the form of the other, is it. It is for rows that had no local
// form when they came, and are compared with what the database shows now; see relay.Table.Same.
func Same(a *relay.Table, rowA relay.Image, b *relay.Table, rowB relay.Image) bool {
	return becomes(a, rowA, b, rowB) || becomes(b, rowB, a, rowA)
}

func becomes(from *relay.Table, row relay.Image, to *relay.Table, other relay.Image) bool {
	image, err := As(from, row, to)
	return err == nil && bytes.Equal(image, other)
}

// As brings a row of one table into the form of another; see relay.Table.As. Errors never contain values.
func As(from *relay.Table, row relay.Image, to *relay.Table) (relay.Image, error) {
	p := newPlan(from, &Local{Table: to})
	if p.problem != nil {
		return nil, p.problem
	}
	return p.whole(row)
}
