package primary

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// browser takes batches from the shelf for one dump, one after the other, and reads those that are not there. While the dump sends one,
// the next one is read.
type browser struct {
	shelf  *shelf
	ahead  chan struct{} // closed when nobody reads ahead; nil if nobody did
	cursor relay.Cursor[relay.Entry]
	at     relay.LSN // where the cursor stands
	about  int       // entries of the last batch that was read
	window *window   // that the cursor reads into, if it does so

	allowance allowance // of waiting for readers that are behind
}

// close lets the log go. The context of the last get must have ended, or it waits for what is being read.
func (b *browser) close() {
	b.join()
	b.drop()
	b.shelf.quits(b)
}

// join waits for whoever reads ahead: there is only one cursor.
func (b *browser) join() {
	if b.ahead != nil {
		<-b.ahead
		b.ahead = nil
	}
}

func (b *browser) drop() {
	if b.cursor != nil {
		b.cursor.Close()
		b.cursor = nil
	}
	b.turn(nil)
}

// turn takes another window in the place of the one that the cursor has read into. Batches keep theirs for themselves.
func (b *browser) turn(w *window) {
	if b.window != nil {
		b.window.release()
	}
	b.window = w
}

// lend gives the cursor memory to read into.
func (b *browser) lend(size int) []byte {
	b.turn(b.shelf.windows.take(size))
	return b.window.bytes[:size]
}

// open opens a cursor.
func (b *browser) open(first relay.LSN) (relay.Cursor[relay.Entry], error) {
	if log, ok := b.shelf.log.(relay.Borrower); ok {
		return log.ReadInto(first, b.lend)
	}
	return b.shelf.log.Read(first)
}

// get returns the batch that holds an entry, which must be in the log. The caller releases it.
func (b *browser) get(ctx context.Context, lsn relay.LSN) (*batch, error) {
	b.join()
	b.shelf.reads(b, lsn)
	b.together(ctx, lsn)
	batch, err := b.find(ctx, lsn)
	if err == nil && uint64(batch.next()) <= b.shelf.log.Last() {
		b.readAhead(ctx, batch.next())
	}
	return batch, err
}

// readAhead puts the next batch on the shelf, if there is room for it. If that fails, get will find out for itself.
func (b *browser) readAhead(ctx context.Context, lsn relay.LSN) {
	if b.shelf.awaited(b, lsn) != nil {
		return
	}
	k, end, mine := b.shelf.find(lsn, false)
	if !mine {
		return
	}
	b.ahead = make(chan struct{})
	go func() {
		defer close(b.ahead)
		b.fill(ctx, k, end) // the shelf knows what came of it
	}()
}

func (b *browser) find(ctx context.Context, lsn relay.LSN) (*batch, error) {
	for {
		k, end, mine := b.shelf.find(lsn, true)
		if mine {
			return b.fill(ctx, k, end)
		}
		select {
		case <-k.ready:
		case <-ctx.Done():
			return nil, ctx.Err() // what was to be shared is not used again
		}
		if k.err != nil {
			continue
		}
		if lsn < k.batch.next() {
			return k.batch, nil
		}
		k.batch.release()
	}
}

// fill reads the batch that others may already wait for.
func (b *browser) fill(ctx context.Context, k *kept, end relay.LSN) (*batch, error) {
	var batch *batch
	err := errUnfinished
	defer func() { b.shelf.filled(k, batch, err) }()
	batch, err = b.read(ctx, k.first, end)
	return batch, err
}

func (b *browser) read(ctx context.Context, first, end relay.LSN) (*batch, error) {
	if b.cursor == nil || b.at != first {
		b.drop()
		cursor, err := b.open(first)
		if err != nil {
			return nil, err
		}
		b.cursor, b.at = cursor, first
	}
	last := relay.LSN(b.shelf.log.Last())
	batch, next, err := readBatch(ctx, b.cursor, func() *window { return b.window }, first, last, end, b.about+b.about/8+1)
	if err != nil {
		b.drop()
		return nil, err
	}
	b.at, b.about = next, len(batch.entries)
	if len(batch.entries) == 0 {
		return nil, fmt.Errorf("read log entry %d: it is not there: %w", first, relay.ErrCorrupt)
	}
	return batch, nil
}
