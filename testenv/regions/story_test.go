package regions_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// soon is how long anything in a small bed may take to happen.
const soon = 3 * time.Minute

// fenceSchema makes the table by which tests see that everything written before has arrived.
const fenceSchema = `
CREATE DATABASE fence;
CREATE TABLE fence.passed (region INT PRIMARY KEY, number BIGINT NOT NULL);
CREATE DATABASE IF NOT EXISTS app;
`

// smallBed starts a bed for a test that is about one thing. Its schema comes on top of fenceSchema.
func smallBed(t *testing.T, o testenv.Options) *testenv.Bed {
	t.Helper()
	o.Octant, o.Relaxed = envtest.Octant(t), true
	o.Schema, o.Include = fenceSchema+o.Schema, append(o.Include, "app.*", "fence.*")
	if o.Engine == testenv.MariaDB1011 {
		o.Engine = envtest.Engine(t)
	}
	if o.Regions == 0 {
		o.Regions = 2
	}
	return envtest.Start(t, o)
}

// inMariaDBsWords passes over a test that speaks to MariaDB alone, where another engine was asked for.
func inMariaDBsWords(t *testing.T) {
	t.Helper()
	if e := envtest.Engine(t); e.IsMySQL() {
		t.Skipf("not about %s", e)
	}
}

// run executes statements at a region, one after the other on one connection, which has no sql_mode.
func run(t *testing.T, r *testenv.Region, statements ...string) {
	t.Helper()
	runAt(t, r.Server, statements...)
}

func runAt(t *testing.T, s *testenv.Server, statements ...string) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	conn, err := s.DB().Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reset := []string{"SET SESSION sql_mode='', sql_log_bin=1, binlog_format=DEFAULT, binlog_row_image=DEFAULT, autocommit=1"}
	for _, statement := range slices.Concat(reset, statements, reset) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			t.Fatalf("server %d: %.200s: %v", s.ID(), statement, err)
		}
	}
}

// everywhere executes statements in all regions, outside the binary log: what every region already has.
func everywhere(t *testing.T, bed *testenv.Bed, statements ...string) {
	t.Helper()
	for _, r := range bed.Regions {
		run(t, r, append([]string{"SET SESSION sql_log_bin=0"}, statements...)...)
	}
}

// ask returns the rows of a query, each as its values with NULL as "NULL".
func ask(ctx context.Context, db *sql.DB, query string) ([][]string, error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%.100s: %w", query, err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var all [][]string
	for rows.Next() {
		values, targets := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		row := make([]string, len(names))
		for i, v := range values {
			if row[i] = v.String; !v.Valid {
				row[i] = "NULL"
			}
		}
		all = append(all, row)
	}
	return all, rows.Err()
}

// flat is a result in one line: "1 x; 2 y".
func flat(rows [][]string) string {
	var lines []string
	for _, row := range rows {
		lines = append(lines, strings.Join(row, " "))
	}
	return strings.Join(lines, "; ")
}

// rowsAt returns a query's result at a region's database.
func rowsAt(t *testing.T, r *testenv.Region, query string) string {
	t.Helper()
	rows, err := ask(envtest.Context(t, soon), r.Server.DB(), query)
	if err != nil {
		t.Fatalf("region %s: %v", r.Name, err)
	}
	return flat(rows)
}

// relaySQL opens a relay's SQL port as its administrator.
func relaySQL(t *testing.T, bed *testenv.Bed, region string) *sql.DB {
	t.Helper()
	db, err := bed.Region(region).Relay.Open(testenv.AdminUser, bed.Password)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// askRelay returns a query's result at a relay's SQL port.
func askRelay(t *testing.T, bed *testenv.Bed, region, query string) string {
	t.Helper()
	rows, err := ask(envtest.Context(t, soon), relaySQL(t, bed, region), query)
	if err != nil {
		t.Fatalf("relay %s: %v", region, err)
	}
	return flat(rows)
}

// waitFor waits until the condition holds. What says what is waited for; the condition's text is what is there instead.
func waitFor(t *testing.T, what string, condition func(ctx context.Context) (done bool, instead string)) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for {
		done, instead := condition(ctx)
		if done {
			return
		}
		if ctx.Err() == nil || last == "" {
			last = instead
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited %v for %s; instead: %s", soon, what, last)
		}
	}
}

// waitRows waits until a query at a database has that result.
func waitRows(t *testing.T, db *sql.DB, query, want string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%q from %s", want, query), func(ctx context.Context) (bool, string) {
		rows, err := ask(ctx, db, query)
		if err != nil {
			return false, err.Error()
		}
		return flat(rows) == want, flat(rows)
	})
}

// waitProblem waits until a relay lists a problem of the kind whose detail contains the words, and requires that it
// says how to mend it.
func waitProblem(t *testing.T, bed *testenv.Bed, region, kind, words string) {
	t.Helper()
	db := relaySQL(t, bed, region)
	waitFor(t, fmt.Sprintf("relay %s to report %s with %q", region, kind, words), func(ctx context.Context) (bool, string) {
		rows, err := ask(ctx, db, "SELECT kind, subject, detail, remedy FROM octant.problems")
		if err != nil {
			return false, err.Error()
		}
		for _, row := range rows {
			if row[0] == kind && strings.Contains(row[1]+" "+row[2], words) {
				return row[3] != "" && row[3] != "NULL", "no remedy in " + flat(rows)
			}
		}
		return false, flat(rows)
	})
	waitLog(t, bed, region, kind)
}

// waitLog waits until the end of a relay's log contains the words.
func waitLog(t *testing.T, bed *testenv.Bed, region, words string) {
	t.Helper()
	waitFor(t, fmt.Sprintf("%q in the log of relay %s", words, region), func(context.Context) (bool, string) {
		tail := bed.Region(region).Relay.LogTail()
		return strings.Contains(tail, words), tail
	})
}

var fences int64 // tests of this package don't run in parallel

// settleAll waits until everything that was written before has been decided in every region and all are identical. The
// transactions of one region arrive in their order, so a last one tells of all.
func settleAll(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	passFence(t, bed)
	envtest.WaitIdentical(t, testenv.Oracle{Sites: bed.Sites(), Databases: []string{"app"}, ShowValues: true}, soon)
}

// passFence waits until what was written before has arrived everywhere.
func passFence(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	fences++
	want := []string{}
	for _, r := range bed.Regions {
		run(t, r, fmt.Sprintf("REPLACE INTO fence.passed VALUES (%d, %d)", r.ID, fences))
		want = append(want, fmt.Sprintf("%d %d", r.ID, fences))
	}
	for _, r := range bed.Regions {
		waitRows(t, r.Server.DB(), "SELECT region, number FROM fence.passed ORDER BY region", strings.Join(want, "; "))
	}
}

// nextSecond waits until the databases' clock shows another whole second, and one more: what is written then is later
// than what was written before, as far as MariaDB can tell, whose binary log knows only seconds.
func nextSecond(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	db := bed.Regions[0].Server.DB()
	var now int64
	read := func(ctx context.Context) int64 {
		var at int64
		if err := db.QueryRowContext(ctx, "SELECT UNIX_TIMESTAMP()").Scan(&at); err != nil {
			t.Fatal(err)
		}
		return at
	}
	now = read(t.Context())
	waitFor(t, "the next second", func(ctx context.Context) (bool, string) { return read(ctx) > now+1, "the same" })
}
