package applier

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/octant-db/octant/relay"
)

// save writes what is fresh. Ready is called once that is set apart: what is noted from then on goes into the next save. The caller holds the lock, which is let go
// of while the Store writes.
func (n *notebook) save(ctx context.Context, lock sync.Locker, tables *tableStore, ready func()) error {
	lock.Unlock()
	n.saves.Lock()
	defer n.saves.Unlock()
	lock.Lock()
	n.saving, n.fresh, n.bytes = n.fresh, make(map[uint64]savedNote), 0
	err := n.describe(ctx, &writer{store: n.store, lock: lock}, tables)
	ready()
	if err == nil {
		lock.Unlock()
		err = n.write(ctx)
		lock.Lock()
	}
	n.settle(err)
	return err
}

// describe gives what is being saved the numbers of its tables' descriptions, and has these in the Store.
func (n *notebook) describe(ctx context.Context, w *writer, tables *tableStore) error {
	defer w.settle()
	numbers := make(map[*relay.Table]uint32)
	for id, c := range n.saving {
		number, known := numbers[c.table]
		if !known {
			var err error
			if number, err = tables.save(ctx, w, c.table); err != nil {
				return err
			}
			numbers[c.table] = number
		}
		c.Description = number
		n.saving[id] = c
	}
	return nil
}

// settle lets go of what is on disk now. What is not is fresh again.
func (n *notebook) settle(err error) {
	if err == nil {
		n.count += len(n.saving)
	} else {
		n.count = -1
		for id, c := range n.saving {
			if _, newer := n.fresh[id]; !newer {
				n.add(id, c)
			}
		}
	}
	n.saving = nil
}

// write writes what is being saved, and lets the oldest go when there are too many.
func (n *notebook) write(ctx context.Context) error {
	var own sync.Mutex // of a writer that nobody else uses
	own.Lock()
	defer own.Unlock()
	w := &writer{store: n.store, lock: &own}
	defer w.settle()
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(n.saving)), maxPairs) {
		if err := n.writeSome(ctx, w, ids); err != nil {
			return err
		}
	}
	if err := w.flush(ctx); err != nil { // what is too old is looked for in the Store
		return err
	}
	if err := n.expire(ctx, w); err != nil {
		return err
	}
	if err := n.trim(ctx, w); err != nil {
		return err
	}
	return w.flush(ctx)
}

// writeSome writes some of what is being saved, in the places of those that are there already.
func (n *notebook) writeSome(ctx context.Context, w *writer, ids []uint64) error {
	places := make([][]byte, len(ids))
	for i, id := range ids {
		places[i] = placeKey(id)
	}
	times, err := n.store.GetAll(places)
	if err != nil {
		return fmt.Errorf("look for conflicts that are on record: %w", err)
	}
	var encoder noteWriter
	for i, id := range ids {
		c, known := n.saving[id], len(times[i]) == 8
		if known {
			c.At = time.UnixMicro(int64(binary.BigEndian.Uint64(times[i])))
		}
		if c.Kind == "" {
			if known {
				n.remove(w, savedKey(c.At, id))
			}
			continue
		}
		data, err := encoder.encode(c)
		if err != nil {
			return err
		}
		w.put(savedKey(c.At, id), data)
		w.put(places[i], savedKey(c.At, id)[1:9])
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return nil
}

func savedKey(at time.Time, id uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64([]byte("c"), uint64(at.UnixMicro())), id)
}

func placeKey(id uint64) []byte { return binary.BigEndian.AppendUint64([]byte("d"), id) }

// remove lets go of one that is saved, by its key.
func (n *notebook) remove(w *writer, key []byte) {
	w.delete(key)
	w.delete(placeKey(binary.BigEndian.Uint64(key[9:])))
}

// expire removes what was found too long ago. The keys are in that order.
func (n *notebook) expire(ctx context.Context, w *writer) error {
	if n.keep <= 0 {
		return nil
	}
	oldest := savedKey(n.clock.Now().Add(-n.keep), 0)
	for pair, err := range n.store.Scan([]byte("c"), nil) {
		if err != nil {
			return fmt.Errorf("look for old conflicts: %w", err)
		}
		if bytes.Compare(pair.Key, oldest) >= 0 {
			return nil
		}
		n.remove(w, slices.Clone(pair.Key))
		n.count = max(-1, n.count-1)
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// trim removes the oldest when there are too many. Conflicts that were found again after a crash have been counted twice, so they are
// counted anew first.
func (n *notebook) trim(ctx context.Context, w *writer) error {
	if n.count >= 0 && n.count <= maxNotes+maxNotes/10 {
		return nil
	}
	n.count = 0
	for _, err := range n.store.Scan([]byte("c"), nil) {
		if err != nil {
			return err
		}
		n.count++
	}
	if n.count <= maxNotes+maxNotes/10 {
		return nil
	}
	for pair, err := range n.store.Scan([]byte("c"), nil) {
		if err != nil || n.count <= maxNotes {
			return err
		}
		n.remove(w, slices.Clone(pair.Key))
		n.count--
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return nil
}
