package join

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

const (
	redoBytes = 2 << 20 // of the log in one answer
	nearby    = 200     // entries; so near the end of its log the donor's knowledge is frozen
	rounds    = 20      // or after so many times that the end was not reached
)

// catchUp does the donor's log again, and ends exactly at an entry at which the donor's knowledge is frozen.
func (n *Newcomer) catchUp(ctx context.Context) (relay.Frozen, error) {
	target := relay.LSN(0)
	for range rounds {
		merged, err := n.redoUntil(ctx, target)
		if err != nil {
			return relay.Frozen{}, err
		}
		if target > 0 && merged < n.note.Redone+nearby {
			break
		}
		target = merged
	}
	frozen, err := n.freeze(ctx)
	if err != nil {
		return frozen, err
	}
	if frozen.LSN < n.note.Redone {
		return frozen, fmt.Errorf("join: the log of region %s ends at %d, before entry %d that was read of it", n.Donor.Name, frozen.LSN, n.note.Redone)
	}
	_, err = n.redoUntil(ctx, frozen.LSN)
	return frozen, err
}

// freezeTries is how often the donor is asked to freeze what it knows: a relay that has just started cannot yet.
const freezeTries = 30

func (n *Newcomer) freeze(ctx context.Context) (frozen relay.Frozen, err error) {
	for range freezeTries {
		if frozen, err = n.Donor.Side.Freeze(ctx, n.Self.Region); err == nil {
			return frozen, nil
		}
		if err := relay.Sleep(ctx, n.Clock, time.Second); err != nil {
			return frozen, err
		}
	}
	return frozen, fmt.Errorf("join: %w", err)
}

// redoUntil does the log again up to an entry, and returns the one that the donor has merged last. With 0 it only asks.
func (n *Newcomer) redoUntil(ctx context.Context, target relay.LSN) (merged relay.LSN, err error) {
	for {
		limit := redoBytes
		if n.note.Redone >= target {
			limit = 0 // nothing of the log, only how far the donor is
		}
		answer, err := n.Donor.Side.Redo(ctx, n.note.Redone+1, 0, limit)
		if err != nil {
			return 0, fmt.Errorf("join: %w", err)
		}
		merged = answer.Merged
		if n.note.Redone >= target {
			return merged, nil
		}
		if len(answer.Pieces) == 0 { // its relay has died and is not there yet again
			if err := relay.Sleep(ctx, n.Clock, noteEvery); err != nil {
				return 0, err
			}
			continue
		}
		if err := n.redo(ctx, answer.Pieces, target); err != nil {
			return 0, err
		}
	}
}

// redo does some entries again, up to the target, and notes that.
func (n *Newcomer) redo(ctx context.Context, pieces []relay.LogPiece, target relay.LSN) error {
	at := n.note.Redone
	for _, p := range pieces {
		if p.LSN != at+1 {
			return fmt.Errorf("join: the log of region %s goes on with entry %d, not %d", n.Donor.Name, p.LSN, at+1)
		}
		if p.LSN > target {
			break
		}
		at = p.LSN
		if len(p.Data) == 0 && p.End {
			continue
		}
		err := n.Redo.Take(ctx, p.Flavour, n.body(ctx, p), p.Local)
		if errors.Is(err, applier.ErrRedefined) {
			return fmt.Errorf("join: %w: begin again with an empty data directory, and leave definitions alone until it is done", err)
		}
		if err != nil {
			return fmt.Errorf("join: %w", err)
		}
	}
	if err := n.Redo.Flush(ctx); err != nil {
		return fmt.Errorf("join: %w", err)
	}
	n.note.Redone = at
	n.tell(true)
	return n.save(ctx)
}

// body yields an entry's bytes. What did not fit into one answer is asked for as it is needed.
func (n *Newcomer) body(ctx context.Context, p relay.LogPiece) relay.Body {
	return func(yield func([]byte, error) bool) {
		skip, lsn := int64(0), p.LSN
		for yield(p.Data, nil) && !p.End {
			skip += int64(len(p.Data))
			answer, err := n.Donor.Side.Redo(ctx, lsn, skip, redoBytes)
			if err == nil && (len(answer.Pieces) == 0 || answer.Pieces[0].LSN != lsn) {
				err = fmt.Errorf("entry %d of the log is cut short", lsn)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			p = answer.Pieces[0]
		}
	}
}
