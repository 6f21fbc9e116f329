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
const patience = 90 * time.Second

// failover is a region whose database has a replica that is to be promoted, while others read from its relay.
type failover struct {
	t              *testing.T
	bed            *testenv.Bed
	promoted       *testenv.Server
	byGTID, byFile *testenv.Server // follow the relay
	admin          *sql.DB         // on the relay
	relay          *testenv.Relay
	written        int // rows
}

func startFailover(t *testing.T) *failover {
	f := &failover{t: t, bed: envtest.Start(t, testenv.Options{
		Regions: 2, Octant: envtest.Octant(t), Memory: true, Schema: "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v TEXT)",
	})}
	f.relay = f.bed.Region("a").Relay
	f.promoted = envtest.Server(t, testenv.ServerOptions{ID: 11, Args: []string{"--log-bin=promoted-bin"}})
	f.follow(f.promoted, testenv.Source{Addr: f.database().Addr(), User: testenv.DatabaseUser, Password: f.bed.Password})
	source := testenv.Source{Addr: f.relay.Addr(), User: testenv.PeerUser, Password: f.bed.Password}
	f.byGTID = envtest.Server(t, testenv.ServerOptions{ID: 12})
	f.follow(f.byGTID, source)
	f.byFile = envtest.Server(t, testenv.ServerOptions{ID: 13})
	source.File, source.Position = "mariadb-bin.000001", 4
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
	rows, err := f.admin.QueryContext(f.t.Context(), "SHOW SLAVE '' STATUS")
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
		row[name] = cells[i].String
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
	for _, statement := range []string{"STOP SLAVE", "RESET SLAVE ALL"} {
		if _, err := f.promoted.DB().ExecContext(ctx, statement); err != nil {
			f.t.Fatal(err)
		}
	}
}

// TestFailover promotes the replica of a region's database: the relay goes over to it, without a restart and without a gap, and those who
// read from the relay do not notice.
func TestFailover(t *testing.T) {
	f := startFailover(t)
	b := f.bed.Region("b").Server.DB()
	f.write(f.database().DB(), "before")
	f.write(b, "before, elsewhere")
	readers := map[string]*sql.DB{"b": b, "the replica by GTID": f.byGTID.DB(), "the replica by file": f.byFile.DB(), "the promoted one": f.promoted.DB()}
	f.everywhere(readers)

	host, port, err := net.SplitHostPort(f.promoted.Addr())
	if err != nil {
		t.Fatal(err)
	}
	change := fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USE_GTID=slave_pos", host, port)
	if _, err := f.admin.ExecContext(t.Context(), change); err == nil || !strings.Contains(err.Error(), "1198") {
		t.Errorf("changed while running: %v", err)
	}
	f.tell("STOP SLAVE")
	f.wantSource(map[string]string{"Slave_IO_Running": "No", "Slave_SQL_Running": "No", "Last_IO_Error": ""})
	f.promote()
	f.tell(change)
	f.wantSource(map[string]string{"Slave_IO_Running": "No", "Master_Host": host, "Master_Port": port, "Master_User": testenv.DatabaseUser})
	f.write(f.promoted.DB(), "while stopped")
	f.write(b, "elsewhere while stopped")
	f.tell("START SLAVE")
	f.everywhere(readers)
	f.wantSource(map[string]string{"Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Last_IO_Error": ""})

	f.restart()
	f.write(f.promoted.DB(), "after a restart")
	f.write(b, "elsewhere after a restart")
	f.everywhere(readers)
	f.wantSource(map[string]string{"Slave_IO_Running": "Yes", "Master_Port": port})
	f.compare()
	var at string
	if err := f.admin.QueryRowContext(t.Context(), "SELECT database_at FROM octant.status").Scan(&at); err != nil || !strings.Contains(at, "source.toml") {
		t.Errorf("the status tells that the database is at %q: %v", at, err)
	}
	if !strings.Contains(f.relay.LogTail(), "not the configuration's") {
		t.Error("the start log does not tell that the database is another one")
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
func (f *failover) compare() {
	f.t.Helper()
	envtest.WaitIdentical(f.t, testenv.Oracle{Sites: []testenv.Site{
		{Name: "promoted", DB: f.promoted.DB()}, {Name: "b", DB: f.bed.Region("b").Server.DB()},
		{Name: "by GTID", DB: f.byGTID.DB()}, {Name: "by file", DB: f.byFile.DB()},
	}, Databases: []string{"app"}, ShowValues: true}, patience)
}
