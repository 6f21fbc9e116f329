package relaylog

import (
	"bytes"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// recover finds the ends of all streams and removes what uncommitted entries left behind.
func (db *DB) recover() error {
	for id := range db.streams {
		s, err := db.openStream(byte(id))
		if err != nil {
			return err
		}
		db.streams[id] = s
		if err := s.removeLeftovers(); err != nil {
			return s.errorAt(s.last+1, fmt.Errorf("remove what was not committed: %w", err))
		}
	}
	db.local = &localStream{db.streams[0], newSeqs()}
	if last := uint64(db.state.LSN); last != db.local.last {
		return fmt.Errorf("the state is of entry %d and the last entry is %d: %w", last, db.local.last, relay.ErrCorrupt)
	}
	return nil
}

func (db *DB) openStream(id byte) (*stream, error) {
	s := &stream{db: db, id: id, name: "local entry", codec: entryCodec{}}
	if id != 0 {
		s.name, s.codec = fmt.Sprintf("region %d's transaction", id), transactionCodec{}
	}
	err := db.badger.View(func(txn *badger.Txn) error {
		m, err := readMark(txn, id)
		if err != nil {
			return fmt.Errorf("read where the stream of each %s begins: %w", s.name, err)
		}
		s.first, s.deleted, s.before = m.first, m.deleted, m.before
		s.last, s.total = m.first-1, m.before
		return s.findLast(txn)
	})
	s.draft = cursorOfDrafts{next: s.last + 1, total: s.total, at: s.at}
	return s, err
}

// findLast looks from the end, where no trimmed keys are in the way.
func (s *stream) findLast(txn *badger.Txn) error {
	it := txn.NewIterator(badger.IteratorOptions{Reverse: true})
	defer it.Close()
	it.Seek(recordKey(s.id, 1<<64-1))
	if !it.ValidForPrefix([]byte{recordPrefix, s.id}) || numberOf(it.Item().Key()) < s.first {
		return nil
	}
	key := it.Item().KeyCopy(nil)
	value, err := it.Item().ValueCopy(nil)
	if err != nil {
		return s.errorAt(numberOf(key), fmt.Errorf("%w: %w", relay.ErrCorrupt, err))
	}
	r, err := decodeRecord(s.codec, key, value)
	if err != nil {
		return s.errorAt(numberOf(key), err)
	}
	s.last, s.total, s.at = r.number, r.total, r.at
	return nil
}

// removeLeftovers deletes the chunks of what was never committed, in batches.
func (s *stream) removeLeftovers() error {
	for {
		var keys [][]byte
		err := s.db.badger.View(func(txn *badger.Txn) error {
			it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{chunkPrefix, s.id}})
			defer it.Close()
			for it.Seek(chunkKey(s.id, s.last+1, 0)); it.Valid() && len(keys) < deleteBatch; it.Next() {
				keys = append(keys, it.Item().KeyCopy(nil))
			}
			return nil
		})
		if err != nil || len(keys) == 0 {
			return err
		}
		if err := s.db.deleteNow(keys); err != nil {
			return err
		}
	}
}

func (db *DB) deleteNow(keys [][]byte) error {
	return db.badger.Update(func(txn *badger.Txn) error {
		for _, key := range keys {
			if err := txn.Delete(bytes.Clone(key)); err != nil {
				return err
			}
		}
		return nil
	})
}
