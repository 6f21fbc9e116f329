package relaylog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// Get returns a copy of the value, relay.ErrNotFound if there is none.
func (db *DB) Get(key []byte) (value []byte, err error) {
	err = db.view(func(txn *badger.Txn) error {
		value, err = get(txn, storeKey(key))
		return err
	})
	if err != nil {
		return nil, storeError("read", key, err)
	}
	return value, nil
}

// storeError names the kind of key, which its first byte is by convention; the rest may hold a row's values.
func storeError(what string, key []byte, err error) error {
	return fmt.Errorf("relay store: %s key %.1q…: %w", what, key, err)
}

// Scan yields all pairs whose key has the prefix, from start on, in order, as they were when it began. Key and value are
// valid until the next step. Badger keeps what it reads until the loop ends, so the loop should not wait for anything.
func (db *DB) Scan(prefix, start []byte) iter.Seq2[relay.Pair, error] {
	return func(yield func(relay.Pair, error) bool) {
		stopped := false
		err := db.view(func(txn *badger.Txn) (err error) {
			stopped, err = scanStore(txn, prefix, start, yield)
			return err
		})
		if err != nil && !stopped {
			yield(relay.Pair{}, storeError("scan", prefix, err))
		}
	}
}

func scanStore(txn *badger.Txn, prefix, start []byte, yield func(relay.Pair, error) bool) (stopped bool, err error) {
	it := txn.NewIterator(badger.IteratorOptions{Prefix: storeKey(prefix)})
	defer it.Close()
	from := prefix
	if bytes.Compare(start, prefix) > 0 {
		from = start
	}
	var value []byte
	for it.Seek(storeKey(from)); it.Valid(); it.Next() {
		item := it.Item()
		if item.ValueSize() == 0 {
			continue // deleted
		}
		if value, err = item.ValueCopy(value); err != nil {
			return false, err
		}
		payload, err := unseal(item.Key(), value)
		if err != nil {
			return false, err
		}
		if !yield(relay.Pair{Key: item.Key()[1:], Value: payload}, nil) {
			return true, nil
		}
	}
	return false, nil
}

var errTooMuch = errors.New("too much for one write: split it")

// Write makes all pairs durable or none, together with whatever else is on its way to the disk. Keys and values are
// copied. Besides relay.MaxWrite, about 17,000 pairs are the limit of one write.
func (db *DB) Write(ctx context.Context, pairs []relay.Pair) error {
	o := &op{pairs: make([]relay.Pair, 0, len(pairs))}
	size := 0
	for _, p := range pairs {
		size += len(p.Key) + len(p.Value)
		o.pairs = append(o.pairs, sealedPair(p))
	}
	if size > relay.MaxWrite || !costOf(o.pairs).within(db.limit) {
		return fmt.Errorf("relay store: write %d pairs of %d bytes: %w", len(pairs), size, errTooMuch)
	}
	return db.queue.do(ctx, o)
}

// sealedPair deletes with an empty value, not with Badger's tombstone. Badger 4.9.6 rewrites a dead value, with its old version, above
// the tombstone that hides it (valueLog.rewrite looks the old version up and finds it until a compaction drops it); when the
// tombstone reaches the bottom it is dropped and the value is back. An empty value stays, and has the greater version.
func sealedPair(p relay.Pair) relay.Pair {
	key := storeKey(p.Key)
	if p.Value == nil {
		return relay.Pair{Key: key, Value: []byte{}}
	}
	value := append(make([]byte, 0, len(p.Value)+crcSize), p.Value...)
	return relay.Pair{Key: key, Value: seal(key, value)}
}

// sweepDeleted removes the empty values of deleted keys that have no older version left which a rewrite could bring back. Only
// before the writer and the housekeeper start can neither appear meanwhile.
func (db *DB) sweepDeleted() error {
	for from := []byte{storePrefix}; ; {
		keys, next, err := db.deletedKeys(from)
		if err != nil {
			return fmt.Errorf("find deleted keys: %w", err)
		}
		if err := db.deleteNow(keys); err != nil {
			return fmt.Errorf("remove deleted keys: %w", err)
		}
		if next == nil {
			return nil
		}
		from = next
	}
}

// deletedKeys returns a batch of keys whose only version is an empty value, and where the next batch begins, nil after the last.
func (db *DB) deletedKeys(from []byte) (keys [][]byte, next []byte, err error) {
	err = db.badger.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{Prefix: []byte{storePrefix}, AllVersions: true})
		defer it.Close()
		var key []byte
		empty, versions := false, 0
		collect := func() {
			if empty && versions == 1 {
				keys = append(keys, bytes.Clone(key))
			}
		}
		for it.Seek(from); it.Valid(); it.Next() {
			item := it.Item()
			if versions > 0 && bytes.Equal(item.Key(), key) {
				versions++
				continue
			}
			collect()
			key, versions = item.KeyCopy(key), 1
			if len(keys) == deleteBatch {
				next = key
				return nil
			}
			empty = item.ValueSize() == 0 && !item.IsDeletedOrExpired()
		}
		collect()
		return nil
	})
	return keys, next, err
}
