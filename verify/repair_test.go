package verify_test

import (
	"testing"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/verify"
)

// state is a row in a region: its digest, "" if it is missing, and the version of its last write.
type state struct{ digest, version string }

func difference(states ...state) *verify.Difference {
	d := &verify.Difference{}
	for i, s := range states {
		d.Rows = append(d.Rows, verify.RowState{Region: string(rune('a' + i)), Missing: s.digest == "", Digest: s.digest, Version: s.version})
	}
	return d
}

// TestNewest: the last write counts, then the number of regions; what neither decides is left to people.
func TestNewest(t *testing.T) {
	cases := []struct {
		name string
		d    *verify.Difference
		want int // -1: nobody can tell
	}{
		{"most regions", difference(state{"x", ""}, state{"y", ""}, state{"x", ""}), 0},
		{"most regions lack it", difference(state{"", ""}, state{"y", ""}, state{"", ""}), 0},
		{"the newest, alone", difference(state{"x", "10@1"}, state{"y", "20@2"}, state{"x", "10@1"}), 1},
		{"the newest is a deletion", difference(state{"x", "10@1"}, state{"", "20@2"}, state{"x", "10@1"}), 1},
		{"clocks are numbers", difference(state{"x", "9@1"}, state{"y", "10@2"}), 1},
		{"the region decides between equal clocks", difference(state{"x", "10@2"}, state{"y", "10@1"}, state{"y", "10@1"}), 0},
		{"a known version beats none", difference(state{"x", ""}, state{"y", "20@2"}, state{"x", ""}), 1},
		{"one version, most regions", difference(state{"x", "10@1"}, state{"y", "10@1"}, state{"x", "10@1"}), 0},
		{"one against one", difference(state{"x", ""}, state{"y", ""}), -1},
		{"one version, one against one", difference(state{"x", "10@1"}, state{"y", "10@1"}), -1},
		{"three ways", difference(state{"x", ""}, state{"y", ""}, state{"", ""}), -1},
	}
	for _, c := range cases {
		got, err := verify.Newest("app.t", c.d)
		if c.want < 0 && err == nil || c.want >= 0 && (err != nil || c.d.Rows[got].Digest != c.d.Rows[c.want].Digest) {
			t.Errorf("%s: region %d stands (%v), want %d", c.name, got, err, c.want)
		}
	}
}

// TestUndoIsTheReverse: a change taken back twice is itself.
func TestUndoIsTheReverse(t *testing.T) {
	c := verify.Change{Table: "app.t", Key: "31_", Region: "b", Is: &verify.Content{Digest: "x", Values: []relay.ColumnValue{{Name: "id", Key: true, Value: []byte("1")}}}}
	if u := c.Undo(); u.Is != nil || u.Was != c.Is || u.Undo() != c {
		t.Errorf("%+v", u)
	}
}

// TestFromTakesOnlyWhatWasCompared: a region that the report does not have is an error and not another one's row.
func TestFromTakesOnlyWhatWasCompared(t *testing.T) {
	d := difference(state{"x", ""}, state{"y", ""})
	if n, err := verify.From("b")("app.t", d); n != 1 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := verify.From("z")("app.t", d); err == nil {
		t.Error("a region that was not compared has been chosen")
	}
}
