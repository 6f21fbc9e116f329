package relaylog

import (
	"os"
	"time"

	"github.com/dgraph-io/badger/v4"
)

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

// SetFormat writes another format version into the store.
func (db *DB) SetFormat(version byte) error {
	return db.setMeta(map[string][]byte{formatName: {0, 0, 0, version}})
}

// WithSync replaces what makes the log durable.
func (o Options) WithSync(sync func(*os.File) error) Options {
	o.sync = sync
	return o
}

// WithLinger sets how long patient entries wait.
func (o Options) WithLinger(d time.Duration) Options {
	o.linger = d
	return o
}

// WithCheckpoints has them made more often.
func (o Options) WithCheckpoints(every int64) Options {
	o.every = every
	return o
}

// Tidy makes a checkpoint and removes what was trimmed, now.
func (db *DB) Tidy() error {
	if err := db.queue.do(db.ctx, &op{}); err != nil { // Badger has everything
		return err
	}
	if err := db.checkpoint(db.log.End()); err != nil {
		return err
	}
	return db.tidyUp()
}

// Segments are the number of the first segment and the bytes of all.
func (db *DB) Segments() (oldest uint64, bytes int64) { return db.log.Oldest() }
