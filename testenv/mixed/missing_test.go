package mixed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
)

// missing: each region lacks a table for a while. The other engines' changes to it wait there, by row, and hold nothing else up; its relay is killed meanwhile, and once more while the rows are
// given what they are called; when the table has been made, all of them stand as their last writes left them, the application's among these.
func (b *bed) missing(t *testing.T) {
	for _, r := range b.regions {
		t.Run(r.is.String(), func(t *testing.T) { b.missingIn(t, r) })
	}
}

func (b *bed) missingIn(t *testing.T, r *region) {
	late := &table{name: "late_" + r.name, rest: "PRIMARY KEY (a, id), UNIQUE (email)", columns: []column{
		{"id", each("bigint"), ""}, {"a", text("varchar(20)"), ""}, {"email", text("varchar(50)"), ""}, {"v", text("varchar(50)"), ""}, {"day", both("datetime(3)", "timestamp(3)"), "moment"},
	}}
	make := func(r *region) { t.Helper(); r.make(t, late) }
	one, other := b.regions[r.id%len(b.regions)], b.regions[(r.id+1)%len(b.regions)]
	make(one)
	make(other)
	both := &bed{regions: []*region{one, other}}
	on := func(r *region, format string, args ...any) { t.Helper(); r.exec(t, fmt.Sprintf(format, args...)) }
	for id := range 20 {
		on(one, "INSERT INTO app.%s VALUES (%d, 'row', 'm%d@x', 'first', '2024-01-02 03:04:05.678')", late.name, id, id)
	}
	both.awaitSame(t, time.Minute, late)
	on(other, "UPDATE app.%s SET v = 'second' WHERE id < 10; DELETE FROM app.%s WHERE id = 3; UPDATE app.%s SET a = 'moved' WHERE id = 4; UPDATE app.%s SET email = NULL WHERE id = 5",
		late.name, late.name, late.name, late.name)
	on(other, "INSERT INTO app.keyed VALUES ('beside', %d, NULL, 'late')", 5000+r.id)
	on(one, "INSERT INTO app.keyed VALUES ('beside', %d, NULL, 'late')", 6000+r.id)
	b.awaitSame(t, time.Minute, keyed)
	letters := "SELECT COUNT(*) FROM octant.dead_letters WHERE table_name = 'app." + late.name + "'"
	awaitTrue(t, time.Minute, "every row has a letter in region "+r.name, func() bool {
		return r.ask(t, letters+" AND reason = 'missing_table'") == "21" // the row that was moved has one under each key
	})
	r.notHeld(t)
	if err := r.relay.Restart(); err != nil { // kill -9
		t.Fatal(err)
	}
	on(one, "UPDATE app.%s SET v = 'third' WHERE id = 11", late.name)
	make(r)
	on(r, "INSERT INTO app.%s VALUES (12, 'row', 'own@x', 'the application of %s', NULL), (100, 'row', NULL, 'new', NULL)", late.name, r.name)
	if err := r.relay.Restart(); err != nil {
		t.Fatal(err)
	}
	b.awaitReady()
	b.awaitSame(t, 3*time.Minute, late, keyed)
	if got := late.dump(t, r); strings.Count(got, "second") != 9 || strings.Count(got, "third") != 1 || !strings.Contains(got, "the application of") || strings.Count(got, "\n") != 20 {
		t.Errorf("%s is\n%s", late.name, got)
	}
	b.noLetters(t)
}

// make makes a table in this region alone.
func (r *region) make(t *testing.T, late *table) {
	t.Helper()
	statements := []string{"CREATE TABLE app." + strings.TrimPrefix(late.create(r.is), "CREATE TABLE ")}
	if r.is == postgreSQL {
		statements = append(statements, "GRANT SELECT, INSERT, UPDATE, DELETE ON app."+late.name+" TO "+pgtest.User,
			"ALTER TABLE app."+late.name+" REPLICA IDENTITY FULL", "ALTER PUBLICATION octant_"+r.name+" ADD TABLE app."+late.name)
	} else {
		statements = append([]string{"SET sql_log_bin=0"}, append(statements, "SET sql_log_bin=1")...)
	}
	if err := r.tryAll(statements...); err != nil {
		t.Fatal(err)
	}
}

// notHeld demands that no other region's transactions wait as a whole.
func (r *region) notHeld(t *testing.T) {
	t.Helper()
	if held := r.ask(t, "SELECT COUNT(*) FROM octant.problems WHERE kind = 'apply_held'"); held != "0" {
		t.Errorf("region %s is held up: %s", r.name, r.ask(t, "SELECT detail FROM octant.problems WHERE kind = 'apply_held'"))
	}
}

