package scenarios_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/scenarios"
)

// good is a file that uses every verb.
const good = `# It shows everything,
# on two lines.
# And more.

table parents (name text unique, n number)
table children (parent number references parents on delete cascade, other number references parents on delete set null)
rule parents merge counters n
rule b: children priority c a
trigger children into parents

a: insert parents 1 name=x n=-5
tx b
  update parents 1 n+=3 name=
  delete parents 1
end
c: fill children 1 20 parent=1
c: update children 1 id=30
c: delete children
c: truncate children
cut a
cut b c
heal
kill relay a
kill database b
kill c
skew a -1h
refuse a parents
refuse b parents from 10
skip a parents 1
resolve a parents 1 remote
accept a parents
accept b parents
rule b: children priority a
settle
expect parents 1 name=x n=
expect a: parents 2 gone
expect parents count 0
expect parents conflicts 1
expect parents 1 conflict insert_exists
expect parents letters 2
expect parents held
expect parents flows
`

func TestParse(t *testing.T) {
	s, err := scenarios.Parse("good", good)
	if err != nil {
		t.Fatal(err)
	}
	if s.Sentence != "It shows everything, on two lines." {
		t.Errorf("the sentence is %q", s.Sentence)
	}
	if len(s.Tables) != 2 || len(s.Rules) != 2 || len(s.Triggers) != 1 || len(s.Steps) != 29 {
		t.Errorf("read %+v", s)
	}
	tx, ok := s.Steps[1].Do.(scenarios.Commit)
	if !ok || s.Steps[1].Line != 12 || tx.Region != "b" || len(tx.Writes) != 2 {
		t.Errorf("the transaction is %+v", s.Steps[1])
	}
}

// TestParseRefuses changes one line of a good file, or adds one, and wants to be told where and what.
func TestParseRefuses(t *testing.T) {
	const base = "# A sentence.\ntable t (x text, n number)\na: insert t 1 x=y\nsettle\n%\nexpect t count 1\n"
	for _, c := range []struct{ line, want string }{
		{"fly a", `t:5: "fly" is no verb`},
		{"d: delete t", `t:5: "d" is no region`},
		{"a: delete u", `"u" is no table`},
		{"a: delete t 0", "id 0"},
		{"a: delete t x", `"x" is no number`},
		{"a: delete t 1 2", `"2" is too much`},
		{"a: insert t 1 y=1", `no column "y"`},
		{"a: insert t 1 x+=1", "only numbers are added"},
		{"a: insert t 1 n+=1", "only an update can add"},
		{"a: insert t 1 x=1 x=2", "x is set twice"},
		{"a: insert t 1 x='", "is no value"},
		{"a: insert t 1 n=x", "is no number"},
		{"a: update t 1", "changes something"},
		{"a: fill t 2 1", "want 1 to 1000 rows"},
		{"a: upsert t 1", "nothing that a table is written with"},
		{"tx a\nend", "t:6: the transaction is empty"},
		{"tx a\ntruncate t\nend", "truncate commits by itself"},
		{"tx a\ndelete t", "nothing that a table is written with"},
		{"cut a a", "not cut off from itself"},
		{"heal", "nothing is cut"},
		{"skew a 1.5ms", "is no time"},
		{"skew a 100h", "is no time"},
		{"accept a t", "refuses no row"},
		{"refuse a t from x", "is no number"},
		{"resolve a t 1 both", "want local or remote"},
		{"rule t merge", "in one region at a time"},
		{"rule a: t sometimes", "is no policy"},
		{"rule a: t timestamp x", "no column with numbers"},
		{"rule a: t merge counters x", "no column with numbers"},
		{"table u (x text)", "before the first step"},
		{"settle", "nothing has happened"},
		{"a: delete t\nexpect t count 0", "settle before you expect"},
		{"expect t 1 conflict strange", "no kind of conflict"},
		{"expect t 1 x+=1", "only numbers are added"},
		{"expect t 1 n+=1", "as it is"},
		{"expect t", "what is expected"},
		{"expect t 1", "what is expected"},
		{"cut a\nsettle", "while regions are cut off"},
		{"refuse a t\nsettle", "while a database refuses rows"},
		{"only mysql", "only PLACE…: reason"},
		{"only here: a reason", `"here" is no place`},
		{"a: insert t 2 x=ü", "only plain characters"},
	} {
		_, err := scenarios.Parse("t", strings.Replace(base, "%", c.line, 1))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.line, err, c.want)
		}
	}
	for text, want := range map[string]string{
		"table t (x text)": "t:1: a file begins with a comment", "# No sentence": "no sentence", "# A sentence.": "ends with settle",
		"# A sentence.\ntable t (x text)\na: delete t": "ends with settle", "# A.\ntable t (id text)": "a column \"id\" already",
		"# A.\ntable t x text": "brackets", "# A.\ntable t (x blob)": "neither text nor number", "# A.\ntable t (x number references u)": "no table",
	} {
		if _, err := scenarios.Parse("t", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// FuzzParse: whatever stands in a file, it is read or refused.
func FuzzParse(f *testing.F) {
	f.Add(good)
	all, err := filepath.Glob("*.txt")
	if err != nil || len(all) == 0 {
		f.Fatal("no scenarios", err)
	}
	for _, name := range all {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := scenarios.Parse("f", text)
		if (s == nil) == (err == nil) {
			t.Errorf("%v and %v", s, err)
		}
	})
}
