package ddl_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/relay"
)

func TestWidens(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"integer", "bigint", true}, {"smallint", "bigint", true}, {"bigint", "integer", false}, {"integer", "integer", false}, {"integer", "numeric", false},
		{"character varying(5)", "character varying(6)", true}, {"character varying(9)", "character varying(10)", true}, {"character varying(6)", "character varying(5)", false},
		{"character varying(6)", "character varying", true}, {"character varying", "character varying(6)", false}, {"character varying(6)", "text", true}, {"text", "character varying(6)", false},
		{"character varying", "text", true}, {"character(5)", "character(6)", false}, {"character(5)", "text", false},
		{"numeric(6,2)", "numeric(9,2)", true}, {"numeric(6,2)", "numeric(9,3)", false}, {"numeric(6,2)", "numeric", true}, {"numeric", "numeric(9,2)", false}, {"numeric(9,2)", "numeric(6,2)", false},
		{"bit varying(3)", "bit varying(4)", true}, {"bit(3)", "bit(4)", false}, {"real", "double precision", false}, {"integer[]", "bigint[]", false}, {"timestamp(3) without time zone", "timestamp without time zone", false},
	} {
		if got := ddl.Widens(c.from, c.to); got != c.want {
			t.Errorf("%s to %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

// table is a picture with columns that are given as "name type [not null] [default …]".
func table(columns ...ddl.Column) *ddl.Picture {
	p := &ddl.Picture{Kind: "r", Schema: "app", Name: "t", Owner: "o", Persistence: "p", Constraints: []ddl.Constraint{{Name: "t_pkey", Kind: "p", Definition: "PRIMARY KEY (id)"}}}
	p.Columns = append([]ddl.Column{{Number: 1, Name: "id", Type: "integer", NotNull: true}}, columns...)
	return p
}

// TestAlter: what was done is told by the difference alone. Where it is carried, what stands there already is not done again.
func TestAlter(t *testing.T) {
	v := ddl.Column{Number: 2, Name: "v", Type: "integer", NotNull: true}
	with := func(change func(*ddl.Column)) ddl.Column { c := v; change(&c); return c }
	added := ddl.Column{Number: 3, Name: "w", Type: "text", Default: "'x'::text", NotNull: true}
	keyed := func(kind, definition string) *ddl.Picture {
		p := table(v)
		p.Constraints = append(p.Constraints, ddl.Constraint{Name: "k", Kind: kind, Definition: definition})
		return p
	}
	tests := map[string]struct {
		before, after, here *ddl.Picture
		want                string // the statement, or why there is none
	}{
		"a column":                       {table(v), table(v, added), table(v), `ALTER TABLE "app"."t" ADD COLUMN "w" text DEFAULT 'x'::text NOT NULL`},
		"a column that is there":         {table(v), table(v, added), table(v, added), ""},
		"a column that is another":       {table(v), table(v, added), table(v, ddl.Column{Number: 3, Name: "w", Type: "integer"}), "is text there and integer here"},
		"two, one of which is there":     {table(), table(v, added), table(added), "it is NOT NULL and has no DEFAULT"},
		"wider, and may be NULL":         {table(v), table(with(func(c *ddl.Column) { c.Type, c.NotNull = "bigint", false })), table(v), `ALTER TABLE "app"."t" ALTER COLUMN "v" TYPE bigint, ALTER COLUMN "v" DROP NOT NULL`},
		"wider, and was":                 {table(v), table(with(func(c *ddl.Column) { c.Type = "bigint" })), table(with(func(c *ddl.Column) { c.Type = "bigint" })), ""},
		"wider, and is another":          {table(v), table(with(func(c *ddl.Column) { c.Type = "bigint" })), table(with(func(c *ddl.Column) { c.Type = "text" })), "is bigint there and text here"},
		"wider, of a column that is not": {table(v), table(with(func(c *ddl.Column) { c.Type = "bigint" })), table(), "is not here"},
		"narrower":                       {table(v), table(with(func(c *ddl.Column) { c.Type = "smallint" })), table(v), "changes a column"},
		"NOT NULL":                       {table(with(func(c *ddl.Column) { c.NotNull = false })), table(v), table(v), "condition"},
		"a default":                      {table(v), table(with(func(c *ddl.Column) { c.Default = "5" })), table(v), "changes a default"},
		"a computed default":             {table(v), table(v, ddl.Column{Number: 3, Name: "w", Type: "text", Default: "now()"}), table(v), "not a constant"},
		"a generated column":             {table(v), table(v, ddl.Column{Number: 3, Name: "w", Type: "integer", Default: "v + 1", Generated: "s"}), table(v), "computed in each region"},
		"a domain":                       {table(v), table(v, ddl.Column{Number: 3, Name: "w", Type: "app.d", Domain: true}), table(v), "domain"},
		"a column that goes":             {table(v, added), table(v), table(v, added), "takes something away"},
		"a column in place of another":   {table(v), table(ddl.Column{Number: 3, Name: "v", Type: "integer"}), table(v), "takes something away"},
		"a column that is renamed":       {table(v), table(with(func(c *ddl.Column) { c.Name = "w" })), table(v), "former name"},
		"a unique key":                   {table(v), keyed("u", "UNIQUE (v)"), table(v), "unique index"},
		"a check":                        {table(v), keyed("c", "CHECK (v > 0)"), table(v), "condition"},
		"a check that goes":              {keyed("c", "CHECK (v > 0)"), table(v), table(v), "takes something away"},
		"another collation":              {table(v), table(with(func(c *ddl.Column) { c.Collation = "x" })), table(v), "changes a column"},
		"a table that is not here":       {table(v), table(v, added), nil, "it is not here"},
		"what was before is not known":   {nil, table(v), table(v), "is not known"},
		"nothing that is seen":           {table(v), table(v), table(v), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			n := &ddl.Noted{Tag: "ALTER TABLE", Type: "table", Before: test.before, After: test.after}
			steps, left, err := n.Plan(ddl.Place{Here: func(ddl.Relation) (*ddl.Picture, error) { return test.here, nil }, Origin: 1, Self: 2})
			if err != nil {
				t.Fatal(err)
			}
			got := left
			for _, s := range steps {
				got += s.SQL
			}
			if test.want == "" && got != "" || !strings.Contains(got, test.want) || len(steps) > 0 && got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

// TestNumbersOfRegions: identity columns give other numbers in each region.
func TestNumbersOfRegions(t *testing.T) {
	p := table()
	p.Columns[0].Identity, p.Columns[0].Start, p.Columns[0].Increment = "a", 1, 16
	n := &ddl.Noted{Tag: "CREATE TABLE", After: p}
	for _, c := range []struct {
		origin, self relay.Region
		want         string
	}{{1, 2, "START WITH 2 INCREMENT BY 16"}, {3, 1, "START WITH 15 INCREMENT BY 16"}, {3, 16, "START WITH 14 INCREMENT BY 16"}, {1, 17, "region ids beyond that"}} {
		at := ddl.Place{Here: func(ddl.Relation) (*ddl.Picture, error) { return nil, nil }, Origin: c.origin, Self: c.self}
		steps, left, err := n.Plan(at)
		for _, s := range steps {
			left += s.SQL
		}
		if err != nil || !strings.Contains(left, c.want) {
			t.Errorf("from %d to %d: %s, %v", c.origin, c.self, left, err)
		}
	}
}

// TestGenuine: only who knows the secret can seal.
func TestGenuine(t *testing.T) {
	told, err := json.Marshal(map[string]any{"tag": "CREATE SCHEMA", "name": "s"})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(append([]byte("secret"), told...))
	content := append([]byte(hex.EncodeToString(sum[:])), told...)
	if n, err := ddl.Parse(content); !ddl.Genuine(content, "secret") || err != nil || n.Name != "s" {
		t.Errorf("%+v, %v", n, err)
	}
	if ddl.Genuine(content, "another") || ddl.Genuine(content, "") || ddl.Genuine(content[:20], "secret") || ddl.Genuine(append(content, ' '), "secret") {
		t.Error("it is taken for genuine")
	}
}

// What a message holds comes from the network.
func FuzzParse(f *testing.F) {
	f.Add([]byte(strings.Repeat("0", 64) + `{"tag": "ALTER TABLE", "before": {"kind": "r"}, "after": {"kind": "r", "columns": [{"number": 1}]}}`))
	f.Add([]byte(strings.Repeat("0", 64) + `{"tag": "CREATE TABLE", "after": {"kind": "r", "persistence": "p", "bound": "x", "constraints": [{"kind": "p"}]}}`))
	f.Add([]byte(strings.Repeat("0", 64) + `{"tag": "DROP VIEW", "dropped": [{}]}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		n, err := ddl.Parse(content)
		if err != nil {
			return
		}
		n.Judge()
		for _, here := range []*ddl.Picture{nil, n.After, n.Before, {Kind: "r"}} {
			_, _, _ = n.Plan(ddl.Place{Here: func(ddl.Relation) (*ddl.Picture, error) { return here, nil }, Origin: 1, Self: 2})
		}
	})
}
