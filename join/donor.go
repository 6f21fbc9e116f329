package join

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/octant-db/octant/applier"
	"github.com/octant-db/octant/relay"
)

// Donor gives this region's data to those that join: relay.Donor. The copier's methods are its own.
type Donor struct {
	relay.TableCopier
	Relay   Relay
	Applier Applier
	Log     relay.Log
	Dir     string // for a file that is gone when the process ends
	// Locate finds the first entry that a copy of the database may lack, by where the tool that made it says that it was. Nil: it cannot be told.
	Locate func(place string) (relay.LSN, error)

	mu     sync.Mutex
	frozen *spool
}

// Relay is what a Donor needs of the running relay.
type Relay interface {
	Admit(ctx context.Context, h relay.Hello) (relay.Admission, error)
	KeepFrom(ctx context.Context, h relay.Hello, first relay.LSN) error
	Lag() time.Duration
}

// Applier is what a Donor needs of the applier.
type Applier interface {
	Fence(ctx context.Context) error
	Merged() relay.LSN
	Donate(ctx context.Context, newcomer relay.Region) (*applier.Donation, error)
}

var _ relay.Donor = (*Donor)(nil)

// Admit implements relay.Donor.
func (d *Donor) Admit(ctx context.Context, h relay.Hello) (relay.Admission, error) {
	return d.Relay.Admit(ctx, h)
}

// Keep implements relay.Donor.
func (d *Donor) Keep(ctx context.Context, h relay.Hello, place string) (relay.LSN, error) {
	if d.Locate == nil {
		return 0, errors.New("where a copy of this region's database was made cannot be found in its log: take one after octant join --prepare")
	}
	first, err := d.Locate(place)
	if err != nil {
		return 0, fmt.Errorf("find in the log where the copy was made: %w", err)
	}
	return first - 1, d.Relay.KeepFrom(ctx, h, first)
}

// Lag implements relay.Donor.
func (d *Donor) Lag(ctx context.Context) (time.Duration, error) {
	lag := d.Relay.Lag()
	followed, able := d.TableCopier.(relay.Followed)
	if !able {
		return lag, nil
	}
	replicas, err := followed.Lag(ctx)
	return max(lag, replicas), err
}

// Redo implements relay.Donor.
func (d *Donor) Redo(ctx context.Context, from relay.LSN, skip int64, limit int) (relay.LogPieces, error) {
	answer := relay.LogPieces{Merged: d.Applier.Merged()}
	if from > answer.Merged {
		return answer, nil
	}
	cursor, err := d.Log.Local().Read(from)
	if err != nil {
		return answer, fmt.Errorf("read the log from %d on for a region that joins: %w", from, err)
	}
	defer cursor.Close()
	for size := 0; size < limit; skip = 0 {
		e, body, err := cursor.Next(ctx)
		if err != nil {
			return answer, fmt.Errorf("read the log for a region that joins: %w", err)
		}
		piece := relay.LogPiece{LSN: e.LSN, Flavour: e.Flavour, End: true, Local: e.Kind == relay.Local}
		if e.Kind == relay.Local || e.Mark != nil { // a definition that the applier ran has a mark, too
			if err := cut(&piece, body, skip, limit-size); err != nil {
				return answer, err
			}
		}
		answer.Pieces = append(answer.Pieces, piece)
		size += len(piece.Data) + 16
		if e.LSN == answer.Merged || !piece.End {
			break
		}
	}
	return answer, nil
}

// cut takes a part of an entry's bytes.
func cut(piece *relay.LogPiece, body relay.Body, skip int64, limit int) error {
	for chunk, err := range body {
		if err != nil {
			return fmt.Errorf("read entry %d for a region that joins: %w", piece.LSN, err)
		}
		passed := min(skip, int64(len(chunk)))
		skip -= passed
		chunk = chunk[passed:]
		if len(chunk) > 0 && len(piece.Data) >= limit {
			piece.End = false
			return nil
		}
		piece.Data = append(piece.Data, chunk...)
	}
	return nil
}

// Freeze implements relay.Donor. It waits until the relay has merged everything that was committed: after a crash it may know more than the entry that
// it merged last says, until it is there.
func (d *Donor) Freeze(ctx context.Context, newcomer relay.Region) (relay.Frozen, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen != nil {
		d.frozen.close()
		d.frozen = nil
	}
	if err := d.Applier.Fence(ctx); err != nil {
		return relay.Frozen{}, fmt.Errorf("wait until the relay knows what its database has: %w", err)
	}
	donation, err := d.Applier.Donate(ctx, newcomer)
	if err != nil {
		return relay.Frozen{}, err
	}
	defer donation.Close()
	s, err := newSpool(d.Dir)
	if err != nil {
		return relay.Frozen{}, err
	}
	var b []byte
	for pair, err := range donation.Pairs {
		if err == nil {
			b = applier.AppendPair(b[:0], pair)
			err = s.append(b)
		}
		if err != nil {
			s.close()
			return relay.Frozen{}, fmt.Errorf("keep what a region that joins shall know: %w", err)
		}
	}
	if err := s.flush(); err != nil {
		s.close()
		return relay.Frozen{}, err
	}
	s.id = rand.Text()
	d.frozen = s
	return relay.Frozen{ID: s.id, LSN: donation.LSN, Clock: donation.Clock, Settled: donation.Settled, Seen: donation.Seen, Bytes: s.size}, nil
}

// thawBytes is how much one answer has of what is frozen.
const thawBytes = 1 << 20

// Thaw implements relay.Donor.
func (d *Donor) Thaw(_ context.Context, id string, from int64) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen == nil || d.frozen.id != id {
		return nil, relay.ErrNotFound
	}
	return d.frozen.read(from, thawBytes)
}

// Close lets go of what is frozen.
func (d *Donor) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.frozen != nil {
		d.frozen.close()
		d.frozen = nil
	}
	return nil
}
