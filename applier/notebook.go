package applier

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"iter"
	"slices"
	"strconv"

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

	fresh map[string]relay.Conflict
	bytes int
	count int // in the Store; -1: not counted yet
}

func newNotebook(store relay.Store, clock relay.Clock, show func(*relay.Table, relay.Image, bool) string) *notebook {
	return &notebook{store: store, clock: clock, json: show, fresh: make(map[string]relay.Conflict), count: -1}
}

// note takes a conflict down.
func (n *notebook) note(c *conflict.Conflict, table string) relay.Conflict {
	r := relay.Conflict{
		Kind: c.Kind, Table: table, Policy: c.Policy.String(), Decision: "local", Seq: c.Incoming, At: n.clock.Now(),
		Winner: c.Here.Version, Loser: c.There.Version,
		Local: n.show(c.Here.Row, false), Remote: n.show(c.There.Row, false),
	}
	if c.Taken {
		r.Decision, r.Winner, r.Loser = "remote", r.Loser, r.Winner
	}
	if r.Key = n.show(c.There.Row, true); r.Key == "" {
		r.Key = n.show(c.Here.Row, true)
	}
	key := noteKey(&r, c.Key)
	r.ID = binary.BigEndian.Uint64(key[9:])
	n.fresh[string(key)] = r
	n.bytes += len(r.Local) + len(r.Remote) + 300
	return r
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

func noteKey(r *relay.Conflict, k conflict.Key) []byte {
	h := fnv.New64a()
	fmt.Fprint(h, k, r.Winner, r.Loser)
	b := binary.BigEndian.AppendUint64([]byte("c"), uint64(r.Winner.HLC))
	return binary.BigEndian.AppendUint64(b, h.Sum64()>>1)
}

func (n *notebook) full() bool { return n.bytes > maxFreshNotes }

// save writes what is fresh, and lets the oldest go when there are too many.
func (n *notebook) save(ctx context.Context, w *writer) error {
	for key, c := range n.fresh {
		data, err := json.Marshal(c)
		if err != nil {
			return fmt.Errorf("save a conflict: %w", err)
		}
		w.put([]byte(key), data)
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return n.trim(ctx, w)
}

// saved lets go of what save has written, once it is on disk.
func (n *notebook) saved() {
	n.count += len(n.fresh)
	n.fresh, n.bytes = make(map[string]relay.Conflict), 0
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
			if !yield(c, nil) {
				return
			}
		}
	}
}

// all returns the conflicts, oldest first. A fresh one may have been saved before.
func (n *notebook) all(ctx context.Context, a *Applier) ([]relay.Conflict, error) {
	a.mu.Lock()
	byKey := make(map[string]relay.Conflict, len(n.fresh))
	for k, c := range n.fresh {
		byKey[k] = c
	}
	a.mu.Unlock()
	for pair, err := range n.store.Scan([]byte("c"), nil) {
		if err == nil {
			err = ctx.Err()
		}
		var c relay.Conflict
		if err == nil {
			err = json.Unmarshal(pair.Value, &c)
		}
		if err != nil {
			return nil, fmt.Errorf("read the conflict log: %w", err)
		}
		byKey[string(pair.Key)] = c
	}
	keys := make([]string, 0, len(byKey))
	for k := range byKey {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	list := make([]relay.Conflict, len(keys))
	for i, k := range keys {
		list[i] = byKey[k]
	}
	return list, nil
}

// noteConflict is told by the engine, while the lock is held.
func (a *Applier) noteConflict(c conflict.Conflict) {
	table := tableOf(c.Key)
	note := a.notes.note(&c, table)
	a.cfg.Notify(relay.Event{
		Kind: relay.ConflictEvent, Subject: table, Detail: c.Kind, Fields: map[string]string{
			"id": strconv.FormatUint(note.ID, 10), "key": note.Key, "policy": note.Policy, "decision": note.Decision,
			"winner": note.Winner.String(), "loser": note.Loser.String(),
		},
	})
	a.countsOf(table).conflicts++
	a.kinds[kind{c.Kind, c.Policy}]++
}
