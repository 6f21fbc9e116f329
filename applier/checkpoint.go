package applier

import (
	"bytes"
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// How often what is forgotten is forgotten, and what is not is saved. Most registers are forgotten within a second or two: a checkpoint
// that waits saves few of them, and folding a minute of the log again after a crash takes seconds.
const (
	forgetEvery     = 200 * time.Millisecond
	checkpointEvery = time.Minute
	// hotBytes is how much of the version index stays in memory.
	hotBytes = 24 << 20
)

// savedState is the last record of a checkpoint: the place in the local stream that the version index belongs to.
type savedState struct {
	merged   relay.LSN
	snapshot conflict.Snapshot
}

// savedForm is savedState in the Store, under stateKey. The repair queue is kept in pieces, of a generation that
// changes with every checkpoint.
type savedForm struct {
	Merged     relay.LSN
	Seen       []relay.SeqHLC
	Generation byte
	Pieces     int
}

var stateKey = []byte("m")

func pieceKey(generation byte, piece int) []byte {
	return []byte{'r', generation, byte(piece >> 16), byte(piece >> 8), byte(piece)}
}

func loadCheckpoint(store relay.Store) (savedState, error) {
	var s savedState
	form, err := loadForm(store)
	if err != nil {
		return s, err
	}
	s.merged, s.snapshot.Seen = form.Merged, form.Seen
	for i := range form.Pieces {
		data, err := store.Get(pieceKey(form.Generation, i))
		if err != nil {
			return s, fmt.Errorf("read the repair queue: %w", err)
		}
		var keys []conflict.Key
		if err := gob.NewDecoder(bytes.NewReader(data)).Decode(&keys); err != nil {
			return s, fmt.Errorf("read the repair queue: %w", err)
		}
		s.snapshot.Repairs = append(s.snapshot.Repairs, keys...)
	}
	return s, nil
}

func loadForm(store relay.Store) (savedForm, error) {
	var form savedForm
	data, err := store.Get(stateKey)
	if errors.Is(err, relay.ErrNotFound) {
		return form, nil
	}
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(data)).Decode(&form)
	}
	if err != nil {
		return form, fmt.Errorf("read the applier's checkpoint: %w", err)
	}
	return form, nil
}

// runKeeper forgets and saves as time goes by.
func (a *Applier) runKeeper(ctx context.Context) error {
	last := a.cfg.Clock.Now()
	for {
		if err := relay.Sleep(ctx, a.cfg.Clock, forgetEvery); err != nil {
			return err
		}
		full, err := a.forget()
		if err != nil {
			return err
		}
		if now := a.cfg.Clock.Now(); full || now.Sub(last) >= checkpointEvery {
			err := a.checkpoint(ctx)
			if err != nil && ctx.Err() != nil {
				a.cut.Store(true)
				return context.Cause(ctx)
			}
			if err != nil {
				a.cfg.Logger.Error("save the applier's checkpoint", "error", err)
			}
			last = now
		}
	}
}

// forget drops what every region has seen, and tells whether too much is left for memory.
func (a *Applier) forget() (full bool, err error) {
	a.gate.Lock()
	defer a.gate.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	err = a.engine.Forget()
	return a.index.bytes > hotBytes || a.notes.full() || a.index.storeOnly() > sweepAtOnce, err
}

// checkpoint saves the version index as it is after the last merged entry. The order is what makes it safe: registers first, then the place,
// then the removals. A crash in between leaves newer registers behind an older place, and folding again over them does no harm. Nothing is
// merged meanwhile, so what is to be saved stays as it is; but the lock is let go of during each write, so that heartbeats and plans go on.
func (a *Applier) checkpoint(ctx context.Context) error {
	a.gate.Lock()
	defer a.gate.Unlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.index.recount(); err != nil {
		return err
	}
	err := a.saveAll(ctx)
	if err != nil {
		a.index.unsure, a.notes.count = true, -1
		return err
	}
	if a.index.bytes > hotBytes {
		a.index.cool()
	}
	return nil
}

// spill saves what the part of an entry that is being merged has added, if that is too much for memory. It is a checkpoint without a new
// place.
func (a *Applier) spill(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.index.bytes <= hotBytes {
		return nil
	}
	if err := a.index.recount(); err != nil {
		return err
	}
	w := &writer{store: a.cfg.Store, lock: &a.mu}
	defer w.settle()
	err := a.index.save(ctx, w)
	if err == nil {
		err = w.flush(ctx)
	}
	if err != nil {
		a.index.unsure = true
		return err
	}
	a.index.cool()
	return nil
}

func (a *Applier) saveAll(ctx context.Context) error {
	w := &writer{store: a.cfg.Store, lock: &a.mu}
	defer w.settle()
	if err := a.notes.save(ctx, w); err != nil {
		return err
	}
	if err := a.index.save(ctx, w); err != nil {
		return err
	}
	if err := a.saveState(ctx, w); err != nil {
		return err
	}
	a.notes.saved()
	return a.index.sweep(ctx, w, a.engine.Holds)
}

func (a *Applier) saveState(ctx context.Context, w *writer) error {
	old, err := loadForm(a.cfg.Store)
	if err != nil {
		return err
	}
	snapshot := a.engine.Snapshot()
	form := savedForm{Merged: relay.LSN(a.merged.Load()), Seen: snapshot.Seen, Generation: old.Generation + 1}
	for keys := snapshot.Repairs; len(keys) > 0; form.Pieces++ {
		n := pieceOfKeys(keys)
		data, err := encode(keys[:n])
		if err != nil {
			return err
		}
		w.put(pieceKey(form.Generation, form.Pieces), data)
		keys = keys[n:]
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	data, err := encode(form)
	if err != nil {
		return err
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	w.put(stateKey, data)
	for i := range old.Pieces {
		w.delete(pieceKey(old.Generation, i))
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	a.saved = savedState{merged: form.Merged, snapshot: snapshot}
	return nil
}

// pieceBytes is about how many bytes of keys go into one piece of the repair queue.
const pieceBytes = 64 << 10

// pieceOfKeys says how many keys make a piece.
func pieceOfKeys(keys []conflict.Key) int {
	n, size := 0, 0
	for n < len(keys) && size < pieceBytes {
		size += len(keys[n]) + 8
		n++
	}
	return n
}

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}
