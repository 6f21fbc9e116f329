package regions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
)

const truncateSchema = `CREATE TABLE orders (id int PRIMARY KEY, v text);
CREATE TABLE items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, of int REFERENCES orders, v text);
CREATE TABLE queue (id int PRIMARY KEY, v text); CREATE TABLE other (id int PRIMARY KEY, v text)`

// TestTruncate empties tables in one region while another one cannot hear it.
func TestTruncate(t *testing.T) {
	e := pgtest.Oldest(t)
	b := start(t, truncateSchema, e, e)
	a, o := b.regions[0], b.regions[1]
	both := []string{"app.orders", "app.items", "app.queue", "app.other"}
	fill := func() {
		a.server.Exec(t, `INSERT INTO app.orders SELECT g, 'v' FROM generate_series(1, 50) g ON CONFLICT DO NOTHING; INSERT INTO app.items (of) SELECT g FROM generate_series(1, 50) g;
INSERT INTO app.queue SELECT g, 'v' FROM generate_series(1, 50) g ON CONFLICT DO NOTHING; INSERT INTO app.other VALUES (1, 'v') ON CONFLICT DO NOTHING`)
		b.awaitIdentical(t, time.Minute, both...)
	}
	t.Run("tables that depend on each other", func(t *testing.T) {
		fill()
		o.server.Exec(t, "TRUNCATE app.orders RESTART IDENTITY CASCADE")
		b.awaitRowsOf(t, "app.orders", 0)
		b.awaitRowsOf(t, "app.items", 0)
		a.server.Exec(t, "INSERT INTO app.orders VALUES (1, 'again'); INSERT INTO app.items (of) VALUES (1)")
		b.awaitIdentical(t, time.Minute, both...)
		if got := o.server.Query(t, "SELECT id FROM app.items"); !slices.Equal(got, []string{"51"}) {
			t.Errorf("region a's sequence gave %v after region b restarted its own, want 51", got)
		}
	})
	t.Run("filled again in the same transaction", func(t *testing.T) {
		fill()
		a.server.Exec(t, "BEGIN; TRUNCATE app.queue; TRUNCATE app.other; INSERT INTO app.queue SELECT g, 'new' FROM generate_series(40, 60) g; INSERT INTO app.other VALUES (2, 'new'); COMMIT")
		b.awaitRowsOf(t, "app.queue", 21)
		b.awaitIdentical(t, time.Minute, both...)
	})
	t.Run("what its region had not seen stays", func(t *testing.T) {
		fill()
		b.network.Isolate("b", testenv.Cut)
		o.server.Exec(t, "INSERT INTO app.queue VALUES (1000, 'unseen'); UPDATE app.queue SET v = 'unseen' WHERE id = 45")
		a.server.Exec(t, "TRUNCATE app.queue; INSERT INTO app.queue VALUES (7, 'later')")
		b.network.Heal()
		b.awaitRowsOf(t, "app.queue", 3)
		b.awaitIdentical(t, time.Minute, both...)
		if got := a.server.Query(t, "SELECT id || ' ' || v FROM app.queue ORDER BY id"); !slices.Equal(got, []string{"7 later", "45 unseen", "1000 unseen"}) {
			t.Errorf("the rows are %q", got)
		}
	})
	t.Run("nothing comes back", func(t *testing.T) {
		if got := b.growth(t, 2*time.Second); got != 0 {
			t.Errorf("%d transactions were born while nobody wrote", got)
		}
	})
	t.Run("after rows of the same transaction it is left to people", func(t *testing.T) {
		a.server.Exec(t, "BEGIN; DELETE FROM app.other; TRUNCATE app.other; COMMIT")
		b.awaitProblem(t, a, "truncate", "app.other", "had changed rows before")
		b.awaitProblem(t, o, "ddl_left", "app.other", "had changed rows before")
	})
}

// awaitRowsOf waits until a table has so many rows in every region.
func (b *bed) awaitRowsOf(t *testing.T, table string, want int) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for _, r := range b.regions {
		for r.server.Query(t, "SELECT count(*) FROM "+table)[0] != fmt.Sprint(want) {
			if time.Now().After(deadline) {
				t.Fatalf("region %s has %s rows of %s, want %d\n%s", r.name, r.server.Query(t, "SELECT count(*) FROM "+table)[0], table, want, r.relay.LogTail())
			}
			b.pause()
		}
	}
}

// ask asks a region's relay.
func (r *region) ask(t *testing.T, query string) (list []string) {
	t.Helper()
	db, err := r.relay.Open("admin", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	return list
}

// awaitAnswer waits until a region's relay answers so.
func (b *bed) awaitAnswer(t *testing.T, r *region, query string, want ...string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for got := r.ask(t, query); !slices.Equal(got, want); got = r.ask(t, query) {
		if time.Now().After(deadline) {
			t.Fatalf("relay %s answers %q, want %q\n%s", r.name, got, want, r.relay.LogTail())
		}
		b.pause()
	}
}

// awaitProblem waits until a region's relay has a problem.
func (b *bed) awaitProblem(t *testing.T, r *region, kind, subject, words string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		list := r.ask(t, "SELECT CONCAT(subject, ': ', detail) FROM octant.problems WHERE kind = '"+kind+"'")
		if slices.ContainsFunc(list, func(p string) bool { return strings.Contains(p, subject) && strings.Contains(p, words) }) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("region %s has no problem %s of %s: %q", r.name, kind, subject, list)
		}
		b.pause()
	}
}

// growth is how many transactions are born in all regions in a time in which nobody writes.
func (b *bed) growth(t *testing.T, window time.Duration) (n int) {
	t.Helper()
	count := func() (sum int) {
		for _, r := range b.regions {
			var seq int
			if _, err := fmt.Sscan(r.ask(t, "SELECT SUM(received_seq) FROM octant.peers")[0], &seq); err != nil {
				t.Fatal(err)
			}
			sum += seq
		}
		return sum
	}
	before := count()
	for deadline := time.Now().Add(window); time.Now().Before(deadline); {
		b.pause()
	}
	return count() - before
}
