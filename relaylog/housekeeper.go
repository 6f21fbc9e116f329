package relaylog

import (
	"path/filepath"
	"time"
)

// wantTidy wakes the housekeeper.
func (db *DB) wantTidy() {
	select {
	case db.tidy <- struct{}{}:
	default:
	}
}

// touched counts bytes that Badger writes through its mapped files.
func (db *DB) touched(n int64) {
	if db.mapped.Add(n) >= db.opts.Mapped {
		db.wantTidy()
	}
}

// runHousekeeper removes segments that were trimmed whole, and keeps mapped pages from piling up.
func (db *DB) runHousekeeper() {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		if err := db.tidyUp(); err != nil && !db.closed() {
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

func (db *DB) tidyUp() error {
	db.releaseMapped()
	removed, err := db.log.Remove(db.settledBefore(), db.dead)
	if removed > 0 {
		db.opts.Logger.Debug("relay log: segments were removed", "count", removed)
		db.opts.step("removed")
	}
	return err
}

// dead tells whether nobody needs a stream's records up to the number any more.
func (db *DB) dead(stream byte, number uint64) bool {
	if int(stream) >= len(db.streams) {
		return false
	}
	first, _ := db.streams[stream].bounds()
	return number < first
}

// releaseMapped lets pages go that were touched since the last time, once there are enough of them.
func (db *DB) releaseMapped() {
	if db.mapped.Load() < db.opts.Mapped {
		return
	}
	db.mapped.Store(0)
	if err := releaseMapped(filepath.Join(db.dir, storeDir)); err != nil {
		db.opts.Logger.Debug("relay log: mapped pages stay in memory", "error", err)
	}
	db.opts.step("released")
}
