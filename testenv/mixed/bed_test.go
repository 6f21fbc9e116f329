package mixed_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// dialect is an engine in the words of a test.
type dialect int

const (
	mariaDB dialect = iota
	mySQL
	postgreSQL
)

func (d dialect) String() string { return [...]string{"mariadb", "mysql", "postgres"}[d] }

// region is one database with its relay.
type region struct {
	name  string
	id    int
	is    dialect
	url   string
	db    *sql.DB // of MariaDB and MySQL
	relay *testenv.Relay

	using sync.Mutex
	pg    *pgx.Conn // of PostgreSQL
}

// bed is a cluster of several engines.
type bed struct {
	t        testing.TB
	dir      string
	postgres pgtest.Engine
	regions  []*region
	network  *testenv.Network
}

// start runs a region on each of the engines.
func start(t testing.TB, configure func(*testenv.RelayConfig), dialects ...dialect) *bed {
	t.Helper()
	if testing.Short() {
		t.Skip("needs database servers")
	}
	return startOn(t, pgtest.Oldest(t), configure, dialects...)
}

// startOn is start with another PostgreSQL than the oldest.
func startOn(t testing.TB, postgres pgtest.Engine, configure func(*testenv.RelayConfig), dialects ...dialect) *bed {
	t.Helper()
	b := &bed{t: t, dir: envtest.Dir(t), postgres: postgres}
	targets := make(map[string]string)
	for i, is := range dialects {
		r := b.database(is, i+1, len(dialects))
		b.regions = append(b.regions, r)
		b.makeRelay(r)
		targets[r.name] = r.relay.Addr()
	}
	var err error
	if b.network, err = testenv.NewNetwork(targets); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.network.Close() })
	b.introduce(configure)
	return b
}

func (b *bed) database(is dialect, id, regions int) *region {
	b.t.Helper()
	r := &region{name: string(rune('a' + id - 1)), id: id, is: is}
	if is == postgreSQL {
		s := pgtest.Start(b.t, b.postgres)
		s.Prepare(b.t, schemaOf(is))
		r.url = fmt.Sprintf("postgres://%s@%s/%s", pgtest.User, s.Addr(), pgtest.Database)
		r.pg = s.Connect(b.t, pgtest.Super, pgtest.Database)
		r.exec(b.t, session(is))
		return r
	}
	engine := testenv.MariaDB1011
	if is == mySQL {
		engine = testenv.MySQL97
	}
	s := envtest.Server(b.t, testenv.ServerOptions{Engine: engine, ID: id, Regions: regions, Relaxed: true})
	r.db, r.url = s.DB(), fmt.Sprintf("%s://octant@%s/", is, s.Addr())
	text := fmt.Sprintf("CREATE USER octant@'%%' IDENTIFIED BY '%s';", pgtest.Password)
	for _, grant := range s.Grants() {
		text += grant + "octant@'%';"
	}
	r.exec(b.t, text+"CREATE DATABASE app; USE app;"+schemaOf(is))
	return r
}

