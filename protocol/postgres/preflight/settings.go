package preflight

import (
	"context"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/internal/finding"
)

func checkSettings(ctx context.Context, s *server) []finding.Result {
	row, bad := s.ask(ctx, "settings", `SELECT pg_catalog.current_setting('wal_level'), pg_catalog.pg_is_in_recovery(),
 pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('max_slot_wal_keep_size'), pg_catalog.current_setting('fsync')`)
	if bad != nil {
		return []finding.Result{*bad}
	}
	var list []finding.Result
	if string(row[0]) == "logical" {
		list = append(list, finding.OK.On("wal_level", "logical", ""))
	} else {
		list = append(list, finding.Fail.On("wal_level", string(row[0]), "ALTER SYSTEM SET wal_level = logical, then restart the server"))
	}
	if string(row[1]) == "t" {
		list = append(list, finding.Fail.On("primary", "the server is a standby", "point database.url at the primary"))
	} else {
		list = append(list, finding.OK.On("primary", "the server takes writes", ""))
	}
	if string(row[2]) != "UTF8" {
		list = append(list, finding.Warn.On("server_encoding", string(row[2]), "text that this encoding lacks cannot come here from regions with UTF8"))
	}
	if string(row[3]) == "-1" {
		list = append(list, finding.Info.On("max_slot_wal_keep_size", "no limit: a relay that is away for long fills the server's disk",
			"watch the disk, or set a limit that the longest outage does not reach"))
	}
	if string(row[4]) != "on" {
		list = append(list, finding.Warn.On("fsync", "off: a crash of the machine loses transactions that other regions have", "ALTER SYSTEM SET fsync = on"))
	}
	return list
}

// checkNumbers compares what the server has room for with what a relay takes.
func checkNumbers(ctx context.Context, s *server) []finding.Result {
	row, bad := s.ask(ctx, "numbers", `SELECT pg_catalog.current_setting('max_replication_slots')::int,
 (SELECT count(*) FROM pg_catalog.pg_replication_slots WHERE slot_name <> $1), pg_catalog.current_setting('max_wal_senders')::int,
 (SELECT count(*) FROM pg_catalog.pg_stat_replication), pg_catalog.current_setting('max_connections')::int,
 coalesce(pg_catalog.current_setting('max_active_replication_origins', true), pg_catalog.current_setting('max_replication_slots'))::int`, s.config.Slot)
	if bad != nil {
		return []finding.Result{*bad}
	}
	n := make([]int, len(row))
	for i := range row {
		n[i], _ = strconv.Atoi(string(row[i]))
	}
	var list []finding.Result
	if n[1] >= n[0] {
		list = append(list, finding.Fail.On("max_replication_slots", fmt.Sprintf("%d, and all are taken", n[0]), fmt.Sprintf("set it to %d, then restart the server", n[1]+2)))
	} else {
		list = append(list, finding.OK.On("max_replication_slots", fmt.Sprintf("%d, %d taken by others", n[0], n[1]), ""))
	}
	if n[2] < 2 {
		list = append(list, finding.Fail.On("max_wal_senders", strconv.Itoa(n[2]), "set it to 10, then restart the server"))
	}
	lanes := 2 + max(s.config.Lanes, 2)*max(s.config.Regions-1, 0)
	if n[4] < lanes+10 {
		list = append(list, finding.Warn.On("max_connections", fmt.Sprintf("%d, of which the relay takes up to %d", n[4], lanes+4), fmt.Sprintf("set it to %d at least", lanes+50)))
	}
	if n[5] < lanes {
		name := "max_replication_slots"
		if s.number >= 180000 {
			name = "max_active_replication_origins"
		}
		list = append(list, finding.Info.On("replication_origins", fmt.Sprintf("room for %d, and the relay would use %d: some lanes work without", n[5], lanes),
			fmt.Sprintf("%s = %d, if other tools look at origins or commit timestamps", name, lanes+4)))
	}
	return list
}
