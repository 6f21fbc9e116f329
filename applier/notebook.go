package applier

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// Bounds of the conflict log.
const (
	maxNotes      = 100_000 // conflicts kept
	maxFreshNotes = 4 << 20 // bytes not yet saved
	maxNoteImage  = 16 << 10
)

// notebook is the conflict log. A conflict is found again when the local stream is folded again after a crash; its key is made from what
// it is about, so that it is still there once.
//
// In the Store: "c" clock(8) hash(8) -> the conflict as JSON.
type notebook struct {
	store relay.Store
	clock relay.Clock
	json  func(*relay.Table, relay.Image, bool) string

	fresh  map[string]savedNote // one without a kind: it is to be removed
	bytes  int                  // of fresh, about
	saving map[string]savedNote // was fresh, and is being written
	keep   time.Duration

	saves sync.Mutex // held while conflicts are saved; taken after the applier's gate and before its lock
	count int        // in the Store; -1: not counted yet
}

// savedNote is what the Store has of a conflict: what people see of it, and what its row can be written with again.
type savedNote struct {
	relay.Conflict
	Row         conflict.Key
	Description uint32      `json:",omitempty"` // the number of the table's description
	Image       relay.Image `json:",omitempty"` // any with the row's key
	Partial     bool        `json:",omitempty"` // of a row only the key was kept
	table       *relay.Table
}

func newNotebook(
	store relay.Store, clock relay.Clock, keep time.Duration, show func(*relay.Table, relay.Image, bool) string,
) *notebook {
	return &notebook{store: store, clock: clock, keep: keep, json: show, fresh: make(map[string]savedNote), count: -1}
}

// note takes a conflict down, or out again: a write counts after all.
func (n *notebook) note(c *conflict.Conflict, table string) relay.Conflict {
	key := noteKey(c)
	if c.Verdict && c.Taken {
		n.fresh[string(key)] = savedNote{}
		return relay.Conflict{}
	}
	r := relay.Conflict{
		ID: binary.BigEndian.Uint64(key[9:]), Kind: c.Kind, Table: table, Policy: c.Policy.String(), Decision: decisionOf(c), Seq: c.Incoming,
		At: n.clock.Now(), Winner: c.Here.Version, Loser: c.There.Version,
		Local: n.show(c.Here.Row, false), Remote: n.show(c.There.Row, false),
	}
	if c.Taken {
		r.Winner, r.Loser = r.Loser, r.Winner
	}
	s := savedNote{Conflict: r, Row: c.Key}
	for _, row := range []conflict.Row{c.There.Row, c.Here.Row} {
		s.Partial = s.Partial || len(row.Image) > maxNoteImage
		if s.table == nil && row.Image != nil && row.Table != nil && len(row.Image) <= maxNoteImage {
			s.table, s.Image = row.Table, row.Image
		}
	}
	if s.Key = n.show(c.There.Row, true); s.Key == "" {
		s.Key = n.show(c.Here.Row, true)
	}
	n.add(string(key), s)
	return s.Conflict
}

func (n *notebook) add(key string, s savedNote) {
	n.fresh[key] = s
	n.bytes += len(s.Local) + len(s.Remote) + len(s.Image) + 300
}

func decisionOf(c *conflict.Conflict) string {
	switch {
	case c.Verdict && c.Policy == conflict.Rollback:
		return "rolled back"
	case c.Verdict:
		return "parked"
	case c.Taken:
		return "remote"
	}
	return "local"
}

// show renders a row; the key also of one that is gone.
func (n *notebook) show(r conflict.Row, keyOnly bool) string {
	if r.Image == nil || r.Table == nil || r.Gone && !keyOnly {
		return ""
	}
	if len(r.Image) > maxNoteImage {
		keyOnly = true
	}
	return n.json(r.Table, r.Image, keyOnly)
}

// noteKey names a conflict, whatever was decided: the pair of writes, or the write that does not count.
func noteKey(c *conflict.Conflict) []byte {
	older, newer := c.Here.Version, c.There.Version
	if c.Verdict {
		older = relay.Version{}
	} else if older.After(newer) {
		older, newer = newer, older
	}
	h := fnv.New64a()
	h.Write([]byte(string(c.Key) + newer.String() + " " + older.String()))
	b := binary.BigEndian.AppendUint64([]byte("c"), uint64(newer.HLC))
	return binary.BigEndian.AppendUint64(b, h.Sum64()>>1)
}

func (n *notebook) full() bool { return n.bytes > maxFreshNotes }

