package relaylog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog/segment"
)

// groupBytes bounds what one sync covers: enough that the sync costs little beside the writing, and few enough that
// the producer is never far from its next free byte.
const groupBytes = 4 << 20

// groupLimit keeps the pairs of a group within what Badger takes as one transaction.
func groupLimit(b *badger.DB) cost {
	return cost{count: b.MaxBatchCount() * 9 / 10, size: b.MaxBatchSize() * 9 / 10, bytes: groupBytes}
}

// runWriter is the one goroutine that writes: it turns what is queued into groups until the queue is closed and empty.
func (db *DB) runWriter() {
	for {
		group := db.queue.take(db.limit, func() bool { return db.Err() != nil })
		if len(group) == 0 {
			db.payDebts()
			return
		}
		db.opts.step("taken")
		if err := db.writeGroup(group); err != nil {
			db.failGroup(group, err)
			continue
		}
		db.finish(group)
		db.opts.step("finished")
	}
}

// writeGroup makes the group durable, all of it or nothing. Its records can be read at once, by those who wait for nothing else; Badger takes its facts
// afterwards.
func (db *DB) writeGroup(group []*op) error {
	start := db.opts.Now()
	if err := db.checkSpace(group); err != nil {
		return err
	}
	state, changed := db.stateAfter(group)
	facts := factsOf(group)
	about, err := db.aboutLog(state, changed)
	if err != nil {
		return db.broken(err)
	}
	stats := db.fillFrame(group, slices.Concat(facts, about, copiesIn(group)))
	db.opts.step("built")
	if err := db.makeDurable(group); err != nil {
		return db.broken(err)
	}
	stats.Took = db.opts.Now().Sub(start)
	db.opts.step("synced")
	db.publish(group, state)
	db.opts.step("published")
	if db.opts.Events.Synced != nil {
		db.opts.Events.Synced(stats)
	}
	if err := db.handOver(facts, about); err != nil {
		return db.broken(err)
	}
	db.opts.step("committed")
	return nil
}

// handOver gives Badger a group's facts. What is known of the log alone can wait for the next ones, or for a checkpoint: it is in the log.
func (db *DB) handOver(facts, about []relay.Pair) error {
	db.owe(about)
	db.written += int64(db.frame.Len())
	due := db.written >= db.opts.every
	if len(facts) == 0 && !due {
		return nil
	}
	given := append(facts, db.owed...)
	if err := fill(db.badger, given); err != nil {
		return err
	}
	db.touched(costOf(given).bytes)
	db.owed = db.owed[:0]
	if !due {
		return nil
	}
	if err := db.keepCopies(); err != nil {
		return err
	}
	db.checkpointSoon()
	return nil
}

// owe notes pairs that Badger is still to get; the last one of a key counts.
func (db *DB) owe(pairs []relay.Pair) {
	for _, p := range pairs {
		i := slices.IndexFunc(db.owed, func(o relay.Pair) bool { return bytes.Equal(o.Key, p.Key) })
		if i < 0 {
			db.owed = append(db.owed, p)
		} else {
			db.owed[i] = p
		}
	}
}

// payDebts gives Badger what is left, before it is closed.
func (db *DB) payDebts() {
	if db.Err() != nil || len(db.owed) == 0 {
		return
	}
	if err := fill(db.badger, db.owed); err != nil {
		db.setErr(db.broken(err))
	}
}

// factsOf returns what Badger is to hold after the group, besides what is known of the log.
func factsOf(group []*op) (facts []relay.Pair) {
	for _, o := range group {
		facts = append(facts, o.pairs...)
	}
	return facts
}

// aboutLog returns what is known of the log after the next group.
func (db *DB) aboutLog(state relay.State, changed bool) ([]relay.Pair, error) {
	key := metaKey(groupName)
	about := []relay.Pair{{Key: key, Value: sealUint64(key, db.log.Group()+1)}}
	if !changed {
		return about, nil
	}
	payload, err := state.AppendBinary(nil)
	if err != nil {
		return nil, err
	}
	key = metaKey(stateName)
	return append(about, relay.Pair{Key: key, Value: seal(key, payload)}), nil
}

// fillFrame puts the group into the form in which it becomes durable.
func (db *DB) fillFrame(group []*op, pairs []relay.Pair) (stats Group) {
	db.frame.Reset()
	for _, o := range group {
		stats.Bytes += o.bytes
		switch {
		case o.chunk != nil:
			db.frame.Chunk(o.stream.id, o.chunk.number, o.chunk.index, o.chunk.value)
		case o.record != nil:
			db.frame.Record(o.stream.id, o.record.number, o.value, labelsOf(o.record.head))
			stats.Records++
		}
	}
	for _, p := range pairs {
		db.frame.Pair(p.Key, p.Value)
	}
	stats.Pairs = len(pairs)
	return stats
}

