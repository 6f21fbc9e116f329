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
	make := func(r *region) {
		t.Helper()
		statements := []string{"CREATE TABLE app." + strings.TrimPrefix(late.create(r.is), "CREATE TABLE ")}
		if r.is == postgreSQL {
			statements = append(statements, "GRANT SELECT, INSERT, UPDATE, DELETE ON app."+late.name+" TO "+pgtest.User, "ALTER PUBLICATION octant_"+r.name+" ADD TABLE app."+late.name)
		} else {
			statements = append([]string{"SET sql_log_bin=0"}, append(statements, "SET sql_log_bin=1")...)
		}
		if err := r.tryAll(statements...); err != nil {
			t.Fatal(err)
		}
	}
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
	if held := r.ask(t, "SELECT COUNT(*) FROM octant.problems WHERE kind = 'apply_held'"); held != "0" {
		t.Errorf("region %s is held up: %s", r.name, r.ask(t, "SELECT detail FROM octant.problems WHERE kind = 'apply_held'"))
	}
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
