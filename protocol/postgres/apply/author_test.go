package apply_test

import (
	"strings"
	"testing"
)

// TestAuthor writes rows as an application does: triggers fire and constraints count.
func TestAuthor(t *testing.T) {
	s := newStation(t, schema+`; CREATE TABLE docs (id int, part text, doc jsonb, flag boolean, at timestamptz, many int[], price numeric(10,2), PRIMARY KEY (id, part))`)
	for _, c := range []struct {
		name, table, key, row string
		rows                  string
		err                   string
	}{
		{"a new row, with a trigger", "t", "5|?|?", `{"v": "new \"quoted\""}`, `(5,"new ""quoted""",d)`, ""},
		{"one that is there, some columns", "t", "5|?|?", `{"w": null, "id": 5}`, `(5,"new ""quoted""",)`, ""},
		{"everything else is kept", "t", "5|?|?", `{"v": ""}`, `(5,"",)`, ""},
		{"the key cannot be changed", "t", "5|?|?", `{"id": 6, "v": "x"}`, `(5,"",)`, "column id is in the key"},
		{"no such column", "t", "5|?|?", `{"x": 1}`, `(5,"",)`, `no column "x"`},
		{"no object", "t", "5|?|?", `[1]`, `(5,"",)`, "JSON object"},
		{"a deleted one", "t", "5|?|?", "", "", ""},
		{"one that is not there", "t", "5|?|?", "", "", "stands so already"},
		{"a constraint", "child", "1|?", `{"parent": 77}`, "", "child_parent_fkey"},
		{"types", "docs", "1|a'b|?|?|?|?|?", `{"part": "a'b", "doc": {"n": [1, null]}, "flag": "t", "at": "2026-01-02 03:04:05.6+00", "many": "{1,2}", "price": 12.5}`,
			`(1,a'b,"{""n"": [1, null]}",t,"02/01/2026 08:34:05.6 IST","{1,2}",12.50)`, ""},
		{"a document that is null", "docs", "1|a'b|?|?|?|?|?", `{"doc": null, "flag": null}`, `(1,a'b,null,,"02/01/2026 08:34:05.6 IST","{1,2}",12.50)`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := s.target.Author(s.ctx, s.table(c.table), image(c.key), c.row)
			if (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("error %v, want %q", err, c.err)
			}
			if got := s.rows(c.table); got != c.rows {
				t.Errorf("rows %s, want %s", got, c.rows)
			}
		})
	}
	if fired := s.rows("fired"); fired != "(1)" {
		t.Errorf("the trigger has fired %s", fired)
	}
}
