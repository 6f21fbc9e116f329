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

// How often what is not forgotten is saved. Most registers are forgotten within a second or two: a checkpoint that waits saves few of them, and folding a minute of the
// log again after a crash takes seconds.
const (
	checkpointEvery = time.Minute
	// hotBytes is how much of the version index stays in memory.
	hotBytes = 24 << 20
)

// savedState is the last record of a checkpoint: the place in the local stream that the version index belongs to.
type savedState struct {
	merged   relay.LSN
	snapshot conflict.Snapshot
}

// savedForm is savedState in the Store, under stateKey. The repair queue and the pinned rows are kept in pieces, of a generation that
// changes with every checkpoint.
type savedForm struct {
	Merged     relay.LSN
	Seen       []relay.SeqHLC
	Generation byte
	Pieces     int // of the repair queue
	Pinned     int // pieces of the pinned rows
	Settled    relay.HLC
	Clock      relay.HLC
}

// aheadForm is, under aheadKey, what was saved ahead of newer registers: rows that have to be looked at if the place in
// the stream did not follow.
type aheadForm struct {
	Generation      byte
	Repairs, Pinned int // pieces
}

var (
	stateKey = []byte("m")
	aheadKey = []byte("n")
)

// The first letters of the keys of pieces.
const (
	repairPieces      = 'r'
	pinPieces         = 'q'
	aheadRepairPieces = 'x'
	aheadPinPieces    = 'y'
)

func pieceKey(list, generation byte, piece int) []byte {
	return []byte{list, generation, byte(piece >> 16), byte(piece >> 8), byte(piece)}
}

func loadCheckpoint(store relay.Store) (savedState, error) {
	var s savedState
	form, err := loadForm(store)
	if err != nil {
		return s, err
	}
	var ahead aheadForm
	if err := loadRecord(store, aheadKey, &ahead); err != nil {
		return s, err
	}
	s.merged, s.snapshot.Seen, s.snapshot.Settled, s.snapshot.Clock = form.Merged, form.Seen, form.Settled, form.Clock
	var next conflict.Snapshot
	for _, l := range []struct {
		list, generation byte
		pieces           int
		keys             *[]conflict.Key
	}{
		{repairPieces, form.Generation, form.Pieces, &s.snapshot.Repairs},
		{pinPieces, form.Generation, form.Pinned, &s.snapshot.Pins},
		{aheadRepairPieces, ahead.Generation, ahead.Repairs, &next.Repairs},
		{aheadPinPieces, ahead.Generation, ahead.Pinned, &next.Pins},
	} {
		if *l.keys, err = loadKeys(store, l.list, l.generation, l.pieces); err != nil {
			return s, err
		}
	}
	s.snapshot = s.snapshot.Ahead(next)
	return s, nil
}

// loadKeys reads a list of keys that saveKeys wrote.
func loadKeys(store relay.Store, list, generation byte, pieces int) ([]conflict.Key, error) {
	var all []conflict.Key
	for i := range pieces {
		var keys []conflict.Key
		data, err := store.Get(pieceKey(list, generation, i))
		if err == nil {
			err = gob.NewDecoder(bytes.NewReader(data)).Decode(&keys)
		}
		if err != nil {
			return nil, fmt.Errorf("read the rows that wait for repair: %w", err)
		}
		all = append(all, keys...)
	}
	return all, nil
}

// saveKeys writes a list of keys in pieces, and returns their number.
func saveKeys(ctx context.Context, w *writer, list, generation byte, keys []conflict.Key) (int, error) {
	pieces := 0
	for ; len(keys) > 0; pieces++ {
		n := pieceOfKeys(keys)
		data, err := encode(keys[:n])
		if err != nil {
			return 0, err
		}
		w.put(pieceKey(list, generation, pieces), data)
		keys = keys[n:]
		if err := w.flushLarge(ctx); err != nil {
			return 0, err
		}
	}
	return pieces, nil
}

// dropKeys removes what saveKeys wrote.
func dropKeys(w *writer, list, generation byte, pieces int) {
	for i := range pieces {
		w.delete(pieceKey(list, generation, i))
	}
}

func loadForm(store relay.Store) (savedForm, error) {
	var form savedForm
	return form, loadRecord(store, stateKey, &form)
}

// loadRecord reads a record that may not be there yet.
func loadRecord(store relay.Store, key []byte, into any) error {
	data, err := store.Get(key)
	if errors.Is(err, relay.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = gob.NewDecoder(bytes.NewReader(data)).Decode(into)
	}
	if err != nil {
		return fmt.Errorf("read the applier's checkpoint: %w", err)
	}
	return nil
}

// runKeeper forgets and saves as time goes by.
func (a *Applier) runKeeper(ctx context.Context) error {
	last := a.cfg.Clock.Now()
	for {
		if err := relay.Sleep(ctx, a.cfg.Clock, forgetEvery); err != nil {
			return err
		}
		a.tendLetters(ctx)
		full, noted, err := a.forget()
		if err != nil {
			return err
		}
		now := a.cfg.Clock.Now()
		switch {
		case full || now.Sub(last) >= checkpointEvery:
			last, err = now, a.checkpoint(ctx)
			a.cut.Store(err != nil && ctx.Err() != nil)
		case noted:
			err = a.saveNotes(ctx)
		}
		if err != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			a.cfg.Logger.Error("save the applier's checkpoint", "error", err)
		}
	}
}

