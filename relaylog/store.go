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

func sealedPair(p relay.Pair) relay.Pair {
	key := storeKey(p.Key)
	if p.Value == nil {
		return relay.Pair{Key: key}
	}
	value := append(make([]byte, 0, len(p.Value)+crcSize), p.Value...)
	return relay.Pair{Key: key, Value: seal(key, value)}
}
