package capture

import (
	"context"
	"fmt"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// slot is a row of pg_replication_slots.
type slot struct {
	name, plugin, database, status string
	confirmed                      pglogrepl.LSN
}

// slot returns our slot as the server has it, nil if it has none.
func (b *beginning) slot(ctx context.Context) (*slot, error) {
	rows, err := b.control.Query(ctx, "read pg_replication_slots", `SELECT slot_name, coalesce(plugin, ''), coalesce(database, ''),
 coalesce(wal_status, ''), coalesce(confirmed_flush_lsn::text, '0/0') FROM pg_catalog.pg_replication_slots WHERE slot_name = $1`,
		b.source.config.Slot)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	s := &slot{name: string(rows[0][0]), plugin: string(rows[0][1]), database: string(rows[0][2]), status: string(rows[0][3])}
	s.confirmed, err = pglogrepl.ParseLSN(string(rows[0][4]))
	return s, err
}

// usable tells whether the slot is ours and still has its log.
func (s *slot) usable(b *beginning) error {
	switch {
	case s.plugin != "pgoutput" || s.database != b.source.config.Database:
		return fmt.Errorf("the replication slot %s belongs to plugin %q in database %q: give the region another name: %w", s.name, s.plugin,
			s.database, relay.ErrRefused)
	case s.status == "lost":
		return fmt.Errorf("the server has invalidated the replication slot %s: raise max_slot_wal_keep_size: %w", s.name, relay.ErrPurged)
	}
	return nil
}

// Unused tells why the database cannot become another region's copy: a slot that stands keeps what is done to it until then, for the relay to send to everyone.
func (s *Source) Unused(ctx context.Context) error {
	c, err := connect.Open(ctx, s.config.connect("octant"), nil)
	if err != nil {
		return err
	}
	defer c.End()
	b := beginning{source: s, control: c}
	slot, err := b.slot(ctx)
	if err == nil && slot != nil {
		err = fmt.Errorf("the replication slot %s stands: this region was running before, and has lost its relay's log; what the slot has kept is given up by"+
			" SELECT pg_drop_replication_slot('%s')", slot.name, slot.name)
	}
	return err
}
