package capture

import (
	"context"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/internal/readable"
	"github.com/octant-db/octant/relay"
)

// growth is how much log the server keeps for our slot, and what happens if it has to keep more.
type growth struct {
	kept  int64 // bytes of log from the oldest that is kept on
	ahead int64 // of these, what we have acknowledged: an open transaction holds them, not the relay
	limit int64 // max_slot_wal_keep_size; negative: none
	room  int64 // bytes that may still be written until the slot is invalidated; only with a limit
}

// growthSQL asks in bytes. Where there is no limit, safe_wal_size is NULL.
const growthSQL = `SELECT pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), restart_lsn)::int8, pg_catalog.pg_wal_lsn_diff(confirmed_flush_lsn, restart_lsn)::int8,
 (SELECT setting::int8 * 1024 * 1024 FROM pg_catalog.pg_settings WHERE name = 'max_slot_wal_keep_size'), coalesce(safe_wal_size, 0)
 FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND restart_lsn IS NOT NULL`

// watch reports the slot while the server keeps much log for it, or will soon invalidate it.
func (p *publication) watch(ctx context.Context) error {
	rows, err := p.control.Query(ctx, "read pg_replication_slots", growthSQL, p.source.config.Slot)
	if err != nil || len(rows) == 0 {
		return err
	}
	var g growth
	for i, n := range []*int64{&g.kept, &g.ahead, &g.limit, &g.room} {
		if *n, err = strconv.ParseInt(string(rows[0][i]), 10, 64); err != nil {
			return fmt.Errorf("read pg_replication_slots: %w", err)
		}
	}
	if detail := g.alarming(p.source.config.SlotBytes); detail != "" {
		p.rec.Report(relay.Problem{Kind: slotKind, Subject: p.source.config.Slot, Since: p.source.config.Now(), Count: 1, Detail: detail, Remedy: g.remedy()})
	}
	return nil
}

// alarming says what is wrong; "" while nothing is. A slot with a limit is told of when three quarters of that are used.
func (g *growth) alarming(most int64) string {
	switch {
	case g.limit >= 0 && g.room < g.limit/4:
		return fmt.Sprintf("the server keeps %s of log for the replication slot, and invalidates it when another %s are written", readable.Bytes(float64(g.kept)), readable.Bytes(float64(max(g.room, 0))))
	case g.kept > most:
		return fmt.Sprintf("the server keeps %s of log for the replication slot", readable.Bytes(float64(g.kept)))
	}
	return ""
}

func (g *growth) remedy() string {
	if g.ahead > g.kept/2 {
		return "end transactions that have been open for long: SELECT pid, xact_start, state FROM pg_stat_activity WHERE backend_xid IS NOT NULL ORDER BY xact_start, " +
			"and SELECT * FROM pg_prepared_xacts; the relay has acknowledged what came after them"
	}
	return "see what holds the relay up (octant.problems, the disk of its data_dir); raise max_slot_wal_keep_size if there is a limit, and watch the server's disk"
}
