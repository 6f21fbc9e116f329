package admin

import (
	"context"
	"iter"
	"strconv"

	"github.com/octant-db/octant/relay"
)

var tablesTable = table{
	name: "tables",
	columns: []column{
		{"table_name", textColumn}, {"policy", textColumn}, {"state", textColumn}, {"reason", textColumn},
		{"captured_rows", naturalColumn}, {"applied_rows", naturalColumn}, {"skipped_rows", naturalColumn}, {"conflicts", naturalColumn},
	},
	key: "table_name",
	rows: fromList(func(e *Engine) []relay.TableStatus { return e.cfg.Inspector.Tables() }, func(t relay.TableStatus) []any {
		return []any{t.Schema + "." + t.Name, t.Policy, t.State, t.Reason, t.Captured, t.Applied, t.Skipped, t.Conflicts}
	}),
}

var conflictsTable = table{
	name: "conflicts",
	columns: []column{
		{"id", naturalColumn}, {"kind", textColumn}, {"table_name", textColumn}, {"key", longColumn},
		{"winner_hlc", intColumn}, {"winner_region", intColumn}, {"loser_hlc", intColumn}, {"loser_region", intColumn},
		{"local_row", longColumn}, {"remote_row", longColumn}, {"policy", textColumn}, {"decision", textColumn},
		{"seq", naturalColumn}, {"at", timeColumn},
	},
	key: "id",
	rows: fromStream(
		func(ctx context.Context, e *Engine) iter.Seq2[relay.Conflict, error] {
			return e.cfg.Inspector.Conflicts(ctx)
		},
		func(c relay.Conflict) []any {
			return []any{
				c.ID, c.Kind, c.Table, c.Key,
				int64(c.Winner.HLC), int64(c.Winner.Region), int64(c.Loser.HLC), int64(c.Loser.Region),
				row(c.Local), row(c.Remote), c.Policy, c.Decision, uint64(c.Seq), moment(c.At),
			}
		}),
}

var versionsTable = table{
	name: "versions",
	columns: []column{
		{"table_name", textColumn}, {"key", longColumn}, {"hlc", intColumn}, {"region", intColumn}, {"deleted", intColumn},
	},
	rows: fromStream(
		func(ctx context.Context, e *Engine) iter.Seq2[relay.RowVersion, error] {
			return e.cfg.Inspector.Versions(ctx)
		},
		func(v relay.RowVersion) []any {
			return []any{v.Table, v.Key, int64(v.Version.HLC), int64(v.Version.Region), truth(v.Deleted)}
		}),
}

// verificationsTable has a row for each table of each comparison that this relay made by itself, the newest first.
var verificationsTable = table{
	name: "verifications",
	columns: []column{
		{"id", naturalColumn}, {"began", timeColumn}, {"table_name", textColumn}, {"result", textColumn}, {"reason", textColumn},
		{"row_count", naturalColumn}, {"chunks", intColumn}, {"differences", intColumn}, {"unsettled", intColumn}, {"rewritten", intColumn},
		{"seconds", textColumn},
	},
	rows: fromList(func(e *Engine) []relay.Verification {
		if e.cfg.Verifications == nil {
			return nil
		}
		return e.cfg.Verifications()
	}, func(v relay.Verification) []any {
		return []any{
			v.ID, moment(v.Began), v.Table, v.Result, v.Reason, v.Rows, int64(v.Chunks), int64(v.Differences), int64(v.Unsettled),
			int64(v.Rewritten), strconv.FormatFloat(v.Seconds, 'f', 3, 64),
		}
	}),
}

var deadLettersTable = table{
	name: "dead_letters",
	columns: []column{
		{"id", naturalColumn}, {"peer", textColumn}, {"table_name", textColumn}, {"key", longColumn}, {"reason", textColumn},
		{"attempts", naturalColumn}, {"since", timeColumn}, {"state", textColumn}, {"detail", textColumn}, {"row", longColumn},
		{"hlc", intColumn}, {"next_at", timeColumn},
	},
	key: "id",
	rows: fromStream(
		func(ctx context.Context, e *Engine) iter.Seq2[relay.DeadLetter, error] {
			return e.cfg.Inspector.DeadLetters(ctx)
		},
		func(l relay.DeadLetter) []any {
			return []any{
				l.ID, l.Peer, l.Table, l.Key, string(l.Reason),
				l.Attempts, moment(l.Since), l.State, shorten(l.Detail, 1024), row(l.Row),
				int64(l.Version.HLC), moment(l.Next),
			}
		}),
}

var breakersTable = table{
	name: "breakers",
	columns: []column{
		{"scope", textColumn}, {"subject", textColumn}, {"state", textColumn}, {"reason", textColumn}, {"failures", intColumn},
		{"opened", naturalColumn}, {"since", timeColumn}, {"next_at", timeColumn},
	},
	rows: fromList(func(e *Engine) []relay.BreakerStatus { return e.cfg.Inspector.Breakers() }, func(b relay.BreakerStatus) []any {
		return []any{
			b.Scope, shorten(b.Subject, 1024), b.State, shorten(b.Reason, 1024), int64(b.Failures), b.Opened, moment(b.Since), moment(b.Next),
		}
	}),
}

// row is an image in JSON, NULL where there was no row.
func row(json string) any {
	if json == "" {
		return nil
	}
	return json
}
