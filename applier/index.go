package applier

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

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
//	"i" length key number(8) nr(4) -> a piece of a block of a long history
//	"u" length value key -> ""                     the claims of rows: unique values, and parents
//	"t" number(4)      -> flavour, native description of a table
type index struct {
	store relay.Store
	hot   *conflict.Memory
	bytes int64 // of hot, about

	saved  map[conflict.Key]relay.HLC // in hot and in the Store, with the clock that they have there
	gone   map[conflict.Key]relay.HLC // forgotten, and still in the Store
	absent map[conflict.Key]struct{}  // looked for by the last prefetch, in neither
	cold   int                        // registers in the Store
	large  int                        // images were saved in pieces: some may be there
	limit  relay.HLC                  // everything not above it may be forgotten

	unnamed map[string]bool // tables of which there are, or were, provisional keys

	blocking  blocking
	blocks    map[conflict.Key][]block  // of the long histories in hot and in the Store, as they are there
	busy      map[conflict.Key][]block  // those that changed before the last checkpoint
	long      map[conflict.Key]struct{} // rows of which there are, or were, blocks in the Store
	lastBlock uint64                    // the highest number of a block
	kept      int64                     // bytes of what cool had to keep
	behind    bool                      // the last sweep left some that may be forgotten

	unsure bool // a write failed: what of the above is in the Store must be found out

	tables *tableStore

	values map[conflict.Key][]string // in hot and in the Store: the claims that the Store has for the key
	unique bool                      // claims were saved: some may be there
}

func openIndex(store relay.Store, parse func(relay.Flavour, []byte) (*relay.Table, error)) (*index, error) {
	x := &index{store: store, blocking: blocking{longHistory, blockEvents, blockBytes}, absent: make(map[conflict.Key]struct{}), unnamed: make(map[string]bool)}
	x.reset()
	x.gone = make(map[conflict.Key]relay.HLC)
	if err := x.count(); err != nil {
		return nil, fmt.Errorf("open the version index: %w", err)
	}
	if err := x.findUnnamed(); err != nil {
		return nil, err
	}
	large, err := x.any("b")
	if err != nil {
		return nil, err
	}
	if large {
		x.large++
	}
	if x.unique, err = x.any("u"); err != nil {
		return nil, err
	}
	if err := x.findBlocks(); err != nil {
		return nil, err
	}
	x.tables, err = openTables(store, parse)
	return x, err
}

