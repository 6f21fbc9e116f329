package simulation

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/conflict"
)

// guardians is a schema whose kids and toys have two parents: the one that they go with, and another one in column b, of the same table, from which they are parted.
type guardians struct{ mixture }

// guardian is the bond to the other parent.
func guardian(table string) bond { return bond{table, "guardian"} }

// Row implements Schema.
func (s guardians) Row(k conflict.Key, image string) conflict.Row {
	row, table := s.mixture.Row(k, image), tableOf(k)
	if b := cellsOf(image).b; b != "" {
		row.Parents = append(row.Parents, guardian(table).to(b))
	}
	if below := map[string]string{"parent": "kid", "kid": "toy"}[table]; below != "" {
		_, number, _ := strings.Cut(string(k), "/")
		row.Children = append(row.Children, guardian(below).to(number))
	}
	return row
}

// Bereave implements Schema.
func (s guardians) Bereave(k conflict.Key, row conflict.Row, parent string) (conflict.Row, error) {
	b := bondOf(parent)
	if b != guardian(tableOf(k)) {
		return s.mixture.Bereave(k, row, parent)
	}
	now := cellsOf(string(row.Image))
	now.b = ""
	return s.Row(k, now.image()), nil
}

// under is put for a row with two parents.
func under(table string, n int, below, guardian string) conflict.Write {
	return conflict.Write{Key: key(table, n), After: cells{a: "row", p: below, b: guardian}.row(table)}
}

// guarded is begun for tables whose rows have guardians.
func guarded(t *testing.T, regions int, rows ...conflict.Write) *directed {
	h := &directed{t, NewStage(1, regions, guardians{}).c}
	h.forget(rows...)
	return h
}

// A deletion takes a row, and another one that had not seen it parts the row from its guardian. Once the first is forgotten, the row stays gone, whatever comes to its guardian.
func goneForGood(t *testing.T) {
	h := guarded(t, 3, put("parent", 0, ""), put("parent", 1, ""))
	h.write(1, under("kid", 1, "0", "1"))
	h.bring(1, 2)
	h.bring(1, 3)
	h.write(1, drop("parent", 0))
	h.mend(1)
	h.talk()
	h.write(2, drop("parent", 1))
	h.bring(1, 2)
	h.bring(1, 3)
	h.bring(2, 1)
	h.talk()
	h.save()
	h.write(1, put("parent", 1, ""))
	h.write(1, drop("parent", 1))
	h.agree("kid", 1, false)
}

// So does a row that went by way of another one.
func goneByWayForGood(t *testing.T) {
	h := guarded(t, 3, put("parent", 0, ""), put("parent", 1, ""))
	h.write(1, put("kid", 0, "0"), put("kid", 1, "1"), under("toy", 1, "0", "1"))
	h.bring(1, 2)
	h.bring(1, 3)
	h.write(1, drop("parent", 0))
	h.mend(1)
	h.talk()
	h.write(2, drop("parent", 1))
	h.mend(2)
	h.bring(1, 2)
	h.bring(1, 3)
	h.bring(2, 1)
	h.talk()
	h.save()
	h.write(1, put("parent", 1, ""), put("kid", 1, "1"))
	h.write(1, drop("parent", 1))
	h.agree("toy", 1, false)
}
