package main_test

import (
	"database/sql"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// patience bounds every wait.
const patience = 2 * time.Minute

// words are what one kind of server, and of relay, is told.
type words struct {
	firstFile, stop, reset, start, status, running string
	change                                         string // to host, port
}

var vocabularies = map[bool]words{
	false: {
		firstFile: "mariadb-bin.000001", stop: "STOP SLAVE", reset: "RESET SLAVE ALL", start: "START SLAVE", status: "SHOW SLAVE '' STATUS",
		running: "1198", change: "CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USE_GTID=slave_pos",
	},
	true: {
		firstFile: "mysql-bin.000001", stop: "STOP REPLICA", reset: "RESET REPLICA ALL", start: "START REPLICA",
		status: "SHOW REPLICA STATUS FOR CHANNEL ''", running: "3021",
		change: "CHANGE REPLICATION SOURCE TO SOURCE_HOST='%s', SOURCE_PORT=%s, SOURCE_AUTO_POSITION=1",
	},
}

// failover is a region whose database has a replica that is to be promoted, while others read from its relay.
type failover struct {
	words
	t              *testing.T
	bed            *testenv.Bed
	promoted       *testenv.Server
	byGTID, byFile *testenv.Server // follow the relay
	admin          *sql.DB         // on the relay
	relay          *testenv.Relay
	written        int // rows
}

func startFailover(t *testing.T, engine testenv.Engine) *failover {
	regions := 2
	if engine.IsMySQL() { // which is not written to
		regions = 1
	}
	f := &failover{t: t, words: vocabularies[engine.IsMySQL()], bed: envtest.Start(t, testenv.Options{
		Engine: engine, Regions: regions, Octant: envtest.Octant(t), Memory: true,
		Schema: "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v TEXT)",
	})}
	f.relay = f.bed.Region("a").Relay
	f.promoted = envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 11})
	f.follow(f.promoted, testenv.Source{Addr: f.database().Addr(), User: testenv.DatabaseUser, Password: f.bed.Password})
	source := testenv.Source{Addr: f.relay.Addr(), User: testenv.PeerUser, Password: f.bed.Password}
	f.byGTID = envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 12})
	f.follow(f.byGTID, source)
	f.byFile = envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 13})
	source.File, source.Position = f.firstFile, 4
	f.follow(f.byFile, source)
	var err error
	if f.admin, err = f.relay.Open(testenv.AdminUser, f.bed.Password); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.admin.Close() })
	return f
}

func (f *failover) database() *testenv.Server { return f.bed.Region("a").Server }

func (f *failover) follow(replica *testenv.Server, source testenv.Source) {
	f.t.Helper()
	if err := replica.Follow(envtest.Context(f.t, patience), source); err != nil {
		f.t.Fatal(err)
	}
}

// write puts a row into a database.
func (f *failover) write(db *sql.DB, v string) {
	f.t.Helper()
	f.written++
	if _, err := db.ExecContext(f.t.Context(), "INSERT INTO app.t VALUES (?, ?)", f.written, v); err != nil {
		f.t.Fatal(err)
	}
}

// everywhere waits until all rows stand in the databases.
func (f *failover) everywhere(databases map[string]*sql.DB) {
	f.t.Helper()
	ctx := envtest.Context(f.t, patience)
	for name, db := range databases {
		n := -1
		for n != f.written {
			if err := db.QueryRowContext(ctx, "SELECT COUNT(*) FROM app.t").Scan(&n); ctx.Err() != nil {
				f.t.Fatalf("%s has %d of %d rows; %v\n%s", name, n, f.written, err, f.bed.Logs())
			}
		}
	}
}

// tell runs a statement on the relay.
func (f *failover) tell(statement string) {
	f.t.Helper()
	if _, err := f.admin.ExecContext(f.t.Context(), statement); err != nil {
		f.t.Fatalf("%.40s: %v", statement, err)
	}
}

