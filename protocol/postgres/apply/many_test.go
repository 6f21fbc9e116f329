package apply_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/octant-db/octant/relay"
)

// manySchema has types whose bare names mean something else in a cast: one character, one bit.
const manySchema = `CREATE DOMAIN code AS varchar(4) CHECK (VALUE <> 'none');
CREATE TYPE mood AS ENUM ('sad', 'so, so', 'happy');
CREATE TABLE many (a int, b char(3) COLLATE "C", c varchar(5), d bit(4), e bit varying(6), f "char", g numeric(6,2), h code, i mood, j int[], k timestamptz, l bytea,
  PRIMARY KEY (a, b));
CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE parts1 PARTITION OF parts FOR VALUES FROM (0) TO (50);
CREATE TABLE parts2 PARTITION OF parts FOR VALUES FROM (50) TO (1000);`

// TestRowsWrittenTogether writes every number of rows that takes another set of statements.
func TestRowsWrittenTogether(t *testing.T) {
	s := newStation(t, manySchema)
	for table, row := range map[string]func(i int, round string) string{
		"many": func(i int, round string) string {
			return fmt.Sprintf(`%d|k%d|%s|0101|10101|x|%d.25|c%s|so, so|{%d,NULL}|2024-02-29 12:00:00.000001+00|\x00ff`, i, i%10, "v"+round, i, round, i)
		},
		"parts": func(i int, round string) string { return fmt.Sprintf("%d|%s", i, round) },
	} {
		t.Run(table, func(t *testing.T) {
			for _, n := range []int{1, 2, 3, 7, 100, 131} {
				s.writeTogether(t, table, n, row)
			}
		})
	}
}

func (s *station) writeTogether(t *testing.T, table string, n int, row func(i int, round string) string) {
	t.Helper()
	tbl := s.table(table)
	var insert, update, remove []relay.Write
	for i := range n {
		first, second := image(row(i, "1")), image(row(i, "2"))
		insert = append(insert, relay.Write{Table: tbl, After: first, Expect: relay.Absent})
		update = append(update, relay.Write{Table: tbl, Before: first, After: second, Expect: relay.Present})
		remove = append(remove, relay.Write{Table: tbl, Before: second, Expect: relay.Present})
	}
	for _, step := range []struct {
		writes, again []relay.Write // again: what does not find its rows as expected
		want          string
	}{
		{insert, insert[n-1:], fmt.Sprint(n, " 1")}, {update, nil, fmt.Sprint(n, " 2")}, {remove, remove[n-1:], "0 "},
	} {
		if err := s.apply(step.writes...); err != nil {
			t.Fatalf("%d rows: %v", n, err)
		}
		column := map[string]string{"many": "substr(c, 2)", "parts": "v"}[table]
		if got := s.Query(t, fmt.Sprintf("SELECT concat(count(*), ' ', min(%s)) FROM app.%s", column, table))[0]; got != step.want {
			t.Fatalf("%d rows: there are %q, want %q", n, got, step.want)
		}
		if err := s.apply(step.again...); len(step.again) > 0 && !errors.Is(err, relay.ErrPresence) {
			t.Fatalf("%d rows, again: %v", n, err)
		}
	}
	if err := s.apply(update...); !errors.Is(err, relay.ErrPresence) {
		t.Fatalf("%d rows that are not there are updated: %v", n, err)
	}
}

// A value that is too long for a column is an error, and not cut: the casts have no lengths.
func TestRowsWrittenTogetherAreNotCut(t *testing.T) {
	s := newStation(t, "CREATE TABLE short (id int PRIMARY KEY, v varchar(3), w char(2))")
	tbl := s.table("short")
	var insert, update []relay.Write
	for i := range 4 {
		first := image(fmt.Sprintf("%d|abc|de", i))
		insert = append(insert, relay.Write{Table: tbl, After: first, Expect: relay.Absent})
		update = append(update, relay.Write{Table: tbl, Before: first, After: image(fmt.Sprintf("%d|abcd|def", i)), Expect: relay.Present})
	}
	if err := s.apply(insert...); err != nil {
		t.Fatal(err)
	}
	if err := s.apply(update...); err == nil {
		t.Errorf("values that are too long were written: %s", s.rows("short"))
	}
	if got, want := s.rows("short"), "(0,abc,de) (1,abc,de) (2,abc,de) (3,abc,de)"; got != want {
		t.Errorf("the rows are %s, want %s", got, want)
	}
}
