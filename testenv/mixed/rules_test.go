package mixed_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
)

// ruled are tables with rules of conflicts of their own.
var ruled = []*table{
	{name: "merged", rest: "PRIMARY KEY (id)", columns: []column{
		{"id", each("int"), ""}, {"v", text("varchar(20)"), ""}, {"n", each("int"), ""}, {"d", both("decimal(12,2)", "numeric(12,2)"), ""}, {"w", both("bigint unsigned", "bigint"), ""},
	}},
	{name: "counted", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"v", text("varchar(20)"), ""}, {"n", each("bigint"), ""}}},
	{name: "stamped", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"v", text("varchar(20)"), ""}, {"at", both("datetime(6)", "timestamp"), "moment"}}},
	{name: "ranked", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"v", text("varchar(20)"), ""}}},
	{name: "first", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"v", text("varchar(20)"), ""}}},
	{name: "whole", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"v", text("varchar(20)"), ""}}},
}

// uneven counts in a column that ends at other numbers in one engine than in the others.
var uneven = &table{name: "uneven", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}, {"n", both("tinyint", "smallint"), ""}}}

// heads, tails and shadows are tied: a tail lets go of a head that is given another key, a shadow follows it. Two engines do not log that.
var (
	heads   = &table{name: "heads", rest: "PRIMARY KEY (id)", columns: []column{{"id", each("int"), ""}}}
	tails   = &table{name: "tails", rest: "PRIMARY KEY (id), FOREIGN KEY (head) REFERENCES heads (id) ON UPDATE SET NULL", columns: []column{{"id", each("int"), ""}, {"head", each("int"), ""}}}
	shadows = &table{name: "shadows", rest: "PRIMARY KEY (id), FOREIGN KEY (head) REFERENCES heads (id) ON UPDATE CASCADE", columns: []column{{"id", each("int"), ""}, {"head", each("int"), ""}}}
)

// ruling gives a relay the rules.
func ruling(c *testenv.RelayConfig) {
	if strings.HasPrefix(c.Database.URL, "postgres") {
		serving(c)
	}
	c.Rules = []testenv.RuleConfig{
		{Tables: []string{"app.merged"}, Policy: "merge", Counters: []string{"n", "d"}}, {Tables: []string{"app.counted", "app.uneven"}, Policy: "lww", Counters: []string{"n"}},
		{Tables: []string{"app.stamped"}, Policy: "lww", Timestamp: "at"}, {Tables: []string{"app.ranked"}, Policy: "priority", Regions: []string{"b", "c"}},
		{Tables: []string{"app.first"}, Policy: "reject"}, {Tables: []string{"app.whole"}, Policy: "rollback"},
		{Tables: []string{"app.tardy_*"}, Policy: "merge", Counters: []string{"n"}},
	}
}

// createRuled makes these tables. PostgreSQL logs the rows before changes if it is asked to.
func createRuled(is dialect) string {
	text := heads.create(is) + ";" + tails.create(is) + ";" + shadows.create(is) + ";"
	for _, t := range append(ruled, uneven) {
		text += t.create(is) + ";"
		if is == postgreSQL {
			text += "ALTER TABLE " + t.name + " REPLICA IDENTITY FULL;"
		}
	}
	return text
}

// ruledStatement is one write to such a table, for storms.
func (r *region) ruledStatement(random *rand.Rand) string {
	t := ruled[random.IntN(len(ruled))]
	id := random.IntN(hot)
	values := map[string]string{
		"merged": fmt.Sprintf(", %d, %d.%02d, %d", random.IntN(9), random.IntN(9), random.IntN(100), random.IntN(9)), "counted": fmt.Sprintf(", %d", random.IntN(9)),
		"stamped": fmt.Sprintf(", '2024-01-0%d 00:00:00.%d'", 1+random.IntN(3), random.IntN(10)),
	}[t.name]
	switch n := random.IntN(6); {
	case n == 0:
		return fmt.Sprintf("DELETE FROM app.%s WHERE id = %d", t.name, id)
	case n < 3 && r.is == postgreSQL:
		return fmt.Sprintf("INSERT INTO app.%s VALUES (%d, '%s'%s) ON CONFLICT (id) DO UPDATE SET v = excluded.v", t.name, id, r.name, values)
	case n < 3:
		return fmt.Sprintf("INSERT INTO app.%s VALUES (%d, '%s'%s) ON DUPLICATE KEY UPDATE v = VALUES(v)", t.name, id, r.name, values)
	case t.name == "merged" && n < 5:
		return fmt.Sprintf("UPDATE app.merged SET n = n + %d, d = d - 0.25 WHERE id = %d", random.IntN(5), id)
	case t.name == "counted" && n < 5:
		return fmt.Sprintf("UPDATE app.counted SET n = n - 1, v = '%d' WHERE id IN (%d, %d)", random.IntN(100), id, random.IntN(hot))
	}
	return fmt.Sprintf("UPDATE app.%s SET v = '%s %d' WHERE id = %d", t.name, r.name, random.IntN(100), id)
}

