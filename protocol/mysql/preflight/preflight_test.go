package preflight_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/protocol/mysql/preflight"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const (
	user     = "octant"
	password = "sesame"
	account  = "'octant'@'%'"
)

// bed is a server that passes every check, and how to look at it.
type bed struct {
	t      *testing.T
	ctx    context.Context
	server *testenv.Server
	config preflight.Config
}

func start(t *testing.T, args ...string) *bed {
	t.Helper()
	return startOn(t, testenv.MariaDB1011, args...)
}

func startOn(t *testing.T, engine testenv.Engine, args ...string) *bed {
	t.Helper()
	server := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 1, Regions: 8, Args: args})
	b := &bed{t: t, ctx: envtest.Context(t, 5*time.Minute), server: server}
	b.config = preflight.Config{
		Address: server.Addr(), User: user, Password: password, Region: 1, Regions: 8, ReplicaID: 4_000_001,
		Include: []string{"app.*"},
		Match:   func(schema, _ string) bool { return schema == "app" }, Definitions: true,
		Ruled: func(_, table string) bool { return table == "ruled" },
	}
	b.exec("CREATE USER " + account + " IDENTIFIED BY '" + password + "'")
	b.grantAll()
	b.exec("CREATE DATABASE app; CREATE TABLE app.good (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
	b.exec("CREATE DATABASE other; CREATE TABLE other.bare (v INT)")
	return b
}

func (b *bed) grantAll() {
	grants := testenv.Grants
	if b.server.Engine().IsMySQL() {
		grants = mySQLGrants
	}
	for _, grant := range grants {
		b.exec(grant + account)
	}
	b.exec("GRANT TRIGGER, EVENT ON *.* TO " + account)
}

func (b *bed) exec(query string) {
	b.t.Helper()
	if query == "" {
		return
	}
	if _, err := b.server.DB().ExecContext(b.ctx, query); err != nil {
		b.t.Fatalf("%s: %v", query, err)
	}
}

func (b *bed) check() []finding.Result { return preflight.Check(b.ctx, b.config) }

// expect asserts that one check has the status and text, and that no other one fails.
func expect(t *testing.T, results []finding.Result, name string, status finding.Status, text string) {
	t.Helper()
	found := false
	for _, r := range results {
		if r.Name != name {
			if r.Status == finding.Fail {
				t.Errorf("also fails: %+v", r)
			}
			continue
		}
		found = true
		if r.Status != status || !strings.Contains(r.Detail+" "+r.Remedy, text) {
			t.Errorf("got %+v, want %s with %q", r, status, text)
		}
		if (r.Status == finding.Fail || r.Status == finding.Warn) && r.Remedy == "" {
			t.Errorf("no remedy: %+v", r)
		}
	}
	if !found {
		t.Errorf("no check %q in %+v", name, results)
	}
}

// oldTemporals makes a table as an upgraded server has it.
const oldTemporals = "SET GLOBAL mysql56_temporal_format = OFF; CREATE TABLE app.old (id INT PRIMARY KEY, at DATETIME(3)); SET GLOBAL mysql56_temporal_format = ON"

// condition is broken by one statement and mended by another.
type condition struct {
	name, breaks, mends string
	check               string
	status              finding.Status
	text                string
}

