package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/octant-db/octant/verify"
)

// TestAskingRowByRow: a number chooses, anything that is none is asked again, and who says nothing more leaves the rest as it is.
func TestAskingRowByRow(t *testing.T) {
	d := &verify.Difference{
		Name: map[string]string{"id": "7"}, Columns: []string{"name"},
		Rows: []verify.RowState{{Region: "a", Digest: "7c99ae31"}, {Region: "b", Missing: true}},
	}
	var out strings.Builder
	choose := asking(strings.NewReader("3\nb\n2\ns\n1\n"), &out)
	for i, want := range []struct {
		stands int
		err    error
	}{{1, nil}, {0, verify.ErrSkip}, {0, nil}, {0, verify.ErrSkip}} {
		if stands, err := choose("app.money", d); stands != want.stands || !errors.Is(err, want.err) {
			t.Errorf("question %d: row %d stands, %v", i, stands, err)
		}
	}
	for _, want := range []string{"app.money id=7 differs in name", "1  a        digest 7c99ae31", "2  b        no such row", "which row stands? [1-2, s to leave it]"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
}