// policies: numbers add up exactly over the engines, a row that one of them cannot hold is put together as everywhere, and a counter that the engines would not stop at
// the same number is held, by name.
func (b *bed) policies(t *testing.T) {
	merged := ruled[0]
	my, pg := b.of(mariaDB), b.of(postgreSQL)
	my.exec(t, "INSERT INTO app.merged VALUES (101, 'x', 0, 0, 1), (102, 'x', 0, 0, 1)")
	b.awaitSame(t, time.Minute, merged)

	my.exec(t, "UPDATE app.merged SET w = 18446744073709551615 WHERE id = 101")
	awaitTrue(t, time.Minute, "the row has a letter in PostgreSQL", func() bool {
		return pg.ask(t, "SELECT COUNT(*) FROM octant.dead_letters WHERE table_name = 'app.merged'") == "1"
	})
	pg.exec(t, "UPDATE app.merged SET n = n + 5 WHERE id = 101") // where w is 1 yet
	b.of(mySQL).exec(t, "UPDATE app.merged SET v = 'here', d = d + 1.5 WHERE id = 101")
	for _, is := range []dialect{mariaDB, mySQL} {
		awaitTrue(t, time.Minute, "the others have what was written there beside the value", func() bool {
			return b.of(is).one(t, "SELECT CONCAT_WS(' ', v, n, d, w) FROM app.merged WHERE id = 101") == "here 5 1.50 18446744073709551615"
		})
	}
	my.exec(t, "UPDATE app.merged SET w = 7 WHERE id = 101")
	b.awaitSame(t, time.Minute, merged)
	if got := pg.one(t, "SELECT concat_ws(' ', v, n, d, w) FROM app.merged WHERE id = 101"); got != "here 5 1.50 7" {
		t.Errorf("the row is %q", got)
	}
	b.noLetters(t)

	var writers sync.WaitGroup
	for _, r := range b.regions {
		writers.Go(func() {
			for range 30 {
				awaitTrue(t, time.Minute, "the row is updated", func() bool {
					return r.try(fmt.Sprintf("UPDATE app.merged SET n = n + %d, d = d + 0.0%d WHERE id = 102", r.id, r.id)) == nil
				})
			}
		})
	}
	writers.Wait()
	for _, r := range b.regions {
		awaitTrue(t, time.Minute, "the numbers have added up in region "+r.name, func() bool {
			return r.one(t, "SELECT CONCAT(n, ' ', d) FROM app.merged WHERE id = 102") == "180 1.80"
		})
	}

	pg.exec(t, "INSERT INTO app.uneven VALUES (1, 1)")
	for _, is := range []dialect{mariaDB, mySQL} {
		awaitTrue(t, time.Minute, "the counter of another range is held", func() bool {
			return strings.Contains(b.of(is).ask(t, "SELECT GROUP_CONCAT(reason) FROM octant.tables WHERE table_name = 'app.uneven'"),
				"column n is smallint there and tinyint here: counters must have the same range")
		})
		b.of(is).exec(t, "ALTER TABLE app.uneven MODIFY n smallint")
	}
	b.awaitSame(t, time.Minute, uneven)
	b.noLetters(t)
}

// parted: a row that is given another key is let go of, or followed, in all regions, also in those whose log does not say so and those whose log does.
func (b *bed) parted(t *testing.T) {
	for n, r := range b.regions {
		r.exec(t, fmt.Sprintf("INSERT INTO app.heads VALUES (%d); INSERT INTO app.tails VALUES (%d, %d); INSERT INTO app.shadows VALUES (%d, %d)", n, n, n, n, n))
	}
	b.awaitSame(t, time.Minute, heads, tails, shadows)
	for n, r := range b.regions {
		r.exec(t, fmt.Sprintf("UPDATE app.heads SET id = %d WHERE id = %d", 10+n, n))
	}
	b.awaitSame(t, time.Minute, heads, tails, shadows)
	for _, r := range b.regions {
		awaitTrue(t, time.Minute, "no tail has a head in region "+r.name, func() bool { return r.one(t, "SELECT COUNT(*) FROM app.tails WHERE head IS NULL") == "3" })
		awaitTrue(t, time.Minute, "all shadows have followed in region "+r.name, func() bool { return r.one(t, "SELECT COUNT(*) FROM app.shadows WHERE head = id + 10") == "3" })
	}
	b.noLetters(t)
}