// broken are a healthy server's conditions, broken one at a time.
var broken = []condition{
	{"statements", "SET GLOBAL binlog_format = MIXED", "SET GLOBAL binlog_format = ROW", "binlog_format", finding.Fail, "SET GLOBAL binlog_format = ROW"},
	{"minimal images", "SET GLOBAL binlog_row_image = MINIMAL", "SET GLOBAL binlog_row_image = FULL", "binlog_row_image", finding.Fail, "FULL"},
	{"no metadata", "SET GLOBAL binlog_row_metadata = NO_LOG", "SET GLOBAL binlog_row_metadata = FULL", "binlog_row_metadata", finding.Fail, "FULL"},
	{"no checksum", "SET GLOBAL binlog_checksum = NONE", "SET GLOBAL binlog_checksum = CRC32", "binlog_checksum", finding.Fail, "CRC32"},
	{"read only", "SET GLOBAL read_only = ON", "SET GLOBAL read_only = OFF", "read_only", finding.Fail, "read_only = OFF"},
	{"the relay's number", "SET GLOBAL server_id = 4000001", "SET GLOBAL server_id = 1", "server_id", finding.Fail, "registers with"},
	{"a mark's number", "SET GLOBAL server_id = 9002", "SET GLOBAL server_id = 1", "server_id", finding.Fail, "mark"},
	{"a high domain", "SET GLOBAL gtid_domain_id = 9064", "SET GLOBAL gtid_domain_id = 1", "gtid_domain_id", finding.OK, "9064"},
	{"shared domain", "SET GLOBAL gtid_domain_id = 0", "SET GLOBAL gtid_domain_id = 1", "gtid_domain_id", finding.Info, "gtid_domain_id = 1"},
	{"lax disk", "SET GLOBAL sync_binlog = 0", "SET GLOBAL sync_binlog = 1", "durability", finding.Warn, "sync_binlog = 0"},
	{"small packets", "SET GLOBAL max_allowed_packet = 1048576", "SET GLOBAL max_allowed_packet = 268435456", "max_allowed_packet", finding.Warn, "1 MiB"},
	{"short memory", "SET GLOBAL binlog_expire_logs_seconds = 60", "SET GLOBAL binlog_expire_logs_seconds = 864000", "binlog_expiry", finding.Warn, "60 s"},
	{"no replication", "REVOKE REPLICATION SLAVE ON *.* FROM " + account, "", "privilege REPLICATION SLAVE", finding.Fail, "GRANT REPLICATION SLAVE ON *.* TO 'octant'@'%';"},
	{"no replay", "REVOKE BINLOG REPLAY ON *.* FROM " + account, "", "privilege BINLOG REPLAY", finding.Warn, "GRANT BINLOG REPLAY ON *.* TO 'octant'@'%';"},
	{"no binlog admin", "REVOKE BINLOG ADMIN ON *.* FROM " + account, "", "privilege BINLOG ADMIN", finding.Warn, "GRANT BINLOG ADMIN"},
	{"no whole rows", "REVOKE BINLOG ADMIN ON *.* FROM " + account, "", "privilege BINLOG ADMIN", finding.Warn, "session binlog_row_image"},
	{"no index", "REVOKE INDEX ON *.* FROM " + account, "", "privileges for definitions", finding.Warn, "GRANT INDEX ON `app`.* TO 'octant'@'%';"},
	{"no definers", "REVOKE SET USER ON *.* FROM " + account, "", "privileges for definitions", finding.Warn, "GRANT SET USER ON *.* TO 'octant'@'%'; or database.ddl"},
	{"no select", "REVOKE SELECT ON *.* FROM " + account, "", "privileges on tables", finding.Fail, "GRANT SELECT, DELETE ON `app`.* TO"},
	{"no delete", "REVOKE DELETE ON *.* FROM " + account, "", "privileges on tables", finding.Fail, "missing DELETE on app.good"},
	{"no replay and no delete", "REVOKE DELETE, BINLOG REPLAY ON *.* FROM " + account, "", "privileges on tables", finding.Fail, "DELETE on app.good"},
	{"trigger without replay", "CREATE TRIGGER app.bell BEFORE INSERT ON app.good FOR EACH ROW SET NEW.v = 1; REVOKE BINLOG REPLAY ON *.* FROM " + account, "DROP TRIGGER app.bell", "triggers", finding.Fail, "app.good (bell)"},
	{"no create", "REVOKE CREATE ON *.* FROM " + account + "; REVOKE ALL PRIVILEGES ON octant.* FROM " + account, "", "privileges on octant", finding.Fail, "GRANT ALL PRIVILEGES ON octant.* TO 'octant'@'%';"},
	{"no primary key", "CREATE TABLE app.bad (v INT, UNIQUE(v))", "DROP TABLE app.bad", "primary_keys", finding.Fail, "ALTER TABLE `app`.`bad` ADD PRIMARY KEY"},
	{"another engine", "CREATE TABLE app.bad (v INT PRIMARY KEY) ENGINE=Aria", "DROP TABLE app.bad", "engines", finding.Fail, "ENGINE = InnoDB"},
	{"versioned", "CREATE TABLE app.bad (v INT PRIMARY KEY) WITH SYSTEM VERSIONING", "DROP TABLE app.bad", "system_versioning", finding.Fail, "app.bad"},
	{"old temporals", oldTemporals, "DROP TABLE app.old", "temporal_columns", finding.Fail, "ALTER TABLE `app`.`old` FORCE"},
	{"rebuilt temporals", oldTemporals + "; ALTER TABLE app.old FORCE", "DROP TABLE app.old", "temporal_columns", finding.OK, ""},
	{"a label like old temporals", "CREATE TABLE app.old (id INT PRIMARY KEY, e ENUM('time /* mariadb-5.3 */'))", "DROP TABLE app.old", "temporal_columns", finding.OK, ""},
	{"cascade", "CREATE TABLE app.bad (v INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES app.good(id) ON DELETE SET NULL)", "DROP TABLE app.bad", "foreign_keys", finding.OK, "app.bad (bad_ibfk_1)"},
	{"cascading update", "CREATE TABLE app.bad (v INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES app.good(id) ON DELETE CASCADE ON UPDATE CASCADE)", "DROP TABLE app.bad", "foreign_keys", finding.Warn, "ON UPDATE CASCADE"},
	{"an update that unsets what a delete takes along", "CREATE TABLE app.bad (v INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES app.good(id) ON DELETE CASCADE ON UPDATE SET NULL)", "DROP TABLE app.bad", "foreign_keys", finding.Warn, "SET NULL beside ON DELETE CASCADE"},
	{"cascade under a rule", "CREATE TABLE app.ruled (v INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES app.good(id) ON DELETE CASCADE)", "DROP TABLE app.ruled", "foreign_keys", finding.Fail, "are held: app.ruled"},
	{"plain foreign key", "CREATE TABLE app.bad (v INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES app.good(id))", "DROP TABLE app.bad", "foreign_keys", finding.OK, ""},
	{"trigger", "CREATE TRIGGER app.bell BEFORE INSERT ON app.good FOR EACH ROW SET NEW.v = 1", "DROP TRIGGER app.bell", "triggers", finding.Info, "app.good (bell)"},
	{"hidden triggers", "REVOKE TRIGGER ON *.* FROM " + account, "", "triggers", finding.Info, "GRANT TRIGGER ON `app`.* TO"},
	{"event", "SET GLOBAL event_scheduler = ON; CREATE EVENT app.tick ON SCHEDULE EVERY 1 DAY DO DO 1", "DROP EVENT app.tick; SET GLOBAL event_scheduler = OFF", "events", finding.Warn, "app.tick"},
	{"sequence", "CREATE SEQUENCE app.seq", "DROP SEQUENCE app.seq", "sequences", finding.Warn, "ALTER SEQUENCE `app`.`seq` INCREMENT BY 0"},
	{"same numbers", "SET GLOBAL auto_increment_increment = 1", "SET GLOBAL auto_increment_increment = 8", "auto_increment", finding.Warn, "auto_increment_increment = 8, auto_increment_offset = 1"},
	{"secondary unique key", "CREATE TABLE app.u (id INT PRIMARY KEY, v INT UNIQUE)", "DROP TABLE app.u", "unique_keys", finding.Info, "app.u"},
	{"folding key", "CREATE TABLE app.u (id VARCHAR(20) PRIMARY KEY)", "DROP TABLE app.u", "key_collations", finding.Info, "app.u"},
	{"binary key", "CREATE TABLE app.u (id VARBINARY(20) PRIMARY KEY)", "DROP TABLE app.u", "key_collations", finding.OK, ""},
	{"past the log", "CREATE USER bob; GRANT BINLOG ADMIN ON *.* TO bob", "DROP USER bob", "sql_log_bin", finding.Warn, "'bob'@'%'"},
	{"a table outside", "CREATE TABLE other.bad (v INT) ENGINE=Aria", "DROP TABLE other.bad", "primary_keys", finding.OK, ""},
}

