package protocoltest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/relay"
)

// pairs are the rows of app.pair.
func (b *bed) pairs() []string {
	b.t.Helper()
	return b.Query(b.t, "SELECT CONCAT(a, '|', b, '|', COALESCE(v, 'NULL'), '|', COALESCE(u, -1)) FROM app.pair ORDER BY a, b")
}

// fillPairs inserts rows whose keys and values have what separates values, ends lines and begins escapes.
func (b *bed) fillPairs() {
	b.t.Helper()
	var rows []string
	for i := range 25 {
		rows = append(rows, fmt.Sprintf("(%d, 'v%d', 'k%d', %d)", i, i, i%4, i))
	}
	for i, text := range []string{"", "a\tb\nc\rd", `back\slash \N \.`, "it''s \"quoted\"", "größe 😀"} {
		quoted := "'" + strings.ReplaceAll(strings.ReplaceAll(text, "''", "'"), "'", "''") + "'"
		rows = append(rows, fmt.Sprintf("(%d, %s, %s, NULL)", 100+i, quoted, quoted))
	}
	rows = append(rows, "(200, NULL, 'null', NULL)")
	b.Exec(b.t, "INSERT INTO app.pair (b, v, a, u) VALUES "+strings.Join(rows, ", "))
}

const pair = "app.pair"

// chunks reads a table in chunks of so many rows.
func (b *bed) chunks(c relay.TableCopier, rows int) (list []relay.RowBatch) {
	b.t.Helper()
	for after := relay.RowKey(""); ; {
		batch, err := c.Read(b.ctx, pair, after, rows)
		if err != nil {
			b.t.Fatal(err)
		}
		if batch.Rows == 0 {
			return list
		}
		list, after = append(list, batch), batch.Last
	}
}

func (b *bed) copyIn(c relay.TableCopier, list []relay.RowBatch) {
	b.t.Helper()
	for _, batch := range list {
		if err := c.Write(b.ctx, pair, batch); err != nil {
			b.t.Fatal(err)
		}
	}
}

func rowsAreCopied(t *testing.T, b *bed) {
	c := b.Copier(t)
	b.fillPairs()
	want := b.pairs()
	list := b.chunks(c, 10)
	if len(list) != 4 || list[3].Rows != 1 {
		t.Errorf("%d chunks of 10 rows, want 4, the last one of 1", len(list))
	}
	b.Exec(t, "DELETE FROM app.pair")
	slices.Reverse(list)
	b.copyIn(c, list)
	if got := b.pairs(); !slices.Equal(got, want) {
		t.Errorf("the copy is %q, want %q", got, want)
	}
}

func copiedOverOthers(t *testing.T, b *bed) {
	c := b.Copier(t)
	b.fillPairs()
	want := b.pairs()
	list := b.chunks(c, 10)
	b.copyIn(c, list) // they stand there already
	if got := b.pairs(); !slices.Equal(got, want) {
		t.Errorf("the second copy is %q, want %q", got, want)
	}
	b.Exec(t, "DELETE FROM app.pair; INSERT INTO app.pair (b, v, a, u) VALUES (0, 'old', 'k0', NULL), (77, 'has a unique value of another', 'z', 3)")
	b.copyIn(c, list)
	if got := b.pairs(); !slices.Equal(got, want) {
		t.Errorf("the copy over other rows is %q, want %q", got, want)
	}
}

func copiedCutShort(t *testing.T, b *bed) {
	c := b.Copier(t)
	b.fillPairs()
	batch := b.chunks(c, 100)[0]
	b.Exec(t, "DELETE FROM app.pair")
	for _, cut := range []int{1, 3, len(batch.Data) / 2, len(batch.Data)} {
		short := batch
		short.Data = batch.Data[:len(batch.Data)-cut]
		if err := c.Write(b.ctx, pair, short); err == nil {
			t.Errorf("rows whose last %d bytes are missing were written", cut)
		}
	}
	if got := b.pairs(); len(got) > 0 {
		t.Errorf("%d rows came in", len(got))
	}
}

func readyForRows(t *testing.T, b *bed) {
	c := b.Copier(t)
	list, err := c.Definitions(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	at := slices.IndexFunc(list, func(d relay.TableDefinition) bool { return d.Name == pair })
	if at < 0 || list[at].Problem != "" || !strings.Contains(list[at].Definition, "PRIMARY KEY (a, b)") {
		t.Fatalf("the definitions are %+v", list)
	}
	b.fillPairs()
	for _, want := range []bool{false, true} {
		if empty, err := c.Ready(b.ctx, pair); err != nil || empty != want {
			t.Errorf("the table is empty: %v, %v; want %v", empty, err, want)
		}
		if err := c.Clear(b.ctx, pair); err != nil {
			t.Fatal(err)
		}
	}
}
