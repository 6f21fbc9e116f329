package applier

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// index is the engine's M: in memory what was used since the last checkpoint, in the Store what has been there for longer. It changes only
// while the applier's lock is held.
//
// A register, its age and the description of its table are written at once, the pieces of its image before it and under its own
// clock and size: whatever write is the last one before a crash, the registers in the Store are whole.
//
// In the Store:
//
//	"v" key            -> clock, region, flags, table number, image
//	"w" clock(8) key   -> ""                       the same registers by age, for forgetting
//	"b" length key clock(8) size(8) nr(4) -> a piece of an image that is too large for one record
//	"t" number(4)      -> flavour, native description of a table
type index struct {
	store relay.Store
	hot   *conflict.Memory
	bytes int64 // of hot, about

	dirty  map[conflict.Key]struct{}  // in hot, not in the Store as they are
	saved  map[conflict.Key]relay.HLC // in hot and in the Store, with the clock that they have there
	gone   map[conflict.Key]relay.HLC // forgotten, and still in the Store
	absent map[conflict.Key]struct{}  // looked for by the last prefetch, in neither
	cold   int                        // registers in the Store
	large  int                        // images were saved in pieces: some may be there
	limit  relay.HLC                  // everything not above it may be forgotten

	unsure bool // a write failed: what of the above is in the Store must be found out

	tables *tableStore
}

func openIndex(store relay.Store, parse func(relay.Flavour, []byte) (*relay.Table, error)) (*index, error) {
	x := &index{store: store, absent: make(map[conflict.Key]struct{})}
	x.reset()
	x.gone = make(map[conflict.Key]relay.HLC)
	if err := x.count(); err != nil {
		return nil, fmt.Errorf("open the version index: %w", err)
	}
	for _, err := range store.Scan([]byte("b"), nil) {
		if err != nil {
			return nil, fmt.Errorf("open the version index: %w", err)
		}
		x.large++
		break
	}
	var err error
	x.tables, err = openTables(store, parse)
	return x, err
}

// count counts the registers in the Store.
func (x *index) count() error {
	x.cold = 0
	for _, err := range x.store.Scan([]byte("w"), nil) {
		if err != nil {
			return err
		}
		x.cold++
	}
	return nil
}

// recount finds out what the Store holds if a write to it has failed, and has everything in memory saved again then.
func (x *index) recount() error {
	if !x.unsure {
		return nil
	}
	if err := x.count(); err != nil {
		return fmt.Errorf("look through the version index: %w", err)
	}
	x.tables.distrust()
	clear(x.saved)
	for k := range x.hot.All {
		x.dirty[k] = struct{}{}
		if err := x.find(k, x.saved); err != nil {
			return err
		}
	}
	gone := x.gone
	x.gone = make(map[conflict.Key]relay.HLC)
	for k := range gone {
		if err := x.find(k, x.gone); err != nil {
			return err
		}
	}
	x.unsure = false
	return nil
}

// find notes the clock that a key's register has in the Store, if it is there.
func (x *index) find(k conflict.Key, clocks map[conflict.Key]relay.HLC) error {
	data, err := x.store.Get(registerKey(k))
	if errors.Is(err, relay.ErrNotFound) {
		return nil
	}
	if err == nil && len(data) < 8 {
		err = relay.ErrCorrupt
	}
	if err != nil {
		return fmt.Errorf("look through the version index: %w", err)
	}
	clocks[k] = relay.HLC(binary.BigEndian.Uint64(data))
	return nil
}

// reset empties the part in memory.
func (x *index) reset() {
	x.hot, x.bytes = conflict.NewMemory(), 0
	x.dirty = make(map[conflict.Key]struct{})
	x.saved = make(map[conflict.Key]relay.HLC)
}

// Get implements conflict.Index.
func (x *index) Get(k conflict.Key) (conflict.Register, bool, error) {
	if r, ok, _ := x.hot.Get(k); ok {
		return r, true, nil
	}
	_, forgotten := x.gone[k]
	if _, absent := x.absent[k]; absent || forgotten || x.storeOnly() == 0 {
		return conflict.Register{}, false, nil // the Store is slow to ask, and mostly holds nothing that memory does not
	}
	data, err := x.store.Get(registerKey(k))
	if errors.Is(err, relay.ErrNotFound) {
		return conflict.Register{}, false, nil
	}
	if err != nil {
		return conflict.Register{}, false, fmt.Errorf("read the version index: %w", err)
	}
	if err := x.load(k, data); err != nil {
		return conflict.Register{}, false, err
	}
	return x.hot.Get(k)
}

