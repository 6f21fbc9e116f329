package relaylog

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// FormatVersion is the version of the on-disk format that this package writes, and the newest that it reads.
const FormatVersion = 2

const (
	formatName   = "format"
	storeName    = "store"
	identityName = "identity"
	stateName    = "state"
	groupName    = "group"
)

// openMeta reads what the store is, and where its log stands.
func (db *DB) openMeta() error {
	id, err := db.meta(storeName)
	if err != nil {
		return err
	}
	db.storeID = string(id)
	if err := db.checkIdentity(); err != nil {
		return err
	}
	return db.loadState()
}

// checkFormat checks that the store is one that this package may go on writing, or makes it one.
func (db *DB) checkFormat() error {
	payload, err := db.meta(formatName)
	if errors.Is(err, relay.ErrNotFound) {
		return db.create()
	}
	if err != nil {
		return err
	}
	if len(payload) != 4 {
		return fmt.Errorf("format version has %d bytes: %w", len(payload), relay.ErrCorrupt)
	}
	version := binary.BigEndian.Uint32(payload)
	wrote := "a newer octant"
	switch {
	case version == FormatVersion:
		return nil
	case version < FormatVersion:
		wrote = "an older octant"
	}
	return fmt.Errorf("it was written by %s: it has format %d and this program knows %d: use the program that wrote it, or give this one an empty data directory and load the region again with octant join",
		wrote, version, FormatVersion)
}

// create writes the keys that every store has. Badger's files without them are some other program's.
func (db *DB) create() error {
	err := db.badger.View(func(txn *badger.Txn) error {
		it := txn.NewIterator(badger.IteratorOptions{})
		defer it.Close()
		if it.Rewind(); it.Valid() {
			return errors.New("it is a Badger store but not a relay log: use another directory")
		}
		return nil
	})
	if err != nil {
		return err
	}
	err = db.setMeta(map[string][]byte{
		formatName:   binary.BigEndian.AppendUint32(nil, FormatVersion),
		storeName:    []byte(rand.Text()),
		identityName: []byte(db.opts.Identity),
	})
	if err != nil {
		return err
	}
	return syncFiles(filepath.Join(db.dir, storeDir))
}

func (db *DB) checkIdentity() error {
	payload, err := db.meta(identityName)
	if err != nil {
		return err
	}
	if identity := string(payload); identity != db.opts.Identity {
		return fmt.Errorf("it is the log of %q and not of %q: correct data_dir, or the region's name and id",
			identity, db.opts.Identity)
	}
	return nil
}

func (db *DB) loadState() error {
	payload, err := db.meta(stateName)
	if errors.Is(err, relay.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = db.state.UnmarshalBinary(payload)
	}
	return err
}

// meta returns a copy of the named payload.
func (db *DB) meta(name string) (payload []byte, err error) {
	err = db.badger.View(func(txn *badger.Txn) error {
		payload, err = get(txn, metaKey(name))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the store's %s: %w", name, err)
	}
	return payload, nil
}

func (db *DB) setMeta(payloads map[string][]byte) error {
	return db.badger.Update(func(txn *badger.Txn) error {
		for name, payload := range payloads {
			if err := txn.Set(metaKey(name), seal(metaKey(name), payload)); err != nil {
				return err
			}
		}
		return nil
	})
}

// get returns a copy of the payload sealed under the key.
func get(txn *badger.Txn, key []byte) ([]byte, error) {
	item, err := txn.Get(key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, relay.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	value, err := item.ValueCopy(nil)
	if err != nil {
		return nil, err
	}
	return unseal(key, value)
}
