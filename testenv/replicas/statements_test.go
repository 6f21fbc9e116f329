package replicas_test

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestStatementsOfToolsAreAnsweredAsTheServerDoes asks a relay and its source what monitors, orchestrators and backup tools ask. Where the answer is about the
// log it is the source's, row by row; where it is about the relay it has the source's columns, in their order.
func TestStatementsOfToolsAreAnsweredAsTheServerDoes(t *testing.T) {
	envtest.EachEngine(t, func(t *testing.T, engine testenv.Engine) {
		s := startSite(t, engine)
		replica := s.startReplicas(t, 1, "--report-host=replica.example", "--report-port=3399")[0]
		follow(t, replica, s.relaySource(plainUser(engine)))
		s.writeFile(t, 1)
		s.writeFile(t, 2)
		s.waitAll(t, replica)
		relay, source := s.admin(t).DB, s.Server.DB()
		same, alike := statementsOf(engine)
		for _, q := range same {
			waitSame(t, relay, source, q)
		}
		for _, q := range alike {
			got, want := tableOf(t, relay, q)[0], tableOf(t, source, q)[0]
			if got = got[:min(len(got), len(want))]; !slices.Equal(got, want) { // MariaDB's relays tell channels apart in one more column
				t.Errorf("%s:\nrelay  %q\nsource %q", q, got, want)
			}
		}
		requireListed(t, relay, replica)
		for q, why := range unanswered(engine) {
			if _, err := relay.ExecContext(envtest.Context(t, soon), q); err == nil || !strings.Contains(err.Error(), why) {
				t.Errorf("%s: %v, want %q", q, err, why)
			}
		}
	})
}

// statementsOf are what a server of the engine understands: those whose answer is the source's, and those that a relay answers of itself.
func statementsOf(engine testenv.Engine) (same, alike []string) {
	same = []string{
		"SHOW BINARY LOGS", "SHOW BINLOG EVENTS LIMIT 4", "FLUSH ENGINE LOGS", "SHOW VARIABLES LIKE 'log_bin'", "SELECT @@version", "SELECT @@GLOBAL.log_bin, @@binlog_format",
		"SELECT @@binlog_row_image, @@binlog_checksum", "SHOW WARNINGS", "DO 1",
	}
	alike = []string{"SHOW PROCESSLIST", "SHOW FULL PROCESSLIST", "SHOW GLOBAL VARIABLES LIKE 'server_id'", "SHOW GLOBAL STATUS LIKE 'Uptime'", "SHOW ENGINES", "SHOW DATABASES",
		"SELECT @@max_allowed_packet"}
	if engine.IsMySQL() {
		same = append(same, "SELECT @@GLOBAL.gtid_executed", "SELECT @@gtid_purged", "SELECT @@gtid_mode, @@enforce_gtid_consistency", "SELECT @@log_replica_updates",
			"SELECT GTID_SUBTRACT(@@GLOBAL.gtid_executed, '')", "SELECT WAIT_FOR_EXECUTED_GTID_SET(@@GLOBAL.gtid_executed, 1)", "SELECT GTID_SUBSET('', '')")
		alike = append(alike, "SHOW REPLICAS", "SHOW REPLICA STATUS", "SHOW REPLICA STATUS FOR CHANNEL ''", "SELECT @@server_uuid", "SELECT @@super_read_only, @@read_only",
			"SELECT @@server_id, @@report_host, @@report_port, @@log_bin_basename")
		return append(same, "SHOW BINARY LOG STATUS"), alike
	}
	same = append(same, "SHOW MASTER LOGS", "SHOW BINLOG STATUS", "SELECT @@gtid_binlog_pos", "SELECT @@GLOBAL.gtid_current_pos", "SELECT @@gtid_domain_id",
		"SHOW VARIABLES LIKE 'gtid_domain_id'", "SELECT @@gtid_ignore_duplicates")
	alike = append(alike, "SHOW SLAVE HOSTS", "SHOW REPLICA HOSTS", "SELECT MASTER_GTID_WAIT(@@gtid_binlog_pos, 1)", "SHOW SLAVE STATUS", "SHOW REPLICA STATUS", "SELECT @@gtid_slave_pos, @@gtid_strict_mode, @@read_only",
		"SELECT @@server_id, @@report_host, @@report_port, @@log_bin_basename", "SHOW ALL SLAVES STATUS", "SELECT @@rpl_semi_sync_master_enabled", "SHOW VARIABLES LIKE 'rpl_semi_sync_master_enabled'")
	return append(same, "SHOW MASTER STATUS"), alike
}

// unanswered are statements that monitors send and that a relay has no true answer to: it has no storage engine, and does not keep the last transaction of each server,
// only that of each domain. It says so by an error that they know.
func unanswered(engine testenv.Engine) map[string]string {
	all := map[string]string{"SHOW ENGINE INNODB STATUS": "1286", "SHOW ENGINE INNODB MUTEX": "1286"}
	if !engine.IsMySQL() {
		all["SELECT @@gtid_binlog_state"], all["SELECT @@GLOBAL.gtid_binlog_state"] = "1193", "1193"
	}
	return all
}

// waitSame waits until both answer alike: the source writes to its log by itself, and the relay may be a moment behind.
func waitSame(t *testing.T, a, b *sql.DB, query string) {
	t.Helper()
	ctx := envtest.Context(t, soon)
	for !slices.EqualFunc(tableOf(t, a, query), tableOf(t, b, query), slices.Equal) {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s: %q and %q", query, tableOf(t, a, query), tableOf(t, b, query))
		}
	}
}

// tableOf is an answer: its columns' names, and its rows.
func tableOf(t *testing.T, db *sql.DB, query string) [][]string {
	t.Helper()
	rows, err := db.QueryContext(envtest.Context(t, soon), query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	table := [][]string{columns}
	for rows.Next() {
		cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			into[i] = &cells[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
		row := make([]string, len(columns))
		for i, c := range cells {
			row[i] = c.String
		}
		table = append(table, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return table
}

// requireListed looks for the replica as orchestrators do, who go on to where it says that it listens.
func requireListed(t *testing.T, relay *sql.DB, replica *testenv.Server) {
	t.Helper()
	query, want := "SHOW SLAVE HOSTS", fmt.Sprintf("%d replica.example 3399", replica.ID())
	if replica.Engine().IsMySQL() {
		query, want = "SHOW REPLICAS", want+" "+value(t, replica, "SELECT @@server_uuid")
	}
	row := tableOf(t, relay, query)[1]
	if got := strings.Join(slices.Delete(slices.Clone(row), 3, 4), " "); got != want { // but for the relay's own id
		t.Errorf("%s: %s, want %s", query, got, want)
	}
}