// prefetch brings the registers of keys into memory that are in the Store alone, with one look for all of them.
func (x *index) prefetch(changes []conflict.Change) error {
	clear(x.absent)
	if x.storeOnly() == 0 {
		return nil
	}
	var keys []conflict.Key
	var names [][]byte
	for i := range changes {
		k := changes[i].Key
		_, hot, _ := x.hot.Get(k)
		if _, gone := x.gone[k]; !hot && !gone {
			keys, names = append(keys, k), append(names, registerKey(k))
		}
	}
	values, err := x.store.GetAll(names)
	if err != nil {
		return fmt.Errorf("read the version index: %w", err)
	}
	for i, data := range values {
		if data == nil {
			x.absent[keys[i]] = struct{}{}
			continue
		}
		if err := x.load(keys[i], data); err != nil {
			return err
		}
	}
	return nil
}

// load takes a register from the Store into memory.
func (x *index) load(k conflict.Key, data []byte) error {
	if _, hot, _ := x.hot.Get(k); hot {
		return nil
	}
	r, err := x.decode(k, data)
	if err != nil {
		return err
	}
	x.bytes += weight(k, r)
	x.saved[k] = r.Version.HLC
	return x.hot.Put(k, r)
}

// Put implements conflict.Index.
func (x *index) Put(k conflict.Key, r conflict.Register) error {
	old, known, _ := x.hot.Get(k)
	if known {
		x.bytes -= weight(k, old)
	}
	if hlc, ok := x.gone[k]; ok {
		delete(x.gone, k)
		x.saved[k] = hlc
	}
	r.Row.Image = bytes.Clone(r.Row.Image) // it was cut out of a whole transaction
	x.bytes += weight(k, r)
	x.dirty[k] = struct{}{}
	delete(x.absent, k)
	return x.hot.Put(k, r)
}

// Forget implements conflict.Index. What is only in the Store is forgotten at the next checkpoint.
func (x *index) Forget(limit relay.HLC, keep func(conflict.Key) bool) error {
	x.limit = max(x.limit, limit)
	return x.hot.Forget(limit, func(k conflict.Key) bool {
		if keep(k) {
			return true
		}
		x.drop(k)
		return false
	})
}

func (x *index) drop(k conflict.Key) {
	r, _, _ := x.hot.Get(k)
	x.bytes -= weight(k, r)
	if hlc, ok := x.saved[k]; ok {
		x.gone[k] = hlc
	}
	delete(x.saved, k)
	delete(x.dirty, k)
}

// Len implements conflict.Index.
func (x *index) Len() int { return x.hot.Len() + x.storeOnly() }

// storeOnly is how many registers are in the Store alone.
func (x *index) storeOnly() int { return x.cold - len(x.saved) - len(x.gone) }

// weight is about what a register takes in memory.
func weight(k conflict.Key, r conflict.Register) int64 {
	return int64(len(k)+len(r.Row.Image)) + 160
}

// save writes what has changed. The caller writes the place in the stream after it, and only then calls sweep.
func (x *index) save(ctx context.Context, w *writer) error {
	for k := range x.dirty {
		if err := x.saveRegister(ctx, w, k); err != nil {
			return err
		}
	}
	clear(x.dirty)
	return nil
}

func (x *index) saveRegister(ctx context.Context, w *writer, k conflict.Key) error {
	r, _, _ := x.hot.Get(k)
	if err := x.saveImage(ctx, w, k, r); err != nil {
		return err
	}
	number, err := x.tables.save(ctx, w, r.Row.Table)
	if err != nil {
		return err
	}
	old, stored := x.saved[k]
	switch {
	case !stored:
		x.cold++
	case old != r.Version.HLC:
		w.delete(ageKey(old, k))
	}
	w.put(registerKey(k), encodeRegister(r, number))
	w.put(ageKey(r.Version.HLC, k), []byte{})
	x.saved[k] = r.Version.HLC
	if stored && x.large > 0 {
		if err := x.removePieces(w, k, pieceOwner(k, r)); err != nil {
			return err
		}
	}
	return w.flushLarge(ctx)
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
	if err := w.flush(ctx); err != nil {
		return err
	}
	x.cold -= len(x.gone)
	clear(x.gone)
	return nil
}

// sweepAtOnce bounds the registers that one checkpoint removes.
const sweepAtOnce = 50_000

