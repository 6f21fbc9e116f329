package apply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/apply"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

const schema = `CREATE TABLE t (id int PRIMARY KEY, v text, w text DEFAULT 'd');
CREATE TABLE u (id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (id int PRIMARY KEY, parent int NOT NULL REFERENCES parent);
CREATE TABLE fired (n int); CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO app.fired VALUES (1); RETURN NEW; END';
CREATE TRIGGER fire AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE keys (n numeric, c char(4), x text COLLATE nocase, iv interval, PRIMARY KEY (n, c, x, iv));
CREATE TABLE uniques (id int PRIMARY KEY, a text, b int, UNIQUE (a, b), UNIQUE NULLS NOT DISTINCT (b));
CREATE TABLE nokey (v text); CREATE TABLE secret (id int PRIMARY KEY)`

// TestPresence writes rows that stand as expected and others.
func TestPresence(t *testing.T) {
	s := newStation(t, schema)
	tbl := s.table("t")
	reset := func() { s.Exec(t, "TRUNCATE app.t; INSERT INTO app.t VALUES (1, 'one', 'x')") }
	for _, c := range []struct {
		name   string
		write  relay.Write
		rows   string
		failed bool
	}{
		{"insert", relay.Write{After: image("2|two|NULL"), Expect: relay.Absent}, "(1,one,x) (2,two,)", false},
		{"insert over a row", relay.Write{After: image("1|two|NULL"), Expect: relay.Absent}, "(1,one,x)", true},
		{"update", relay.Write{Before: image("1|?|?"), After: image("1|uno|"), Expect: relay.Present}, `(1,uno,"")`, false},
		{"update nothing", relay.Write{Before: image("2|?|?"), After: image("2|uno|"), Expect: relay.Present}, "(1,one,x)", true},
		{"update some columns", relay.Write{Before: image("1|?|?"), After: image("1|?|y"), Expect: relay.Present}, "(1,one,y)", false},
		{"delete", relay.Write{Before: image("1|?|?"), Expect: relay.Present}, "", false},
		{"delete nothing", relay.Write{Before: image("2|?|?"), Expect: relay.Present}, "(1,one,x)", true},
		{"absent and gone", relay.Write{Before: image("1|?|?"), Expect: relay.Absent}, "(1,one,x)", false},
		{"put a new row", relay.Write{After: image("2|two|z"), Expect: relay.Unknown}, "(1,one,x) (2,two,z)", false},
		{"put over a row", relay.Write{After: image("1|two|z"), Expect: relay.Unknown}, "(1,two,z)", false},
		{"remove", relay.Write{Before: image("1|?|?"), Expect: relay.Unknown}, "", false},
		{"remove nothing", relay.Write{Before: image("2|?|?"), Expect: relay.Unknown}, "(1,one,x)", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			reset()
			c.write.Table = tbl
			err := s.apply(c.write)
			if errors.Is(err, relay.ErrPresence) != c.failed || (err != nil) != c.failed {
				t.Errorf("error %v", err)
			}
			if got := s.rows("t"); got != c.rows {
				t.Errorf("rows %s, want %s", got, c.rows)
			}
		})
	}
	if got := s.rows("fired"); got != strings.Repeat("(1) ", 12)[:47] {
		t.Errorf("the trigger has fired for replicated rows: %s", got)
	}
}

// TestForeignKeysRest: a child may come before its parent.
func TestForeignKeysRest(t *testing.T) {
	s := newStation(t, schema)
	if err := s.apply(relay.Write{Table: s.table("child"), After: image("1|7"), Expect: relay.Absent}); err != nil {
		t.Fatal(err)
	}
	if got := s.rows("child"); got != "(1,7)" {
		t.Errorf("rows %s", got)
	}
}

