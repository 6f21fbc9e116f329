package apply_test

import (
	"strings"
	"testing"
)

// TestStands compares rows with what is on record of them.
func TestStands(t *testing.T) {
	s := newStation(t, `CREATE TABLE docs (id int PRIMARY KEY, doc jsonb, raw json, flag boolean, many int[], price numeric(10,2), real real);
		INSERT INTO docs VALUES (1, '{"n": [1, null]}', '{"a":  1}', true, '{1,2}', 12.5, 0.1)`)
	const same = `{"id": 1, "doc": {"n": [1, null]}, "raw": {"a":  1}, "flag": "t", "many": "{1,2}", "price": 12.50, "real": 0.1}`
	stands := func(row string, want bool) {
		t.Helper()
		if got, err := s.target.Stands(s.ctx, s.table("docs"), image("1|?|?|?|?|?|?"), row); err != nil || got != want {
			t.Errorf("%s stands: %v, %v", row, got, err)
		}
	}
	stands(same, true)
	stands("", false)
	for was, is := range map[string]string{`[1, null]`: `[1]`, `"a":  1`: `"a": 1`, `"t"`: `"f"`, `{1,2}`: `{1}`, `12.50`: `12.51`, `0.1`: `0.2`, `"{1,2}"`: `null`} {
		stands(strings.Replace(same, was, is, 1), false)
	}
	s.Exec(t, "DELETE FROM app.docs")
	stands(same, false)
	stands("", true)
}

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
