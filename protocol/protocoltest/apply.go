package protocoltest

import (
	"errors"
	"slices"
	"testing"

	"github.com/octant-db/octant/relay"
)

func ownTransactions(t *testing.T, b *bed) {
	table, images := b.images("app.item", "(1, 'a', 10)")
	m := b.mark()
	if err := b.write(m, relay.Write{Table: table, After: images[0], Expect: relay.Absent}); err != nil {
		t.Fatal(err)
	}
	b.capture.await(t, m)
	if got := b.capture.take(relay.Applied); len(got) != 1 || *got[0].Mark != m {
		t.Fatalf("captured %+v, want the mark %+v", got, m)
	} else if rows := b.decode(got[0]); len(rows) != 1 || !slices.Equal(rows[0].After, images[0]) {
		t.Errorf("captured %d rows, or another image than was written", len(rows))
	}
	b.requireRows("1 a 10")
	if applied, err := b.target.Applied(b.ctx); err != nil || len(applied) <= int(m.Origin) || applied[m.Origin].Seq != m.Range.To {
		t.Errorf("the ledger says %v, %v", applied, err)
	}
	for want, mark := range map[bool]relay.Mark{true: m, false: b.mark()} {
		if got, err := b.target.Committed(b.ctx, mark); err != nil || got != want {
			t.Errorf("mark %v was committed: %v, %v; want %v", mark.Range, got, err, want)
		}
	}
}

func markOnce(t *testing.T, b *bed) {
	table, images := b.images("app.item", "(1, 'a', 10), (2, 'b', 20)")
	m := b.mark()
	if err := b.write(m, relay.Write{Table: table, After: images[0], Expect: relay.Absent}); err != nil {
		t.Fatal(err)
	}
	if err := b.write(m, relay.Write{Table: table, After: images[1], Expect: relay.Absent}); !errors.Is(err, relay.ErrApplied) {
		t.Errorf("the same mark again: %v", err)
	}
	b.requireRows("1 a 10")
}

func presence(t *testing.T, b *bed) {
	table, images := b.images("app.item", "(1, 'a', 10), (2, 'b', 20)")
	here, absent := images[0], images[1]
	b.Exec(t, "INSERT INTO app.item VALUES (1, 'a', 10)")
	for name, w := range map[string]relay.Write{
		"insert of a row that is there":     {Table: table, After: here, Expect: relay.Absent},
		"update of a row that is not there": {Table: table, Before: absent, After: absent, Expect: relay.Present},
		"delete of a row that is not there": {Table: table, Before: absent, Expect: relay.Present},
	} {
		if err := b.write(b.mark(), w); !errors.Is(err, relay.ErrPresence) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.requireRows("1 a 10")
}

func unknownRows(t *testing.T, b *bed) {
	table, images := b.images("app.item", "(1, 'a', 10), (2, 'b', 20), (3, 'c', 30), (4, 'd', 40)")
	b.Exec(t, "INSERT INTO app.item VALUES (1, 'old', 0), (3, 'old', 0)")
	err := b.write(b.mark(),
		relay.Write{Table: table, Before: images[0], After: images[0]}, relay.Write{Table: table, Before: images[1], After: images[1]},
		relay.Write{Table: table, Before: images[2]}, relay.Write{Table: table, Before: images[3]})
	if err != nil {
		t.Fatal(err)
	}
	b.requireRows("1 a 10", "2 b 20")
}

func rollback(t *testing.T, b *bed) {
	table, images := b.images("app.item", "(1, 'a', 10)")
	m := b.mark()
	tx, err := b.target.Begin(b.ctx, m)
	if err == nil {
		err = errors.Join(tx.Write(b.ctx, []relay.Write{{Table: table, After: images[0], Expect: relay.Absent}}), tx.Rollback(), tx.Rollback())
	}
	if err != nil {
		t.Fatal(err)
	}
	b.requireRows()
	if err := b.write(m, relay.Write{Table: table, After: images[0], Expect: relay.Absent}); err != nil {
		t.Errorf("the mark of what was rolled back: %v", err)
	}
	b.requireRows("1 a 10")
}

func uniqueInTheWay(t *testing.T, b *bed) {
	table, images := b.images("app.one", "(1, 100)")
	b.Exec(t, "INSERT INTO app.one VALUES (2, 100)")
	w := relay.Write{Table: table, Before: images[0], After: images[0]}
	if err := b.write(b.mark(), w); !errors.Is(err, relay.ErrUnique) {
		t.Errorf("a row whose unique value another one has: %v", err)
	}
	w.Clear = true
	if err := b.write(b.mark(), w); err != nil {
		t.Error(err)
	}
	if got := b.Query(t, "SELECT id FROM app.one"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the rows are %q", got)
	}
}

func identity(t *testing.T, b *bed) {
	table, images := b.images("app.one", "(1, 100), (2, NULL), (3, 300)")
	_, again := b.images("app.one", "(1, 300)")
	ids, err := b.target.Identify(b.ctx, table, append(images, again...))
	if err != nil {
		t.Fatal(err)
	}
	if ids[0].Key != ids[3].Key || ids[0].Key == ids[1].Key {
		t.Error("rows are not told apart by their primary keys")
	}
	if len(ids[1].Unique) != 0 || len(ids[2].Unique) != 1 || !slices.Equal(ids[2].Unique, ids[3].Unique) || slices.Equal(ids[0].Unique, ids[3].Unique) {
		t.Errorf("unique values: %+v", ids)
	}
}

func missingTable(t *testing.T, b *bed) {
	table, images := b.images("app.gone", "(1, 1)")
	b.Exec(t, "DROP TABLE app.gone")
	b.target.Refresh()
	err := b.target.Check(b.ctx, table)
	if err == nil {
		err = b.write(b.mark(), relay.Write{Table: table, After: images[0], Expect: relay.Absent})
	}
	if r, ok := relay.Rejected(err); !ok || r.Reason != relay.MissingTable {
		t.Errorf("rows of a table that is missing: %v", err)
	}
}