// any tells whether the Store has a key that begins so.
func (x *index) any(prefix string) (bool, error) {
	for _, err := range x.store.Scan([]byte(prefix), nil) {
		if err != nil {
			return false, fmt.Errorf("open the version index: %w", err)
		}
		return true, nil
	}
	return false, nil
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
	clear(x.blocks)
	x.hot.Unsaved()
	for k := range x.hot.All {
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
	if err != nil {
		return fmt.Errorf("look through the version index: %w", err)
	}
	r, blocks, err := x.decodeBlocked(k, data)
	if err != nil {
		return err
	}
	clocks[k] = r.Age()
	if blocks != nil {
		x.blocks[k] = blocks
	}
	return nil
}

// reset empties the part in memory.
func (x *index) reset() {
	x.hot, x.bytes, x.kept = conflict.NewMemory(), 0, 0
	x.hot.Copy()
	x.blocks = make(map[conflict.Key][]block)
	x.saved = make(map[conflict.Key]relay.HLC)
	x.values = make(map[conflict.Key][]string)
}

// Get implements conflict.Index.
func (x *index) Get(k conflict.Key) (conflict.Register, bool, error) {
	if err := x.fetch(k); err != nil {
		return conflict.Register{}, false, err
	}
	return x.hot.Get(k)
}

// Kept implements conflict.Index.
func (x *index) Kept(k conflict.Key) (*conflict.Kept, error) {
	if err := x.fetch(k); err != nil {
		return nil, err
	}
	return x.hot.Kept(k)
}

// fetch brings a register into memory that is in the Store alone.
func (x *index) fetch(k conflict.Key) error {
	if x.storeOnly() == 0 || x.isHot(k) {
		return nil
	}
	_, forgotten := x.gone[k]
	if _, absent := x.absent[k]; absent || forgotten {
		return nil // the Store is slow to ask
	}
	data, err := x.store.Get(registerKey(k))
	if errors.Is(err, relay.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the version index: %w", err)
	}
	return x.load(k, data)
}

// isHot tells whether a register is in memory.
func (x *index) isHot(k conflict.Key) bool {
	r, _ := x.hot.Kept(k)
	return r != nil
}

// prefetch brings the registers of keys into memory that are in the Store alone, with one look for all of them.
func (x *index) prefetch(lists ...[]conflict.Change) error {
	clear(x.absent)
	if x.storeOnly() == 0 {
		return nil
	}
	var keys []conflict.Key
	for _, changes := range lists {
		for i := range changes {
			keys = changes[i].AppendKeys(keys)
		}
	}
	keys = slices.DeleteFunc(keys, func(k conflict.Key) bool {
		_, gone := x.gone[k]
		return gone || x.isHot(k)
	})
	names := make([][]byte, len(keys))
	for i, k := range keys {
		names[i] = registerKey(k)
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
	if x.isHot(k) {
		return nil
	}
	r, blocks, err := x.decodeBlocked(k, data)
	if err != nil {
		return err
	}
	return x.keep(k, r, blocks)
}

// note remembers which unique values the Store has for a key.
func (x *index) note(k conflict.Key, r conflict.Register) {
	if claims := r.Claims(); len(claims) > 0 {
		x.values[k] = claims
	}
}

// Claims implements conflict.Index. The Store may list keys that have given the value up; their registers tell.
func (x *index) Claims(value string) ([]conflict.Key, error) {
	keys, _ := x.hot.Claims(value)
	if !x.unique || x.storeOnly() == 0 {
		return keys, nil
	}
	prefix := uniquePrefix(value)
	for pair, err := range x.store.Scan(prefix, nil) {
		if err != nil {
			return nil, fmt.Errorf("look up a unique value in the version index: %w", err)
		}
		keys = append(keys, conflict.Key(pair.Key[len(prefix):]))
	}
	return keys, nil
}

// Under implements conflict.Index.
func (x *index) Under(prefix conflict.Key) ([]conflict.Key, error) {
	keys, _ := x.hot.Under(prefix)
	if x.storeOnly() == 0 {
		return keys, nil
	}
	for pair, err := range x.store.Scan(registerKey(prefix), nil) {
		if err != nil {
			return nil, fmt.Errorf("look through a table in the version index: %w", err)
		}
		k := prefix + conflict.Key(pair.Key[len(registerKey(prefix)):])
		if _, gone := x.gone[k]; !gone {
			keys = append(keys, k)
		}
	}
	return keys, nil
}

// Put implements conflict.Index.
func (x *index) Put(k conflict.Key, r conflict.Register) error {
	if old, _ := x.hot.Kept(k); old != nil {
		x.bytes -= weightKept(k, old)
	}
	if r.History == nil {
		r.Row.Image = bytes.Clone(r.Row.Image) // it was cut out of a whole transaction
		r.Wrote.Image = bytes.Clone(r.Wrote.Image)
		r.Past = ownImages(r.Past)
	}
	x.bytes += weight(k, r)
	x.returns(k)
	return x.hot.Put(k, r)
}

// Take implements conflict.Index.
func (x *index) Take(k conflict.Key, w *conflict.Kept) (met *conflict.Kept, taken bool, err error) {
	if err := x.fetch(k); err != nil {
		return nil, false, err
	}
	met, taken, err = x.hot.Take(k, w)
	if !taken || err != nil {
		return met, taken, err
	}
	if met != nil {
		x.bytes -= weightKept(k, met)
	}
	x.bytes += weightKept(k, w)
	x.returns(k)
	return met, taken, nil
}

// returns notes that there is a register now, whatever there was before.
func (x *index) returns(k conflict.Key) {
	if hlc, ok := x.gone[k]; ok {
		delete(x.gone, k)
		x.saved[k] = hlc
	}
	if isProvisional(k) {
		x.unnamed[tableOf(k)] = true
	}
	delete(x.absent, k)
}

// Forget implements conflict.Index. What is only in the Store is forgotten at the next checkpoint.
func (x *index) Forget(cut conflict.Cut, gone func(conflict.Key, *conflict.Kept) bool) error {
	x.limit = max(x.limit, cut.Stable)
	return x.hot.Forget(cut, func(k conflict.Key, r *conflict.Kept) bool {
		if !gone(k, r) {
			return false
		}
		x.drop(k, r)
		return true
	})
}

// Remove implements conflict.Index. The key was asked for: its register is in memory.
func (x *index) Remove(k conflict.Key) error {
	if r, _ := x.hot.Kept(k); r != nil {
		x.drop(k, r)
	}
	return x.hot.Remove(k)
}

func (x *index) drop(k conflict.Key, r *conflict.Kept) {
	x.bytes -= weightKept(k, r)
	if hlc, ok := x.saved[k]; ok {
		x.gone[k] = hlc
	}
	delete(x.saved, k)
	delete(x.values, k)
}

// Len implements conflict.Index.
func (x *index) Len() int { return x.hot.Len() + x.storeOnly() }

// storeOnly is how many registers are in the Store alone.
func (x *index) storeOnly() int { return x.cold - len(x.saved) - len(x.gone) }

// weightKept is weight of a register as it is kept.
func weightKept(k conflict.Key, r *conflict.Kept) int64 {
	bytes, whole := r.Size()
	if whole != nil {
		return weight(k, *whole)
	}
	return int64(len(k)+bytes) + registerBytes
}

// registerBytes is what a register takes besides its key and what its row has.
const registerBytes = 184

// ownImages has links keep their own images: these were cut out of whole transactions.
func ownImages(links []conflict.Link) []conflict.Link {
	if len(links) == 0 {
		return nil
	}
	links = slices.Clone(links)
	for i := range links {
		links[i].Row.Image = bytes.Clone(links[i].Row.Image)
	}
	return links
}

// weight is about what a register takes in memory.
func weight(k conflict.Key, r conflict.Register) int64 {
	n := int64(len(k)+len(r.Row.Image)+8*len(r.Deps)) + registerBytes
	for _, u := range r.Claims() {
		n += int64(len(u)) + 64
	}
	for _, u := range r.Row.Children {
		n += int64(len(u)) + 16
	}
	for _, d := range r.Ends {
		n += int64(8*len(d.Deps)) + 48
	}
	for _, f := range r.Fates {
		n += int64(8*len(f.Deps)+len(f.Parent)) + 64
	}
	n += int64(len(r.Wrote.Image))
	for _, l := range r.Past {
		n += int64(len(l.Row.Image)) + 160
		for _, name := range append(slices.Clip(l.Row.Parents), l.Row.Children...) {
			n += int64(len(name)) + 16
		}
	}
	for _, member := range r.Unit {
		n += int64(len(member)) + 16
	}
	if r.History == nil {
		return n
	}
	return n + r.History.Size()
}

// sweepAtOnce bounds the registers that one checkpoint removes.
const sweepAtOnce = 50_000

// full tells whether more is in memory than should be, beyond what cool had to keep.
func (x *index) full() bool { return x.bytes > hotBytes+x.kept }

// cool lets go of the memory, once everything has been saved. Long histories that are being written stay: they would be back with the next write, and all of their events
// would have to be read for that.
func (x *index) cool() error {
	old, blocks := x.hot, x.blocks
	x.reset()
	for k := range x.busy {
		r, known, err := old.Get(k)
		if err != nil || !known {
			continue
		}
		if err := x.keep(k, r, blocks[k]); err != nil {
			return err
		}
	}
	x.kept = x.bytes
	return nil
}

// keep takes a register into memory that is in the Store as it is.
func (x *index) keep(k conflict.Key, r conflict.Register, blocks []block) error {
	if blocks != nil {
		x.blocks[k] = blocks
	}
	x.bytes += weight(k, r)
	x.saved[k] = r.Age()
	x.note(k, r)
	return x.hot.Load(k, r)
}

// search returns the key of a register whose key begins so and of which the function says so, "" if there is none.
func (x *index) search(prefix conflict.Key, is func(*conflict.Register) bool) (conflict.Key, error) {
	for k, r := range x.hot.All {
		if strings.HasPrefix(string(k), string(prefix)) && is(&r) {
			return k, nil
		}
	}
	stored := registerKey(prefix)
	for pair, err := range x.store.Scan(stored, nil) {
		if err != nil {
			return "", fmt.Errorf("search the version index: %w", err)
		}
		k := conflict.Key(pair.Key[1:])
		if x.isHot(k) {
			continue
		}
		if _, gone := x.gone[k]; gone {
			continue
		}
		r, err := x.decode(k, bytes.Clone(pair.Value))
		if err != nil {
			return "", err
		}
		if is(&r) {
			return k, nil
		}
	}
	return "", nil
}
