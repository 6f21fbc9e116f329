package mixed_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// stock is a stock replica of MariaDB's or MySQL's that follows the relay of a PostgreSQL database.
type stock struct {
	*region
	server *testenv.Server
	source testenv.Source // by GTID, over a line that can be cut
	line   *testenv.Link
}

// audience is the relay of a PostgreSQL database and its stock replicas.
type audience struct {
	*bed
	source   *region
	replicas []*stock
}

// serving gives a relay users for stock replicas.
func serving(c *testenv.RelayConfig) {
	c.Users = append(c.Users, testenv.UserConfig{Name: "native", Password: "secret", Roles: []string{"replicate"}},
		testenv.UserConfig{Name: "sha2", Password: "secret", Roles: []string{"replicate"}, Auth: "caching_sha2_password"})
	c.Extra = map[string]any{"replicas": map[string]any{"exclude": []string{"app.unlike"}}}
}

// gather starts a PostgreSQL region, and stock replicas that follow its relay from the beginning.
func gather(t *testing.T, postgres pgtest.Engine, engines ...testenv.Engine) *audience {
	t.Helper()
	b := startOn(t, postgres, serving, postgreSQL)
	a := &audience{bed: b, source: b.regions[0]}
	for i, engine := range engines {
		a.follow(t, engine, 101+i)
	}
	return a
}

// follow starts a server with the tables that the relay describes, and has it follow the relay.
func (a *audience) follow(t *testing.T, engine testenv.Engine, id int) {
	t.Helper()
	s := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: id, Relaxed: true, Args: []string{"--slave-net-timeout=4"}})
	line, err := testenv.NewLink("replica", "relay", a.source.relay.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = line.Close() })
	flavour, user := "mariadb", "native"
	if engine.IsMySQL() {
		flavour, user = "mysql", "sha2"
	}
	r := &stock{region: &region{name: flavour, is: mySQL, db: s.DB()}, server: s, line: line}
	r.exec(t, "CREATE DATABASE app")
	for _, create := range a.source.list(t, "SELECT create_statement FROM octant.replica_tables WHERE problem = '' AND flavour = '"+flavour+"'") {
		r.exec(t, create)
	}
	r.source = testenv.Source{Addr: line.Addr(), User: user, Password: "secret"}
	if err := s.Follow(envtest.Context(t, time.Minute), r.source); err != nil {
		t.Fatal(err)
	}
	a.replicas = append(a.replicas, r)
}

// list reads one column from a relay's SQL port.
func (r *region) list(t testing.TB, query string) []string {
	t.Helper()
	db, err := r.relay.Open("admin", "secret")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text.String)
	}
	return list
}

// shownAs is a table's reading where a stock replica is compared, at which its columns have the types that the relay gives them.
func shownAs(t *table) *table {
	own := *t
	own.columns = slices.Clone(t.columns)
	for i, c := range own.columns {
		if c.types[postgreSQL] == "uuid" {
			own.columns[i].kind = "uuid"
		}
	}
	return &own
}

// awaitShown waits until the stock replicas have the tables of the database, by value.
func (a *audience) awaitShown(t *testing.T, limit time.Duration, tables ...*table) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for _, tab := range tables {
		for _, r := range a.replicas {
			for {
				want, got := shownAs(tab).dump(t, a.source), shownAs(tab).dump(t, r.region)
				if want == got {
					break
				}
				if time.Now().After(deadline) {
					t.Fatalf("%s at the %s replica:\n%.3000s\nand not:\n%.3000s\n%s", tab.name, r.name, cells(got, want), cells(want, got), r.state(t))
				}
				pause()
			}
		}
	}
}

// cells returns what stands in one dump's lines and not in the other's.
func cells(one, other string) string {
	var list []string
	for line := range strings.Lines(less(one, other)) {
		words := strings.Split(line, " ")
		list = append(list, words[0]+": "+strings.Join(slices.DeleteFunc(words, func(w string) bool { return strings.Contains(other, w) }), " "))
	}
	return strings.Join(list, "\n")
}

// state tells where a replica stands.
func (r *stock) state(t testing.TB) string {
	t.Helper()
	status, err := r.server.ReplicaStatus(context.WithoutCancel(t.Context()))
	if err != nil {
		return err.Error()
	}
	text := ""
	for name, value := range status {
		if strings.Contains(name, "Running") || strings.Contains(name, "Error") || strings.Contains(name, "Gtid") || strings.Contains(name, "Log") {
			text += fmt.Sprintf("%s: %s\n", name, value)
		}
	}
	return text
}

