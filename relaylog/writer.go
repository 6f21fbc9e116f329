package relaylog

import (
	"fmt"
	"slices"
	"syscall"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
)

// groupBytes bounds what one sync covers: enough that the sync costs little beside the writing, and few enough that
// the producer is never far from its next free byte.
const groupBytes = 4 << 20

// groupLimit keeps a group within what Badger takes as one transaction.
func groupLimit(b *badger.DB) cost {
	return cost{count: b.MaxBatchCount() * 9 / 10, size: b.MaxBatchSize() * 9 / 10, bytes: groupBytes}
}

// runWriter is the one goroutine that writes: it turns what is queued into groups until the queue is closed and empty.
func (db *DB) runWriter() {
	for {
		group := db.queue.take(db.limit, func() bool { return db.Err() != nil })
		if len(group) == 0 {
			return
		}
		db.opts.step("taken")
		if err := db.writeGroup(group); err != nil {
			db.failGroup(group, err)
			continue
		}
		db.opts.step("synced")
		db.publish(group)
		db.opts.step("published")
	}
}

// writeGroup makes the group durable, all of it or nothing.
func (db *DB) writeGroup(group []*op) error {
	start := db.opts.Now()
	if err := db.checkSpace(group); err != nil {
		return err
	}
	state, changed := db.stateAfter(group)
	txn := db.badger.NewTransaction(true)
	defer txn.Discard()
	stats, err := fill(txn, group)
	if err != nil {
		return db.broken(err)
	}
	if err := db.fillMeta(txn, state, changed); err != nil {
		return db.broken(err)
	}
	db.opts.step("built")
	if err := db.commit(txn); err != nil {
		return db.broken(err)
	}
	if err := db.logger.syncFailure(); err != nil {
		return db.broken(err)
	}
	db.opts.step("committed")
	db.group++
	if err := db.tail.write(db.group); err != nil {
		return db.broken(err)
	}
	db.setState(state)
	db.touched(stats.Bytes)
	stats.Took = db.opts.Now().Sub(start)
	if db.opts.Events.Synced != nil {
		db.opts.Events.Synced(stats)
	}
	return nil
}

func (db *DB) commit(txn *badger.Txn) error {
	db.writing.Lock()
	defer db.writing.Unlock()
	return txn.Commit()
}

func fill(txn *badger.Txn, group []*op) (Group, error) {
	var stats Group
	for _, o := range group {
		for _, p := range o.pairs {
			if err := set(txn, p.Key, p.Value); err != nil {
				return stats, err
			}
		}
		stats.Pairs += len(o.pairs)
		stats.Bytes += o.bytes
		if o.record != nil {
			stats.Records++
		}
	}
	return stats, nil
}

// set hands key and value over to the transaction; a nil value deletes.
func set(txn *badger.Txn, key, value []byte) error {
	if value == nil {
		return txn.Delete(key)
	}
	return txn.Set(key, value)
}

func (db *DB) fillMeta(txn *badger.Txn, state relay.State, changed bool) error {
	key := metaKey(groupName)
	if err := txn.Set(key, sealUint64(key, db.group+1)); err != nil {
		return err
	}
	if !changed {
		return nil
	}
	payload, err := state.AppendBinary(nil)
	if err != nil {
		return err
	}
	key = metaKey(stateName)
	return txn.Set(key, seal(key, payload))
}

// stateAfter returns the state that the group leaves. The clock in it never falls, whatever order promises and entries came in.
func (db *DB) stateAfter(group []*op) (state relay.State, changed bool) {
	state = db.State()
	for _, o := range group {
		clock := max(state.HLC, o.promise)
		if o.state != nil {
			state = *o.state
		}
		changed = changed || o.state != nil || clock != state.HLC
		state.HLC = max(state.HLC, clock)
	}
	return state, changed
}

// checkSpace refuses the group while the disk is nearly full. What frees space may go further.
func (db *DB) checkSpace(group []*op) error {
	need := db.opts.MinFree
	if need < 0 {
		return nil
	}
	if !slices.ContainsFunc(group, func(o *op) bool { return !o.frees }) {
		need /= 4
	}
	free, err := db.opts.free(db.dir)
	if err != nil {
		return fmt.Errorf("write relay log in %s: look how much room there is: %w", db.dir, err)
	}
	if free < uint64(need) {
		return fmt.Errorf("write relay log in %s: %w: %d MiB are free and %d MiB are kept free; it goes on by itself when there is room",
			db.dir, syscall.ENOSPC, free>>20, need>>20)
	}
	return nil
}

// brokenError is a failure after which it is unknown what Badger holds in memory.
type brokenError struct {
	dir   string
	cause error
}

func (e *brokenError) Error() string {
	return fmt.Sprintf("write relay log in %s: %v; nothing more is written until it was closed and opened again", e.dir, e.cause)
}

func (e *brokenError) Unwrap() error { return e.cause }

func (db *DB) broken(err error) error { return &brokenError{dir: db.dir, cause: err} }

// failGroup tells everyone who waits for the group, or for what was queued behind it.
func (db *DB) failGroup(group []*op, err error) {
	_, broken := err.(*brokenError)
	db.setErr(err)
	dropped := db.queue.fail(err, broken)
	for _, o := range append(group, dropped...) {
		if o.done != nil {
			o.done <- err
		}
	}
	for _, s := range db.streams {
		s.wake.wake()
	}
	if db.opts.Events.Failed != nil {
		db.opts.Events.Failed(err)
	}
}

// publish makes the group visible, and then tells of it.
func (db *DB) publish(group []*op) {
	var entries []relay.Entry
	for i, o := range group {
		if o.record == nil {
			continue
		}
		e, local := o.record.head.(*relay.Entry)
		if local && e.Kind == relay.Local {
			db.local.seqs.add(e.Seq, e.LSN)
		}
		last := i+1 == len(group) || group[i+1].stream != o.stream
		o.stream.publish(o.record, last)
		if local && db.opts.Events.Durable != nil {
			entries = append(entries, *e)
		}
	}
	db.setErr(nil)
	db.queue.finish(group)
	for _, o := range group {
		if o.after != nil {
			o.after()
		}
		if o.done != nil {
			o.done <- nil
		}
	}
	if len(entries) > 0 {
		db.opts.Events.Durable(entries)
	}
}