// save writes what is fresh. Ready is called once that is set apart: what is noted from then on goes into the next save. The caller holds the lock, which is let go
// of while the Store writes.
func (n *notebook) save(ctx context.Context, lock sync.Locker, tables *tableStore, ready func()) error {
	lock.Unlock()
	n.saves.Lock()
	defer n.saves.Unlock()
	lock.Lock()
	n.saving, n.fresh, n.bytes = n.fresh, make(map[string]savedNote), 0
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
	for key, c := range n.saving {
		number, known := numbers[c.table]
		if !known {
			var err error
			if number, err = tables.save(ctx, w, c.table); err != nil {
				return err
			}
			numbers[c.table] = number
		}
		c.Description = number
		n.saving[key] = c
	}
	return nil
}

// settle lets go of what is on disk now. What is not is fresh again.
func (n *notebook) settle(err error) {
	if err == nil {
		n.count += len(n.saving)
	} else {
		n.count = -1
		for key, c := range n.saving {
			if _, newer := n.fresh[key]; !newer {
				n.add(key, c)
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
	for key, c := range n.saving {
		if c.Kind == "" {
			w.delete([]byte(key))
			continue
		}
		data, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("save a conflict: %w", err)
		}
		w.put([]byte(key), data)
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	if err := n.expire(ctx, w); err != nil {
		return err
	}
	if err := n.trim(ctx, w); err != nil {
		return err
	}
	return w.flush(ctx)
}

// expire removes what is too old. The keys are in the order of the writes' clocks.
func (n *notebook) expire(ctx context.Context, w *writer) error {
	if n.keep <= 0 {
		return nil
	}
	oldest := relay.HLC(n.clock.Now().Add(-n.keep).UnixMicro())
	for pair, err := range n.store.Scan([]byte("c"), nil) {
		if err != nil {
			return fmt.Errorf("look for old conflicts: %w", err)
		}
		if len(pair.Key) < 9 || relay.HLC(binary.BigEndian.Uint64(pair.Key[1:])) >= oldest {
			return nil
		}
		w.delete(slices.Clone(pair.Key))
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
		w.delete(slices.Clone(pair.Key))
		n.count--
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Conflicts yields the conflict log, newest first.
func (a *Applier) Conflicts(ctx context.Context) iter.Seq2[relay.Conflict, error] {
	return func(yield func(relay.Conflict, error) bool) {
		all, err := a.notes.all(ctx, a)
		if err != nil {
			yield(relay.Conflict{}, err)
			return
		}
		for _, c := range slices.Backward(all) {
			if !yield(c.Conflict, nil) {
				return
			}
		}
	}
}

// all returns the conflicts, oldest first. A fresh one may have been saved before.
func (n *notebook) all(ctx context.Context, a *Applier) ([]savedNote, error) {
	a.mu.Lock()
	fresh := make(map[string]savedNote, len(n.saving)+len(n.fresh))
	maps.Copy(fresh, n.saving)
	maps.Copy(fresh, n.fresh)
	a.mu.Unlock()
	byKey := maps.Clone(fresh)
	for pair, err := range n.store.Scan([]byte("c"), nil) {
		if err == nil {
			err = ctx.Err()
		}
		var c savedNote
		if err == nil {
			err = json.Unmarshal(pair.Value, &c)
		}
		if err != nil {
			return nil, fmt.Errorf("read the conflict log: %w", err)
		}
		if _, newer := fresh[string(pair.Key)]; !newer {
			byKey[string(pair.Key)] = c
		}
	}
	list := make([]savedNote, 0, len(byKey))
	for _, k := range slices.Sorted(maps.Keys(byKey)) {
		if c := byKey[k]; c.Kind != "" {
			list = append(list, c)
		}
	}
	return list, nil
}

// saveNotes saves conflicts between two checkpoints. They say more than the place in the stream then, and those that are found again after a crash have the same
// keys. Merging goes on while they are written.
func (a *Applier) saveNotes(ctx context.Context) error {
	a.gate.Lock()
	ready := sync.OnceFunc(a.gate.Unlock)
	defer ready()
	if err := a.cfg.Told(ctx); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	err := a.notes.save(ctx, &a.mu, a.index.tables, ready)
	if err != nil {
		a.index.unsure = true // of the descriptions of tables
	}
	return err
}

// noteConflict is told by the engine, while the lock is held.
func (a *Applier) noteConflict(c conflict.Conflict) {
	table := tableOf(c.Key)
	note := a.notes.note(&c, table)
	if c.Verdict && c.Taken {
		return
	}
	a.cfg.Notify(relay.Event{
		Kind: relay.ConflictEvent, Subject: table, Detail: c.Kind, Fields: map[string]string{
			"id": strconv.FormatUint(note.ID, 10), "key": note.Key, "policy": note.Policy, "decision": note.Decision,
			"winner": note.Winner.String(), "loser": note.Loser.String(),
		},
	})
	a.countsOf(table).conflicts++
	a.kinds[kind{c.Kind, c.Policy}]++
}
