package relaylog

import "github.com/dgraph-io/badger/v4"

// WithStep has step called between the steps of the log's goroutines.
func (o Options) WithStep(step func(name string)) Options {
	o.step = step
	return o
}

// WithFree replaces the look at the file system.
func (o Options) WithFree(free func(dir string) (uint64, error)) Options {
	o.free = free
	return o
}

// Badger returns what is below, for tests that damage it.
func (db *DB) Badger() *badger.DB { return db.badger }

// RecordKey is the key of a record.
func RecordKey(stream byte, number uint64) []byte { return recordKey(stream, number) }

// ChunkKey is the key of a chunk.
func ChunkKey(stream byte, number uint64, index uint32) []byte {
	return chunkKey(stream, number, index)
}

// SetFormat writes another format version into the store.
func (db *DB) SetFormat(version byte) error {
	return db.setMeta(map[string][]byte{formatName: {0, 0, 0, version}})
}

// FailSync has Badger complain that the value log was not synced.
func (db *DB) FailSync(err error) { db.logger.Errorf(syncComplaint+": %v\n", err) }

// CollectValues deletes what was trimmed, now.
func (db *DB) CollectValues() error {
	if _, err := db.deleteTrimmed(db.ctx); err != nil {
		return err
	}
	return db.collectValues()
}