// source returns the row of the relay's own source.
func (f *failover) source() map[string]string {
	f.t.Helper()
	rows, err := f.admin.QueryContext(f.t.Context(), f.status)
	if err != nil {
		f.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil || !rows.Next() {
		f.t.Fatalf("no row: %v %v", err, rows.Err())
	}
	cells, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
	for i := range cells {
		into[i] = &cells[i]
	}
	if err := rows.Scan(into...); err != nil {
		f.t.Fatal(err)
	}
	row := map[string]string{}
	for i, name := range columns {
		row[strings.NewReplacer("Replica_", "Slave_", "Source_", "Master_").Replace(name)] = cells[i].String
	}
	return row
}

func (f *failover) wantSource(want map[string]string) {
	f.t.Helper()
	got := f.source()
	for name, value := range want {
		if got[name] != value {
			f.t.Errorf("%s is %q, want %q", name, got[name], value)
		}
	}
}

// promote makes the replica the region's database, and the old one a memory.
func (f *failover) promote() {
	f.t.Helper()
	ctx := envtest.Context(f.t, patience)
	if err := f.promoted.WaitReplicated(ctx, f.database()); err != nil {
		f.t.Fatal(err)
	}
	if err := f.database().Kill(); err != nil {
		f.t.Fatal(err)
	}
	for _, statement := range []string{f.stop, f.reset} {
		if _, err := f.promoted.DB().ExecContext(ctx, statement); err != nil {
			f.t.Fatal(err)
		}
	}
}

// TestFailover promotes the replica of a region's database: the relay goes over to it, without a restart and without a gap, and those who
// read from the relay do not notice.
func TestFailover(t *testing.T) {
	for _, engine := range testenv.Engines {
		t.Run(engine.String(), func(t *testing.T) { failOver(startFailover(t, engine)) })
	}
}

func failOver(f *failover) {
	readers := map[string]*sql.DB{"the replica by GTID": f.byGTID.DB(), "the replica by file": f.byFile.DB()}
	elsewhere := func(string) {}
	if len(f.bed.Regions) > 1 {
		b := f.bed.Region("b")
		readers["b"] = b.Server.DB()
		elsewhere = func(v string) { f.write(b.Server.DB(), v) }
	}
	f.write(f.database().DB(), "before")
	elsewhere("before, elsewhere")
	f.everywhere(readers)
	host, port, err := net.SplitHostPort(f.promoted.Addr())
	if err != nil {
		f.t.Fatal(err)
	}
	change := fmt.Sprintf(f.change, host, port)
	if _, err := f.admin.ExecContext(f.t.Context(), change); err == nil || !strings.Contains(err.Error(), f.running) {
		f.t.Errorf("changed while running: %v", err)
	}
	f.tell(f.stop)
	f.wantSource(map[string]string{"Slave_IO_Running": "No", "Slave_SQL_Running": "No", "Last_IO_Error": ""})
	if _, err := f.admin.ExecContext(f.t.Context(), "CHANGE MASTER TO MASTER_SSL=1, MASTER_SSL_CA='/nowhere/ca.pem'"); err == nil || !strings.Contains(err.Error(), "/nowhere") {
		f.t.Errorf("went over to a source with an authority that is not there: %v", err)
	}
	f.wantSource(map[string]string{"Master_SSL_CA_File": "", "Master_SSL_Allowed": "No"})
	f.promote()
	f.tell(change)
	f.wantSource(map[string]string{"Slave_IO_Running": "No", "Master_Host": host, "Master_Port": port, "Master_User": testenv.DatabaseUser})
	readers["the promoted one"] = f.promoted.DB()
	f.write(f.promoted.DB(), "while stopped")
	elsewhere("elsewhere while stopped")
	f.tell(f.start)
	f.everywhere(readers)
	f.wantSource(map[string]string{"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Last_IO_Error": ""})

	f.restart()
	f.write(f.promoted.DB(), "after a restart")
	elsewhere("elsewhere after a restart")
	f.everywhere(readers)
	f.wantSource(map[string]string{"Slave_IO_Running": "Yes", "Master_Port": port})
	f.compare(readers)
	f.tellsOfOverride()
}

// tellsOfOverride finds that nobody needs to guess which database it is.
func (f *failover) tellsOfOverride() {
	f.t.Helper()
	var at string
	if err := f.admin.QueryRowContext(f.t.Context(), "SELECT database_at FROM octant.status").Scan(&at); err != nil || !strings.Contains(at, "source.toml") {
		f.t.Errorf("the status tells that the database is at %q: %v", at, err)
	}
	if !strings.Contains(f.relay.LogTail(), "not the configuration's") {
		f.t.Error("the start log does not tell that the database is another one")
	}
}

func (f *failover) restart() {
	f.t.Helper()
	info, err := os.Stat(filepath.Join(f.bed.Dir, "a", "relay", "data", "source.toml"))
	if err != nil || info.Mode().Perm() != 0o600 {
		f.t.Errorf("source.toml: %v %v", info, err)
	}
	ctx := envtest.Context(f.t, patience)
	if err := f.relay.Stop(ctx); err != nil {
		f.t.Fatal(err)
	}
	if err := f.relay.Start(); err != nil {
		f.t.Fatal(err)
	}
	if err := f.relay.WaitReady(ctx, ""); err != nil {
		f.t.Fatal(err)
	}
}

// compare finds that everybody has the same rows in the end.
func (f *failover) compare(readers map[string]*sql.DB) {
	f.t.Helper()
	var sites []testenv.Site
	for name, db := range readers {
		sites = append(sites, testenv.Site{Name: name, DB: db})
	}
	envtest.WaitIdentical(f.t, testenv.Oracle{Sites: sites, Databases: []string{"app"}, ShowValues: true}, patience)
}
