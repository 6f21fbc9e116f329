package mixed_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// Two databases as applications have them: an order system, and a social graph with documents. Parents come before their children.
var (
	customers = &table{name: "customers", rest: "PRIMARY KEY (id), UNIQUE (email)", columns: []column{
		{"id", each("int"), ""}, {"name", text("varchar(80)"), ""}, {"email", text("varchar(120)"), ""}, {"address", documents, "json"}, {"since", each("date"), "moment"},
		{"credit", both("decimal(14,4)", "numeric(14,4)"), ""}, {"active", both("tinyint(1)", "boolean"), "bool"},
	}}
	products = &table{name: "products", rest: "PRIMARY KEY (sku)", columns: []column{
		{"sku", text("varchar(20)"), ""}, {"title", text("varchar(200)"), ""}, {"price", both("decimal(10,2)", "numeric(10,2)"), ""}, {"weight", both("double", "double precision"), "double"},
		{"picture", both("blob", "bytea"), "bytes"}, {"stock", each("int"), ""}, {"size", both("enum('small','medium','large')", "varchar(10)"), ""},
	}}
	orders = &table{name: "orders", rest: "PRIMARY KEY (id), FOREIGN KEY (customer) REFERENCES app.customers (id)", columns: []column{
		{"id", each("bigint"), ""}, {"customer", each("int"), ""}, {"state", text("varchar(10)"), ""}, {"placed", both("datetime(6)", "timestamp(6)"), "moment"},
		{"total", both("decimal(14,2)", "numeric(14,2)"), ""},
	}}
	lines = &table{name: "order_lines", rest: "PRIMARY KEY (order_id, n), FOREIGN KEY (order_id) REFERENCES app.orders (id), FOREIGN KEY (sku) REFERENCES app.products (sku)", columns: []column{
		{"order_id", each("bigint"), ""}, {"n", both("tinyint unsigned", "smallint"), ""}, {"sku", text("varchar(20)"), ""}, {"pieces", both("int unsigned", "bigint"), ""},
		{"price", both("decimal(10,2)", "numeric(10,2)"), ""},
	}}
	payments = &table{name: "payments", rest: "PRIMARY KEY (id), FOREIGN KEY (order_id) REFERENCES app.orders (id)", columns: []column{
		{"id", uuids, "uuid"}, {"order_id", each("bigint"), ""}, {"amount", both("decimal(14,2)", "numeric(14,2)"), ""}, {"paid", both("timestamp(3) NULL", "timestamptz(3)"), "zoned"},
		{"receipt", documents, "json"},
	}}
	people = &table{name: "people", rest: "PRIMARY KEY (id), UNIQUE (handle)", columns: []column{
		{"id", each("bigint"), ""}, {"handle", text("varchar(40)"), ""}, {"name", text("varchar(100)"), ""}, {"born", each("date"), "moment"}, {"settings", documents, "json"},
	}}
	follows = &table{name: "follows", columns: []column{
		{"follower", each("bigint"), ""}, {"followee", each("bigint"), ""}, {"since", both("timestamp(6) NULL", "timestamptz"), "zoned"},
	}, rest: "PRIMARY KEY (follower, followee), FOREIGN KEY (follower) REFERENCES app.people (id), FOREIGN KEY (followee) REFERENCES app.people (id)"}
	posts = &table{name: "posts", rest: "PRIMARY KEY (id), FOREIGN KEY (author) REFERENCES app.people (id)", columns: []column{
		{"id", uuids, "uuid"}, {"author", each("bigint"), ""}, {"body", both("mediumtext CHARACTER SET utf8mb4", "text"), ""}, {"doc", documents, "json"}, {"likes", each("int"), ""},
		{"written", both("datetime(3)", "timestamp(3)"), "moment"},
	}}
	reactions = &table{name: "reactions", rest: "PRIMARY KEY (post, person), FOREIGN KEY (post) REFERENCES app.posts (id), FOREIGN KEY (person) REFERENCES app.people (id)", columns: []column{
		{"post", uuids, "uuid"}, {"person", each("bigint"), ""}, {"kind", both("set('like','share','laugh')", "text"), ""},
	}}

	databases = []*table{customers, products, orders, lines, payments, people, follows, posts, reactions}
)

var (
	documents = [3]string{"json", "json", "jsonb"}
	uuids     = [3]string{"uuid", "binary(16)", "uuid"}
)

// loading writes rows of one region's own into both databases, in its engine's words. Of n customers and people each region has those whose number is its own modulo
// the number of regions.
type loading struct {
	r       *region
	n       int // customers of all regions, and people
	regions int
	random  *rand.Rand
}

func (l *loading) own(i int) int { return i*l.regions + l.r.id }

func (l *loading) uuid(kind, i int) string {
	text := fmt.Sprintf("%08x-0000-4000-8000-%04x%08x", i, kind, uint32(i*7919))
	if l.r.is == mySQL {
		return "UUID_TO_BIN('" + text + "')"
	}
	return "'" + text + "'"
}

func (l *loading) bytes(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(l.random.Uint32())
	}
	if l.r.is == postgreSQL {
		return fmt.Sprintf(`'\x%x'`, b)
	}
	return fmt.Sprintf("x'%x'", b)
}

