package primary

import (
	"context"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

const (
	batchBytes   = 512 << 10 // native bytes after which a batch ends
	batchEntries = 4096      // and entries
	manyEntries  = 256       // that a batch will probably be full if so many are there
)

// batch is a run of log entries that was read once for all dumps that come by. It is not changed any more.
type batch struct {
	first   relay.LSN
	entries []batched
	events  []event
	bytes   []byte // native, of all entries; nothing if there is one entry that is too large to be kept
}

// batched is one entry of a batch.
type batched struct {
	relay.Entry
	file   string
	offset uint64
	events [2]int // the first one and that after the last, in the batch's events
	plain  bool   // no event needs to be looked at
}

// event is one event in the bytes of a batch.
type event struct {
	from, to int
	kind     binlog.EventType
}

// next is the entry after the batch.
func (b *batch) next() relay.LSN { return b.first + relay.LSN(len(b.entries)) }

// cost is what the batch takes of memory, roughly.
func (b *batch) cost() int64 {
	return int64(cap(b.bytes)) + int64(cap(b.events))*24 + int64(len(b.entries))*512 + 512
}

// tooLarge tells whether an entry is streamed from the log to each dump for itself.
func (e *batched) tooLarge() bool { return e.Size > batchBytes }

// readBatch reads entries from the cursor, which stands at first, as far as the log goes and the batch has room; end is where another
// batch begins that is there already, 0 if there is none. When it returns, the cursor stands after the batch, unless the last entry
// was too large: then next tells.
func readBatch(ctx context.Context, cursor relay.Cursor[relay.Entry], first, last, end relay.LSN) (b *batch, next relay.LSN, err error) {
	b = &batch{first: first}
	if last-first >= manyEntries {
		b.bytes = make([]byte, 0, batchBytes+batchBytes/16)
	}
	for next = first; next <= last && next != end && len(b.entries) < batchEntries && len(b.bytes) < batchBytes; {
		e, body, err := cursor.Next(ctx)
		if err != nil {
			return nil, 0, err
		}
		if e.LSN != next {
			return nil, 0, fmt.Errorf("the log gives entry %d in place of %d: %w", e.LSN, next, relay.ErrCorrupt)
		}
		next++
		large := e.Size > batchBytes
		if large && len(b.entries) > 0 {
			return b, next, nil
		}
		if err := b.add(e, body); err != nil {
			return nil, 0, fmt.Errorf("read log entry %d: %w", e.LSN, err)
		}
		if large {
			break
		}
	}
	return b, next, nil
}

// add takes one entry into the batch, with its bytes unless they are too many.
func (b *batch) add(e relay.Entry, body relay.Body) (err error) {
	one := batched{Entry: e, plain: true}
	if one.file, one.offset, err = place(e); err != nil {
		return err
	}
	if !one.tooLarge() {
		from := len(b.bytes)
		for piece, err := range body {
			if err != nil {
				return err
			}
			b.bytes = append(b.bytes, piece...)
		}
		if int64(len(b.bytes)-from) != e.Size {
			return fmt.Errorf("%d bytes, not %d: %w", len(b.bytes)-from, e.Size, relay.ErrCorrupt)
		}
		if err := b.cut(&one, from); err != nil {
			return err
		}
	}
	b.entries = append(b.entries, one)
	return nil
}

// cut finds the events of an entry, whose bytes are those from from on.
func (b *batch) cut(e *batched, from int) error {
	e.events[0] = len(b.events)
	for from < len(b.bytes) {
		h, err := binlog.ParseHeader(b.bytes[from:])
		if err != nil {
			return err
		}
		to := from + int(h.Size)
		if to > len(b.bytes) {
			return fmt.Errorf("the entry ends inside an event: %w", relay.ErrCorrupt)
		}
		b.events = append(b.events, event{from, to, h.Type})
		e.plain = e.plain && !special(h.Type)
		from = to
	}
	e.events[1] = len(b.events)
	return nil
}

// special tells whether a dump must look at events of this type before it sends them.
func special(t binlog.EventType) bool {
	return t == binlog.FormatDescriptionEvent || t == binlog.RotateEvent || t == binlog.AnnotateRowsEvent
}
