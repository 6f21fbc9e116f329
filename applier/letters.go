package applier

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"github.com/octant-db/octant/breaker"
	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// A row that the database refuses is left out of its transaction, which is committed without it, mark and all. So the row is owed: the
// engine has its register and knows that the table does not show it. It has a letter, with a circuit breaker of its own: the letter says when
// the repair is tried again. What comes later to that row is merged into the register and queues behind the letter, or rather takes its place,
// since a repair writes what the register says by then. A table that would take no row at all has a breaker too: its rows are left out
// without being tried, and one of them is the probe.
//
// A row has one letter, even if M knows it under several keys, since its table was missing when some of its writes were read: see twins.go.
//
// In the Store: "l" key -> the letter as JSON, under each of its keys. What is lost of it in a crash is found out again.
type letters struct {
	byKey  map[conflict.Key]*letter
	byID   map[uint64]*letter
	byRow  map[rowName]*letter
	last   uint64 // number given
	dirty  map[conflict.Key]struct{}
	tables map[string]*tableBreaker
	level  relay.LSN // where the log ended at the start: before it is merged again, nothing is known to be settled
}

// letter is a row that the database refuses.
type letter struct {
	keys   []conflict.Key // under which M knows the row, all of one table; one but for a row whose table was missing
	saved  savedLetter
	row    *breaker.Breaker
	trying bool           // its repair is to be planned, or on its way
	plan   *conflict.Plan // that went without it last: until it has landed, the row may not be owed yet
}

// savedLetter is what the Store has of a letter. The row itself is in its register.
type savedLetter struct {
	ID       uint64
	Version  relay.Version // of the register when it was refused, or skipped
	Shown    string        // its key as JSON
	Reason   relay.Reason
	Detail   string
	Attempts uint64
	Since    time.Time
	Skipped  bool
}

// tableBreaker is of a table that refuses every row.
type tableBreaker struct {
	*breaker.Breaker
	rejection relay.Rejection
}

// maxLetters is how many rows may be left out. Beyond that transactions are held up instead: what is owed must stay within what can be kept.
const maxLetters = 100_000

var (
	rowPauses   = breaker.Settings{First: 2 * time.Second, Most: 5 * time.Minute}
	tablePauses = breaker.Settings{First: time.Second, Most: 30 * time.Second}
)

func openLetters(store relay.Store, now time.Time, level relay.LSN) (*letters, error) {
	l := &letters{
		byKey: make(map[conflict.Key]*letter), byID: make(map[uint64]*letter), byRow: make(map[rowName]*letter),
		dirty: make(map[conflict.Key]struct{}), tables: make(map[string]*tableBreaker), level: level,
	}
	for pair, err := range store.Scan([]byte("l"), nil) {
		var s savedLetter
		if err == nil {
			err = json.Unmarshal(pair.Value, &s)
		}
		if err != nil {
			return nil, fmt.Errorf("read dead letters: %w", err)
		}
		l.restore(conflict.Key(pair.Key[1:]), s, now)
	}
	return l, nil
}

func letterKey(k conflict.Key) []byte { return append([]byte("l"), k...) }

// restore adds what the Store has under a key.
func (l *letters) restore(k conflict.Key, s savedLetter, now time.Time) {
	if x := l.byID[s.ID]; x != nil {
		l.attach(x, k)
		return
	}
	row := breaker.Resume(rowPauses, now, int(s.Attempts), s.Detail)
	row.Hurry(now) // it may have been mended meanwhile
	l.add(&letter{keys: []conflict.Key{k}, saved: s, row: row})
}

// add makes a letter with one key known.
func (l *letters) add(x *letter) {
	l.byKey[x.keys[0]], l.byID[x.saved.ID], l.byRow[x.name()] = x, x, x
	l.last = max(l.last, x.saved.ID)
}

func (l *letters) remove(x *letter) {
	for len(x.keys) > 0 {
		l.detach(x, x.keys[0])
	}
}

func (l *letters) full() bool { return len(l.byKey) >= maxLetters }

// write makes the letter of a row.
func (l *letters) write(k conflict.Key, shown string, now time.Time) *letter {
	x := &letter{keys: []conflict.Key{k}, row: breaker.New(rowPauses), saved: savedLetter{ID: l.last + 1, Shown: shown, Since: now}}
	l.add(x)
	return x
}

// state is a letter's state in SQL.
func (x *letter) state() string {
	switch {
	case x.saved.Skipped:
		return "skipped"
	case x.trying:
		return "trying"
	}
	return "parked"
}

// soil has a letter saved.
func (l *letters) soil(x *letter) {
	for _, k := range x.keys {
		l.dirty[k] = struct{}{}
	}
}

// takes tells whether a table takes rows, as far as is known.
func (l *letters) takes(table string) bool {
	b := l.tables[table]
	return b == nil || b.Closed()
}

// saveLetters writes down what has changed. One write follows another, so that the newest is the last.
func (a *Applier) saveLetters(ctx context.Context) error {
	a.saving.Lock()
	defer a.saving.Unlock()
	a.mu.Lock()
	taken := a.letters.dirty
	a.letters.dirty = make(map[conflict.Key]struct{})
	a.mu.Unlock()
	if len(taken) == 0 {
		return nil
	}
	err := a.cfg.Told(ctx) // of a letter that is saved nobody is told again
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		err = a.writeLetters(ctx, taken)
	}
	if err != nil {
		maps.Copy(a.letters.dirty, taken)
		return fmt.Errorf("save dead letters: %w", err)
	}
	return nil
}

// writeLetters makes letters durable as they are now; the lock is held, and let go of during each write.
func (a *Applier) writeLetters(ctx context.Context, keys map[conflict.Key]struct{}) error {
	w := &writer{store: a.cfg.Store, lock: &a.mu}
	defer w.settle()
	if err := a.putLetters(ctx, w, keys); err != nil {
		return err
	}
	return w.flush(ctx)
}

func (a *Applier) putLetters(ctx context.Context, w *writer, keys map[conflict.Key]struct{}) error {
	for k := range keys {
		x := a.letters.byKey[k]
		if x == nil {
			w.delete(letterKey(k))
		} else {
			data, err := json.Marshal(x.saved)
			if err != nil {
				return err
			}
			w.put(letterKey(k), data)
		}
		if err := w.flushLarge(ctx); err != nil {
			return err
		}
	}
	return nil
}
