package primary_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const relayUUID = "0c7a4711-0000-4000-8000-000000000001"

// mysqlBed is a real MySQL, and a relay that has its log.
type mysqlBed struct {
	*relayServer
	source *testenv.Server
	uuid   string // of the source
}

func startMySQLBed(t testing.TB, change func(*primary.Config)) *mysqlBed {
	t.Helper()
	b := &mysqlBed{source: envtest.Server(t, testenv.ServerOptions{ID: 1, Relaxed: true, Engine: testenv.MySQL97})}
	for _, statement := range []string{
		"CREATE USER raw@'%' IDENTIFIED BY ''", "GRANT ALL ON *.* TO raw@'%'", "RESET BINARY LOGS AND GTIDS",
	} {
		execute(t, b.source, statement)
	}
	if err := b.source.DB().QueryRowContext(t.Context(), "SELECT @@server_uuid").Scan(&b.uuid); err != nil {
		t.Fatal(err)
	}
	b.relayServer = startServer(t, func(c *primary.Config) {
		c.ServerVersion, c.ServerUUID = "9.7.4", relayUUID
		c.Upstream = func() primary.Upstream { return primary.Upstream{ServerID: 1, ServerUUID: b.uuid} }
		if change != nil {
			change(c)
		}
	})
	b.capture(t)
	return b
}

func (b *mysqlBed) dialSource(t testing.TB) *raw {
	t.Helper()
	return mustDial(t, b.source.Addr(), "raw", "")
}

func (b *mysqlBed) capture(t testing.TB) {
	t.Helper()
	c := b.dialSource(t)
	c.captures(t, c.asCapturingMySQLReplica, capturer{log: b.log.Local(), mysql: true})
}

func (c *raw) asCapturingMySQLReplica() error {
	return c.asMySQLReplica("c0ffee00-0000-4000-8000-000000000000")
}

// captures has everything captured from the connection's source until the test ends.
func (c *raw) captures(t testing.TB, prepare func() error, to capturer) {
	ctx, cancel := context.WithCancel(context.Background())
	to.ctx = ctx
	var capturing sync.WaitGroup
	capturing.Go(func() {
		err := prepare()
		if err == nil {
			err = captureFrom(c, "", &to)
		}
		if err != nil && ctx.Err() == nil {
			t.Errorf("capture: %v", err)
		}
	})
	t.Cleanup(func() {
		cancel()
		c.close()
		capturing.Wait()
	})
}

func (b *mysqlBed) waitCaptured(t testing.TB) {
	t.Helper()
	waitFor(t, "capture", func() (bool, error) {
		file, offset := b.end(t)
		last := relay.LSN(b.log.Local().Last())
		if last == 0 {
			return false, nil
		}
		e, _, err := b.log.Local().Entry(last)
		return err == nil && endsAt(e, file, offset), err
	})
}

// end returns where the source's log ends.
func (b *mysqlBed) end(t testing.TB) (file string, offset uint64) {
	t.Helper()
	var ignore [3]string
	if err := b.source.DB().QueryRowContext(t.Context(), "SHOW BINARY LOG STATUS").Scan(&file, &offset, &ignore[0], &ignore[1], &ignore[2]); err != nil {
		t.Fatal(err)
	}
	return file, offset
}

// asMySQLReplica says what a MySQL replica says.
func (r *raw) asMySQLReplica(uuid string, more ...string) error {
	for _, q := range append([]string{
		"SET @master_heartbeat_period = 1000000000, @source_heartbeat_period = 1000000000",
		"SET @master_binlog_checksum = @@global.binlog_checksum, @source_binlog_checksum = @@global.binlog_checksum",
		"SET @slave_uuid = '" + uuid + "', @replica_uuid = '" + uuid + "'",
	}, more...) {
		if _, err := r.conn.Execute(q); err != nil {
			return err
		}
	}
	return nil
}

// mysqlEvent puts one event of MySQL into the log.
func (c *capturer) mysqlEvent(h binlog.Header, event []byte) error {
	switch {
	case h.Type == binlog.PreviousGTIDsEvent:
		set, err := binlog.ParsePreviousGTIDs(event)
		if err != nil {
			return err
		}
		c.executed.AddSet(set)
		return c.commit()
	case binlog.BeginsGroup(h.Type):
		g, err := binlog.ParseMySQLGTID(event)
		if err != nil {
			return err
		}
		c.gtid, c.inside = g.GTID.String(), false
		return nil
	case c.gtid == "":
		return c.commit()
	case !c.mysqlEnds(h, event):
		return nil
	}
	g, err := gtid.Parse(c.gtid)
	if err != nil {
		return err
	}
	c.executed.Add(g)
	return c.commit()
}

func (c *capturer) mysqlEnds(h binlog.Header, event []byte) bool {
	switch h.Type {
	case binlog.XIDEvent, binlog.XAPrepareEvent, binlog.TransactionPayloadEvent:
		return true
	case binlog.QueryEvent:
		q, err := binlog.ParseQuery(event)
		if err != nil {
			return false
		}
		text := string(q.SQL)
		begins := text == "BEGIN" || strings.HasPrefix(text, "XA START")
		c.inside = c.inside || begins
		return !begins && (!c.inside || text == "COMMIT" || text == "ROLLBACK")
	}
	return false
}

// mysqlHistory is a log with a bit of everything: several files, holes made by another server's GTIDs, tags, XA, compression.
func mysqlHistory(t testing.TB, s *testenv.Server) {
	t.Helper()
	execute(t, s,
		"CREATE DATABASE app", "CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARBINARY(3000))",
		"INSERT INTO app.t (v) VALUES ('one')", "BEGIN", "INSERT INTO app.t (v) VALUES ('two')", "INSERT INTO app.t (v) VALUES (REPEAT('x',3000))", "COMMIT",
		"FLUSH BINARY LOGS",
		"INSERT INTO app.t (v) VALUES ('three')",
		"SET gtid_next='AUTOMATIC:nightly'", "INSERT INTO app.t (v) VALUES ('tagged')", "SET gtid_next='AUTOMATIC'",
		"SET gtid_next='11111111-1111-1111-1111-111111111111:7'", "INSERT INTO app.t (v) VALUES ('of another')", "SET gtid_next='AUTOMATIC'",
		"XA START 'x1'", "INSERT INTO app.t (v) VALUES ('xa')", "XA END 'x1'", "XA PREPARE 'x1'", "XA COMMIT 'x1'",
		"SET SESSION binlog_transaction_compression=ON", "INSERT INTO app.t (v) VALUES (REPEAT('y',3000))", "SET SESSION binlog_transaction_compression=OFF",
		"FLUSH BINARY LOGS",
		"ALTER TABLE app.t ADD COLUMN w INT", "UPDATE app.t SET w = id", "DELETE FROM app.t WHERE id = 1",
	)
}