// labelsOf says under what a record is found.
func labelsOf(head header) segment.Labels {
	e, ok := head.(*relay.Entry)
	if !ok {
		return segment.Labels{}
	}
	l := segment.Labels{Keys: e.Keys}
	if e.Kind == relay.Local {
		l.Sequence = uint64(e.Seq)
	}
	return l
}

// makeDurable writes the frame.
func (db *DB) makeDurable(group []*op) error {
	if slices.ContainsFunc(group, func(o *op) bool { return o.rotates }) {
		if err := db.log.Rotate(); err != nil {
			return err
		}
	}
	n, err := db.log.Append(&db.frame)
	if err != nil {
		return err
	}
	db.opts.step("logged")
	return db.tail.write(n)
}

// fill hands pairs to Badger as one transaction; a nil value deletes.
func fill(b *badger.DB, pairs []relay.Pair) error {
	return b.Update(func(txn *badger.Txn) (err error) {
		for _, p := range pairs {
			if p.Value == nil {
				err = txn.Delete(p.Key)
			} else {
				err = txn.Set(p.Key, p.Value)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
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

// Free is how many bytes the log's file system has left.
func (db *DB) Free() (uint64, error) { return db.opts.free(db.dir) }

// checkSpace refuses the group while the disk is nearly full. What frees space may go further.
func (db *DB) checkSpace(group []*op) error {
	need := db.opts.MinFree
	if need < 0 {
		return nil
	}
	if !slices.ContainsFunc(group, func(o *op) bool { return !o.frees }) {
		need /= 4
	}
	free, err := db.Free()
	if err != nil {
		return fmt.Errorf("write relay log in %s: look how much room there is: %w", db.dir, err)
	}
	if free < uint64(need) {
		return fmt.Errorf("write relay log in %s: %w: %d MiB are free and %d MiB are kept free; it goes on by itself when there is room",
			db.dir, syscall.ENOSPC, free>>20, need>>20)
	}
	return nil
}

// brokenError is a failure after which it is unknown what is on the disk.
type brokenError struct {
	dir   string
	cause error
}

func (e *brokenError) Error() string {
	return fmt.Sprintf("write relay log in %s: %v; nothing more is written until it was closed and opened again", e.dir, e.cause)
}

func (e *brokenError) Unwrap() error { return e.cause }

func isBroken(err error) bool {
	var broken *brokenError
	return errors.As(err, &broken)
}

func (db *DB) broken(err error) error { return &brokenError{dir: db.dir, cause: err} }

// failGroup tells everyone who waits for the group, or for what was queued behind it.
func (db *DB) failGroup(group []*op, err error) {
	db.setErr(err)
	dropped := db.queue.fail(err, isBroken(err))
	next := db.queue.epochNow() // nobody else ends epochs
	for _, s := range db.streams {
		s.lose(next)
	}
	for _, o := range append(group, dropped...) { // who is told sees that it is lost
		if o.done != nil {
			o.done <- err
		}
	}
	db.local.born.wake()
	if db.opts.Events.Failed != nil {
		db.opts.Events.Failed(err)
	}
}

// publish makes the group's records and the state that follows from them visible, and tells of them.
func (db *DB) publish(group []*op, state relay.State) {
	entries := db.show(group, state)
	if len(entries) > 0 && db.opts.Events.Durable != nil {
		db.opts.Events.Durable(entries)
	}
}

// show makes records and state visible as one: who has seen either finds the other. It returns the local entries, if anybody is to be told.
func (db *DB) show(group []*op, state relay.State) (entries []relay.Entry) {
	db.mu.Lock()
	defer db.mu.Unlock()
	for i, o := range group {
		if o.copied != nil {
			o.stream.copied(o.copied)
		}
		if o.record == nil {
			continue
		}
		if e, local := o.record.head.(*relay.Entry); local {
			if db.opts.Events.Durable != nil {
				entries = append(entries, *e)
			}
			if e.Kind == relay.Local {
				db.local.seqs.add(e.Seq, e.LSN)
			}
		}
		last := i+1 == len(group) || group[i+1].stream != o.stream
		o.stream.publish(o.record, last)
	}
	db.state = state
	return entries
}

// finish takes the group off the queue and tells those who wait for it.
func (db *DB) finish(group []*op) {
	db.recovered()
	db.queue.finish(group)
	for _, o := range group {
		if o.after != nil {
			o.after()
		}
		if o.done != nil {
			o.done <- nil
		}
	}
}

// recovered forgets a failure that has passed.
func (db *DB) recovered() {
	db.mu.Lock()
	defer db.mu.Unlock()
	if !isBroken(db.err) {
		db.err = nil
	}
}
