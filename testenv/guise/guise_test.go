package guise_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
	"github.com/octant-db/octant/testenv/guise"
)

const (
	syntax   = 1064
	variable = 1193
	denied   = 1045
)

// TestEditionsKnowTheirWords asks a MySQL 9.7 in two guises, of which each knows what the other does not.
func TestEditionsKnowTheirWords(t *testing.T) {
	server := envtest.Server(t, testenv.ServerOptions{Engine: testenv.MySQL97, Relaxed: true})
	exec(t, server.DB(), "CREATE USER dba IDENTIFIED BY 'secret'; GRANT ALL PRIVILEGES ON *.* TO dba; CREATE USER relay; GRANT REPLICATION_APPLIER, SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER ON *.* TO relay")
	eight, later := login(t, disguise(t, server, guise.MySQL80), "secret"), login(t, disguise(t, server, guise.MySQL84), "secret")
	for _, c := range []struct {
		statement    string
		eight, later uint16 // the errors
	}{
		{"SHOW BINARY LOG STATUS", syntax, 0},
		{"SHOW MASTER STATUS", 0, syntax},
		{"SHOW REPLICAS", 0, 0},
		{"SHOW SLAVE HOSTS", 0, syntax},
		{"GRANT SET_ANY_DEFINER ON *.* TO relay", syntax, 0},
		{"GRANT SET_USER_ID ON *.* TO relay", 0, syntax},
		{"SELECT @@GLOBAL.innodb_native_foreign_keys", variable, variable},
		{"SET SESSION innodb_native_foreign_keys=OFF", variable, variable},
		{"SET SESSION sql_mode='', some_day=1", variable, variable},
		{"SET @some_day=@@GLOBAL.binlog_checksum, @x='@@innodb_native_foreign_keys'", 0, 0},
		{"SET gtid_next='AUTOMATIC:mine'", syntax, 0},
		{"CREATE TEMPORARY TABLE mysql.v (v VECTOR(4))", syntax, syntax},
	} {
		for i, db := range []*sql.DB{eight, later} {
			want := []uint16{c.eight, c.later}[i]
			if have := code(exec1(t, db, c.statement)); have != want {
				t.Errorf("%s: error %d, want %d", c.statement, have, want)
			}
		}
	}
	if have := ask(t, eight, "SELECT CONCAT(VERSION(), ' ', @@version)"); have != "8.0.36 8.0.36" {
		t.Errorf("the version is %s", have)
	}
	if have := ask(t, eight, "SHOW GLOBAL VARIABLES"); !strings.Contains(have, "version 8.0.36") || strings.Contains(have, "innodb_native_foreign_keys") {
		t.Errorf("variables:\n%s", have)
	}
	if have := ask(t, later, "SHOW VARIABLES LIKE 'innodb_native_foreign_keys'"); have != "" {
		t.Errorf("the variable is there: %s", have)
	}
	if have := ask(t, eight, "SHOW GRANTS FOR relay"); !strings.Contains(have, "GRANT REPLICATION_APPLIER,SET_USER_ID ON") {
		t.Errorf("8.0 shows %s", have)
	}
	if have := ask(t, later, "SHOW GRANTS FOR relay"); !strings.Contains(have, "ALLOW_NONEXISTENT_DEFINER,REPLICATION_APPLIER,SET_ANY_DEFINER ON") {
		t.Errorf("8.4 shows %s", have)
	}
}

// TestNativePasswords: the client knows the password, or is refused. The server is asked in its own way, with a key and, once it has the account in its cache, without.
func TestNativePasswords(t *testing.T) {
	server := envtest.Server(t, testenv.ServerOptions{Engine: testenv.MySQL97, Relaxed: true})
	exec(t, server.DB(), "CREATE USER dba IDENTIFIED BY 'secret'")
	g := disguise(t, server, guise.MySQL80)
	g.DemandNative("secret")
	for range 3 {
		if have := ask(t, login(t, g, "secret"), "SELECT CURRENT_USER()"); have != "dba@%" {
			t.Errorf("logged in as %s", have)
		}
	}
	if err := login(t, g, "wrong").PingContext(t.Context()); code(err) != denied || !strings.Contains(err.Error(), "mysql_native_password") {
		t.Errorf("a wrong password: %v", err)
	}
}

func disguise(t *testing.T, s *testenv.Server, e guise.Edition) *guise.Guise {
	t.Helper()
	g, err := guise.New(e, s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

func login(t *testing.T, g *guise.Guise, password string) *sql.DB {
	t.Helper()
	c := mysql.NewConfig()
	c.User, c.Passwd, c.Net, c.Addr = "dba", password, "tcp", g.Addr()
	connector, err := mysql.NewConnector(c)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func exec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if err := exec1(t, db, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func exec1(t *testing.T, db *sql.DB, statement string) error {
	_, err := db.ExecContext(t.Context(), statement)
	return err
}

// code is the server's number of an error, 0 if there is none.
func code(err error) uint16 {
	var e *mysql.MySQLError
	if err != nil && !errors.As(err, &e) {
		return 1
	}
	if err == nil {
		return 0
	}
	return e.Number
}

// ask returns the rows, a line each.
func ask(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	var lines []string
	for rows.Next() {
		cells := make([]sql.NullString, len(columns))
		places := make([]any, len(columns))
		for i := range cells {
			places[i] = &cells[i]
		}
		if err := rows.Scan(places...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, c := range cells {
			line = append(line, c.String)
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return strings.Join(lines, "\n")
}
