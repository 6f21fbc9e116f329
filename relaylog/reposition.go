package relaylog

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// Reposition has capture go on from another position, durably. It is for a database whose log is not what it was, and which has been given back what it lost. Nobody
// else may use the store meanwhile.
func (db *DB) Reposition(ctx context.Context, p relay.Position) error {
	state := cloneState(db.State())
	state.Position = p
	if err := db.queue.do(ctx, &op{state: &state, after: func() { db.setState(state) }}); err != nil {
		return fmt.Errorf("relay log: go on from another position: %w", err)
	}
	return nil
}