// TestUniqueValues: rows that change places, and one that is in the way.
func TestUniqueValues(t *testing.T) {
	s := newStation(t, schema)
	u := s.table("u")
	s.Exec(t, "INSERT INTO app.u VALUES (1, 'a'), (2, 'b'), (3, 'c')")
	swap := []relay.Write{
		{Table: u, Before: image("1|a"), After: image("1|b"), Expect: relay.Present},
		{Table: u, Before: image("2|b"), After: image("2|a"), Expect: relay.Present},
	}
	if err := s.apply(swap...); !errors.Is(err, relay.ErrPresence) {
		t.Errorf("a swap that is not known to be one: %v", err)
	}
	for i := range swap {
		swap[i].Expect = relay.Unknown
	}
	if err := s.apply(swap...); err != nil {
		t.Error(err)
	}
	if got := s.rows("u"); got != "(1,b) (2,a) (3,c)" {
		t.Errorf("rows %s", got)
	}
	err := s.apply(relay.Write{Table: u, After: image("4|c"), Expect: relay.Unknown})
	var blocked *apply.BlockedError
	if !errors.As(err, &blocked) || blocked.Index != "u_name_key" {
		t.Errorf("a row in the way: %v", err)
	}
}

// TestMark: the ledger, its answer to a repeated mark, and origin and time of the commit.
func TestMark(t *testing.T) {
	s := newStation(t, schema)
	s.ExecIn(t, "postgres", "ALTER SYSTEM SET track_commit_timestamp = on")
	s.Stop()
	s.Run()
	s.target = s.open(time.Second)
	m := s.mark()
	write := []relay.Write{{Table: s.table("t"), After: image("1|a|b"), Expect: relay.Absent}}
	tx, err := s.target.Begin(s.ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.target.Begin(s.ctx, m); err == nil {
		t.Error("a lane has two transactions")
	}
	if err := errors.Join(tx.Write(s.ctx, write), tx.Commit(s.ctx), tx.Rollback()); err != nil {
		t.Fatal(err)
	}
	if got := s.Query(t, "SELECT a::text FROM octant.applied a"); strings.Join(got, " ") != "(2,1,1,1,1700000000000001,0)" {
		t.Errorf("the ledger has %s", got)
	}
	if got := s.Query(t, "SELECT extract(epoch FROM timestamp)::text || ' ' || roname FROM app.t, pg_xact_commit_timestamp_origin(t.xmin) x JOIN pg_replication_origin o ON o.roident = x.roident"); strings.Join(got, "") != "1700000000.000001 octant_1_2_1" {
		t.Errorf("the commit has time and origin %s", got)
	}
	if tx, err = s.target.Begin(s.ctx, m); err != nil {
		t.Fatal(err)
	}
	if err := tx.Write(s.ctx, nil); !errors.Is(err, relay.ErrApplied) {
		t.Errorf("the same mark again: %v", err)
	}
	tx.Rollback()
	applied, err := s.target.Applied(s.ctx)
	if err != nil || len(applied) != 3 || applied[2].Seq != 1 || applied[2].HLC != m.HLC {
		t.Errorf("applied %v, %v", applied, err)
	}
	for _, c := range []struct {
		mark relay.Mark
		want bool
	}{{m, true}, {relay.Mark{Origin: 2, Range: relay.Range{From: 1, To: 2}, HLC: m.HLC, Lane: 1}, false}, {relay.Mark{Origin: 3, Lane: 1}, false}} {
		if got, err := s.target.Committed(s.ctx, c.mark); got != c.want || err != nil {
			t.Errorf("committed %v: %v, %v", c.mark, got, err)
		}
	}
}

// TestLocksGiveWay: the application's lock is not waited for long, and the error says that trying again helps.
func TestLocksGiveWay(t *testing.T) {
	s := newStation(t, schema)
	s.Exec(t, "INSERT INTO app.t VALUES (1, 'one', 'x')")
	app := s.Connect(t, pgtest.Super, pgtest.Database)
	if _, err := app.Exec(s.ctx, "BEGIN; UPDATE app.t SET v = 'mine'"); err != nil {
		t.Fatal(err)
	}
	write := relay.Write{Table: s.table("t"), Before: image("1|?|?"), After: image("1|theirs|x"), Expect: relay.Present}
	if err := s.apply(write); !relay.Retryable(err) {
		t.Errorf("error %v", err)
	}
	if _, err := app.Exec(s.ctx, "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := s.apply(write); err != nil {
		t.Error(err)
	}
	if got := s.rows("t"); got != "(1,theirs,x)" {
		t.Errorf("rows %s", got)
	}
}

// TestLostSession: a session that is ended in the middle of a transaction, and what is known afterwards.
func TestLostSession(t *testing.T) {
	s := newStation(t, schema)
	m := s.mark()
	tx, err := s.target.Begin(s.ctx, m)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Write(s.ctx, []relay.Write{{Table: s.table("t"), After: image("1|a|b"), Expect: relay.Absent}}); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE usename = 'octant'")
	if err := tx.Commit(s.ctx); !errors.Is(err, relay.ErrOutcomeUnknown) {
		t.Errorf("commit: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
	if got, err := s.target.Committed(s.ctx, m); got || err != nil {
		t.Errorf("committed: %v, %v", got, err)
	}
	if err := s.apply(relay.Write{Table: s.table("t"), After: image("1|a|b"), Expect: relay.Absent}); err != nil {
		t.Error(err)
	}
}

// TestIdentity: equal keys have equal identities, by the database's own rules.
func TestIdentity(t *testing.T) {
	s := newStation(t, schema)
	for _, c := range []struct {
		table, a, b string
		same        bool
	}{
		{"keys", "1.0|a   |Key|1 mon", "1.00|a   |KEY|30 days", true},
		{"keys", "1.0|a   |Key|1 mon", "1.01|a   |Key|1 mon", false},
		{"keys", "1.0|a   |Key|1 mon", "1.0|b   |Key|1 mon", false},
		{"keys", "1.0|a   |Key|1 mon", "1.0|a   |Kez|1 mon", false},
		{"t", "1|x|y", "1|z|?", true},
		{"t", "1|x|y", "11|x|y", false},
	} {
		got, err := s.target.Identify(s.ctx, s.table(c.table), []relay.Image{image(c.a), image(c.b)})
		if err != nil {
			t.Fatal(err)
		}
		if same := got[0].Key == got[1].Key; same != c.same {
			t.Errorf("%s: %s and %s: same is %v", c.table, c.a, c.b, same)
		}
	}
	got, err := s.target.Identify(s.ctx, s.table("uniques"), []relay.Image{image("1|a|1"), image("2|NULL|NULL"), image("3|a|?")})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []int{2, 1, 0} {
		if len(got[i].Unique) != want {
			t.Errorf("row %d has %d unique values, want %d: %q", i+1, len(got[i].Unique), want, got[i].Unique)
		}
	}
}

// TestCheck finds what keeps a table from being written.
func TestCheck(t *testing.T) {
	s := newStation(t, schema+`; CREATE TABLE ruled (id int PRIMARY KEY); CREATE TABLE ruled_full (id int PRIMARY KEY); ALTER TABLE ruled_full REPLICA IDENTITY FULL;
 CREATE TABLE ruled_parts (id int PRIMARY KEY) PARTITION BY RANGE (id); CREATE TABLE part PARTITION OF ruled_parts FOR VALUES FROM (0) TO (9);
 ALTER TABLE ruled_parts REPLICA IDENTITY FULL; CREATE TABLE ruled_parts_full (id int PRIMARY KEY) PARTITION BY RANGE (id);
 CREATE TABLE part_full PARTITION OF ruled_parts_full FOR VALUES FROM (0) TO (9); ALTER TABLE part_full REPLICA IDENTITY FULL`)
	tables := map[string]*relay.Table{}
	for _, name := range []string{"t", "u", "keys", "child", "parent", "nokey", "secret", "uniques", "ruled", "ruled_full", "ruled_parts", "ruled_parts_full"} {
		tables[name] = s.table(name)
	}
	s.Exec(t, `ALTER TABLE app.t ALTER v TYPE varchar(10); ALTER TABLE app.u ADD extra int NOT NULL DEFAULT random(); ALTER TABLE app.keys RENAME n TO m; DROP TABLE app.child;
 ALTER TABLE app.parent DROP CONSTRAINT parent_pkey; ALTER TABLE app.secret OWNER TO postgres`)
	for name, want := range map[string]string{
		"t": "(v) is text there and character varying(10) here", "u": "column extra stands only here", "keys": "is n there and m here",
		"child": "the table is missing here", "parent": "it has no primary key here", "nokey": "no primary key where the change was made",
		"secret": "GRANT", "uniques": "", "ruled": "REPLICA IDENTITY FULL", "ruled_full": "", "ruled_parts": "REPLICA IDENTITY FULL", "ruled_parts_full": "",
	} {
		err := s.target.Check(s.ctx, tables[name])
		var difference *relay.TableError
		switch {
		case want == "" && err != nil, want != "" && !errors.As(err, &difference), want != "" && !strings.Contains(fmt.Sprint(err), want):
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	s.Exec(t, "ALTER TABLE app.t ALTER v TYPE text")
	s.target.Refresh()
	if err := s.target.Check(s.ctx, tables["t"]); err != nil {
		t.Errorf("after Refresh: %v", err)
	}
}

// TestColumnsThatRowsCanDoWithout: those that are NULL, or have a default that is the same whenever it is asked for.
func TestColumnsThatRowsCanDoWithout(t *testing.T) {
	s := newStation(t, schema+"; CREATE DOMAIN three AS int DEFAULT 3; CREATE TYPE mood2 AS ENUM ('ok', 'it''s')")
	table := s.table("t")
	for column, fits := range map[string]bool{
		"int": true, "int NOT NULL DEFAULT 7": true, "int DEFAULT -7": true, "text NOT NULL DEFAULT 'it''s'": true, "varchar(10) DEFAULT 'x'": true, "bool NOT NULL DEFAULT false": true,
		"numeric(10,2) DEFAULT 1.50": true, "app.mood2 DEFAULT 'it''s'": true, "jsonb NOT NULL DEFAULT '{}'": true, "timestamptz DEFAULT '2024-01-01 00:00+00'": true, "int[] DEFAULT '{1}'": true,
		"int GENERATED ALWAYS AS (1 + 1) STORED": true, "interval DEFAULT '1 day'": true,
		"timestamptz DEFAULT now()": false, "uuid DEFAULT gen_random_uuid()": false, "bigint GENERATED BY DEFAULT AS IDENTITY": false, "serial": false, "app.three": false,
		"text DEFAULT current_user": false, "date DEFAULT 'now'::text::date": false, "int UNIQUE": false, "text DEFAULT 'a' || random()": false,
	} {
		s.Exec(t, "SET ROLE octant; SET search_path = app; ALTER TABLE t ADD more "+column)
		s.target.Refresh()
		if err := s.target.Check(s.ctx, table); (err == nil) != fits {
			t.Errorf("%s: %v", column, err)
		}
		s.Exec(t, "ALTER TABLE app.t DROP more")
	}
}

// TestErrorsHaveNoValues: a value that the server refuses does not show.
func TestErrorsHaveNoValues(t *testing.T) {
	s := newStation(t, schema)
	err := s.apply(relay.Write{Table: s.table("t"), After: image("hunter2|a|b"), Expect: relay.Absent})
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "22P02") {
		t.Errorf("error %v", err)
	}
}

// TestManyRows goes through more than what one pipeline holds.
func TestManyRows(t *testing.T) {
	s := newStation(t, schema)
	tbl := s.table("t")
	var writes []relay.Write
	for i := range 20_000 {
		writes = append(writes, relay.Write{Table: tbl, After: image(fmt.Sprintf("%d|%s|x", i, strings.Repeat("v", 200))), Expect: relay.Absent})
	}
	began := time.Now()
	if err := s.apply(writes...); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d rows in %s", len(writes), time.Since(began).Round(time.Millisecond))
	if got := s.Query(t, "SELECT count(*) FROM app.t")[0]; got != "20000" {
		t.Errorf("%s rows", got)
	}
	if err := s.apply(append(writes[:40:40], relay.Write{Table: tbl, After: image("20001|v|x"), Expect: relay.Absent})...); !errors.Is(err, relay.ErrPresence) {
		t.Errorf("rows that are there already: %v", err)
	}
	ctx, cancel := context.WithCancel(s.ctx)
	cancel()
	if tx, err := s.target.Begin(s.ctx, s.mark()); err != nil {
		t.Error(err)
	} else if err := errors.Join(tx.Write(ctx, writes), tx.Rollback()); err == nil {
		t.Error("a write whose context has ended succeeds")
	}
}
