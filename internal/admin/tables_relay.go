package admin

import (
	"time"

	"github.com/octant-db/octant/relay"
)

var statusTable = table{
	name: "status",
	columns: []column{
		{"region", textColumn}, {"region_id", intColumn}, {"cluster", textColumn}, {"ready", intColumn}, {"reason", textColumn},
		{"started", timeColumn}, {"engine", textColumn}, {"database_at", textColumn},
		{"capture_connected", intColumn}, {"capture_caught_up", intColumn}, {"capture_lsn", naturalColumn},
		{"merged_lsn", naturalColumn}, {"hlc", intColumn}, {"last_event", timeColumn}, {"capture_error", textColumn},
		{"writable", intColumn}, {"repairs", intColumn}, {"pending", intColumn}, {"index_entries", intColumn},
		{"frontier_hlc", intColumn}, {"stable_hlc", intColumn}, {"apply_error", textColumn},
	},
	rows: fromOne(func(e *Engine) *Engine { return e }, func(e *Engine) []any {
		self, s := e.cfg.Inspector.Self(), e.cfg.Inspector.Status()
		return []any{
			self.Name, int64(self.Region), self.Cluster, truth(s.Ready), s.Reason,
			moment(s.Started), s.Engine, s.DatabaseAt,
			truth(s.Capture.Connected), truth(s.Capture.CaughtUp), uint64(s.Capture.LSN),
			uint64(s.Capture.Merged), int64(s.Capture.HLC), moment(s.Capture.LastEvent), s.Capture.Err,
			truth(s.Apply.Writable), int64(s.Apply.Repairs), int64(s.Apply.Pending), int64(s.Apply.Index),
			int64(s.Apply.Frontier), int64(s.Apply.Stable), s.Apply.Err,
		}
	}),
}

var peersTable = table{
	name: "peers",
	columns: []column{
		{"region", textColumn}, {"id", intColumn}, {"address", textColumn}, {"state", textColumn},
		{"applied_seq", naturalColumn}, {"applied_hlc", intColumn}, {"received_seq", naturalColumn}, {"received_hlc", intColumn},
		{"lag_ms", intColumn}, {"offset_ms", intColumn}, {"holds_seq", naturalColumn}, {"announced_hlc", intColumn},
		{"reconnects", naturalColumn}, {"last_error", textColumn}, {"since", timeColumn},
	},
	key: "region",
	rows: fromList(func(e *Engine) []relay.PeerStatus { return e.cfg.Inspector.Peers() }, func(p relay.PeerStatus) []any {
		return []any{
			p.Region, int64(p.ID), p.Address, p.State,
			uint64(p.Applied.Seq), int64(p.Applied.HLC), uint64(p.Received.Seq), int64(p.Received.HLC),
			p.Lag.Milliseconds(), p.Offset.Milliseconds(), uint64(p.Holds), int64(p.Announced),
			p.Reconnects, p.LastError, moment(p.Since),
		}
	}),
}

var logTable = table{
	name: "log",
	columns: []column{
		{"first_sequence", naturalColumn}, {"last_sequence", naturalColumn}, {"gtid_set", textColumn}, {"file", textColumn},
		{"position", naturalColumn}, {"bytes", intColumn}, {"oldest_at", timeColumn},
	},
	rows: fromOne(func(e *Engine) relay.LogStatus { return e.cfg.Inspector.LogStatus() }, func(l relay.LogStatus) []any {
		return []any{uint64(l.First), uint64(l.Last), l.GTIDSet, l.File, l.Position, l.Bytes, moment(l.Oldest)}
	}),
}

var replicasTable = table{
	name: "replicas",
	columns: []column{
		{"connection_id", intColumn}, {"server_id", intColumn}, {"kind", textColumn}, {"user", textColumn}, {"host", textColumn},
		{"gtid", textColumn}, {"file", textColumn}, {"position", naturalColumn}, {"sequence", naturalColumn},
		{"bytes_sent", naturalColumn}, {"acked_file", textColumn}, {"acked_position", naturalColumn}, {"since", timeColumn},
	},
	rows: fromList(func(e *Engine) []relay.ReplicaStatus { return e.cfg.Inspector.Replicas() }, func(r relay.ReplicaStatus) []any {
		return []any{
			int64(r.Connection), int64(r.ServerID), r.Kind, r.User, r.Host,
			r.GTID, r.File, r.Position, uint64(r.LSN), r.Sent, r.AckFile, r.AckPosition, moment(r.Since),
		}
	}),
}

var problemsTable = table{
	name: "problems",
	columns: []column{
		{"kind", textColumn}, {"subject", textColumn}, {"detail", textColumn}, {"remedy", textColumn}, {"since", timeColumn},
		{"count", naturalColumn},
	},
	rows: fromList(func(e *Engine) []relay.Problem { return e.cfg.Inspector.Problems() }, func(p relay.Problem) []any {
		return []any{p.Kind, p.Subject, p.Detail, p.Remedy, moment(p.Since), p.Count}
	}),
}

var variablesTable = table{
	name: "variables", columns: []column{{"name", textColumn}, {"value", textColumn}},
	rows: fromList((*Engine).variables, func(v variable) []any { return []any{v.name, v.value} }),
}

var countersTable = table{
	name: "counters", columns: []column{{"name", textColumn}, {"value", textColumn}},
	rows: fromList((*Engine).counters, func(v variable) []any { return []any{v.name, v.value} }),
}

// truth is a boolean as SQL has it.
func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// moment is a time in UTC to the millisecond, NULL for none.
func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Truncate(time.Millisecond)
}
