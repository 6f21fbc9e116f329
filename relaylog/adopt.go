package relaylog

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// Adopt has an empty store go on as if it had everything up to a state: its local stream begins behind the state's entry, and each region's stream behind
// the last transaction that was seen of it. It is for a region whose data came from another one. All of it becomes durable, or nothing that
// counts: when it fails it may be called again. Nobody else may use the store meanwhile.
func (db *DB) Adopt(ctx context.Context, state relay.State) error {
	if s := db.State(); s.LSN != 0 || s.Position != "" || db.local.Last() != 0 {
		return errors.New("relay log: begin behind another region's data: it has entries of its own: use an empty data directory")
	}
	for r, seen := range state.Seen {
		if seen.Seq == 0 || !relay.Region(r).Valid() {
			continue
		}
		if err := db.Reset(ctx, relay.Region(r), seen.Seq); err != nil {
			return err
		}
	}
	s := db.local.stream
	s.marking.Lock()
	defer s.marking.Unlock()
	state = cloneState(state)
	m := mark{first: uint64(state.LSN) + 1, since: db.log.End().Segment + 1}
	err := db.queue.do(ctx, &op{pairs: []relay.Pair{m.pair(s.id)}, rotates: true, state: &state, after: func() {
		s.restart(m)
		db.setState(state)
	}})
	if err != nil {
		return fmt.Errorf("relay log: begin behind another region's data: %w", err)
	}
	return nil
}

func (db *DB) setState(s relay.State) {
	db.mu.Lock()
	defer db.mu.Unlock()
	s.HLC = max(s.HLC, db.state.HLC)
	db.state = s
}
