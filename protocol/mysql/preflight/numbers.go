package preflight

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/internal/finding"
)

// markBase is added to a region's id for the server_id of what the relay writes for that region. The GTID domain stays the
// database's own.
const (
	markBase = 9000
	markLast = markBase + 64
)

func checkNumbers(_ context.Context, s *server) []finding.Result {
	return []finding.Result{checkServerID(s), checkDomain(s)}
}

func checkServerID(s *server) finding.Result {
	const name = "server_id"
	id, _ := s.number(name)
	remedy := fmt.Sprintf("SET GLOBAL server_id = %d; and the same in the server's configuration", max(s.config.Region, 1))
	switch {
	case id == 0:
		return finding.Fail.On(name, "0: a server without a number serves no replicas", remedy)
	case s.config.ReplicaID != 0 && id == int64(s.config.ReplicaID):
		return finding.Fail.On(name, fmt.Sprintf("%d is the number that the relay registers with", id), remedy)
	case isMark(id):
		return finding.Fail.On(name, fmt.Sprintf("%d: %d to %d mark the other regions' changes", id, markBase+1, markLast), remedy)
	}
	return finding.OK.On(name, fmt.Sprint(id), "")
}

func checkDomain(s *server) finding.Result {
	const name = "gtid_domain_id"
	id, _ := s.number(name)
	if id == 0 && s.config.Regions > 1 {
		return finding.Info.On(name, "0: with the same domain in every region, GTIDs of different regions can be equal",
			fmt.Sprintf("SET GLOBAL gtid_domain_id = %d; and the same in the server's configuration", max(s.config.Region, 1)))

	}
	return finding.OK.On(name, fmt.Sprint(id), "")
}

func isMark(id int64) bool { return id > markBase && id <= markLast }

func checkDurability(_ context.Context, s *server) []finding.Result {
	const name = "durability"
	var lax []string
	for _, variable := range []string{"innodb_flush_log_at_trx_commit", "sync_binlog"} {
		if !s.is(variable, "1") {
			lax = append(lax, fmt.Sprintf("%s = %s", variable, s.variables[variable]))
		}
	}
	if len(lax) == 0 {
		return []finding.Result{finding.OK.On(name, "every commit is on disk before it is answered", "")}
	}
	return []finding.Result{finding.Warn.On(name, join(lax)+": a power loss here can take back what other regions already have; the relay then stops and says so",
		"SET GLOBAL innodb_flush_log_at_trx_commit = 1, sync_binlog = 1; and the same in the server's configuration")}
}

func checkLimits(_ context.Context, s *server) []finding.Result {
	return []finding.Result{checkPacket(s), checkExpiry(s)}
}

// checkPacket: an UPDATE of a row travels to the server as base64 of two row images.
func checkPacket(s *server) finding.Result {
	const name = "max_allowed_packet"
	const low, good = 16 << 20, 64 << 20
	n, _ := s.number(name)
	detail := fmt.Sprintf("%d MiB: rows of up to about %d MiB can be written", n>>20, n*3/8>>20)
	const remedy = "SET GLOBAL max_allowed_packet = 268435456; and the same in the server's configuration, in every region"
	switch {
	case n < low:
		return finding.Warn.On(name, detail, remedy)
	case n < good:
		return finding.Info.On(name, detail, remedy)
	}
	return finding.OK.On(name, detail, "")
}

func checkExpiry(s *server) finding.Result {
	const name = "binlog_expiry"
	const day = 24 * 60 * 60
	seconds, known := s.number("binlog_expire_logs_seconds") // from 10.6 on
	if !known {
		days, _ := s.number("expire_logs_days")
		seconds = days * day
	}
	if size, limited := s.number("max_binlog_total_size"); limited && size > 0 {
		return finding.Warn.On(name, fmt.Sprintf("max_binlog_total_size = %d: a busy hour can remove what a stopped relay has not read", size),
			"see that the size holds more than the longest time that the relay may be down")

	}
	switch {
	case seconds == 0:
		return finding.OK.On(name, "binary logs are kept until they are purged", "")
	case seconds < day:
		return finding.Warn.On(name, fmt.Sprintf("binary logs are removed after %d s: a relay that is down longer has lost its place", seconds),
			"SET GLOBAL binlog_expire_logs_seconds = 604800; and the same in the server's configuration")

	}
	return finding.OK.On(name, fmt.Sprintf("binary logs are kept for %d days", seconds/day), "")
}
