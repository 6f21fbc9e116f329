package capture

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Before implements relay.Revisitor. The log can be read only from where the slot stands: behind all that the relay had on disk that has lost its log.
func (s *Source) Before(ctx context.Context, name string) (from relay.Position, behind bool, err error) {
	lsn, err := pglogrepl.ParseLSN(name)
	if err != nil {
		return "", false, fmt.Errorf("look for transaction %s in the database's log: %w", name, err)
	}
	c, err := connect.Open(ctx, s.config.connect("octant"), nil)
	if err != nil {
		return "", false, err
	}
	defer c.End()
	b := beginning{source: s, control: c}
	slot, err := b.slot(ctx)
	switch {
	case err != nil:
		return "", false, err
	case slot == nil:
		return "", false, fmt.Errorf("the replication slot %s is gone: %w", s.config.Slot, relay.ErrPurged)
	}
	return "", slot.confirmed > lsn, slot.usable(&b)
}

// releaseEvery is how often it is tried to drop a slot that is in use.
const releaseEvery = 50 * time.Millisecond

// Release drops the slot, if it stands, for a region that becomes the copy of another one.
func (s *Source) Release(ctx context.Context) error {
	c, err := connect.Open(ctx, s.config.connect("octant"), nil)
	if err != nil {
		return err
	}
	defer c.End()
	for {
		_, err := c.Query(ctx, "drop the replication slot", "SELECT pg_catalog.pg_drop_replication_slot(slot_name) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1", s.config.Slot)
		if !connect.Is(err, connect.CodeInUse) {
			return err
		}
		if err := relay.Sleep(ctx, relay.SystemClock{}, releaseEvery); err != nil { // the session that read from it is about to end
			return err
		}
	}
}
