package compare_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/compare"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
)

const schema = `CREATE TABLE plain (id int PRIMARY KEY, v text);
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (parent);
CREATE TABLE parts (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10); CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
CREATE TABLE nulls (id int PRIMARY KEY, u int, w int, UNIQUE NULLS NOT DISTINCT (u, w));
CREATE TABLE few (id int PRIMARY KEY, v text, active bool); CREATE UNIQUE INDEX few_active ON few (v) WHERE active;
CREATE TABLE lower (id int PRIMARY KEY, v text); CREATE UNIQUE INDEX lower_v ON lower (lower(v));
CREATE TABLE spans (id int PRIMARY KEY, s int4range, EXCLUDE USING gist (s WITH &&));
CREATE TABLE watched (id int PRIMARY KEY, v text);
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER always BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION nothing(); ALTER TABLE watched ENABLE ALWAYS TRIGGER always;
CREATE TRIGGER fires BEFORE INSERT ON plain FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE TABLE "Numbers" ("Id" bigint GENERATED ALWAYS AS IDENTITY (START WITH 3 INCREMENT BY 16) PRIMARY KEY, s serial, down int, other int, late smallint);
CREATE SEQUENCE "Down" INCREMENT BY -2 START -1; CREATE SEQUENCE ahead START 1000; CREATE SEQUENCE late;
ALTER TABLE "Numbers" ALTER down SET DEFAULT nextval('app."Down"'), ALTER other SET DEFAULT nextval('app.ahead'), ALTER late SET DEFAULT nextval('app.late')`

// newCopier starts a server with the tables.
func newCopier(t *testing.T) (*pgtest.Server, *compare.Copier) {
	t.Helper()
	list := pgtest.Engines()
	if len(list) == 0 {
		t.Skip("no PostgreSQL is installed: run make engines")
	}
	s := pgtest.Start(t, list[len(list)-1])
	s.Prepare(t, schema)
	c := compare.NewCopier(compare.Config{Addr: s.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password,
		Match: func(schema, _ string) bool { return schema == "app" }}, 2)
	t.Cleanup(func() { _ = c.Close() })
	return s, c
}

func TestCopier(t *testing.T) {
	s, c := newCopier(t)
	t.Run("partitions are their table's", func(t *testing.T) {
		list, err := c.Definitions(t.Context())
		var names []string
		for _, d := range list {
			names = append(names, strings.TrimPrefix(d.Name, "app."))
		}
		want := []string{"Numbers", "few", "heir", "lower", "nulls", "parent", "parts", "plain", "spans", "watched"}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("the tables are %v, %v; want %v", names, err, want)
		}
		s.Exec(t, "INSERT INTO app.parts SELECT g, 'v' FROM generate_series(1, 20) g; INSERT INTO app.parent VALUES (1); INSERT INTO app.heir VALUES (2)")
		for table, want := range map[string]int{"app.parts": 20, "app.parent": 1, "app.heir": 1} {
			b, err := c.Read(t.Context(), table, "", 100)
			if err != nil || b.Rows != want {
				t.Errorf("%s has %d rows, %v; want %d", table, b.Rows, err, want)
				continue
			}
			if err := c.Clear(t.Context(), table); err != nil {
				t.Error(err)
			}
			if err := c.Write(t.Context(), table, b); err != nil {
				t.Error(err)
			}
			only := map[bool]string{true: "", false: "ONLY "}[table == "app.parts"]
			if got := s.Query(t, "SELECT count(*) FROM "+only+table)[0]; got != fmt.Sprint(want) {
				t.Errorf("%s has %s rows after it was copied, want %d", table, got, want)
			}
		}
	})
	t.Run("what is in the way and cannot be told", func(t *testing.T) {
		for table, reason := range map[string]string{
			"app.few": "unique index few_active", "app.lower": "unique index lower_v", "app.spans": "exclusion constraint spans_s_excl", "app.watched": "trigger always", "app.plain": "",
		} {
			_, err := c.Ready(t.Context(), table)
			if got := fmt.Sprint(err); reason == "" && err != nil || reason != "" && !strings.Contains(got, reason+": drop it") {
				t.Errorf("%s: %s, want %q", table, got, reason)
			}
		}
	})
	t.Run("NULLs that are not distinct", func(t *testing.T) {
		s.Exec(t, "INSERT INTO app.nulls VALUES (1, NULL, 5), (2, 7, NULL), (3, NULL, NULL)")
		b, err := c.Read(t.Context(), "app.nulls", "", 100)
		if err != nil {
			t.Fatal(err)
		}
		s.Exec(t, "UPDATE app.nulls SET id = id + 10")
		if err := c.Write(t.Context(), "app.nulls", b); err != nil {
			t.Fatal(err)
		}
		if got := s.Query(t, "SELECT id FROM app.nulls ORDER BY 1"); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("the rows are %q", got)
		}
	})
	t.Run("numbers go on behind the rows", func(t *testing.T) {
		s.Exec(t, `INSERT INTO app."Numbers" ("Id", s, down, other, late) OVERRIDING SYSTEM VALUE VALUES (1, 1, -1, 1, NULL), (100, 50, -20, 7, NULL)`)
		for range 2 { // the second time does nothing
			if err := c.GoOnBehind(t.Context(), "app.Numbers"); err != nil {
				t.Fatal(err)
			}
		}
		s.Exec(t, `INSERT INTO app."Numbers" DEFAULT VALUES; INSERT INTO app."Numbers" DEFAULT VALUES`)
		got := s.Query(t, `SELECT concat_ws(' ', "Id", s, down, other, late) FROM app."Numbers" ORDER BY "Id" OFFSET 2`)
		if want := []string{"115 51 -21 1000 1", "131 52 -23 1001 2"}; !slices.Equal(got, want) {
			t.Errorf("the next rows are %q, want %q", got, want)
		}
	})
	t.Run("what is being committed is waited for", func(t *testing.T) {
		writer := s.Connect(t, pgtest.Super, pgtest.Database)
		if _, err := writer.Exec(t.Context(), "BEGIN; INSERT INTO app.plain VALUES (1, 'v')"); err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() {
			_, err := c.Definitions(t.Context())
			done <- err
		}()
		deadline := time.Now().Add(time.Minute)
		for len(s.Query(t, "SELECT 1 FROM pg_stat_activity WHERE application_name = 'octant join' AND query LIKE '%pg_snapshot_xmin%'")) == 0 && time.Now().Before(deadline) {
		}
		select {
		case err := <-done:
			t.Fatalf("a transaction that is running was not waited for: %v", err)
		default:
		}
		if _, err := writer.Exec(t.Context(), "COMMIT"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Run("keys of other engines", func(t *testing.T) { foreignKeys(t, s) })
}