// checkpoint saves the version index as it is after the last merged entry. The order is what makes it safe: registers first, then the place,
// then the removals. A crash in between leaves newer registers behind an older place, and folding again over them does no harm. Nothing is
// merged meanwhile, so what is to be saved stays as it is; but the lock is let go of during each write, so that heartbeats and plans go on.
func (a *Applier) checkpoint(ctx context.Context) error {
	a.gate.Lock()
	defer a.gate.Unlock()
	return a.checkpointed(ctx)
}

// checkpointed is checkpoint; the gate is held.
func (a *Applier) checkpointed(ctx context.Context) error {
	if err := a.cfg.Told(ctx); err != nil { // a conflict that is saved is not found again
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.index.recount(); err != nil {
		return err
	}
	err := a.saveAll(ctx)
	if err != nil {
		a.index.unsure = true
		return err
	}
	if a.index.full() {
		return a.index.cool()
	}
	return nil
}

// spill saves what the part of an entry that is being merged has added, if that is too much for memory. It is a checkpoint without a new
// place. Open are the rows that the entry has changed and not written yet. Conflicts are saved first: registers that are on disk do not meet again what they met.
func (a *Applier) spill(ctx context.Context, open []conflict.Key) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.index.full() {
		return nil
	}
	if err := a.told(ctx); err != nil {
		return err
	}
	if err := a.index.recount(); err != nil {
		return err
	}
	if err := a.notes.save(ctx, &a.mu, a.index.tables, func() {}); err != nil {
		a.index.unsure = true
		return err
	}
	w := &writer{store: a.cfg.Store, lock: &a.mu}
	defer w.settle()
	err := a.saveAhead(ctx, w, open)
	if err == nil {
		err = a.index.save(ctx, w)
	}
	if err == nil {
		err = w.flush(ctx)
	}
	if err != nil {
		a.index.unsure = true
		return err
	}
	return a.index.cool()
}

// told lets go of the lock until those who are to be told of conflicts have kept them: what is saved is not found again.
func (a *Applier) told(ctx context.Context) error {
	a.mu.Unlock()
	defer a.mu.Lock()
	return a.cfg.Told(ctx)
}

func (a *Applier) saveAll(ctx context.Context) error {
	if err := a.notes.save(ctx, &a.mu, a.index.tables, func() {}); err != nil {
		return err
	}
	w := &writer{store: a.cfg.Store, lock: &a.mu}
	defer w.settle()
	if err := a.saveAhead(ctx, w, nil); err != nil {
		return err
	}
	if err := a.index.save(ctx, w); err != nil {
		return err
	}
	if err := a.saveState(ctx, w); err != nil {
		return err
	}
	return a.index.sweep(ctx, w, a.engine.Holds)
}

func (a *Applier) saveState(ctx context.Context, w *writer) error {
	old, err := loadForm(a.cfg.Store)
	if err != nil {
		return err
	}
	if err := a.alerts.save(w); err != nil {
		return err
	}
	state := savedState{merged: relay.LSN(a.merged.Load()), snapshot: a.engine.Snapshot()}
	if err := state.save(ctx, w, old.Generation+1); err != nil {
		return err
	}
	dropKeys(w, repairPieces, old.Generation, old.Pieces)
	dropKeys(w, pinPieces, old.Generation, old.Pinned)
	if err := w.flush(ctx); err != nil {
		return err
	}
	a.alerts.changed = false
	a.saved = state
	a.engine.Saved(state.snapshot)
	return nil
}

// save writes the last record of a checkpoint, once everything else of it is durable.
func (s *savedState) save(ctx context.Context, w *writer, generation byte) (err error) {
	form := savedForm{Merged: s.merged, Seen: s.snapshot.Seen, Settled: s.snapshot.Settled, Clock: s.snapshot.Clock, Generation: generation}
	if form.Pieces, err = saveKeys(ctx, w, repairPieces, form.Generation, s.snapshot.Repairs); err != nil {
		return err
	}
	if form.Pinned, err = saveKeys(ctx, w, pinPieces, form.Generation, s.snapshot.Pins); err != nil {
		return err
	}
	return putAfter(ctx, w, stateKey, form)
}

// saveAhead writes down which rows wait for repair and which are pinned, before registers that are newer than the place in the
// stream: what those say of rows that no later entry shows would not be found out again. Nearly always there is nothing to write.
func (a *Applier) saveAhead(ctx context.Context, w *writer, open []conflict.Key) error {
	var old aheadForm
	if err := loadRecord(a.cfg.Store, aheadKey, &old); err != nil {
		return err
	}
	next := a.engine.Snapshot()
	next.Repairs = append(next.Repairs, open...)
	if len(next.Repairs)+len(next.Pins)+old.Repairs+old.Pinned == 0 {
		return nil
	}
	next = a.saved.snapshot.Ahead(next)
	form := aheadForm{Generation: old.Generation + 1}
	var err error
	if form.Repairs, err = saveKeys(ctx, w, aheadRepairPieces, form.Generation, next.Repairs); err != nil {
		return err
	}
	if form.Pinned, err = saveKeys(ctx, w, aheadPinPieces, form.Generation, next.Pins); err != nil {
		return err
	}
	if err := putAfter(ctx, w, aheadKey, form); err != nil {
		return err
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	dropKeys(w, aheadRepairPieces, old.Generation, old.Repairs)
	dropKeys(w, aheadPinPieces, old.Generation, old.Pinned)
	return nil
}

// putAfter puts a record once everything that it names is durable.
func putAfter(ctx context.Context, w *writer, key []byte, record any) error {
	data, err := encode(record)
	if err != nil {
		return err
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	w.put(key, data)
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
