package compare_test

import (
	"errors"
	"testing"

	"github.com/octant-db/octant/protocol/postgres/compare"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

// foreignKeys asks for keys that only other engines have: they lie where they belong, and no row is there.
func foreignKeys(t *testing.T, s *pgtest.Server) {
	r := compare.New(compare.Config{Addr: s.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password,
		Match: func(schema, _ string) bool { return schema == "app" }})
	defer r.Close()
	s.Exec(t, `CREATE TABLE app.foreign_keys (w varchar(5) COLLATE "C", n int, b boolean, u uuid, PRIMARY KEY (w, n, b, u));
INSERT INTO app.foreign_keys SELECT w, g, g % 2 = 0, md5(g::text)::uuid FROM generate_series(1, 3) g, (VALUES ('a'), ('ab'), ('b')) AS w (w);
GRANT SELECT, INSERT, UPDATE, DELETE ON app.foreign_keys TO "`+pgtest.User+`"`)
	v := r.ByValue(&relay.ValueForm{Ordered: true, Columns: []relay.FormColumn{
		{Name: "b", As: relay.AsNumber, Key: 3}, {Name: "n", As: relay.AsNumber, Key: 2}, {Name: "u", As: relay.AsText, Key: 4}, {Name: "w", As: relay.AsText, Key: 1},
	}})
	const least = "00000000-0000-0000-0000-000000000000"
	key := func(w, n, b, u string) relay.RowKey {
		return relay.NewRowKey([][]byte{[]byte(w), []byte(n), []byte(b), []byte(u)})
	}
	for _, c := range []struct {
		name string
		key  relay.RowKey
		rows int // behind it
	}{
		{"its own", key("ab", "2", "1", least), 5},
		{"a number beyond the range", key("a", "18446744073709551615", "0", least), 6},
		{"a number below it", key("ab", "-99999999999999999999", "0", least), 6},
		{"a fraction", key("ab", "1.5", "0", least), 5},
		{"a text with a zero byte", key("a\x00b", "0", "0", least), 9}, // as the text before it: those rows are only looked at once more
		{"a longer text", key("abcdefgh", "0", "0", least), 3},
		{"a text that is none", key("zz'", "0", "0", least), 0},
	} {
		behind, err := v.Rows(t.Context(), "app.foreign_keys", relay.Span{After: c.key})
		if err != nil || len(behind) != c.rows {
			t.Errorf("%s: %d rows are behind it, %v; want %d", c.name, len(behind), err, c.rows)
		}
		before, err := v.Digest(t.Context(), "app.foreign_keys", relay.Span{UpTo: c.key})
		if err != nil || int(before.Rows) != 9-c.rows {
			t.Errorf("%s: %d rows are before it, %v; want %d", c.name, before.Rows, err, 9-c.rows)
		}
		found, err := v.Find(t.Context(), "app.foreign_keys", []relay.RowKey{c.key})
		if err != nil || found[0] != nil {
			t.Errorf("%s: %v, %v", c.name, found[0], err)
		}
		if err := v.Replace(t.Context(), relay.Replacement{Table: "app.foreign_keys", Key: c.key, Expect: &relay.Sum{}}); err == nil {
			t.Errorf("%s: a row that is not there was deleted", c.name)
		}
	}
	for _, expect := range []*relay.Sum{nil, {1}} { // it is there, and otherwise
		err := v.Replace(t.Context(), relay.Replacement{Table: "app.foreign_keys", Key: key("ab", "2", "1", "c81e728d-9d4c-2f63-6f06-7f89cc14862c"), Expect: expect})
		if !errors.Is(err, relay.ErrChanged) {
			t.Errorf("a row that is not as it was compared is written: %v", err)
		}
	}
	for _, odd := range []relay.RowKey{key("a", "x", "0", least), key("a", "1", "2", least), key("a", "1", "1", "no uuid")} {
		if found, err := v.Find(t.Context(), "app.foreign_keys", []relay.RowKey{odd}); err != nil || found[0] != nil {
			t.Errorf("%s: %v, %v", odd, found[0], err)
		}
		if _, err := v.Rows(t.Context(), "app.foreign_keys", relay.Span{After: odd}); err == nil {
			t.Errorf("%s is a bound", odd)
		}
	}
}
