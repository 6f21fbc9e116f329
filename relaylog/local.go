package relaylog

import (
	"context"
	"fmt"
	"slices"

	"github.com/octant-db/octant/relay"
)

type entryCodec struct{}

func (entryCodec) decode(head []byte) (header, error) {
	e := new(relay.Entry)
	return e, e.UnmarshalBinary(head)
}

func (entryCodec) identify(h header) (uint64, int64) {
	e := h.(*relay.Entry)
	return uint64(e.LSN), e.Size
}

// localStream implements relay.LocalStream.
type localStream struct {
	*stream
	seqs *seqs
	born broadcast // a Local entry was committed, or some were lost
}

var (
	_ relay.LocalStream = (*localStream)(nil)
	_ relay.Borrower    = (*localStream)(nil)
)

// Begin opens the next entry. If it cannot be opened, the writer's methods say why.
func (l *localStream) Begin(ctx context.Context) relay.EntryWriter {
	d, err := l.begin(ctx, func(uint64) error { return nil })
	if err != nil {
		d = &draft{s: l.stream, failed: err}
	}
	return &entryWriter{d, &l.born}
}

type entryWriter struct {
	draft *draft
	born  *broadcast
}

// Append adds bytes, which are copied. It blocks while too much is not yet on disk.
func (w *entryWriter) Append(native []byte) error { return w.draft.append(native) }

// Linger lets the entry wait a moment for others to go to disk with.
func (w *entryWriter) Linger() { w.draft.patient = true }

// Commit gives the entry its LSN and Size, unless they are set and right already, and likewise the state its LSN.
func (w *entryWriter) Commit(e relay.Entry, st relay.State) error {
	d := w.draft
	if d.failed != nil {
		return d.failed
	}
	if err := d.name(&e, &st); err != nil {
		return d.fail(err)
	}
	st = cloneState(st)
	if err := d.commit(&e, &st); err != nil {
		return err
	}
	if e.Kind == relay.Local {
		w.born.wake()
	}
	return nil
}

// name checks and completes what says which entry this is.
func (d *draft) name(e *relay.Entry, st *relay.State) error {
	lsn := relay.LSN(d.number)
	if (e.LSN != 0 && e.LSN != lsn) || (st.LSN != 0 && st.LSN != lsn) {
		return fmt.Errorf("commit the entry as %d with the state after %d", e.LSN, st.LSN)
	}
	if e.Size != 0 && e.Size != d.size {
		return fmt.Errorf("commit %d bytes as %d", d.size, e.Size)
	}
	if e.Kind == relay.Local && (e.Seq == 0 || st.Seq != e.Seq) {
		return fmt.Errorf("commit the sequence %d with the state after %d", e.Seq, st.Seq)
	}
	e.LSN, st.LSN, e.Size = lsn, lsn, d.size
	e.Keys = slices.Clone(e.Keys)
	return nil
}

// Discard drops the entry. After Commit it does nothing.
func (w *entryWriter) Discard() { w.draft.discard() }

// Read returns a cursor whose first entry is from.
func (l *localStream) Read(from relay.LSN) (relay.Cursor[relay.Entry], error) {
	c, err := l.newCursor(uint64(from))
	if err != nil {
		return nil, err
	}
	return &entryCursor{c}, nil
}

// ReadInto implements relay.Borrower.
func (l *localStream) ReadInto(from relay.LSN, lend func(size int) []byte) (relay.Cursor[relay.Entry], error) {
	c, err := l.newCursor(uint64(from))
	if err != nil {
		return nil, err
	}
	c.lend = lend
	return &entryCursor{c}, nil
}

type entryCursor struct{ c *cursor }

// Next returns the next entry. Its slices are shared and must not be changed.
func (e *entryCursor) Next(ctx context.Context) (relay.Entry, relay.Body, error) {
	r, err := e.c.next(ctx)
	if err != nil {
		return relay.Entry{}, nil, err
	}
	return *r.head.(*relay.Entry), e.c.s.body(r), nil
}

// Close lets the cursor's resources go.
func (e *entryCursor) Close() { e.c.close() }

// Entry returns one entry and its bytes.
func (l *localStream) Entry(lsn relay.LSN) (relay.Entry, relay.Body, error) {
	r, err := l.one(uint64(lsn))
	if err != nil {
		return relay.Entry{}, nil, err
	}
	return *r.head.(*relay.Entry), l.body(r), nil
}

// WaitDurable returns when the entry is on disk, with an error if what was committed of it was lost to a failed write.
func (l *localStream) WaitDurable(ctx context.Context, lsn relay.LSN) error {
	if err := l.await(ctx, uint64(lsn), l.durable); err != nil {
		return l.errorAt(uint64(lsn), err)
	}
	return nil
}
