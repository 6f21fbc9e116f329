package primary

import (
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// mySQL is the dialect of MySQL 8.0 to 9. What replicas ask is in sql/rpl_replica.cc, get_master_version_and_clock; 8.0.26 gave most of it
// new names.
type mySQL struct{}

func (mySQL) flavour() relay.Flavour { return binlog.MySQL }

func (mySQL) greeting(version string) string { return version }

// plugin: MySQL 9 has no other.
func (mySQL) plugin() string { return mysql.AUTH_CACHING_SHA2_PASSWORD }

func (mySQL) answer(c *session, tokens []token, title string) (*mysql.Result, error, bool) {
	switch spell(tokens) {
	case "select @@global.server_uuid", "select @@server_uuid":
		return cell(title, c.srv.cfg.ServerUUID)
	case "select @@global.gtid_mode", "select @@gtid_mode":
		if mode := c.srv.cfg.Upstream().GTIDMode; mode != "" {
			return cell(title, mode)
		}
		return cell(title, "ON")
	case "select @@global.rpl_semi_sync_source_enabled", "select @@global.rpl_semi_sync_master_enabled":
		return cell(title, "1")
	case "select @@global.gtid_domain_id":
		// Only MariaDB's replicas ask this and the next one. With these answers they come as far as the dump, where the refusal reaches
		// their operator.
		return cell(title, "0")
	case "show variables like 'rpl_semi_sync_master_enabled'":
		return table([]string{"Variable_name", "Value"})
	}
	return nil, nil, false
}

// options reads what a client asked for. That it asks by GTID is in the command.
func (mySQL) options(command dumpCommand, v variables) (options, error) {
	if v.has("mariadb_slave_capability") {
		return options{}, errWrongFlavour("MySQL", "MariaDB")
	}
	o := commonOptions(command, v)
	if o.withoutChecksum {
		return options{}, fatal("Replica can not handle replication events with the checksum that source is configured to log")
	}
	o.byGTID, o.holds = command.byGTID, command.holds
	o.longHeartbeat = command.flags&dumpLongHeartbeat != 0
	o.uuid, _ = v.either("replica_uuid", "slave_uuid")
	o.semiSync = v.on("rpl_semi_sync_replica") || v.on("rpl_semi_sync_slave")
	return o, nil
}

// mySQLSet returns the GTIDs that were executed when the log had been read up to a position.
func mySQLSet(p relay.Position) (gtid.Set, error) {
	at, err := binlog.ParsePosition(string(p))
	return at.Executed, err
}
