package applier

import (
	"bytes"
	"context"
	"encoding/gob"
	"fmt"
	"iter"
	"sync"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// donated are the first letters of what a region that joins takes over: registers, their ages, the pieces of their images, the blocks of their histories, unique values, descriptions
// of tables, the place in the log, the rows that wait for repair or are pinned, and the version of all this. Conflicts on record and dead letters are the donor's own.
var donated = []string{"v", "w", "b", "i", "u", "t", "m", "n", "r", "q", "x", "y", "f"}

// Donation is what the applier knows at one entry of the local log.
type Donation struct {
	LSN relay.LSN
	// Clock is above all that anybody may have taken for settled: no stable cut is above what this region has promised. The newcomer's own clock goes on from it,
	// or what it writes might be held for something that everybody has long seen.
	Clock relay.HLC
	// Settled is what all regions but the newcomer show for good: see conflict.Engine.Settled.
	Settled relay.HLC
	Seen    []relay.SeqHLC // by region, this one included
	Pairs   iter.Seq2[relay.Pair, error]
	Close   func()
}

// Donate returns what a region that joins, the newcomer, has to take over. It makes a checkpoint, so that what is in the Store belongs to one entry of the log; the pairs
// are read as they are at that moment, however long that takes, and Close lets go of them.
func (a *Applier) Donate(ctx context.Context, newcomer relay.Region) (*Donation, error) {
	a.gate.Lock()
	defer a.gate.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.index.recount(); err != nil {
		return nil, err
	}
	if err := a.saveAll(ctx); err != nil {
		a.index.unsure = true
		return nil, fmt.Errorf("save what a region that joins shall know: %w", err)
	}
	last, err := a.lastLocal(a.saved.merged)
	if err != nil {
		return nil, err
	}
	moved := a.saved.snapshot.Moved(a.cfg.Self, last)
	d := &Donation{LSN: a.saved.merged, Clock: max(moved.Clock, a.cfg.Log.State().HLC), Settled: a.engine.Settled(newcomer), Seen: moved.Seen}
	d.Pairs, d.Close = a.view(moved)
	return d, nil
}

// lastLocal is the region's own last transaction up to an entry. Nothing of the region up to the clock of that entry comes behind it.
func (a *Applier) lastLocal(merged relay.LSN) (relay.SeqHLC, error) {
	seq := a.cfg.Log.State().Seq
	for ; seq > 0; seq-- {
		lsn, err := a.cfg.Log.Local().BySeq(seq)
		if err != nil || lsn <= merged {
			break // what is no longer in the log was merged
		}
	}
	return relay.SeqHLC{Seq: seq, HLC: a.saved.snapshot.Clock}, nil
}

// view opens all parts of the Store now.
func (a *Applier) view(moved conflict.Snapshot) (iter.Seq2[relay.Pair, error], func()) {
	type part struct {
		next func() (relay.Pair, error, bool)
		stop func()
		pair relay.Pair
		err  error
		more bool
	}
	parts := make([]*part, len(donated))
	for i, prefix := range donated {
		p := &part{}
		p.next, p.stop = iter.Pull2(a.cfg.Store.Scan([]byte(prefix), nil))
		p.pair, p.err, p.more = p.next() // the Store is as it is when a scan begins
		parts[i] = p
	}
	pairs := func(yield func(relay.Pair, error) bool) {
		for _, p := range parts {
			for ; p.more; p.pair, p.err, p.more = p.next() {
				pair, err := p.pair, p.err
				if err == nil && bytes.Equal(pair.Key, stateKey) {
					pair.Value, err = restate(pair.Value, moved)
				}
				if !yield(pair, err) || err != nil {
					return
				}
			}
		}
	}
	return pairs, func() {
		for _, p := range parts {
			p.stop()
		}
	}
}

// restate is the last record of a checkpoint for a region that has another view of who is who.
func restate(record []byte, moved conflict.Snapshot) ([]byte, error) {
	var form savedForm
	if err := gob.NewDecoder(bytes.NewReader(record)).Decode(&form); err != nil {
		return nil, fmt.Errorf("read the applier's checkpoint: %w", err)
	}
	form.Seen = moved.Seen
	return encode(form)
}

// Receive puts into an empty region's Store what a donor's applier knew, in the place of what an earlier try has left.
func Receive(ctx context.Context, store relay.Store, pairs iter.Seq2[relay.Pair, error]) error {
	var alone sync.Mutex // nobody works with the Store yet
	alone.Lock()
	w := &writer{store: store, lock: &alone}
	defer w.settle()
	for _, prefix := range donated {
		if err := w.deleteAll(ctx, []byte(prefix)); err != nil {
			return fmt.Errorf("clear what an earlier try has left: %w", err)
		}
	}
	if err := w.flush(ctx); err != nil { // before anything is put under the same keys
		return fmt.Errorf("clear what an earlier try has left: %w", err)
	}
	for pair, err := range pairs {
		if err == nil {
			w.put(bytes.Clone(pair.Key), append([]byte{}, pair.Value...))
			err = w.flushLarge(ctx)
		}
		if err != nil {
			return fmt.Errorf("take over what the donor knows: %w", err)
		}
	}
	return w.flush(ctx)
}

// deleteAll deletes everything whose key has the prefix.
func (w *writer) deleteAll(ctx context.Context, prefix []byte) error {
	var keys [][]byte
	for pair, err := range w.store.Scan(prefix, nil) {
		if err != nil {
			return err
		}
		keys = append(keys, bytes.Clone(pair.Key))
	}
	for _, k := range keys {
		w.delete(k)
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return nil
}
