package capture

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// mysqlServer is the dialect of MySQL 8.0 and later.
type mysqlServer struct{}

func (mysqlServer) flavour() relay.Flavour { return binlog.MySQL }

func (mysqlServer) tables() *binlog.TableCache { return binlog.NewMySQLTableCache() }

// dumpFlags allow heartbeats with 64-bit offsets: USE_HEARTBEAT_EVENT_V2 in MySQL's sql/rpl_constants.h.
func (mysqlServer) dumpFlags() uint16 { return 0x2 }

func (mysqlServer) identify(c *connection) error {
	r, err := c.query("SELECT VERSION(), @@GLOBAL.server_id")
	if err != nil {
		return err
	}
	c.version = text(r, 0, 0)
	if strings.Contains(c.version, "MariaDB") {
		return fmt.Errorf("the server is version %s, not MySQL: %w", c.version, relay.ErrRefused)
	}
	if id, err := r.GetUint(0, 1); err == nil {
		c.serverID = uint32(id)
	}
	if r, err = c.query("SELECT @@GLOBAL.server_uuid, @@GLOBAL.gtid_mode"); err != nil {
		return err
	}
	c.server, c.gtidMode = text(r, 0, 0), text(r, 0, 1)
	if c.gtidMode != "ON" {
		return fmt.Errorf("the database's gtid_mode is %s: set enforce_gtid_consistency=ON and gtid_mode=ON: %w", c.gtidMode, relay.ErrRefused)
	}
	return nil
}

func (d mysqlServer) end(c *connection) (binlog.Position, error) {
	r, err := d.status(c)
	if err != nil {
		return binlog.Position{}, err
	}
	file, offset, err := statusPlace(r)
	if err != nil {
		return binlog.Position{}, err
	}
	const executed = 4 // the column: file, position, two filters, and this
	set, err := gtid.ParseSet(text(r, 0, executed))
	return binlog.Position{Flavour: binlog.MySQL, Executed: set, File: file, Offset: offset, Server: c.server}, err
}

// status asks in the words of 8.2 and later first, which know the older ones no more from 8.4 on.
func (mysqlServer) status(c *connection) (*mysql.Result, error) {
	r, err := c.query("SHOW BINARY LOG STATUS")
	var e *mysql.MyError
	if errors.As(err, &e) && e.Code == mysql.ER_PARSE_ERROR {
		return c.query("SHOW MASTER STATUS")
	}
	return r, err
}

// prove looks at the file, at the last group that was read from it, and at what the server says that it has executed.
func (d mysqlServer) prove(c *connection, p binlog.Position) error {
	if _, err := c.checkFile(p); err != nil {
		return err
	}
	if p.Group != 0 {
		if err := d.checkGroup(c, p); err != nil {
			return err
		}
	}
	executed, err := d.set(c, "SELECT @@GLOBAL.gtid_executed")
	if err != nil {
		return err
	}
	missing := p.Executed.Subtract(executed)
	if missing.Empty() || p.Group != 0 && d.underWay(c, missing) {
		return nil
	}
	return diverged("the relay has read transactions %.300s of this database, and it has not executed them", missing)
}

// underWay tells whether missing can be commits that are in the log and not yet in gtid_executed: a transaction is sent when it is in
// the log, and with semi-synchronous replication it is executed only after we acknowledge it, which we cannot before the dump. The log was
// compared at the last group already.
func (mysqlServer) underWay(c *connection, missing gtid.Set) bool {
	own, err := gtid.ParseUUID(c.server)
	return err == nil && missing.BornAt(own).Equal(missing)
}

// checkGroup compares what stands where the last group began with what was read there.
func (mysqlServer) checkGroup(c *connection, p binlog.Position) error {
	r, err := c.query(fmt.Sprintf("SHOW BINLOG EVENTS IN '%s' FROM %d LIMIT 1", escape(p.File), p.Group))
	var e *mysql.MyError
	if errors.As(err, &e) && e.Code == mysql.ER_ERROR_WHEN_EXECUTING_COMMAND {
		return diverged("at %s:%d, where the relay had read a transaction, the database has no event", p.File, p.Group)
	}
	if err != nil {
		return err
	}
	const info = 5 // the column: SET @@SESSION.GTID_NEXT= '…'
	_, quoted, _ := strings.Cut(text(r, 0, info), "'")
	name, _, _ := strings.Cut(quoted, "'")
	if name == "ANONYMOUS" {
		return nil
	}
	g, err := gtid.Parse(name)
	if err != nil || !p.Executed.Contains(g) {
		return diverged("at %s:%d the relay had read a transaction, and the database has %.100q there", p.File, p.Group, text(r, 0, info))
	}
	return nil
}

func (mysqlServer) set(c *connection, query string) (gtid.Set, error) {
	r, err := c.query(query)
	if err != nil {
		return gtid.Set{}, err
	}
	return gtid.ParseSet(text(r, 0, 0))
}

// renamed is not possible: a server that has another UUID is another one.
func (mysqlServer) renamed(*connection, binlog.Position) (bool, error) { return false, nil }

// join needs a server that has executed everything that was read, and a file that begins before any of what was not.
func (d mysqlServer) join(c *connection, p binlog.Position) (string, error) {
	executed, err := d.set(c, "SELECT @@GLOBAL.gtid_executed")
	if err != nil {
		return "", err
	}
	if missing := p.Executed.Subtract(executed); !missing.Empty() {
		return "", diverged("server %s took the place of %s, and has not executed %.300s, which the relay has read: let it catch up first, or",
			c.server, p.Server, missing)
	}
	return c.findFile("Previous_gtids", func(info string) (bool, error) {
		before, err := gtid.ParseSet(info)
		return p.Executed.Includes(before), err
	})
}

// introduce says everything that a MySQL 9.7 replica says before it asks for a dump, in its order. Servers before 8.0.26 know the first
// of each pair of names only.
func (d mysqlServer) introduce(c *connection, config *Config) error {
	period := config.HeartbeatPeriod.Nanoseconds()
	if _, err := c.query(fmt.Sprintf("SET @master_heartbeat_period=%d, @source_heartbeat_period=%d", period, period)); err != nil {
		return err
	}
	if _, err := c.query("SET @master_binlog_checksum=@@global.binlog_checksum, @source_binlog_checksum=@@global.binlog_checksum"); err != nil {
		return err
	}
	if err := c.checkChecksum("SELECT @source_binlog_checksum"); err != nil {
		return err
	}
	own := d.replicaUUID(c.server, config.ServerID)
	_, err := c.query(fmt.Sprintf("SET @slave_uuid='%s', @replica_uuid='%s'", own, own))
	return err
}

// replicaUUID is the relay's name as a replica: always the same, so that the server ends the dump of a connection that was lost when the
// relay comes back, and no other relay's.
func (mysqlServer) replicaUUID(server string, id uint32) gtid.UUID {
	sum := sha256.Sum256(binary.LittleEndian.AppendUint32([]byte("octant replica of "+server), id))
	var u gtid.UUID
	copy(u[:], sum[:])
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80 // version 8, RFC 9562
	return u
}

func (mysqlServer) journal(p binlog.Position) journal {
	return &mysqlJournal{server: p.Server, executed: p.Executed.Clone(), joining: p.Joining, last: p.Group, epoch: p.Epoch}
}
