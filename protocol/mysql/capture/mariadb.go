package capture

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// mariadb is the dialect of MariaDB 10.11 and later.
type mariadb struct{}

func (mariadb) flavour() relay.Flavour { return binlog.Flavour }

func (mariadb) tables() *binlog.TableCache { return binlog.NewTableCache() }

// dumpFlags ask for ANNOTATE_ROWS events. They stand in the file; without them there would be holes.
func (mariadb) dumpFlags() uint16 { return 0x2 }

func (mariadb) identify(c *connection) error {
	r, err := c.query("SELECT VERSION(), @@GLOBAL.server_id")
	if err != nil {
		return err
	}
	c.version, c.server = text(r, 0, 0), text(r, 0, 1)
	if id, err := r.GetUint(0, 1); err == nil {
		c.serverID = uint32(id)
	}
	if !strings.Contains(c.version, "MariaDB") {
		return fmt.Errorf("the server is version %s, not MariaDB: %w", c.version, relay.ErrRefused)
	}
	if r, err = c.query("SELECT @@GLOBAL.gtid_domain_id"); err != nil {
		return err
	}
	id, err := r.GetUint(0, 0)
	c.domainID = uint32(id)
	return err
}

// end asks for GTIDs first: file and offset may be later.
func (mariadb) end(c *connection) (binlog.Position, error) {
	r, err := c.query("SELECT @@GLOBAL.gtid_binlog_pos")
	if err != nil {
		return binlog.Position{}, err
	}
	set, err := binlog.ParseSet(text(r, 0, 0))
	if err != nil {
		return binlog.Position{}, err
	}
	if r, err = c.query("SHOW MASTER STATUS"); err != nil {
		return binlog.Position{}, err
	}
	file, offset, err := statusPlace(r)
	return binlog.Position{Flavour: binlog.Flavour, GTIDs: set, File: file, Offset: offset, Server: c.server}, err
}

func (d mariadb) prove(c *connection, p binlog.Position) error {
	if err := d.checkState(c, p); err != nil {
		return err
	}
	last, err := c.checkFile(p)
	if err != nil || last || p.Joining {
		return err
	}
	return d.checkOffset(c, p)
}

// checkState looks for every GTID that was read among those that the server has in its log. The servers in them count: a
// sequence that another server used again is another history.
func (mariadb) checkState(c *connection, p binlog.Position) error {
	r, err := c.query("SELECT @@GLOBAL.gtid_binlog_state")
	if err != nil {
		return err
	}
	state, err := parseState(text(r, 0, 0))
	if err != nil {
		return err
	}
	for _, g := range p.GTIDs.List() {
		known := slices.ContainsFunc(state, func(have binlog.GTID) bool {
			return have.Domain == g.Domain && have.Server == g.Server && have.Seq >= g.Seq
		})
		if !known {
			return diverged("the relay has read transaction %s of this database, and its binlog has only %q", g, text(r, 0, 0))
		}
	}
	return nil
}

// parseState reads @@gtid_binlog_state: a GTID for each domain and server.
func parseState(s string) ([]binlog.GTID, error) {
	var state []binlog.GTID
	for part := range strings.SplitSeq(s, ",") {
		if part == "" {
			continue
		}
		g, err := binlog.Parse(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		state = append(state, g)
	}
	return state, nil
}

// checkOffset compares the GTIDs before the offset with those that were read.
func (mariadb) checkOffset(c *connection, p binlog.Position) error {
	r, err := c.query(fmt.Sprintf("SELECT BINLOG_GTID_POS('%s', %d)", escape(p.File), p.Offset))
	if err != nil {
		return err
	}
	there := text(r, 0, 0)
	set, err := binlog.ParseSet(there)
	if err != nil {
		return err
	}
	if len(p.GTIDs) == 0 { // read before the file's GTID_LIST was; it will be compared when it comes
		return nil
	}
	if !set.Equal(p.GTIDs) {
		return diverged("at %s:%d the relay had read %q, and the database has %q there", p.File, p.Offset, p.GTIDs, there)
	}
	return nil
}

// renamed: a server_id can be changed while the server runs. The same file with the same transactions before the same offset is then
// as good as it was under the old one.
func (d mariadb) renamed(c *connection, p binlog.Position) (bool, error) {
	if len(p.GTIDs) == 0 || p.Joining {
		return false, nil
	}
	err := d.checkState(c, p)
	if err == nil {
		_, err = c.checkFile(p)
	}
	if err == nil {
		err = d.checkOffset(c, p)
	}
	if errors.Is(err, relay.ErrDiverged) || errors.Is(err, relay.ErrPurged) {
		return false, nil
	}
	return err == nil, err
}

// join needs a server that has everything that was read, and a file that begins before any of what was not.
func (d mariadb) join(c *connection, p binlog.Position) (string, error) {
	if err := d.checkState(c, p); err != nil {
		return "", err
	}
	return c.findFile("Gtid_list", func(info string) (bool, error) {
		list, err := parseState(strings.Trim(info, "[] "))
		return !slices.ContainsFunc(list, func(g binlog.GTID) bool { return !p.GTIDs.Contains(g) }), err
	})
}

// introduce says everything that a MariaDB replica says before it asks for a dump by file and offset, in its order.
func (mariadb) introduce(c *connection, config *Config) error {
	if _, err := c.query(fmt.Sprintf("SET @master_heartbeat_period=%d", config.HeartbeatPeriod.Nanoseconds())); err != nil {
		return err
	}
	if _, err := c.query("SET @master_binlog_checksum=@@global.binlog_checksum"); err != nil {
		return err
	}
	if err := c.checkChecksum("SELECT @master_binlog_checksum"); err != nil {
		return err
	}
	// 4: we know GTIDs; with less the server would rewrite them. See MARIA_SLAVE_CAPABILITY_GTID in sql/log_event.h.
	_, err := c.query("SET @mariadb_slave_capability=4")
	return err
}

func (mariadb) journal(p binlog.Position) journal {
	return &mariadbJournal{gtids: p.GTIDs.Clone(), joining: p.Joining, server: p.Server, epoch: p.Epoch}
}
