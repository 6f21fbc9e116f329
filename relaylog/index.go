package relaylog

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// Floor returns the entry with the greatest key that has the prefix and is not above key. An entry that was trimmed does
// not count, nor does what lies below it.
func (l *localStream) Floor(prefix, key string) (relay.LSN, error) {
	first, last := l.bounds()
	var lsn uint64
	err := l.db.view(func(txn *badger.Txn) (err error) {
		lsn, err = floor(txn, indexKey(prefix), indexKey(key), last)
		return err
	})
	if err == nil && lsn < first {
		err = relay.ErrNotFound
	}
	if err != nil {
		return 0, fmt.Errorf("relay log: find the entry at or before a key: %w", err)
	}
	return relay.LSN(lsn), nil
}

// floor walks down from key over what is not visible yet.
func floor(txn *badger.Txn, prefix, key []byte, last uint64) (uint64, error) {
	it := txn.NewIterator(badger.IteratorOptions{Reverse: true})
	defer it.Close()
	for it.Seek(key); it.ValidForPrefix(prefix); it.Next() {
		lsn, err := itemUint64(it.Item())
		if err != nil {
			return 0, err
		}
		if lsn <= last {
			return lsn, nil
		}
	}
	return 0, relay.ErrNotFound
}

func itemUint64(item *badger.Item) (n uint64, err error) {
	readErr := item.Value(func(value []byte) error {
		n, err = unsealUint64(item.Key(), value)
		return nil
	})
	return n, errors.Join(readErr, err)
}

// BySeq returns the place of the Local entry with that sequence.
func (l *localStream) BySeq(seq relay.Seq) (relay.LSN, error) {
	lsn, err := l.bySeq(seq)
	if err != nil {
		return 0, fmt.Errorf("relay log: find transaction %d: %w", seq, err)
	}
	return lsn, nil
}

func (l *localStream) bySeq(seq relay.Seq) (relay.LSN, error) {
	newest := l.db.State().Seq
	if seq > newest || seq == 0 {
		return 0, relay.ErrNotFound
	}
	lsn, known := l.seqs.get(seq)
	if !known {
		n, err := l.indexed(seqKey(uint64(seq)))
		if errors.Is(err, relay.ErrNotFound) {
			return 0, relay.ErrTrimmed
		}
		if err != nil {
			return 0, err
		}
		lsn = relay.LSN(n)
	}
	switch first, last := l.bounds(); {
	case uint64(lsn) < first:
		return 0, relay.ErrTrimmed
	case uint64(lsn) > last:
		return 0, relay.ErrNotFound
	}
	if !known {
		l.seqs.add(seq, lsn)
	}
	return lsn, nil
}

func (l *localStream) indexed(key []byte) (lsn uint64, err error) {
	err = l.db.view(func(txn *badger.Txn) error {
		item, err := txn.Get(key)
		if errors.Is(err, badger.ErrKeyNotFound) {
			return relay.ErrNotFound
		}
		if err == nil {
			lsn, err = itemUint64(item)
		}
		return err
	})
	return lsn, err
}

// stillPoints tells whether the key leads to the entry and not to a later one.
func stillPoints(txn *badger.Txn, key []byte, lsn uint64) bool {
	item, err := txn.Get(key)
	if err != nil {
		return false
	}
	n, err := itemUint64(item)
	return err == nil && n == lsn && bytes.Equal(item.Key(), key)
}
