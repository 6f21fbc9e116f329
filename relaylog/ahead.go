package relaylog

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/octant-db/octant/relay"
)

// copies is how many transactions of a stream can be kept aside at a time: more than may be unconfirmed, so that who waits for room never waits for a confirmation.
const copies = 2 * relay.MaxAhead

// runner is a transaction that was sent ahead. Its record is given to the writer when its origin has confirmed it.
type runner struct {
	op        *op  // with its record
	kept      bool // its copy is on disk
	confirmed bool
}

// copy is what is kept aside of it: the record's value, in one of the places for copies.
func (r *runner) copy() relay.Pair {
	return relay.Pair{Key: copyKey(r.op.stream.id, r.op.record.number), Value: r.op.value}
}

var (
	errUnconfirmed = errors.New("its origin has not confirmed the one before")
	errTooMany     = fmt.Errorf("%d before it are not confirmed", relay.MaxAhead)
	errAheadSize   = fmt.Errorf("it was sent ahead with more than %d bytes", relay.MaxAheadBytes)
)

// BeginAhead opens the next transaction, of which its origin has not said that it will stand.
func (r *receivedStream) BeginAhead(ctx context.Context, t relay.Transaction) (relay.TransactionWriter, error) {
	if t.Size > relay.MaxAheadBytes {
		return nil, r.errorAt(uint64(t.Seq), errAheadSize)
	}
	if err := r.waitForCopies(ctx, uint64(t.Seq)); err != nil {
		return nil, err
	}
	d, err := r.begin(ctx, func(next uint64) error {
		if r.unconfirmed() >= relay.MaxAhead {
			return r.errorAt(next, errTooMany)
		}
		return r.follows(t, next)
	})
	if err != nil {
		return nil, err
	}
	d.put = r.putAside
	return &aheadWriter{transactionWriter{draft: d, head: t}}, nil
}

// waitForCopies returns when the copy of a transaction can take the place of an older one.
func (s *stream) waitForCopies(ctx context.Context, number uint64) error {
	if number <= copies {
		return nil
	}
	return s.await(ctx, number-copies, s.durableOrUnconfirmed)
}

// durableOrUnconfirmed also holds of what nobody should wait for: it is refused.
func (s *stream) durableOrUnconfirmed(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last >= number || s.unconfirmed() >= relay.MaxAhead
}

// aheadWriter never takes more than one piece.
type aheadWriter struct{ transactionWriter }

// Append adds bytes, which are copied.
func (w *aheadWriter) Append(native []byte) error {
	if d := w.draft; d.failed == nil && d.size+int64(len(native)) > relay.MaxAheadBytes {
		return d.fail(errAheadSize)
	}
	return w.transactionWriter.Append(native)
}

// putAside queues a copy of a record, and keeps the record until it is confirmed. The stream's lock is held.
func (s *stream) putAside(o *op) error {
	r := &runner{op: o}
	if err := s.db.queue.put(&op{stream: s, copied: r, epoch: o.epoch}); err != nil {
		return err
	}
	s.runners = append(s.runners, r)
	return nil
}

// copied notes that the copy is on disk.
func (s *stream) copied(r *runner) {
	s.mu.Lock()
	r.kept = true
	s.mu.Unlock()
	s.wakeAll()
}

// unconfirmed is how many transactions may be taken back; the stream's lock is held.
func (s *stream) unconfirmed() int {
	n := 0
	for _, r := range slices.Backward(s.runners) {
		if r.confirmed {
			break
		}
		n++
	}
	return n
}

// Confirm makes part of the stream what its origin has on disk by now. Nobody waits for that to be on this one: there is the copy.
func (r *receivedStream) Confirm(through relay.Seq) error {
	if err := r.confirm(uint64(through)); err != nil {
		return r.errorAt(uint64(through), err)
	}
	r.wake.wake()
	return nil
}

func (s *stream) confirm(through uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.runners[len(s.runners)-s.unconfirmed():]
	if len(list) == 0 || list[len(list)-1].op.record.number < through {
		return errors.New("it was confirmed and is not here")
	}
	for _, r := range list {
		if r.op.record.number > through {
			break
		}
		r.op.patient = true
		if err := s.db.queue.put(r.op); err != nil {
			return err
		}
		r.confirmed = true
	}
	return nil
}

// TakeBack drops what was not confirmed.
func (r *receivedStream) TakeBack() bool {
	dropped := r.takeBack()
	r.wakeAll()
	return dropped
}

func (s *stream) takeBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	dropped := s.torn
	s.torn = false
	n := s.unconfirmed()
	if n == 0 {
		return dropped
	}
	s.runners = s.runners[:len(s.runners)-n]
	s.queued = s.queued[:len(s.queued)-n]
	s.draft.next, s.draft.total, s.draft.at, s.draft.open = s.last+1, s.total, s.at, false
	if len(s.queued) > 0 {
		before := s.queued[len(s.queued)-1]
		s.draft.next, s.draft.total, s.draft.at = before.number+1, before.total, before.at
	}
	return true
}

// WaitSafe returns when the transaction is durable, or will be whatever happens: its origin and this relay both have it on disk.
func (r *receivedStream) WaitSafe(ctx context.Context, seq relay.Seq) error {
	if err := r.await(ctx, uint64(seq), r.safe); err != nil {
		return r.errorAt(uint64(seq), err)
	}
	return nil
}

func (s *stream) safe(number uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last >= number {
		return true
	}
	i := slices.IndexFunc(s.runners, func(r *runner) bool { return r.op.record.number == number })
	return i >= 0 && s.runners[i].kept && s.runners[i].confirmed
}
