package relaylog

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// draft is a record that is being written. It belongs to one goroutine.
type draft struct {
	s      *stream
	ctx    context.Context
	epoch  uint64
	number uint64
	buf    []byte // native bytes not yet in a chunk
	size   int64  // native bytes
	usual  int    // what the stream's last value took
	chunks uint32
	failed error // what every method returns from now on
}

var (
	errOpen = errors.New("another record is being written")
	errDone = errors.New("the record was committed or discarded before")
)

// begin opens the next record. check may refuse its number.
func (s *stream) begin(ctx context.Context, check func(next uint64) error) (*draft, error) {
	epoch, err := s.db.queue.current()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draft.epoch != epoch {
		s.rewindDrafts(epoch)
	}
	if s.draft.open {
		return nil, s.errorAt(s.draft.next, errOpen)
	}
	if err := check(s.draft.next); err != nil {
		return nil, err
	}
	s.draft.open = true
	return &draft{s: s, ctx: ctx, epoch: epoch, number: s.draft.next, usual: s.draft.usual}, nil
}

// rewindDrafts sets the next record back behind the last durable one. What chunks a lost epoch left behind is known only as
// far as this number had been begun; opening the store finds the rest.
func (s *stream) rewindDrafts(epoch uint64) {
	leftover := s.draft.leftover
	if s.draft.next != s.last+1 {
		leftover = 0
	}
	s.draft = cursorOfDrafts{epoch: epoch, next: s.last + 1, total: s.total, at: s.at, leftover: leftover}
}

// append takes native bytes, and blocks while too much waits for the disk.
func (d *draft) append(native []byte) error {
	if d.failed != nil {
		return d.failed
	}
	if err := d.s.db.queue.waitForRoom(d.ctx, d.epoch); err != nil {
		return d.fail(err)
	}
	if d.buf == nil {
		d.buf = make([]byte, 0, firstCapacity(len(native), d.usual))
	}
	for len(native) > 0 {
		if len(d.buf) == chunkSize {
			if err := d.flush(); err != nil {
				return d.fail(err)
			}
		}
		n := min(chunkSize-len(d.buf), len(native))
		d.buf = append(d.buf, native[:n]...)
		d.size += int64(n)
		native = native[n:]
	}
	return nil
}

// firstCapacity takes the record to be like the one before, so that the buffer need not grow.
func firstCapacity(n, usual int) int {
	const head, most = 512, 16 << 10
	return max(min(n, chunkSize)+head, min(usual+head/4, most))
}

func (d *draft) fail(err error) error {
	d.failed = d.s.errorAt(d.number, err)
	return d.failed
}

// flush queues what is in the buffer as a chunk.
func (d *draft) flush() error {
	key := chunkKey(d.s.id, d.number, d.chunks)
	err := d.s.db.queue.put(&op{
		pairs: []relay.Pair{{Key: key, Value: seal(key, d.buf)}}, epoch: d.epoch,
	})
	if err != nil {
		return err
	}
	d.chunks++
	d.s.left(d)
	d.buf = make([]byte, 0, chunkSize+crcSize)
	d.s.db.opts.step("chunk")
	return d.s.db.queue.waitForRoom(d.ctx, d.epoch)
}

// left notes that the draft has put chunks into the store, for whoever writes the number next.
func (s *stream) left(d *draft) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draft.epoch == d.epoch {
		s.draft.leftover = max(s.draft.leftover, d.chunks)
	}
}

// commit queues the record as the stream's next, with the pairs and the state that go with it. head must already say d.size.
func (d *draft) commit(head header, pairs []relay.Pair, state *relay.State) error {
	if d.failed != nil {
		return d.failed
	}
	if d.chunks > 0 && len(d.buf) > 0 {
		if err := d.flush(); err != nil {
			return d.fail(err)
		}
	}
	if err := d.clearLeftover(); err != nil {
		return d.fail(err)
	}
	s := d.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draft.epoch != d.epoch {
		return d.fail(errors.New("what it follows could not be written; begin again"))
	}
	o, err := d.recordOp(head, pairs, state)
	if err == nil {
		err = s.db.queue.put(o)
	}
	if err != nil {
		return d.fail(err)
	}
	s.draft = cursorOfDrafts{epoch: d.epoch, next: d.number + 1, total: o.record.total, at: o.record.at, usual: usual(o)}
	d.failed = errDone
	return nil
}

// usual is the length of the record's value, which is the op's last.
func usual(o *op) int { return len(o.pairs[len(o.pairs)-1].Value) }

// recordOp builds the record; the stream's lock is held.
func (d *draft) recordOp(head header, pairs []relay.Pair, state *relay.State) (*op, error) {
	r := &record{
		number: d.number, head: head, chunks: d.chunks,
		total: d.s.draft.total + d.size,
		at:    max(d.s.draft.at, d.s.db.opts.Now().UnixMicro()),
	}
	native := d.buf
	if d.chunks > 0 {
		native = nil
	}
	key := recordKey(d.s.id, d.number)
	value, err := appendRecord(native, key, r)
	if err != nil {
		return nil, fmt.Errorf("encode the header: %w", err)
	}
	r.memory = int64(cap(value)) + recordOverhead
	if d.chunks == 0 {
		r.native = value[:d.size:d.size]
	}
	pairs = append(pairs, relay.Pair{Key: key, Value: value})
	return &op{pairs: pairs, stream: d.s, record: r, state: state, epoch: d.epoch}, nil
}

// clearLeftover removes chunks that an earlier draft of the same number left behind this one's.
func (d *draft) clearLeftover() error {
	d.s.mu.Lock()
	leftover := d.s.draft.leftover
	d.s.mu.Unlock()
	return d.s.deleteChunks(d.number, d.chunks, leftover, func(o *op) error {
		o.epoch = d.epoch
		return d.s.db.queue.put(o)
	})
}

// deleteChunks hands chunks from..to-1 to put in ops of bounded size.
func (s *stream) deleteChunks(number uint64, from, to uint32, put func(*op) error) error {
	for from < to {
		end := min(to, from+deleteBatch)
		o := &op{frees: true}
		for ; from < end; from++ {
			o.pairs = append(o.pairs, relay.Pair{Key: chunkKey(s.id, number, from)})
		}
		if err := put(o); err != nil {
			return err
		}
	}
	return nil
}

// discard drops the draft. The next record takes its number and its place.
func (d *draft) discard() {
	if errors.Is(d.failed, errDone) {
		return
	}
	s := d.s
	s.mu.Lock()
	if s.draft.epoch == d.epoch && s.draft.next == d.number {
		s.draft.open = false
	}
	s.mu.Unlock()
	d.buf, d.failed = nil, errDone
}
