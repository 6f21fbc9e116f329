package relaylog

import (
	"errors"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// GetAll returns copies of the values of several keys, nil for those that are not there, all as they were at one moment.
func (db *DB) GetAll(keys [][]byte) ([][]byte, error) {
	values := make([][]byte, len(keys))
	i := 0
	err := db.view(func(txn *badger.Txn) error {
		for ; i < len(keys); i++ {
			value, err := get(txn, storeKey(keys[i]))
			if err != nil && !errors.Is(err, relay.ErrNotFound) {
				return err
			}
			values[i] = value
		}
		return nil
	})
	if err != nil {
		return nil, storeError("read", keys[i], err)
	}
	return values, nil
}
