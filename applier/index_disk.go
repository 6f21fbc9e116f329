package applier

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// save writes what has changed. The caller writes the place in the stream after it, and only then calls sweep.
func (x *index) save(ctx context.Context, w *writer) error {
	fresh := x.hot.Fresh()
	lists, err := x.saveBlocks(ctx, w, fresh)
	if err != nil {
		return err
	}
	for _, k := range fresh {
		if err := x.saveRegister(ctx, w, k, lists[k]); err != nil {
			return err
		}
	}
	x.hot.Saved()
	x.busy = lists
	return nil
}

func (x *index) saveRegister(ctx context.Context, w *writer, k conflict.Key, blocks []block) error {
	r, _, _ := x.hot.Get(k)
	form, err := x.encode(ctx, w, k, r, blocks)
	if err != nil {
		return err
	}
	old, stored := x.saved[k]
	switch {
	case !stored:
		x.cold++
	case old != r.Age():
		w.delete(ageKey(old, k))
	}
	w.put(registerKey(k), form.record)
	w.put(ageKey(r.Age(), k), []byte{})
	x.saved[k] = r.Age()
	x.saveUnique(w, k, r)
	x.replaceBlocks(w, k, blocks)
	if stored && x.large > 0 {
		if err := x.removePieces(w, k, form.owner); err != nil {
			return err
		}
	}
	return w.flushLarge(ctx)
}

// saveUnique lists a key under its unique values.
func (x *index) saveUnique(w *writer, k conflict.Key, r conflict.Register) {
	claims := r.Claims()
	for _, u := range x.values[k] {
		if !slices.Contains(claims, u) {
			w.delete(uniqueKey(u, k))
		}
	}
	for _, u := range claims {
		w.put(uniqueKey(u, k), []byte{})
		x.unique = true
	}
	delete(x.values, k)
	x.note(k, r)
}

// sweep removes from the Store what has been forgotten. It is done after the place in the stream has been saved, since what a fold from
// the old place would still have to know must not be missing.
func (x *index) sweep(ctx context.Context, w *writer, keep func(conflict.Key) bool) error {
	for k, hlc := range x.gone {
		if err := x.remove(ctx, w, k, hlc); err != nil {
			return err
		}
	}
	if x.storeOnly() > 0 {
		if err := x.sweepCold(ctx, w, keep); err != nil {
			return err
		}
	}
	if err := x.sweepBlocks(w); err != nil {
		return err
	}
	if err := w.flush(ctx); err != nil {
		return err
	}
	x.cold -= len(x.gone)
	clear(x.gone)
	return nil
}

// sweepCold forgets registers that are in the Store alone.
func (x *index) sweepCold(ctx context.Context, w *writer, keep func(conflict.Key) bool) error {
	swept := 0
	x.behind = false
	for pair, err := range x.store.Scan([]byte("w"), nil) {
		if err != nil {
			return fmt.Errorf("sweep the version index: %w", err)
		}
		hlc := relay.HLC(binary.BigEndian.Uint64(pair.Key[1:9]))
		if hlc > x.limit {
			break
		}
		k := conflict.Key(pair.Key[9:])
		if _, hot := x.saved[k]; hot || keep(k) {
			continue
		}
		if swept++; swept > sweepAtOnce {
			x.behind = true
			break
		}
		x.gone[k] = hlc // it is not to be found while it is being removed
		if err := x.remove(ctx, w, k, hlc); err != nil {
			return err
		}
	}
	return nil
}

func (x *index) remove(ctx context.Context, w *writer, k conflict.Key, hlc relay.HLC) error {
	if err := x.removeUnique(w, k); err != nil {
		return err
	}
	w.delete(registerKey(k))
	w.delete(ageKey(hlc, k))
	if x.large > 0 {
		if err := x.removePieces(w, k, nil); err != nil {
			return err
		}
	}
	if err := x.removeBlocks(w, k); err != nil {
		return err
	}
	return w.flushLarge(ctx)
}

// removeUnique takes a key off the lists of its unique values. What is in memory no longer has to be asked of the Store.
func (x *index) removeUnique(w *writer, k conflict.Key) error {
	if !x.unique {
		return nil
	}
	data, err := x.store.Get(registerKey(k))
	if errors.Is(err, relay.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("sweep the version index: %w", err)
	}
	r, err := x.decode(k, data)
	if err != nil {
		return err
	}
	for _, u := range r.Claims() {
		w.delete(uniqueKey(u, k))
	}
	return nil
}

// removePieces removes the pieces of a key's images, except of one.
func (x *index) removePieces(w *writer, k conflict.Key, except []byte) error {
	return x.removeUnder(w, imagePrefix(k), except)
}

// removeUnder removes what has keys that begin with a prefix, but not with except, in one batch.
func (x *index) removeUnder(w *writer, prefix, except []byte) error {
	for pair, err := range x.store.Scan(prefix, nil) {
		if err != nil {
			return fmt.Errorf("sweep the version index: %w", err)
		}
		if except == nil || !bytes.HasPrefix(pair.Key, except) {
			w.delete(bytes.Clone(pair.Key))
		}
	}
	return nil
}

func uniquePrefix(value string) []byte {
	return append(binary.AppendUvarint([]byte("u"), uint64(len(value))), value...)
}

func uniqueKey(value string, k conflict.Key) []byte { return append(uniquePrefix(value), k...) }

func registerKey(k conflict.Key) []byte { return append([]byte("v"), k...) }

func ageKey(hlc relay.HLC, k conflict.Key) []byte {
	b := binary.BigEndian.AppendUint64([]byte("w"), uint64(hlc))
	return append(b, k...)
}
