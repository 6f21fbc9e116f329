package relaylog

import (
	"context"
	"errors"
	"time"

	"github.com/dgraph-io/badger/v4"
)

// wantTidy wakes the housekeeper.
func (db *DB) wantTidy() {
	select {
	case db.tidy <- struct{}{}:
	default:
	}
}

// touched counts bytes of mapped files that were written or read.
func (db *DB) touched(n int64) {
	if db.mapped.Add(n) >= db.opts.Mapped {
		db.wantTidy()
	}
}

// runHousekeeper deletes what was trimmed, lets Badger reclaim the space, and keeps mapped pages from piling up.
func (db *DB) runHousekeeper() {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := db.tidyUp(db.ctx); err != nil && !db.closed() {
			db.opts.Logger.Warn("relay log: housekeeping was cut short and is tried again", "error", err)
		}
		select {
		case <-db.ctx.Done():
			return
		case <-tick.C:
		case <-db.tidy:
		}
	}
}

func (db *DB) tidyUp(ctx context.Context) error {
	db.releaseMapped()
	deleted, err := db.deleteTrimmed(ctx)
	if err == nil && deleted {
		err = db.collectValues()
	}
	return err
}

// releaseMapped lets pages go that were touched since the last time, once there are enough of them.
func (db *DB) releaseMapped() {
	if db.mapped.Load() < db.opts.Mapped {
		return
	}
	db.mapped.Store(0)
	if err := releaseMapped(db.dir); err != nil {
		db.opts.Logger.Debug("relay log: mapped pages stay in memory", "error", err)
	}
}

// deleteTrimmed deletes all that is before the streams' beginnings.
func (db *DB) deleteTrimmed(ctx context.Context) (any bool, err error) {
	for _, s := range db.streams {
		for more := true; more; {
			from := s.deletedUpTo()
			if more, err = s.deleteTrimmed(ctx); err != nil {
				return any, err
			}
			any = any || s.deletedUpTo() > from
			db.releaseMapped()
		}
	}
	return any, nil
}

func (s *stream) deletedUpTo() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.deleted
}

// collectValues rewrites value-log files that are mostly dead. Badger learns what is dead when it compacts, so the space of what
// was just deleted comes back some hundred megabytes later.
func (db *DB) collectValues() error {
	for !db.closed() {
		err := db.rewriteValues()
		if errors.Is(err, badger.ErrNoRewrite) || errors.Is(err, badger.ErrRejected) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rewriteValues rewrites one value-log file. Nothing is committed meanwhile: Badger 4.9.6 begins a rewrite by reading the
// newest memtable's greatest version (DB.MaxVersion) while memTable.Put may be raising it without a lock.
func (db *DB) rewriteValues() error {
	db.writing.Lock()
	defer db.writing.Unlock()
	return db.badger.RunValueLogGC(gcRatio)
}
