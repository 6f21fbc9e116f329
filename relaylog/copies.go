package relaylog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// copiesIn returns the copies that become durable with a group. They are in its frame, and in no other place unless a checkpoint passes them: opening the store finds them.
func copiesIn(group []*op) (pairs []relay.Pair) {
	for _, o := range group {
		if o.copied != nil {
			pairs = append(pairs, o.copied.copy())
		}
	}
	return pairs
}

// keepCopies gives Badger the copies whose transactions are not yet durable as part of their streams. Behind a checkpoint nobody would find them.
func (db *DB) keepCopies() error {
	for _, s := range db.streams {
		if list := s.neededCopies(); len(list) > 0 {
			if err := fill(db.badger, list); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *stream) neededCopies() (pairs []relay.Pair) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.runners {
		if r.kept {
			pairs = append(pairs, r.copy())
		}
	}
	return pairs
}

// leaveCopies remembers, when what was on its way to the disk is lost, what can be committed elsewhere all the same; the stream's lock is held.
func (s *stream) leaveCopies() {
	s.copies = slices.DeleteFunc(s.copies, func(r *record) bool { return r.number <= s.last })
	for _, r := range s.runners {
		if r.kept && r.confirmed {
			s.copies = append(s.copies, r.op.record)
		}
	}
}

// Knows tells whether the transaction is here in any form.
func (r *receivedStream) Knows(seq relay.Seq) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	last := r.last
	for _, list := range [][]*record{r.queued, r.copies} {
		if n := len(list); n > 0 {
			last = max(last, list[n-1].number)
		}
	}
	return uint64(seq) <= last
}

// findCopies looks, in the store that is being opened, for copies of what follows the stream's end.
func (s *stream) findCopies() error {
	for number := s.last + 1; number <= s.last+copies; number++ {
		value, err := s.db.copyAt(copyKey(s.id, number))
		if errors.Is(err, relay.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read a copy of what was sent ahead: %w", err)
		}
		r, err := decodeRecord(s.codec, recordKey(s.id, number), value)
		if err != nil {
			return nil //nolint:nilerr // it is of another number
		}
		s.copies = append(s.copies, r)
	}
	return nil
}

// copyAt returns what is at the place of a copy.
func (db *DB) copyAt(key []byte) ([]byte, error) {
	if value := db.copies[string(key)]; value != nil {
		return value, nil
	}
	var value []byte
	err := db.badger.View(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return relay.ErrNotFound
		}
		if err == nil {
			value, err = item.ValueCopy(nil)
		}
		return err
	})
	return value, err
}

// Reclaim makes part of the stream what a crash has left of it as copies.
func (r *receivedStream) Reclaim(ctx context.Context, through relay.Seq) error {
	r.mu.Lock()
	left := slices.Clone(r.copies)
	r.mu.Unlock()
	for _, c := range left {
		t := *c.head.(*relay.Transaction)
		if t.Seq > through || uint64(t.Seq) <= r.Last() {
			continue
		}
		err := r.reclaim(ctx, t, c.native)
		if errors.Is(err, errOpen) || errors.Is(err, errReceived) {
			return nil // it is being received, which is as good
		}
		if err != nil {
			return r.errorAt(uint64(t.Seq), fmt.Errorf("take up the copy of what was sent ahead: %w", err))
		}
	}
	return nil
}

func (r *receivedStream) reclaim(ctx context.Context, t relay.Transaction, native []byte) error {
	w, err := r.Begin(ctx, t)
	if err != nil {
		return err
	}
	defer w.Discard()
	if err := w.Append(native); err != nil {
		return err
	}
	if err := w.Commit(); err != nil {
		return err
	}
	return r.WaitDurable(ctx, t.Seq)
}
