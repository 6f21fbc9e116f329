package primary

import (
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// mariaDB is the dialect of MariaDB 10.11 to 11.8. What replicas ask is in sql/slave.cc, get_master_version_and_clock.
type mariaDB struct{}

func (mariaDB) flavour() relay.Flavour { return binlog.Flavour }

// greeting: MariaDB 10 hides behind an old MySQL version, 11 does not.
func (mariaDB) greeting(version string) string {
	if strings.HasPrefix(version, "10.") {
		return "5.5.5-" + version
	}
	return version
}

// plugin: replication threads cannot do caching_sha2_password without a plugin of the client that is often not installed.
func (mariaDB) plugin() string { return mysql.AUTH_NATIVE_PASSWORD }

func (m mariaDB) answer(c *session, tokens []token, title string) (*mysql.Result, error, bool) {
	switch spell(tokens) {
	case "select @@global.gtid_domain_id":
		return cell(title, strconv.FormatUint(uint64(c.srv.cfg.Upstream().DomainID), 10))
	case "show variables like 'rpl_semi_sync_master_enabled'", "show global variables like 'rpl_semi_sync_master_enabled'":
		return table([]string{"Variable_name", "Value"}, []any{"rpl_semi_sync_master_enabled", "ON"})
	case "select @@global.server_uuid":
		// Only MySQL's replicas ask this and the next one. They go on after this error, and after no other.
		return nil, mysql.NewDefaultError(mysql.ER_UNKNOWN_SYSTEM_VARIABLE, "server_uuid"), true
	case "select @@global.gtid_mode":
		// With this answer those that replicate by GTID come as far as the dump, where the refusal
		// reaches their operator.
		return cell(title, "ON")
	}
	if file, offset, ok := gtidPosCall(tokens); ok {
		return c.binlogGTIDPos(title, file, offset)
	}
	return nil, nil, false
}

// gtidPosCall reads SELECT binlog_gtid_pos('file', offset), which a replica in file mode asks for.
func gtidPosCall(tokens []token) (file string, offset uint64, ok bool) {
	if len(tokens) != 7 || tokens[1].text != "binlog_gtid_pos" || tokens[3].kind != tokenString || tokens[5].kind != tokenNumber {
		return "", 0, false
	}
	offset, err := strconv.ParseUint(tokens[5].text, 10, 64)
	return tokens[3].text, offset, err == nil
}

// binlogGTIDPos answers with the GTID state at a place between two entries, NULL elsewhere as a server does.
func (c *session) binlogGTIDPos(column, file string, offset uint64) (*mysql.Result, error, bool) {
	if offset > fileHeader {
		if lsn, err := floorPosition(c.srv.cfg.Log.Local(), file, offset-1); err == nil {
			e, _, err := c.srv.cfg.Log.Local().Entry(lsn)
			p, perr := binlog.ParsePosition(string(e.Position))
			if err == nil && perr == nil && endOffset(e) == offset {
				return cell(column, p.GTIDs.String())
			}
		}
	}
	return table([]string{column}, []any{nil})
}

// gtidCapability is the @mariadb_slave_capability from which on a client reads GTID events; see sql/log_event.h.
const gtidCapability = 4

// options reads what a client asked for. When @slave_connect_state was set, be it to nothing, file and offset in the
// command are leftovers.
func (mariaDB) options(command dumpCommand, v variables) (options, error) {
	if v.has("slave_uuid") || v.has("replica_uuid") || command.byGTID {
		return options{}, errWrongFlavour("MariaDB", "MySQL")
	}
	if level, err := strconv.Atoi(v["mariadb_slave_capability"]); err != nil || level < gtidCapability {
		return options{}, errOldClient()
	}
	o := commonOptions(command, v)
	o.annotate = command.flags&dumpAnnotate != 0
	o.semiSync = v.on("rpl_semi_sync_slave")
	state, byGTID := v["slave_connect_state"]
	var err error
	if o.byGTID = byGTID; byGTID {
		if o.state, err = parseState(state); err != nil {
			return options{}, errBadGTIDs()
		}
	}
	if until, ok := v["slave_until_gtid"]; ok && byGTID {
		if o.until, err = parseUntil(until); err != nil {
			return options{}, errBadGTIDs()
		}
	}
	return o, nil
}

func (mariaDB) heartbeat(d *dump) []byte {
	return binlog.Heartbeat(d.c.srv.cfg.ServerID, d.file, d.offset, d.checksum)
}