func (b *bed) makeRelay(r *region) {
	b.t.Helper()
	dir := filepath.Join(b.dir, r.name)
	var err error
	r.relay, err = testenv.NewRelay(testenv.RelayOptions{
		Binary: envtest.Octant(b.t), Dir: dir, Config: testenv.RelayConfig{
			Region:   testenv.RegionConfig{Cluster: "mixed", Name: r.name, ID: r.id, DataDir: filepath.Join(dir, "data")},
			Database: testenv.DatabaseConfig{URL: r.url, Password: pgtest.Password, Include: []string{"app.*"}},
			Users: []testenv.UserConfig{
				{Name: "peer", Password: "secret", Roles: []string{"replicate"}}, {Name: "admin", Password: "secret", Roles: []string{"read", "admin"}},
			},
		},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() {
		if b.t.Failed() {
			b.t.Logf("relay of region %s (%s):\n%s", r.name, r.is, r.relay.LogTail())
		}
		_ = r.relay.Close()
	})
}

// introduce tells the relays of each other, starts them and waits until they are connected.
func (b *bed) introduce(configure func(*testenv.RelayConfig)) {
	b.t.Helper()
	for _, r := range b.regions {
		err := r.relay.Configure(func(c *testenv.RelayConfig) {
			for _, other := range b.regions {
				if other != r {
					c.Peers = append(c.Peers, testenv.PeerConfig{
						Region: other.name, Address: b.network.Link(r.name, other.name).Addr(), User: "peer", Password: "secret",
					})
				}
			}
			if configure != nil {
				configure(c)
			}
		})
		if err == nil {
			err = r.relay.Start()
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
	b.awaitReady()
}

func (b *bed) awaitReady() {
	b.t.Helper()
	ctx := envtest.Context(b.t, time.Minute)
	for _, r := range b.regions {
		if err := r.relay.WaitReady(ctx, "peers=all"); err != nil {
			b.t.Fatal(err)
		}
	}
}

// of returns the first region of an engine.
func (b *bed) of(is dialect) *region {
	for _, r := range b.regions {
		if r.is == is {
			return r
		}
	}
	b.t.Fatalf("no region of %s", is)
	return nil
}

// exec runs statements, divided by semicolons, on one connection.
func (r *region) exec(t testing.TB, text string) {
	t.Helper()
	if err := r.try(text); err != nil {
		t.Fatalf("region %s (%s): %v", r.name, r.is, err)
	}
}

func (r *region) try(text string) error {
	if r.is == postgreSQL {
		return r.tryAll(text)
	}
	return r.tryAll(strings.FieldsFunc(text, func(c rune) bool { return c == ';' })...)
}

// tryAll runs statements on one connection, as far as they succeed. A transaction that is not finished is rolled back.
func (r *region) tryAll(statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if r.is == postgreSQL {
		r.using.Lock()
		defer r.using.Unlock()
		_, err := r.pg.PgConn().Exec(ctx, strings.Join(statements, ";")).ReadAll()
		if err != nil {
			_, _ = r.pg.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
		}
		return err
	}
	conn, err := r.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, statement := range statements {
		if strings.TrimSpace(statement) == "" {
			continue
		}
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			_, _ = conn.ExecContext(ctx, "ROLLBACK")
			return fmt.Errorf("%.300s: %w", statement, err)
		}
	}
	return nil
}

// rows reads all columns as text; nil is NULL.
func (r *region) rows(query string) ([][]*string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if r.is == postgreSQL {
		return r.pgRows(ctx, query)
	}
	found, err := r.db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		return nil, err
	}
	var list [][]*string
	for found.Next() {
		row, into := make([]*string, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := found.Scan(into...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, found.Err()
}

func (r *region) pgRows(ctx context.Context, query string) ([][]*string, error) {
	r.using.Lock()
	defer r.using.Unlock()
	found := r.pg.PgConn().ExecParams(ctx, query, nil, nil, nil, nil).Read()
	list := make([][]*string, len(found.Rows))
	for n, cells := range found.Rows {
		for _, cell := range cells {
			var text *string
			if cell != nil {
				s := string(cell)
				text = &s
			}
			list[n] = append(list[n], text)
		}
	}
	return list, found.Err
}

// ask reads one value from a relay's SQL port.
func (r *region) ask(t testing.TB, query string) string {
	t.Helper()
	db, err := r.relay.Open("admin", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var text sql.NullString
	if err := db.QueryRowContext(t.Context(), query).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text.String
}

// awaitTrue waits until a condition holds.
func awaitTrue(t testing.TB, limit time.Duration, what string, is func() bool) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for !is() {
		if time.Now().After(deadline) {
			t.Fatalf("after %s it is still not so: %s", limit, what)
		}
		pause()
	}
}

func pause() {
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	<-ctx.Done()
}

// awaitSame waits until a table has the same rows in all regions, by value.
func (b *bed) awaitSame(t testing.TB, limit time.Duration, tables ...*table) {
	t.Helper()
	began := time.Now()
	for _, tab := range tables {
		for {
			looked := time.Now()
			if b.same(t, tab) {
				break
			}
			if time.Since(began) > limit {
				b.tellDifferences(t, tab)
			}
			rest(time.Since(looked))
		}
	}
	t.Logf("the same after %s", time.Since(began).Round(time.Millisecond))
}

// rest waits after a look that took so long: to read a large table again and again would take the processor from the relays that are waited for.
func rest(took time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), min(max(3*took, 50*time.Millisecond), 5*time.Second))
	defer cancel()
	<-ctx.Done()
}

// tellDifferences ends the test with what the regions have otherwise than the next one.
func (b *bed) tellDifferences(t testing.TB, tab *table) {
	t.Helper()
	var dumps []string
	for _, r := range b.regions {
		dumps = append(dumps, tab.dump(t, r))
	}
	for i, dump := range dumps {
		t.Errorf("%s in region %s (%s): %d rows; elsewhere they are not so:\n%.3000s", tab.name, b.regions[i].name, b.regions[i].is,
			strings.Count(dump, "\n"), less(dump, dumps[(i+1)%len(dumps)]))
	}
	t.FailNow()
}

// less returns the lines of one text that the other has not.
func less(one, other string) string {
	known := make(map[string]bool)
	for line := range strings.Lines(other) {
		known[line] = true
	}
	var list []string
	for line := range strings.Lines(one) {
		if !known[line] {
			list = append(list, line)
		}
	}
	return strings.Join(list, "")
}

// same looks until a region has other rows than the first.
func (b *bed) same(t testing.TB, tab *table) bool {
	t.Helper()
	first := tab.dump(t, b.regions[0])
	for _, r := range b.regions[1:] {
		if tab.dump(t, r) != first {
			return false
		}
	}
	return true
}