func TestEachConditionBroken(t *testing.T) {
	b := start(t)
	b.eachBroken(broken)
}

// eachBroken breaks a healthy server's conditions, one at a time.
func (b *bed) eachBroken(conditions []condition) {
	t := b.t
	for _, r := range b.check() {
		if r.Status == finding.Fail || r.Status == finding.Warn {
			t.Fatalf("the healthy server: %+v", r)
		}
	}
	for _, test := range conditions {
		t.Run(test.name, func(t *testing.T) {
			b.exec(test.breaks)
			expect(t, b.check(), test.check, test.status, test.text)
			b.exec(test.mends)
			b.grantAll()
		})
	}
}

func TestNothingIncluded(t *testing.T) {
	b := start(t)
	b.config.Match = func(schema, _ string) bool { return schema == "shop" }
	b.config.Include = []string{"shop.*"}
	expect(t, b.check(), "privileges on tables", finding.Warn, "include is shop.*")
}

func TestNarrowGrants(t *testing.T) {
	b := start(t)
	b.exec("DROP USER " + account + "; CREATE USER " + account + " IDENTIFIED BY '" + password + "'")
	b.exec("GRANT REPLICATION SLAVE, BINLOG MONITOR, BINLOG REPLAY, BINLOG ADMIN ON *.* TO " + account)
	b.exec("GRANT CREATE, SELECT, INSERT, UPDATE ON octant.* TO " + account)
	b.exec("GRANT SELECT, DELETE ON `ap_`.* TO " + account)
	results := b.check()
	expect(t, results, "privileges on tables", finding.OK, "SELECT, DELETE on 1 table")
	expect(t, results, "sql_log_bin", finding.Info, "GRANT SELECT ON mysql.*")
}

