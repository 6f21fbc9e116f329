package preflight_test

import (
	"testing"

	"github.com/octant-db/octant/internal/finding"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/guise"
)

// mySQLGrants are those of the manual, for schema app.
var mySQLGrants = []string{
	"GRANT REPLICATION SLAVE, REPLICATION CLIENT, REPLICATION_APPLIER, SET_ANY_DEFINER, ALLOW_NONEXISTENT_DEFINER ON *.* TO ",
	"GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, CREATE VIEW, REFERENCES ON app.* TO ",
	"GRANT CREATE, SELECT, INSERT, UPDATE ON octant.* TO ",
}

var brokenMySQL = []condition{
	{"statements", "SET GLOBAL binlog_format = MIXED", "SET GLOBAL binlog_format = ROW", "binlog_format", finding.Fail, "SET GLOBAL binlog_format = ROW"},
	{"minimal images", "SET GLOBAL binlog_row_image = MINIMAL", "SET GLOBAL binlog_row_image = FULL", "binlog_row_image", finding.Fail, "FULL"},
	{"no metadata", "SET GLOBAL binlog_row_metadata = MINIMAL", "SET GLOBAL binlog_row_metadata = FULL", "binlog_row_metadata", finding.Fail, "FULL"},
	{"partial documents", "SET GLOBAL binlog_row_value_options = PARTIAL_JSON", "SET GLOBAL binlog_row_value_options = ''", "binlog_row_value_options", finding.Fail, "SET GLOBAL binlog_row_value_options = ''"},
	{"whole documents", "", "", "binlog_row_value_options", finding.OK, "none"},
	{"no checksum", "SET GLOBAL binlog_checksum = NONE", "SET GLOBAL binlog_checksum = CRC32", "binlog_checksum", finding.Fail, "CRC32"},
	{"read only", "SET GLOBAL read_only = ON", "SET GLOBAL read_only = OFF", "read_only", finding.Fail, "read_only = OFF"},
	{"the relay's number", "SET GLOBAL server_id = 4000001", "SET GLOBAL server_id = 1", "server_id", finding.Fail, "registers with"},
	{"a mark's number", "SET GLOBAL server_id = 9002", "SET GLOBAL server_id = 1", "server_id", finding.OK, "9002"},
	{"GTIDs not yet", "SET GLOBAL gtid_mode = ON_PERMISSIVE", "SET GLOBAL gtid_mode = ON", "gtid_mode", finding.Fail, "gtid_mode = ON"},
	{"compression", "SET GLOBAL binlog_transaction_compression = ON", "SET GLOBAL binlog_transaction_compression = OFF", "binlog_transaction_compression", finding.OK, "ON: compressed"},
	{"logged text", "SET GLOBAL binlog_rows_query_log_events = ON", "", "binlog_rows_query_log_events", finding.Warn, "GRANT SESSION_VARIABLES_ADMIN ON *.* TO 'octant'@'%';"},
	{"logged text, left out", "GRANT SESSION_VARIABLES_ADMIN ON *.* TO " + account, "SET GLOBAL binlog_rows_query_log_events = OFF; REVOKE SESSION_VARIABLES_ADMIN ON *.* FROM " + account, "binlog_rows_query_log_events", finding.OK, "leaves"},
	{"lax disk", "SET GLOBAL sync_binlog = 0", "SET GLOBAL sync_binlog = 1", "durability", finding.Warn, "sync_binlog = 0"},
	{"short memory", "SET GLOBAL binlog_expire_logs_seconds = 60", "SET GLOBAL binlog_expire_logs_seconds = 864000", "binlog_expiry", finding.Warn, "60 s"},
	{"no replication", "REVOKE REPLICATION SLAVE ON *.* FROM " + account, "", "privilege REPLICATION SLAVE", finding.Fail, "GRANT REPLICATION SLAVE ON *.* TO 'octant'@'%';"},
	{"no applier", "REVOKE REPLICATION_APPLIER ON *.* FROM " + account, "", "privilege REPLICATION_APPLIER", finding.Fail, "GRANT REPLICATION_APPLIER ON *.* TO 'octant'@'%';"},
	{"no delete", "REVOKE DELETE ON app.* FROM " + account, "", "privileges on tables", finding.Fail, "GRANT SELECT, INSERT, UPDATE, DELETE ON `app`.* TO"},
	{"no drop", "REVOKE DROP ON app.* FROM " + account, "", "privileges for definitions", finding.Warn, "GRANT DROP ON `app`.* TO 'octant'@'%';"},
	{"no references", "REVOKE REFERENCES ON app.* FROM " + account, "", "privileges for definitions", finding.Warn, "GRANT REFERENCES ON `app`.* TO 'octant'@'%';"},
	{"no create", "REVOKE CREATE ON octant.* FROM " + account, "", "privileges on octant", finding.Fail, "GRANT ALL PRIVILEGES ON octant.* TO 'octant'@'%';"},
	{"no primary key", "CREATE TABLE app.bad (v INT, UNIQUE(v))", "DROP TABLE app.bad", "primary_keys", finding.Fail, "ALTER TABLE `app`.`bad` ADD PRIMARY KEY"},
	{"another engine", "CREATE TABLE app.bad (v INT PRIMARY KEY) ENGINE=MyISAM", "DROP TABLE app.bad", "engines", finding.Fail, "ENGINE = InnoDB"},
	{"unique expression", "CREATE TABLE app.bad (id INT PRIMARY KEY, v VARCHAR(9), UNIQUE KEY loud ((UPPER(v))))", "DROP TABLE app.bad", "unique_expressions", finding.Fail, "app.bad"},
	{"expression that is not unique", "CREATE TABLE app.bad (id INT PRIMARY KEY, v VARCHAR(9), KEY loud ((UPPER(v))))", "DROP TABLE app.bad", "unique_expressions", finding.OK, ""},
	{"cascade", "CREATE TABLE app.bad (v INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES app.good(id) ON DELETE SET NULL)", "DROP TABLE app.bad", "foreign_keys", finding.OK, "in the binary log"},
	{"trigger", "CREATE TRIGGER app.bell BEFORE INSERT ON app.good FOR EACH ROW SET NEW.v = 1", "DROP TRIGGER app.bell", "triggers", finding.Info, "app.good (bell)"},
	{"event", "CREATE EVENT app.tick ON SCHEDULE EVERY 1 DAY DO DO 1", "DROP EVENT app.tick", "events", finding.Warn, "app.tick"},
	{"same numbers", "SET GLOBAL auto_increment_increment = 1", "SET GLOBAL auto_increment_increment = 8", "auto_increment", finding.Warn, "auto_increment_increment = 8, auto_increment_offset = 1"},
	{"secondary unique key", "CREATE TABLE app.u (id INT PRIMARY KEY, v INT UNIQUE)", "DROP TABLE app.u", "unique_keys", finding.Info, "app.u"},
	{"folding key", "CREATE TABLE app.u (id VARCHAR(20) PRIMARY KEY)", "DROP TABLE app.u", "key_collations", finding.Info, "app.u"},
	{"key that tells all apart", "CREATE TABLE app.u (id VARCHAR(20) COLLATE utf8mb4_0900_bin PRIMARY KEY)", "DROP TABLE app.u", "key_collations", finding.OK, ""},
	{"past the log", "CREATE USER bob; GRANT SESSION_VARIABLES_ADMIN ON *.* TO bob; GRANT SELECT ON mysql.* TO " + account, "DROP USER bob", "sql_log_bin", finding.Warn, "'bob'@'%'"},
}

