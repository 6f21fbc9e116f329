package apply_test

import (
	"fmt"
	"testing"

	"github.com/octant-db/octant/relay"
)

// TestTies: children know their parents by what these know them by, whatever the types of their columns, and are found as the log would have them.
func TestTies(t *testing.T) {
	s := newStation(t, `CREATE TABLE parents (id int PRIMARY KEY, code varchar(10), n numeric(10,2), UNIQUE (code, n));
CREATE TABLE children (id bigint PRIMARY KEY, parent bigint REFERENCES parents ON DELETE CASCADE, code text, n numeric, doc jsonb, at timestamptz, many int[],
  FOREIGN KEY (code, n) REFERENCES parents (code, n) ON DELETE SET NULL);
CREATE TABLE strangers (id int PRIMARY KEY, parent int REFERENCES parents, other int REFERENCES parents ON DELETE SET DEFAULT);
INSERT INTO parents VALUES (1, 'a', 1), (2, 'b', 2); INSERT INTO strangers VALUES (1, 1, 2);
INSERT INTO children VALUES (1, 1, 'a', 1.0, '{"x": [1, null]}', '2026-01-02 03:04:05.6+00', '{1,2}'), (2, NULL, 'b', 2, NULL, NULL, NULL), (3, 2, NULL, NULL, 'null', 'infinity', '{}'), (4, NULL, 'a', NULL, NULL, NULL, NULL)`)
	parents, children := s.table("parents"), s.table("children")
	identify := func(table *relay.Table, texts string) relay.Identity {
		t.Helper()
		list, err := s.target.Identify(s.ctx, table, []relay.Image{image(texts)})
		if err != nil {
			t.Fatal(err)
		}
		return list[0]
	}
	parent, child := identify(parents, "1|a|1.00"), identify(children, "1|1|a|1.0|?|?|?")
	if len(parent.Children) != 2 || fmt.Sprintf("%q", child.Parents) != fmt.Sprintf("%q", parent.Children) || len(child.Children)+len(parent.Parents) != 0 {
		t.Errorf("the parent is known as %q, and the child names %q", parent.Children, child.Parents)
	}
	if parent.Partial || !child.Partial {
		t.Error("which image lacks columns is not known")
	}
	if lone := identify(children, "4|NULL|a|NULL|NULL|NULL|NULL"); len(lone.Parents) != 0 {
		t.Errorf("a row without a parent names %q", lone.Parents)
	}
	found, err := s.target.Below(s.ctx, parents, []relay.Image{image("1|a|1.00"), image("2|b|2.00")})
	if err != nil {
		t.Fatal(err)
	}
	first := image(`1|1|a|1.0|{"x": [1, null]}|2026-01-02 03:04:05.6+00|{1,2}`)
	want := []relay.Image{first, image("2|NULL|b|2|NULL|NULL|NULL"), first, image("3|2|NULL|NULL|null|infinity|{}")}
	if len(found) != len(want) {
		t.Fatalf("%d rows are found, want %d", len(found), len(want))
	}
	for i, c := range found {
		if string(c.Before) != string(want[i]) || c.Table.String() != "app.children" {
			t.Errorf("row %d of %s is %q, want %q", i, c.Table, c.Before, want[i])
		}
	}
	unset, err := children.Unset(found[0].Before, []int{2, 3})
	if err != nil || string(unset) != string(image(`1|1|NULL|NULL|{"x": [1, null]}|2026-01-02 03:04:05.6+00|{1,2}`)) {
		t.Errorf("unset: %q, %v", unset, err)
	}
	if found, err = s.target.Below(s.ctx, children, []relay.Image{found[0].Before}); err != nil || len(found) != 0 {
		t.Errorf("below a child are %d rows, %v", len(found), err)
	}
}
