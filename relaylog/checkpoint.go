package relaylog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/octant-db/octant/internal/durable"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog/segment"
)

const (
	checkpointName  = "CHECKPOINT"
	checkpointMagic = "octantc2"
	checkpointBytes = 16 << 20 // of frames, between two of them
)

// checkpointSoon has one made of what Badger has now, unless one is being made.
func (db *DB) checkpointSoon() {
	select {
	case db.settle <- db.log.End():
		db.written = 0
	default:
	}
}

// runCheckpointer makes checkpoints until the channel is closed.
func (db *DB) runCheckpointer() {
	for at := range db.settle {
		if err := db.checkpoint(at); err != nil {
			db.opts.Logger.Error("relay log: a checkpoint could not be made and is tried again", "error", err)
		}
	}
}

// checkpoint makes durable what Badger was given up to a place of the log, so that opening the store replays only what comes behind. It
// also writes the indexes of segments that are full.
func (db *DB) checkpoint(at segment.Position) error {
	if err := syncFiles(filepath.Join(db.dir, storeDir)); err != nil {
		return fmt.Errorf("sync the store: %w", err)
	}
	db.opts.step("settled")
	if err := writeCheckpoint(db.dir, at); err != nil {
		return fmt.Errorf("write %s: %w", checkpointName, err)
	}
	db.opts.step("checkpoint")
	db.setSettled(at.Segment)
	if err := db.log.Seal(); err != nil {
		return err
	}
	db.opts.step("sealed")
	db.wantTidy()
	return nil
}

func (db *DB) setSettled(before uint64) {
	db.mu.Lock()
	db.settled = before
	db.mu.Unlock()
}

func (db *DB) settledBefore() uint64 {
	db.mu.Lock()
	defer db.mu.Unlock()
	return db.settled
}

// syncFiles makes durable what Badger has written and not synced: its value log and its write-ahead logs. Its tables and its manifest it syncs
// itself. Files that it removes meanwhile are needed no longer.
func syncFiles(dir string) error {
	for _, pattern := range []string{"*.vlog", "*.mem"} {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		for _, name := range names {
			if err := durable.Sync(name); err != nil && !errors.Is(err, os.ErrNotExist) {
				return err
			}
		}
	}
	return durable.Sync(dir)
}

// writeCheckpoint replaces the file.
func writeCheckpoint(dir string, at segment.Position) error {
	b := binary.BigEndian.AppendUint64([]byte(checkpointMagic), at.Segment)
	b = binary.BigEndian.AppendUint64(b, uint64(at.Offset))
	b = seal([]byte(checkpointName), b)
	return durable.Replace(filepath.Join(dir, checkpointName), b, 0o600)
}

// readCheckpoint returns the zero Position if there is none.
func readCheckpoint(dir string) (at segment.Position, err error) {
	b, err := os.ReadFile(filepath.Join(dir, checkpointName))
	if errors.Is(err, os.ErrNotExist) {
		return at, nil
	}
	if err != nil {
		return at, err
	}
	payload, err := unseal([]byte(checkpointName), b)
	if err == nil && (len(payload) != 24 || string(payload[:8]) != checkpointMagic) {
		err = relay.ErrCorrupt
	}
	if err != nil {
		return at, fmt.Errorf("read %s: %w", checkpointName, err)
	}
	return segment.Position{Segment: binary.BigEndian.Uint64(payload[8:]), Offset: int64(binary.BigEndian.Uint64(payload[16:]))}, nil
}

// replay hands Badger again what came behind the last checkpoint. Badger may have any part of it: all when only this process ended, less when the machine
// did. Since everything is written again, in order, the last word on every key is the right one. Copies of what was sent ahead stay in memory: few are needed, and not for
// long.
func (db *DB) replay() error {
	at, err := readCheckpoint(db.dir)
	if err != nil {
		return err
	}
	err = db.log.Replay(at, func(_ uint64, keys, values [][]byte) error {
		pairs := make([]relay.Pair, 0, len(keys))
		for i, key := range keys {
			if key[0] == copyPrefix {
				db.copies[string(key)] = bytes.Clone(values[i])
			} else {
				pairs = append(pairs, relay.Pair{Key: key, Value: values[i]})
			}
		}
		return fill(db.badger, pairs)
	})
	if err != nil {
		return fmt.Errorf("replay the log behind the last checkpoint: %w", err)
	}
	return nil
}
