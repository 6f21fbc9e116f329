package compare

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

var _ relay.Followed = (*Copier)(nil)

// Lag implements relay.Followed. Who may not read all statistics (pg_read_all_stats) is told of no replica.
func (p *Copier) Lag(ctx context.Context) (lag time.Duration, err error) {
	err = p.readers.Lend(ctx, func(r *Reader) error {
		return r.withSession(ctx, func(c *connect.Conn) error {
			rows, err := c.Query(ctx, "read pg_stat_replication", `SELECT coalesce(max(extract(epoch FROM r.replay_lag) * 1000), 0)::bigint
FROM pg_catalog.pg_stat_replication r LEFT JOIN pg_catalog.pg_replication_slots s ON s.active_pid = r.pid WHERE coalesce(s.slot_type, 'physical') = 'physical'`)
			if err != nil {
				return err
			}
			ms, err := strconv.ParseInt(string(rows[0][0]), 10, 64)
			if err != nil {
				return fmt.Errorf("read pg_stat_replication: %w", err)
			}
			lag = time.Duration(ms) * time.Millisecond
			return nil
		})
	})
	return lag, err
}