// TestStockReplicas has stock replicas of MariaDB and MySQL follow the relay of a PostgreSQL database.
func TestStockReplicas(t *testing.T) {
	if testing.Short() {
		t.Skip("needs database servers")
	}
	a := gather(t, pgtest.Oldest(t), testenv.MariaDB1011, testenv.MySQL97)
	a.play(t)
	t.Run("refusals", a.refusals)
}

// play is everything but what the replicas do not come back from.
func (a *audience) play(t *testing.T) {
	t.Run("types", a.types)
	t.Run("changes", a.changes)
	t.Run("large", a.large)
	t.Run("tools", a.tools)
	t.Run("files", a.files)
	t.Run("altered", a.altered)
	t.Run("copied", a.copied)
}

// shown has a stock replica follow the relay of a PostgreSQL region from the beginning: it gets what came from the other regions too.
func (b *bed) shown(t *testing.T) {
	a := &audience{bed: b, source: b.of(postgreSQL)}
	a.follow(t, testenv.MariaDB1011, 201)
	a.awaitShown(t, time.Minute, everything, keyed)
}

// types writes edge values of every type.
func (a *audience) types(t *testing.T) {
	for _, statement := range edges(postgreSQL, 100) {
		a.source.exec(t, session(postgreSQL)+"; "+statement)
	}
	a.awaitShown(t, time.Minute, everything)
	a.source.exec(t, "UPDATE app.everything SET i32 = i32 / 2 + id, tx = 'changed' WHERE id <> 104; DELETE FROM app.everything WHERE id = 104")
	a.awaitShown(t, time.Minute, everything)
}

// changes are those that look different in the two logs.
func (a *audience) changes(t *testing.T) {
	a.source.exec(t, `INSERT INTO app.keyed VALUES ('a', 1, 'one@x', ''), ('A', 1, 'two@x', NULL), ('a ', 1, 'One@x', 'v'), ('b', 2, NULL, repeat('long', 20))`)
	a.source.exec(t, `BEGIN; UPDATE app.keyed SET a = 'moved', b = 7 WHERE a = 'A' AND b = 1; INSERT INTO app.accounts VALUES (1, 'x', 1.5, true, now(), '{"a": 1}');
SAVEPOINT s; DELETE FROM app.keyed; ROLLBACK TO s; UPDATE app.keyed SET v = NULL; DELETE FROM app.keyed WHERE a = 'a '; INSERT INTO app.keyed VALUES ('a ', 1, 'One@x', 'again'); COMMIT`)
	a.awaitShown(t, time.Minute, keyed, accounts)
	// A value that is stored outside of the row and not changed is not in PostgreSQL's log.
	a.source.exec(t, `ALTER TABLE app.accounts ALTER doc SET STORAGE EXTERNAL; INSERT INTO app.accounts VALUES (2, 'big', 0, false, NULL, jsonb_build_object('v', repeat('0123456789', 20000)))`)
	a.source.exec(t, `UPDATE app.accounts SET amount = amount + 1`)
	a.awaitShown(t, time.Minute, accounts)
	a.source.exec(t, `BEGIN; INSERT INTO app.narrow VALUES (1, 1, 'a'); TRUNCATE app.keyed, app.narrow; INSERT INTO app.keyed VALUES ('new', 1, NULL, NULL); COMMIT`)
	a.source.exec(t, `INSERT INTO app.narrow VALUES (2, 2, 'b'); INSERT INTO app.unlike VALUES (1, '{1,2}')`)
	a.awaitShown(t, time.Minute, keyed, narrow)
	for _, r := range a.replicas {
		if n := r.one(t, "SELECT COUNT(*) FROM information_schema.tables WHERE table_name = 'unlike' OR table_schema = 'octant'"); n != "0" {
			t.Errorf("the %s replica has %s tables that it should not be shown", r.name, n)
		}
	}
}

// one reads one value.
func (r *region) one(t testing.TB, query string) string {
	t.Helper()
	rows, err := r.rows(query)
	if err != nil || len(rows) != 1 {
		t.Fatalf("%s: %d rows, %v", query, len(rows), err)
	}
	if rows[0][0] == nil {
		return "NULL"
	}
	return *rows[0][0]
}