func (l *loading) yes(i int) string {
	yes := i%3 != 0
	if l.r.is == postgreSQL {
		return fmt.Sprint(yes)
	}
	return map[bool]string{true: "1", false: "0"}[yes]
}

func (l *loading) moment(zone bool) string {
	text := fmt.Sprintf("20%02d-%02d-%02d %02d:%02d:%02d.%03d", l.random.IntN(30), 1+l.random.IntN(12), 1+l.random.IntN(28), l.random.IntN(24), l.random.IntN(60), l.random.IntN(60), l.random.IntN(1000))
	if zone && l.r.is == postgreSQL {
		text += "+00"
	}
	return "'" + text + "'"
}

var words = strings.Fields("Zürich größe 漢字 naïve 😀 Ærø it''s plain \"quoted\" 100% back\\slash")

func (l *loading) word() string { return words[l.random.IntN(len(words))] }

// document is a JSON literal.
func (l *loading) document(i int) string {
	return fmt.Sprintf(`'{"n": %d, "word": "%s", "list": [%d, null, true, {"deep": "%d"}], "rate": %d.5}'`, i, "ß "+fmt.Sprint(l.random.IntN(100)), l.random.IntN(1e9), i, l.random.IntN(1000))
}

// kinds are what is loaded, in order: a table, how many rows of it there are for each customer or person, and the values of one.
var kinds = []struct {
	table *table
	per   int // 0: one for ten
	row   func(l *loading, i int) string
}{
	{customers, 1, func(l *loading, i int) string {
		return fmt.Sprintf("%d, '%s %s', 'c%d@%s.example', %s, '19%02d-%02d-11', %d.%04d, %s", l.own(i), l.word(), l.word(), l.own(i), l.r.name, l.document(i), i%100, 1+i%12, i, i%10000, l.yes(i))
	}},
	{products, 0, func(l *loading, i int) string {
		return fmt.Sprintf("'%s-%d', '%s %d', %d.%02d, %d.%d, %s, %d, '%s'", l.r.name, i, l.word(), i, l.random.IntN(1000), i%100, i, i%10, l.bytes(l.random.IntN(300)), i, []string{"small", "medium", "large"}[i%3])
	}},
	{orders, 2, func(l *loading, i int) string {
		return fmt.Sprintf("%d, %d, 'new', %s, %d.%02d", l.own(i), l.own(i/2), l.moment(false), i, i%100)
	}},
	{lines, 6, func(l *loading, i int) string {
		return fmt.Sprintf("%d, %d, '%s-%d', %d, %d.%02d", l.own(i/3), i%3, l.r.name, l.random.IntN(max(1, l.n/l.regions/10)), 1+l.random.IntN(9), l.random.IntN(1000), i%100)
	}},
	{payments, 2, func(l *loading, i int) string {
		return fmt.Sprintf("%s, %d, %d.%02d, %s, %s", l.uuid(1, l.own(i)), l.own(i), i, i%100, l.moment(true), l.document(i))
	}},
	{people, 1, func(l *loading, i int) string {
		return fmt.Sprintf("%d, 'p%d', '%s', '20%02d-01-%02d', %s", l.own(i), l.own(i), l.word(), i%25, 1+i%28, l.document(i))
	}},
	{follows, 3, func(l *loading, i int) string {
		return fmt.Sprintf("%d, %d, %s", l.own(i/3), l.own((i/3+1+i%3*7)%(l.n/l.regions)), l.moment(true))
	}},
	{posts, 2, func(l *loading, i int) string {
		return fmt.Sprintf("%s, %d, '%s', %s, 0, %s", l.uuid(2, l.own(i)), l.own(i/2), strings.Repeat(l.word()+" ", 1+l.random.IntN(40)), l.document(i), l.moment(false))
	}},
	{reactions, 4, func(l *loading, i int) string {
		return fmt.Sprintf("%s, %d, '%s'", l.uuid(2, l.own(i/2)), l.own((i/2+i%2*11+i%2)%(l.n/l.regions)), []string{"like", "like,share", "laugh", "like,share,laugh"}[i%4])
	}},
}

// batch is how many rows one statement inserts.
const batch = 200

func (l *loading) load(t *testing.T) (rows int) {
	for _, k := range kinds {
		count := l.n / l.regions * k.per
		if k.per == 0 {
			count = max(1, l.n/l.regions/10)
		}
		for from := 0; from < count; from += batch {
			var list []string
			for i := from; i < min(from+batch, count); i++ {
				list = append(list, "("+k.row(l, i)+")")
			}
			if err := l.r.tryAll(session(l.r.is), fmt.Sprintf("INSERT INTO app.%s VALUES %s", k.table.name, strings.Join(list, ","))); err != nil {
				t.Errorf("region %s: load %s: %v", l.r.name, k.table.name, err)
				return rows
			}
		}
		rows += count
	}
	return rows
}