// awaitLetters waits until a region has so many rows of a table aside, with a reason.
func (r *region) awaitLetters(t *testing.T, table *table, n int, reason string) {
	t.Helper()
	count := fmt.Sprintf("SELECT COUNT(*) FROM octant.dead_letters WHERE state <> 'skipped' AND table_name = 'app.%s' AND detail LIKE '%%%s%%'", table.name, reason)
	awaitTrue(t, time.Minute, fmt.Sprintf("%d rows of %s have letters in region %s: %s", n, table.name, r.name, reason), func() bool {
		return r.ask(t, count) == fmt.Sprint(n)
	})
}

// flows demands that a region gets what others write to another table.
func (b *bed) flows(t *testing.T, id int) {
	t.Helper()
	for _, r := range b.regions {
		r.exec(t, fmt.Sprintf("INSERT INTO app.keyed VALUES ('flows', %d, NULL, '%s')", id+r.id, r.name))
	}
	b.awaitSame(t, time.Minute, keyed)
	for _, r := range b.regions {
		r.notHeld(t)
	}
}

// tardy: each region lacks a table under merge for a while, and has all other tables. When it has been made the row is what two other regions have made of it at a time.
func (b *bed) tardy(t *testing.T) {
	for n, r := range b.regions {
		late := &table{name: "tardy_" + r.name, rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"v", text("varchar(20)"), ""}, {"w", text("varchar(20)"), ""}, {"n", each("int"), ""}}}
		one, other := b.regions[r.id%len(b.regions)], b.regions[(r.id+1)%len(b.regions)]
		one.make(t, late)
		other.make(t, late)
		one.exec(t, fmt.Sprintf("INSERT INTO app.%s VALUES (1, 'x', 'x', 10), (2, 'x', 'x', 10)", late.name))
		(&bed{regions: []*region{one, other}}).awaitSame(t, time.Minute, late)
		one.exec(t, fmt.Sprintf("UPDATE app.%s SET v = 'one', n = n + 2 WHERE id = 1", late.name))
		other.exec(t, fmt.Sprintf("UPDATE app.%s SET w = 'other', n = n + 3 WHERE id = 1; DELETE FROM app.%s WHERE id = 2", late.name, late.name))
		b.flows(t, 7000+10*n)
		r.awaitLetters(t, late, 2, "the table is missing here: create it")
		if err := r.relay.Restart(); err != nil { // kill -9
			t.Fatal(err)
		}
		r.make(t, late)
		b.awaitReady()
		b.awaitSame(t, 3*time.Minute, late, keyed)
		if got := late.dump(t, r); !strings.Contains(got, `v="one" w="other"`) || !strings.Contains(got, `n="15"`) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s is\n%s", late.name, got)
		}
		b.noLetters(t)
	}
}

// rekeyed: in each region a table has another primary key for a while. Its rows wait there with the reason, all other tables go on, and they come when the keys are the same.
func (b *bed) rekeyed(t *testing.T) {
	for n, r := range b.regions {
		odd := &table{name: "rekeyed_" + r.name, rest: "PRIMARY KEY (k)", columns: []column{{"id", each("int"), ""}, {"k", each("int"), ""}, {"v", text("varchar(20)"), ""}}}
		usual := &table{name: odd.name, rest: "PRIMARY KEY (id)", columns: odd.columns}
		one, other := b.regions[r.id%len(b.regions)], b.regions[(r.id+1)%len(b.regions)]
		r.make(t, odd)
		one.make(t, usual)
		other.make(t, usual)
		one.exec(t, fmt.Sprintf("INSERT INTO app.%s VALUES (1, 11, 'x'), (2, 12, 'x')", odd.name))
		(&bed{regions: []*region{one, other}}).awaitSame(t, time.Minute, usual)
		other.exec(t, fmt.Sprintf("UPDATE app.%s SET v = 'y' WHERE id = 2", odd.name))
		b.flows(t, 8000+10*n)
		r.awaitLetters(t, odd, 2, "the primary key is (id) there and (k) here: make them equal")
		if r.is == postgreSQL {
			r.exec(t, fmt.Sprintf("ALTER TABLE app.%s DROP CONSTRAINT %s_pkey, ADD PRIMARY KEY (id)", odd.name, odd.name))
		} else {
			r.exec(t, fmt.Sprintf("ALTER TABLE app.%s DROP PRIMARY KEY, ADD PRIMARY KEY (id)", odd.name))
		}
		b.awaitSame(t, 3*time.Minute, usual)
		b.noLetters(t)
	}
}