func TestGrantsThroughRole(t *testing.T) {
	b := start(t)
	b.exec("DROP USER " + account + "; CREATE USER " + account + " IDENTIFIED BY '" + password + "'; CREATE ROLE relay")
	b.exec("GRANT REPLICATION SLAVE, BINLOG MONITOR, BINLOG REPLAY, BINLOG ADMIN ON *.* TO relay")
	b.exec("GRANT ALL PRIVILEGES ON octant.* TO relay; GRANT SELECT, INSERT, UPDATE, DELETE ON app.* TO relay")
	b.exec("GRANT relay TO " + account + "; SET DEFAULT ROLE relay FOR " + account)
	expect(t, b.check(), "privileges on tables", finding.OK, "1 table")
}

func TestServersThatCannotServe(t *testing.T) {
	cases := []struct {
		name, arg, check, text string
	}{
		{"no binary log", "--skip-log-bin", "log_bin", "mariadb-bin"},
		{"filtered binary log", "--binlog-do-db=app", "binlog_filters", "binlog_do_db = app"},
		{"ignored schema", "--binlog-ignore-db=octant", "binlog_filters", "binlog_ignore_db = octant"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			expect(t, start(t, c.arg).check(), c.check, finding.Fail, c.text)
		})
	}
}

func TestUnreachable(t *testing.T) {
	b := start(t)
	c := b.config
	c.Password = "wrong"
	expect(t, preflight.Check(b.ctx, c), "connect", finding.Fail, "CREATE USER 'octant'@'%'")
	port, err := testenv.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	defer port.Release()
	c.Address = port.Addr()
	expect(t, preflight.Check(b.ctx, c), "connect", finding.Fail, "does not answer")
	for _, r := range append(preflight.Check(b.ctx, c), b.check()...) {
		if strings.Contains(r.Detail+r.Remedy, password) {
			t.Errorf("the password is shown: %+v", r)
		}
	}
}
