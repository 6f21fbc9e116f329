package admin

import (
	"slices"
	"strconv"
	"strings"
)

// variables are what clients, monitors and backup tools ask for, as far as it has a true answer, and what a person wants to know of the
// relay. They are in order of their names.
func (e *Engine) variables() []variable {
	list := slices.Concat(connectVariables, e.ownVariables(), e.serverVariables(), e.flavourVariables())
	slices.SortFunc(list, func(a, b variable) int { return strings.Compare(a.name, b.name) })
	return list
}

// connectVariables are what client libraries ask for when they connect.
var connectVariables = []variable{
	{"auto_increment_increment", "1"}, {"auto_increment_offset", "1"}, {"autocommit", "ON"},
	{"character_set_client", "utf8mb4"}, {"character_set_connection", "utf8mb4"}, {"character_set_database", "utf8mb4"},
	{"character_set_results", "utf8mb4"}, {"character_set_server", "utf8mb4"}, {"character_set_system", "utf8mb3"},
	{"collation_connection", "utf8mb4_general_ci"}, {"collation_database", "utf8mb4_general_ci"},
	{"collation_server", "utf8mb4_general_ci"},
	{"init_connect", ""}, {"interactive_timeout", "28800"}, {"lower_case_table_names", "0"},
	{"max_allowed_packet", "16777216"}, {"net_buffer_length", "16384"}, {"net_write_timeout", "60"},
	{"performance_schema", "OFF"}, {"protocol_version", "10"}, {"sql_mode", ""}, {"system_time_zone", "UTC"}, {"time_zone", "+00:00"},
	{"transaction_isolation", "READ-COMMITTED"}, {"transaction_read_only", "OFF"}, {"wait_timeout", "28800"},
}

// ownVariables tell what the relay is.
func (e *Engine) ownVariables() []variable {
	self, status := e.cfg.Inspector.Self(), e.cfg.Inspector.Status()
	override := ""
	if e.cfg.Upstream != nil {
		override = e.cfg.Upstream.Source().Override
	}
	return []variable{
		{"octant_cluster", self.Cluster}, {"octant_database", status.DatabaseAt}, {"octant_engine", status.Engine},
		{"octant_region", self.Name}, {"octant_region_id", strconv.Itoa(int(self.Region))}, {"octant_source_file", override},
		{"octant_store", self.Store},
	}
}

// serverVariables are what both kinds of servers have, as far as a relay can answer for itself.
func (e *Engine) serverVariables() []variable {
	name, port := hostPort(e.cfg.Listen)
	return []variable{
		{"binlog_checksum", "CRC32"}, {"binlog_format", "ROW"}, {"binlog_row_image", "FULL"},
		{"hostname", name}, {"log_bin", "ON"}, {"log_bin_basename", e.logName()}, {"port", strconv.FormatInt(port, 10)},
		{"read_only", "ON"}, {"report_host", ""}, {"report_port", "0"}, {"server_id", strconv.FormatUint(uint64(e.cfg.ServerID), 10)},
		{"sync_binlog", "1"}, {"version", e.version()},
		{"version_comment", "Octant relay of region " + e.cfg.Inspector.Self().Name},
	}
}

// version is that of the database behind the relay, which CHANGE MASTER TO can change.
func (e *Engine) version() string {
	if e.cfg.Upstream != nil {
		if v := e.cfg.Upstream.Source().Version; v != "" {
			return v
		}
	}
	return e.cfg.Version
}

// domain is the GTID domain in which the database behind the relay commits.
func (e *Engine) domain() uint32 {
	if e.cfg.Upstream == nil {
		return 0
	}
	return e.cfg.Upstream.Source().DomainID
}

// logName is what the names of the database's log files begin with. Their folder is on its machine and no use here.
func (e *Engine) logName() string {
	name, _, _ := strings.Cut(e.cfg.Inspector.LogStatus().File, ".")
	return name
}

// flavourVariables are what only the relay's kind of server has.
func (e *Engine) flavourVariables() []variable {
	l := e.cfg.Inspector.LogStatus()
	if e.cfg.MySQL {
		return []variable{
			{"enforce_gtid_consistency", "ON"}, {"gtid_executed", l.GTIDSet}, {"gtid_mode", "ON"}, {"gtid_owned", ""}, {"gtid_purged", l.Purged},
			{"log_replica_updates", "ON"}, {"log_slave_updates", "ON"}, {"rpl_semi_sync_source_enabled", "ON"},
			{"server_uuid", e.cfg.ServerUUID}, {"super_read_only", "ON"},
		}
	}
	return []variable{
		{"gtid_binlog_pos", l.GTIDSet}, {"gtid_current_pos", l.GTIDSet}, {"gtid_slave_pos", l.GTIDSet},
		{"gtid_domain_id", strconv.FormatUint(uint64(e.domain()), 10)}, {"gtid_ignore_duplicates", "OFF"}, {"gtid_strict_mode", "ON"},
		{"log_slave_updates", "ON"}, {"rpl_semi_sync_master_enabled", "ON"}, {"query_cache_size", "0"}, {"query_cache_type", "OFF"},
		{"tx_isolation", "READ-COMMITTED"}, {"tx_read_only", "OFF"},
	}
}
