package protocoltest_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	mysqlapply "github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	mysqlcapture "github.com/octant-db/octant/protocol/mysql/capture"
	mysqlcompare "github.com/octant-db/octant/protocol/mysql/compare"
	"github.com/octant-db/octant/protocol/postgres/apply"
	"github.com/octant-db/octant/protocol/postgres/capture"
	"github.com/octant-db/octant/protocol/postgres/compare"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/protocol/protocoltest"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

func TestMariaDBAndMySQL(t *testing.T) {
	for _, e := range testenv.Engines {
		t.Run(e.String(), func(t *testing.T) {
			s := envtest.Server(t, testenv.ServerOptions{Engine: e, Dir: filepath.Join(envtest.Dir(t), "db"), ID: 1, Relaxed: true})
			m := &mySQL{Server: s, tables: binlog.NewTableCache(), flavour: binlog.Flavour}
			if e.IsMySQL() {
				m.tables, m.flavour = binlog.NewMySQLTableCache(), binlog.MySQL
			}
			m.Exec(t, "CREATE DATABASE app; CREATE USER octant@'%' IDENTIFIED BY 'secret'")
			for _, grant := range s.Grants() {
				m.Exec(t, grant+"octant@'%'")
			}
			protocoltest.Run(t, m)
		})
	}
}

// mySQL is a server of MariaDB or MySQL.
type mySQL struct {
	*testenv.Server
	flavour relay.Flavour
	tables  *binlog.TableCache
}

func (m *mySQL) Exec(t testing.TB, sql string) {
	t.Helper()
	conn, err := m.DB().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (m *mySQL) Query(t testing.TB, sql string) (list []string) {
	t.Helper()
	rows, err := m.DB().QueryContext(t.Context(), sql)
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

func (m *mySQL) Source(testing.TB) protocoltest.Source {
	return mysqlcapture.New(mysqlcapture.Config{Flavour: m.flavour, Addr: m.Addr(), User: "octant", Password: "secret", ServerID: 101})
}

func (m *mySQL) Target(t testing.TB) relay.Target {
	t.Helper()
	target, err := mysqlapply.New(mysqlapply.Config{Flavour: m.flavour, Addr: m.Addr(), User: "octant", Password: "secret", Self: protocoltest.Self})
	if err != nil {
		t.Fatal(err)
	}
	opened(t, target)
	return target
}

func (m *mySQL) Copier(t testing.TB) relay.TableCopier {
	c := mysqlcompare.NewCopier(mysqlcompare.Config{Addr: m.Addr(), User: "octant", Password: "secret", Match: inApp}, 1)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (m *mySQL) Decoder() relay.Decoder { return binlog.NewDecoder(m.tables) }

func TestPostgreSQL(t *testing.T) {
	pgtest.Each(t, func(t *testing.T, e pgtest.Engine) {
		s := pgtest.Start(t, e)
		s.Prepare(t, "")
		protocoltest.Run(t, &postgres{Server: s, tables: logical.NewTableCache()})
	})
}

// postgres is a server of PostgreSQL. Each capture that begins anew has a slot of its own: one goes on only behind what it has acknowledged.
type postgres struct {
	*pgtest.Server
	tables *logical.TableCache
}

// Exec runs as the owner of the tables.
func (p *postgres) Exec(t testing.TB, sql string) {
	t.Helper()
	p.Server.Exec(t, "SET ROLE octant; SET search_path = app; "+sql)
}

func (p *postgres) Query(t testing.TB, sql string) []string { return p.Server.Query(t, sql) }

func (p *postgres) Source(t testing.TB) protocoltest.Source {
	t.Helper()
	source, err := capture.New(capture.Config{
		Addr: p.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password, Slot: "octant_a", Publication: "octant_a",
	})
	if err != nil {
		t.Fatal(err)
	}
	return source
}

func (p *postgres) Target(t testing.TB) relay.Target {
	t.Helper()
	target, err := apply.New(apply.Config{
		Addr: p.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password, Self: protocoltest.Self,
	})
	if err != nil {
		t.Fatal(err)
	}
	opened(t, target)
	return target
}

func (p *postgres) Copier(t testing.TB) relay.TableCopier {
	c := compare.NewCopier(compare.Config{Addr: p.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password, Match: inApp}, 1)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func inApp(schema, _ string) bool { return schema == "app" }

func (p *postgres) Decoder() relay.Decoder { return logical.NewDecoder(p.tables) }

// opened makes a target ready, and closes it with the test.
func opened(t testing.TB, target interface {
	Open(context.Context) error
	Close() error
}) {
	t.Helper()
	t.Cleanup(func() {
		if err := target.Close(); err != nil {
			t.Error(fmt.Errorf("close the target: %w", err))
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := target.Open(ctx); err != nil {
		t.Fatal(err)
	}
}
