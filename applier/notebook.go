package applier

import (
	"cmp"
	"context"
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

// notebook is the conflict log. A conflict is found again when the local stream is folded again after a crash; its number is made from what
// it is about, so that it is still there once.
//
// In the Store: "c" when(8) id(8) -> the conflict in the form of notebook_form.go, and "d" id(8) -> when(8): that is when it was found first, in microseconds.
type notebook struct {
	store relay.Store
	clock relay.Clock
	json  func(*relay.Table, relay.Image, bool) string

	fresh  map[uint64]savedNote // by id; one without a kind: it is to be removed
	bytes  int                  // of fresh, about
	saving map[uint64]savedNote // was fresh, and is being written
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
	return &notebook{store: store, clock: clock, keep: keep, json: show, fresh: make(map[uint64]savedNote), count: -1}
}

// note takes a conflict down, or out again: a write counts after all.
func (n *notebook) note(c *conflict.Conflict, table string) relay.Conflict {
	id := noteID(c)
	if c.Verdict && c.Taken {
		n.fresh[id] = savedNote{}
		return relay.Conflict{}
	}
	r := relay.Conflict{
		ID: id, Kind: c.Kind, Table: table, Policy: c.Policy.String(), Decision: decisionOf(c), Seq: c.Incoming,
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
	n.add(id, s)
	return s.Conflict
}

func (n *notebook) add(id uint64, s savedNote) {
	n.fresh[id] = s
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

// noteID numbers a conflict by its name.
func noteID(c *conflict.Conflict) uint64 {
	h := fnv.New64a()
	h.Write([]byte(c.Name()))
	return h.Sum64() >> 1 // so that it is a number everywhere
}

func (n *notebook) full() bool { return n.bytes > maxFreshNotes }

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

// all returns the conflicts, oldest first. A fresh one may have been saved before: it is as old as that.
func (n *notebook) all(ctx context.Context, a *Applier) ([]savedNote, error) {
	a.mu.Lock()
	fresh := make(map[uint64]savedNote, len(n.saving)+len(n.fresh))
	maps.Copy(fresh, n.saving)
	maps.Copy(fresh, n.fresh)
	a.mu.Unlock()
	byID := make(map[uint64]savedNote)
	for pair, err := range n.store.Scan([]byte("c"), nil) {
		if err == nil {
			err = ctx.Err()
		}
		var c savedNote
		if err == nil {
			c, err = decodeNote(pair.Value)
		}
		if err != nil {
			return nil, fmt.Errorf("read the conflict log: %w", err)
		}
		byID[c.ID] = c
	}
	for id, c := range fresh {
		if saved, known := byID[id]; known {
			c.At = saved.At
		}
		byID[id] = c
	}
	list := make([]savedNote, 0, len(byID))
	for _, c := range byID {
		if c.Kind != "" {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(x, y savedNote) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.ID, y.ID)) })
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
	if a.keepsWrites(c.Key) {
		return
	}
	if c.Incoming == notCarried {
		c.Incoming = 0
	}
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
