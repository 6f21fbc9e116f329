package relaylog

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

type transactionCodec struct{}

func (transactionCodec) decode(head []byte) (header, error) {
	t := new(relay.Transaction)
	return t, t.UnmarshalBinary(head)
}

func (transactionCodec) identify(h header) (uint64, int64) {
	t := h.(*relay.Transaction)
	return uint64(t.Seq), t.Size
}

// receivedStream implements relay.ReceivedStream.
type receivedStream struct{ *stream }

var _ relay.ReceivedStream = (*receivedStream)(nil)

// Begin opens the next transaction, whose Seq must be one more than that of the last one committed, durable or not.
func (r *receivedStream) Begin(ctx context.Context, t relay.Transaction) (relay.TransactionWriter, error) {
	d, err := r.begin(ctx, func(next uint64) error {
		if err := r.follows(t, next); err != nil {
			return err
		}
		if r.unconfirmed() > 0 {
			return r.errorAt(next, errUnconfirmed)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &transactionWriter{draft: d, head: t}, nil
}

var errReceived = errors.New("it was received before")

// follows refuses a hole, a repeat, and what belongs into another stream.
func (r *receivedStream) follows(t relay.Transaction, next uint64) error {
	switch seq := uint64(t.Seq); {
	case byte(t.Origin) != r.id:
		return r.errorAt(seq, fmt.Errorf("it was born in region %d", t.Origin))
	case seq > next:
		return r.errorAt(seq, fmt.Errorf("there is a hole: %d comes next", next))
	case seq < next:
		return r.errorAt(seq, fmt.Errorf("%w: %d comes next", errReceived, next))
	}
	return nil
}

type transactionWriter struct {
	draft *draft
	head  relay.Transaction
}

// Append adds bytes, which are copied. It blocks while too much is not yet on disk.
func (w *transactionWriter) Append(native []byte) error { return w.draft.append(native) }

// Commit makes the transaction part of the stream and returns before it is durable. If its header announced a size, all of it must be there.
func (w *transactionWriter) Commit() error {
	d := w.draft
	if d.failed != nil {
		return d.failed
	}
	if w.head.Size != 0 && w.head.Size != d.size {
		return d.fail(fmt.Errorf("%d bytes were announced and %d came", w.head.Size, d.size))
	}
	t := w.head
	t.Size = d.size
	return d.commit(&t, nil)
}

// Discard drops the transaction. After Commit it does nothing.
func (w *transactionWriter) Discard() { w.draft.discard() }

// Read returns a cursor whose first transaction is from.
func (r *receivedStream) Read(from relay.Seq) (relay.Cursor[relay.Transaction], error) {
	c, err := r.newCursor(uint64(from))
	if err != nil {
		return nil, err
	}
	return &transactionCursor{c}, nil
}

// Follow returns a cursor whose first transaction is from, and which also returns what is still on its way to the disk.
func (r *receivedStream) Follow(from relay.Seq) (relay.Cursor[relay.Transaction], error) {
	c, err := r.newCursor(uint64(from))
	if err != nil {
		return nil, err
	}
	return &transactionCursor{&eagerCursor{c}}, nil
}

// WaitDurable returns when the transaction is on disk, with an error if what was received of it was lost to a failed write.
func (r *receivedStream) WaitDurable(ctx context.Context, seq relay.Seq) error {
	if err := r.await(ctx, uint64(seq), r.durable); err != nil {
		return r.errorAt(uint64(seq), err)
	}
	return nil
}

// records is what a cursor over transactions reads.
type records interface {
	next(context.Context) (*record, error)
	body(*record) relay.Body
	close()
}

type transactionCursor struct{ c records }

// Next returns the next transaction. Its slices are shared and must not be changed.
func (t *transactionCursor) Next(ctx context.Context) (relay.Transaction, relay.Body, error) {
	r, err := t.c.next(ctx)
	if err != nil {
		return relay.Transaction{}, nil, err
	}
	return *r.head.(*relay.Transaction), t.c.body(r), nil
}

// Close lets the cursor's resources go.
func (t *transactionCursor) Close() { t.c.close() }

// Transaction returns one transaction and its bytes.
func (r *receivedStream) Transaction(seq relay.Seq) (relay.Transaction, relay.Body, error) {
	rec, err := r.one(uint64(seq))
	if err != nil {
		return relay.Transaction{}, nil, err
	}
	return *rec.head.(*relay.Transaction), r.body(rec), nil
}
