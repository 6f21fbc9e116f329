package protocoltest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/octant-db/octant/relay"
)

func transactionsComeWhole(t *testing.T, b *bed) {
	b.Exec(t, `BEGIN; INSERT INTO app.item VALUES (1, 'a', 10), (2, 'b', 20); UPDATE app.item SET v = 'c' WHERE id = 1; COMMIT`)
	b.Exec(t, `BEGIN; UPDATE app.item SET id = 3 WHERE id = 2; DELETE FROM app.item WHERE id = 1; COMMIT`)
	b.fence()
	want := [][]string{
		{"INSERT app.item 1,a,10", "INSERT app.item 2,b,20", "UPDATE app.item 1 > 1,c,10"},
		{"UPDATE app.item 2 > 3,b,20", "DELETE app.item 1"},
	}
	got := b.capture.take(relay.Local)
	if len(got) != len(want) {
		t.Fatalf("%d transactions, want %d", len(got), len(want))
	}
	for i, e := range got {
		var texts []string
		for _, c := range b.decode(e) {
			texts = append(texts, b.text(c))
		}
		if !slices.Equal(texts, want[i]) {
			t.Errorf("transaction %d\n got %q\nwant %q", i, texts, want[i])
		}
		if e.Position == "" || e.Physical.IsZero() || e.Flavour == "" || e.Mark != nil {
			t.Errorf("transaction %d: %+v", i, e.Captured)
		}
	}
}

func undoneIsNotCaptured(t *testing.T, b *bed) {
	b.Exec(t, `BEGIN; INSERT INTO app.item VALUES (1, 'a', 10); ROLLBACK`)
	if got := b.changes(`BEGIN; INSERT INTO app.item VALUES (2, 'b', 20); COMMIT`); len(got) != 1 || b.text(got[0]) != "INSERT app.item 2,b,20" {
		t.Errorf("captured %d changes", len(got))
	}
}

// captureGoesOn stops the capture again and again, at another place each time, and goes on behind the last whole entry.
func captureGoesOn(t *testing.T, b *bed) {
	var want, got []string
	for round := range 5 {
		for i := range 3 {
			id := round*3 + i
			b.Exec(t, fmt.Sprintf("INSERT INTO app.item VALUES (%d, 'r', 0)", id))
			want = append(want, fmt.Sprintf("INSERT app.item %d,r,0", id))
			if i == 1 {
				b.capture.end()
				got = append(got, b.inserted()...)
				b.capture = b.captureFrom(b.capture.position())
			}
		}
	}
	b.fence()
	if got = append(got, b.inserted()...); !slices.Equal(got, want) {
		t.Errorf("captured\n%q, want\n%q", got, want)
	}
}

func (b *bed) inserted() (texts []string) {
	b.t.Helper()
	for _, e := range b.capture.take(relay.Local) {
		for _, c := range b.decode(e) {
			texts = append(texts, b.text(c))
		}
	}
	return texts
}

func largeTransaction(t *testing.T, b *bed) {
	const rows = 4096
	insert := "INSERT INTO app.item VALUES (0, 'large', 0)"
	text := "BEGIN; " + insert + "; "
	for n := 1; n < rows; n *= 2 {
		text += fmt.Sprintf("INSERT INTO app.item SELECT id + %d, v, n FROM app.item; ", n)
	}
	b.Exec(t, text+"COMMIT")
	b.fence()
	got := b.capture.take(relay.Local)
	if len(got) != 1 {
		t.Fatalf("%d entries, want 1", len(got))
	}
	if n := len(b.decode(got[0])); n != rows {
		t.Errorf("%d rows, want %d", n, rows)
	}
}