// change is a write of an application, of anybody's rows: single ones and many at once, parents and children in one transaction.
func (l *loading) change(i int) []string {
	anyone := 1 + l.random.IntN(l.n)
	switch l.random.IntN(8) {
	case 0:
		return []string{fmt.Sprintf("UPDATE app.customers SET credit = credit * 0.9 + %d, address = %s WHERE id BETWEEN %d AND %d", i, l.document(i), anyone, anyone+20)}
	case 1:
		return []string{fmt.Sprintf("UPDATE app.products SET stock = stock - 1, picture = %s WHERE stock %% 5 = %d", l.bytes(50), i%5)}
	case 2:
		id := 1_000_000 + i*l.regions + l.r.id
		return []string{
			fmt.Sprintf("INSERT INTO app.orders VALUES (%d, %d, 'new', %s, 1.00)", id, l.own(0), l.moment(false)),
			fmt.Sprintf("INSERT INTO app.order_lines VALUES (%d, 0, '%s-0', 1, 2.50), (%d, 1, '%s-0', 7, 0.01)", id, l.r.name, id, l.r.name),
			fmt.Sprintf("INSERT INTO app.payments VALUES (%s, %d, 3.51, NULL, %s)", l.uuid(3, id), id, l.document(i)),
		}
	case 3:
		return []string{
			fmt.Sprintf("UPDATE app.orders SET state = 'paid', total = total + 1 WHERE customer = %d", anyone),
			fmt.Sprintf("DELETE FROM app.order_lines WHERE order_id = %d AND n = 2", anyone),
		}
	case 4:
		return []string{fmt.Sprintf("UPDATE app.people SET name = '%s', settings = %s WHERE id = %d", l.word(), l.document(i), anyone)}
	case 5:
		return []string{fmt.Sprintf("DELETE FROM app.follows WHERE follower = %d", anyone)}
	case 6:
		return []string{fmt.Sprintf("UPDATE app.posts SET likes = likes + 1, doc = %s WHERE author BETWEEN %d AND %d", l.document(i), anyone, anyone+5)}
	}
	return []string{fmt.Sprintf("UPDATE app.reactions SET kind = 'laugh' WHERE person = %d", anyone)}
}

// whole makes 101,280 rows of both databases.
const whole = 4800

// TestWholeDatabasesInPostgreSQL: between regions of one engine rows go as they are, and not by value.
func TestWholeDatabasesInPostgreSQL(t *testing.T) {
	start(t, nil, postgreSQL, postgreSQL, postgreSQL).wholeDatabases(t, whole, 3*time.Second)
}

// wholeDatabases fills both databases from all regions at once, n customers and people in all, changes them everywhere, and waits until they are the same by value.
func (b *bed) wholeDatabases(t *testing.T, n int, changing time.Duration) {
	loaders, rows := make([]*loading, len(b.regions)), make([]int, len(b.regions))
	var all sync.WaitGroup
	for i, r := range b.regions {
		loaders[i] = &loading{r: r, n: n, regions: len(b.regions), random: rand.New(rand.NewPCG(9, uint64(r.id)))}
		all.Go(func() { rows[i] = loaders[i].load(t) })
	}
	all.Wait()
	b.awaitSame(t, 5*time.Minute, databases...)
	ctx, stop := context.WithTimeout(t.Context(), changing)
	defer stop()
	changes, failed, why := make([]int, len(b.regions)), make([]int, len(b.regions)), make([]error, len(b.regions))
	for i, l := range loaders {
		all.Go(func() {
			for ; ctx.Err() == nil; changes[i]++ {
				if err := l.r.tryAll(append([]string{session(l.r.is), "BEGIN"}, append(l.change(changes[i]), "COMMIT")...)...); err != nil {
					failed[i]++ // deadlocks and lock waits, with which applications live
					why[i] = err
				}
			}
		})
	}
	all.Wait()
	b.awaitSame(t, 5*time.Minute, databases...)
	t.Logf("%v rows were loaded, %v changes made, of which %v failed", rows, changes, failed)
	for i, r := range b.regions {
		if failed[i] > changes[i]/2 {
			t.Errorf("region %s: %d of %d changes failed, the last one: %v", r.name, failed[i], changes[i], why[i])
		}
	}
	b.noLetters(t)
	b.noOrphans(t)
}

// noOrphans looks for children without parents: nobody has deleted one.
func (b *bed) noOrphans(t *testing.T) {
	t.Helper()
	for child, parent := range map[string]string{
		"orders c LEFT JOIN app.customers p ON c.customer": "id", "order_lines c LEFT JOIN app.orders p ON c.order_id": "id", "order_lines c LEFT JOIN app.products p ON c.sku": "sku",
		"payments c LEFT JOIN app.orders p ON c.order_id": "id", "follows c LEFT JOIN app.people p ON c.followee": "id", "reactions c LEFT JOIN app.posts p ON c.post": "id",
	} {
		for _, r := range b.regions {
			rows, err := r.rows(fmt.Sprintf("SELECT COUNT(*) FROM app.%s = p.%s WHERE p.%s IS NULL", child, parent, parent))
			if err != nil || *rows[0][0] != "0" {
				t.Errorf("region %s: orphans in %s: %v", r.name, child, err)
			}
		}
	}
}