// sweepCold forgets registers that are in the Store alone.
func (x *index) sweepCold(ctx context.Context, w *writer, keep func(conflict.Key) bool) error {
	swept := 0
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
	w.delete(registerKey(k))
	w.delete(ageKey(hlc, k))
	if x.large > 0 {
		if err := x.removePieces(w, k, nil); err != nil {
			return err
		}
	}
	return w.flushLarge(ctx)
}

// removePieces removes the pieces of a key's images, except of one.
func (x *index) removePieces(w *writer, k conflict.Key, except []byte) error {
	for pair, err := range x.store.Scan(imagePrefix(k), nil) {
		if err != nil {
			return fmt.Errorf("sweep the version index: %w", err)
		}
		if except == nil || !bytes.HasPrefix(pair.Key, except) {
			w.delete(bytes.Clone(pair.Key))
		}
	}
	return nil
}

// cool lets go of the memory, once everything has been saved.
func (x *index) cool() { x.reset() }

func registerKey(k conflict.Key) []byte { return append([]byte("v"), k...) }

func ageKey(hlc relay.HLC, k conflict.Key) []byte {
	b := binary.BigEndian.AppendUint64([]byte("w"), uint64(hlc))
	return append(b, k...)
}

const (
	flagExists = 1 << iota
	flagImage
	flagPieces // the image is kept in pieces
)

// inlineImage is the largest image that is kept with its register, and the size of a piece of larger ones.
const inlineImage = 256 << 10

func imagePrefix(k conflict.Key) []byte {
	return append(binary.AppendUvarint([]byte("b"), uint64(len(k))), k...)
}

// pieceOwner is what the keys of the pieces of a register's image begin with.
func pieceOwner(k conflict.Key, r conflict.Register) []byte {
	b := binary.BigEndian.AppendUint64(imagePrefix(k), uint64(r.Version.HLC))
	return binary.BigEndian.AppendUint64(b, uint64(len(r.Row.Image)))
}

func pieceOf(owner []byte, n int) []byte {
	return binary.BigEndian.AppendUint32(bytes.Clone(owner), uint32(n))
}

// saveImage writes an image that is too large for its register, and waits: the register must not be durable before it.
func (x *index) saveImage(ctx context.Context, w *writer, k conflict.Key, r conflict.Register) error {
	img, owner := r.Row.Image, pieceOwner(k, r)
	if len(img) <= inlineImage {
		return nil
	}
	x.large++
	for n := 0; len(img) > 0; n++ {
		size := min(len(img), inlineImage)
		w.put(pieceOf(owner, n), img[:size])
		img = img[size:]
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return w.flush(ctx)
}

func (x *index) loadImage(k conflict.Key, hlc relay.HLC, size uint64) (relay.Image, error) {
	owner := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(imagePrefix(k), uint64(hlc)), size)
	img := make(relay.Image, 0, min(size, 1<<31))
	for n := 0; uint64(len(img)) < size; n++ {
		piece, err := x.store.Get(pieceOf(owner, n))
		if err != nil {
			return nil, fmt.Errorf("read a large image of the version index: %w", err)
		}
		img = append(img, piece...)
	}
	return img[:size], nil
}

func encodeRegister(r conflict.Register, table uint32) []byte {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 14+len(r.Row.Image)), uint64(r.Version.HLC))
	var flags byte
	if r.Row.Exists() {
		flags |= flagExists
	}
	if r.Row.Image != nil {
		flags |= flagImage
	}
	if len(r.Row.Image) > inlineImage {
		flags |= flagPieces
	}
	b = append(b, byte(r.Version.Region), flags)
	b = binary.BigEndian.AppendUint32(b, table)
	if flags&flagPieces != 0 {
		return binary.AppendUvarint(b, uint64(len(r.Row.Image)))
	}
	return append(b, r.Row.Image...)
}

func (x *index) decode(k conflict.Key, b []byte) (conflict.Register, error) {
	if len(b) < 14 {
		return conflict.Register{}, fmt.Errorf("read the version index: %w", relay.ErrCorrupt)
	}
	r := conflict.Register{Version: relay.Version{HLC: relay.HLC(binary.BigEndian.Uint64(b)), Region: relay.Region(b[8])}}
	if b[9]&flagImage == 0 {
		return r, nil
	}
	var err error
	r.Row.Table, err = x.tables.table(binary.BigEndian.Uint32(b[10:]))
	if err != nil {
		return r, err
	}
	r.Row.Image, r.Row.Gone = relay.Image(b[14:]), b[9]&flagExists == 0
	if b[9]&flagPieces != 0 {
		size, _ := binary.Uvarint(b[14:])
		r.Row.Image, err = x.loadImage(k, r.Version.HLC, size)
	}
	return r, err
}
