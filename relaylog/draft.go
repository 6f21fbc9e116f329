package relaylog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// draft is a record that is being written. It belongs to one goroutine.
type draft struct {
	s       *stream
	ctx     context.Context
	epoch   uint64
	number  uint64
	buf     []byte // native bytes not yet in a chunk, in the stream's desk
	size    int64  // native bytes
	chunks  uint32
	patient bool            // the record may linger
	failed  error           // what every method returns from now on
	put     func(*op) error // takes the record
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
		s.beginEpoch(epoch)
	}
	if s.draft.open {
		return nil, s.errorAt(s.draft.next, errOpen)
	}
	if err := check(s.draft.next); err != nil {
		return nil, err
	}
	s.draft.open = true
	d := &draft{s: s, ctx: ctx, epoch: epoch, number: s.draft.next, buf: s.desk, put: s.db.queue.put}
	s.desk = nil
	return d, nil
}

// beginEpoch sets the next record back behind the last durable one: what waited behind that is lost. The stream's lock is held.
func (s *stream) beginEpoch(epoch uint64) {
	s.torn = s.torn || s.unconfirmed() > 0
	s.leaveCopies()
	s.queued, s.runners = nil, nil
	s.draft = cursorOfDrafts{epoch: epoch, next: s.last + 1, total: s.total, at: s.at}
}

// append takes native bytes, and blocks while too much waits for the disk.
func (d *draft) append(native []byte) error {
	if d.failed != nil {
		return d.failed
	}
	if d.size == 0 { // else there was room when the first bytes came
		if err := d.s.db.queue.waitForRoom(d.ctx, d.epoch); err != nil {
			return d.fail(err)
		}
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

func (d *draft) fail(err error) error {
	d.failed = d.s.errorAt(d.number, err)
	return d.failed
}

// chunk is a part of a record that is too large for one piece.
type chunk struct {
	number uint64
	index  uint32
	value  []byte
}

// flush queues what is in the buffer as a chunk.
func (d *draft) flush() error {
	d.buf = seal(chunkKey(d.s.id, d.number, d.chunks), d.buf)
	value := bytes.Clone(d.buf)
	err := d.s.db.queue.put(&op{stream: d.s, chunk: &chunk{d.number, d.chunks, value}, epoch: d.epoch})
	if err != nil {
		return err
	}
	d.chunks++
	d.buf = d.buf[:0]
	d.s.db.opts.step("chunk")
	return d.s.db.queue.waitForRoom(d.ctx, d.epoch)
}

// commit queues the record as the stream's next, with the state that goes with it. head must already say d.size.
func (d *draft) commit(head header, state *relay.State) error {
	if d.failed != nil {
		return d.failed
	}
	if d.chunks > 0 && len(d.buf) > 0 {
		if err := d.flush(); err != nil {
			return d.fail(err)
		}
	}
	s := d.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.draft.epoch != d.epoch {
		return d.fail(errors.New("what it follows could not be written; begin again"))
	}
	o, err := d.recordOp(head, state)
	if err == nil {
		err = d.put(o)
	}
	if err != nil {
		return d.fail(err)
	}
	s.queued = append(s.queued, o.record)
	s.come.wake()
	s.draft = cursorOfDrafts{epoch: d.epoch, next: d.number + 1, total: o.record.total, at: o.record.at}
	d.leave()
	return nil
}

// recordOp builds the record; the stream's lock is held.
func (d *draft) recordOp(head header, state *relay.State) (*op, error) {
	r := &record{
		number: d.number, head: head, chunks: d.chunks,
		total: d.s.draft.total + d.size,
		at:    max(d.s.draft.at, d.s.db.opts.Now().UnixMicro()),
	}
	desk, err := appendRecord(d.buf, recordKey(d.s.id, d.number), r)
	if err != nil {
		return nil, fmt.Errorf("encode the header: %w", err)
	}
	d.buf = desk
	value := bytes.Clone(desk)
	r.memory = int64(cap(value)) + recordOverhead
	if d.chunks == 0 {
		r.native = value[:d.size:d.size]
	}
	return &op{stream: d.s, record: r, value: value, state: state, patient: d.patient, epoch: d.epoch}, nil
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
	d.leave()
	s.mu.Unlock()
}

// leave clears the desk for the next draft; the stream's lock is held.
func (d *draft) leave() {
	d.s.desk = d.buf[:0]
	d.buf, d.failed = nil, errDone
}