func TestEachConditionOfMySQLBroken(t *testing.T) {
	startOn(t, testenv.MySQL97).eachBroken(brokenMySQL)
}

func TestGrantsThroughRoleOfMySQL(t *testing.T) {
	b := startOn(t, testenv.MySQL97)
	b.exec("DROP USER " + account + "; CREATE USER " + account + " IDENTIFIED BY '" + password + "'; CREATE ROLE relay")
	for _, grant := range mySQLGrants {
		b.exec(grant + "relay")
	}
	b.exec("GRANT relay TO " + account + "; SET DEFAULT ROLE relay TO " + account)
	expect(t, b.check(), "privileges on tables", finding.OK, "1 table")
}

func TestMySQLServersThatCannotServe(t *testing.T) {
	cases := []struct {
		name        string
		args        []string
		check, text string
		status      finding.Status
	}{
		{"filtered binary log", []string{"--binlog-do-db=app"}, "binlog_filters", "binlog_do_db = app", finding.Fail},
		{"cascades left to InnoDB", []string{"--innodb-native-foreign-keys=ON"}, "foreign_keys", "innodb_native_foreign_keys = OFF", finding.Warn},
		{"no updates of replicas", []string{"--log-replica-updates=OFF"}, "log_replica_updates", "OFF", finding.Warn},
		{"only with TLS", []string{"--require-secure-transport=ON"}, "connect", "set tls in [database]", finding.Fail},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := startOn(t, testenv.MySQL97, c.args...)
			b.exec("CREATE TABLE app.child (v INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES app.good(id) ON DELETE CASCADE ON UPDATE CASCADE)")
			expect(t, b.check(), c.check, c.status, c.text)
		})
	}
}

// TestOlderMySQLIsAskedInItsWords: what doctor asks, and tells to say, is known to the server.
func TestOlderMySQLIsAskedInItsWords(t *testing.T) {
	b := startOn(t, testenv.MySQL97)
	for _, c := range []struct {
		edition guise.Edition
		grant   string // lacking
	}{
		{guise.MySQL80, "GRANT SET_USER_ID ON *.* TO 'octant'@'%';"}, {guise.MySQL84, "GRANT SET_ANY_DEFINER ON *.* TO 'octant'@'%';"},
	} {
		t.Run(c.edition.String(), func(t *testing.T) {
			old, err := guise.New(c.edition, b.server.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer old.Close()
			here := *b
			here.config.Address = old.Addr()
			expect(t, here.check(), "version", finding.Info, c.edition.Version)
			expect(t, here.check(), "privileges for definitions", finding.OK, "")
			expect(t, here.check(), "binlog_filters", finding.OK, "none")
			here.exec("REVOKE SET_ANY_DEFINER ON *.* FROM " + account)
			expect(t, here.check(), "privileges for definitions", finding.Warn, c.grant)
			here.exec("GRANT SET_ANY_DEFINER ON *.* TO " + account)
			if have := old.Unknown(); len(have) > 0 {
				t.Errorf("it does not know %q", have)
			}
		})
	}
}
