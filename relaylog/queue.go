package relaylog

import (
	"context"
	"sync"
	"time"

	"github.com/octant-db/octant/relay"
)

// op is what must become durable together. Ops become durable in the order in which they were queued.
type op struct {
	pairs   []relay.Pair // keys are Badger's; a nil value deletes
	copied  *runner      // its copy becomes durable
	stream  *stream      // of record or chunk
	record  *record      // becomes visible
	value   []byte       // of record, as it is stored
	chunk   *chunk       // part of a record to come
	rotates bool         // goes into a new segment
	state   *relay.State // after the record
	promise relay.HLC    // the state's clock rises to this
	frees   bool         // makes room, so it may use the last of it
	patient bool         // may wait for others
	after   func()       // called by the writer when durable
	done    chan error   // told the outcome, if not nil; has room for it
	epoch   uint64       // of the queue when what the op builds on was begun

	cost // set by the queue
}

// cost is what an op takes of a Badger transaction, by Badger's own reckoning, and of memory.
type cost struct {
	count, size, bytes int64
}

func (c *cost) add(d cost) {
	c.count += d.count
	c.size += d.size
	c.bytes += d.bytes
}

func (c cost) within(limit cost) bool {
	return c.count <= limit.count && c.size <= limit.size && c.bytes <= limit.bytes
}

// costOf follows Badger's Entry.estimateSizeAndSetThreshold, and adds the version in the key.
func costOf(pairs []relay.Pair) cost {
	c := cost{count: int64(len(pairs))}
	for _, p := range pairs {
		c.bytes += int64(len(p.Key) + len(p.Value))
		c.size += int64(len(p.Key)+len(p.Value)) + 12
	}
	return c
}

// queue holds what waits for the writer. An epoch ends when a group fails: everything queued then is dropped, and so
// is everything that builds on it, until its maker begins again from what is durable.
type queue struct {
	limit int64 // of bytes

	mu      sync.Mutex
	work    sync.Cond
	ops     []*op
	bytes   int64 // queued or being written
	epoch   uint64
	failure error // why the last epoch ended
	broken  error // why no epoch can succeed any more
	closed  bool
	due     bool // of ops something is waited for, or has waited long enough

	patience time.Duration // as long as what is patient waits
	linger   *time.Timer   // makes what is there due
	room     broadcast
}

const (
	lingerTime  = 10 * time.Millisecond // what is patient usually waits no longer
	lingerBytes = 64 << 10              // nor when there is this much
)

func newQueue(limit int64, linger time.Duration) *queue {
	q := &queue{limit: limit, patience: linger}
	q.work.L = &q.mu
	q.linger = time.AfterFunc(linger, q.hurry)
	return q
}

// hurry lets the writer take what is there.
func (q *queue) hurry() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.rouse()
}

// rouse is hurry with the lock held.
func (q *queue) rouse() {
	q.due = len(q.ops) > 0
	q.work.Signal()
}

// current returns the epoch, or why there is none.
func (q *queue) current() (uint64, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.epoch, q.usable()
}

func (q *queue) usable() error {
	if q.closed {
		return relay.ErrClosed
	}
	return q.broken
}

// alive tells whether something begun in the epoch can still become durable.
func (q *queue) alive(epoch uint64) error {
	if err := q.usable(); err != nil {
		return err
	}
	if epoch != q.epoch {
		return q.failure
	}
	return nil
}

func (q *queue) epochNow() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.epoch
}

// outcome returns why the epoch ended, nil if it goes on.
func (q *queue) outcome(epoch uint64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if epoch != q.epoch {
		return q.failure
	}
	return nil
}

// put queues the op.
func (q *queue) put(o *op) error {
	o.cost = costOf(o.pairs)
	if o.copied != nil {
		o.cost.add(costOf([]relay.Pair{o.copied.copy()}))
	}
	o.bytes += int64(len(o.value))
	if o.chunk != nil {
		o.bytes += int64(len(o.chunk.value))
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.alive(o.epoch); err != nil {
		return err
	}
	q.ops = append(q.ops, o)
	q.bytes += o.bytes
	switch {
	case q.due:
	case !o.patient || q.bytes >= lingerBytes:
		q.rouse()
	case len(q.ops) == 1:
		q.linger.Reset(q.patience)
	}
	return nil
}

// do queues the op in the current epoch and waits for its outcome. When ctx ends first the op may still happen.
func (q *queue) do(ctx context.Context, o *op) error {
	var err error
	if o.epoch, err = q.current(); err != nil {
		return err
	}
	o.done = make(chan error, 1)
	if err := q.put(o); err != nil {
		return err
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// waitForRoom returns when less than the limit waits for the disk.
func (q *queue) waitForRoom(ctx context.Context, epoch uint64) error {
	for {
		room := q.room.wait()
		q.mu.Lock()
		full, err := q.bytes >= q.limit, q.alive(epoch)
		q.mu.Unlock()
		if err != nil || !full {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// take waits for work and returns what fits into one group, in order; nil when the queue was closed and is empty. apart:
// what frees space comes in groups of its own, because others may find none.
func (q *queue) take(limit cost, apart func() bool) []*op {
	q.mu.Lock()
	defer q.mu.Unlock()
	for !q.due && !q.closed {
		q.work.Wait()
	}
	var sum cost
	n, split := 0, apart()
	for _, o := range q.ops {
		sum.add(o.cost)
		if n > 0 && (!sum.within(limit) || (split && o.frees != q.ops[0].frees)) {
			break
		}
		n++
	}
	group := q.ops[:n:n]
	q.ops = q.ops[n:]
	if len(q.ops) == 0 {
		q.ops, q.due = nil, false
	}
	return group
}

// finish takes a group that is durable off the books.
func (q *queue) finish(group []*op) {
	q.mu.Lock()
	for _, o := range group {
		q.bytes -= o.bytes
	}
	q.mu.Unlock()
	q.room.wake()
}

// fail ends the epoch and returns what was queued in it. broken: so does every later one.
func (q *queue) fail(err error, broken bool) []*op {
	q.mu.Lock()
	dropped := q.ops
	q.ops, q.due, q.bytes, q.failure = nil, false, 0, err
	q.epoch++
	if broken {
		q.broken = err
	}
	q.mu.Unlock()
	q.room.wake()
	return dropped
}

// close refuses new work and lets the writer end when the rest is done.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.linger.Stop()
	q.work.Signal()
	q.mu.Unlock()
	q.room.wake()
}
