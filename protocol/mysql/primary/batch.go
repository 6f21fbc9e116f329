package primary

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync/atomic"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

const (
	batchBytes   = 512 << 10 // native bytes after which a batch ends
	batchEntries = 4096      // and entries
)

// batch is a run of log entries that was read once for all dumps that come by. It is not changed while it has users.
type batch struct {
	first   relay.LSN
	entries []batched
	size    int64     // native bytes
	windows []*window // that the bytes are in
	holds   int64     // bytes of those windows, but for one that another batch began
	users   atomic.Int32
}

// release is called by each user when it needs the bytes no more.
func (b *batch) release() {
	if b.users.Add(-1) > 0 {
		return
	}
	for _, w := range b.windows {
		w.release()
	}
}

// lies notes a window that bytes of the batch are in.
func (b *batch) lies(w *window) {
	if w == nil || len(b.windows) > 0 && b.windows[len(b.windows)-1] == w {
		return
	}
	if w.users.Add(1) == 2 { // the browser is the other one
		b.holds += int64(len(w.bytes))
	}
	b.windows = append(b.windows, w)
}

// batched is what dumps need of one entry.
type batched struct {
	lsn    relay.LSN
	gtid   string // "": no transaction
	file   string
	offset uint64 // where it begins
	size   int64
	native []byte // nil of an entry that is too large to be kept
	plain  bool   // no event needs to be looked at
}

// end is where the entry ends in its file.
func (e *batched) end() uint64 { return e.offset + uint64(e.size) }

// next is the entry after the batch.
func (b *batch) next() relay.LSN { return b.first + relay.LSN(len(b.entries)) }

// cost is what the batch takes of memory, roughly.
func (b *batch) cost() int64 { return max(b.size, b.holds) + int64(cap(b.entries))*192 + 512 }

// tooLarge tells whether an entry is streamed from the log to each dump for itself.
func (e *batched) tooLarge() bool { return e.size > batchBytes }

// readBatch reads entries from the cursor, which stands at first, as far as the log goes and the batch has room; end is where another
// batch begins that is there already, 0 if there is none, and about how many entries there will be. window tells what the cursor reads into.
// next is where the cursor stands afterwards.
func readBatch(ctx context.Context, cursor relay.Cursor[relay.Entry], window func() *window, first, last, end relay.LSN, about int) (b *batch, next relay.LSN, err error) {
	b = &batch{first: first, entries: make([]batched, 0, min(about, int(last+1-first)))}
	for next = first; next <= last && next != end && len(b.entries) < batchEntries && b.size < batchBytes; {
		e, body, err := cursor.Next(ctx)
		if err != nil && len(b.entries) > 0 {
			return b, 0, nil // who comes for the next batch will hear of it
		}
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
		b.lies(window())
		if large {
			break
		}
	}
	return b, next, nil
}

// add takes one entry into the batch, with its bytes unless they are too many.
func (b *batch) add(e relay.Entry, body relay.Body) (err error) {
	one := batched{lsn: e.LSN, gtid: e.GTID, size: e.Size, plain: true}
	if one.file, one.offset, err = place(e); err != nil {
		return err
	}
	if !one.tooLarge() {
		if one.native, err = whole(body); err != nil {
			return err
		}
		if err := one.check(); err != nil {
			return err
		}
		b.size += e.Size
	}
	b.entries = append(b.entries, one)
	return nil
}

// whole returns a body's bytes. If they are one piece already they are not copied.
func whole(body relay.Body) (native []byte, err error) {
	for piece, err := range body {
		if err != nil {
			return nil, err
		}
		if native == nil {
			native = piece[:len(piece):len(piece)]
			continue
		}
		native = append(native, piece...)
	}
	return native, nil
}

// check looks at all events of an entry once, so that dumps need not.
func (e *batched) check() error {
	if int64(len(e.native)) != e.size {
		return fmt.Errorf("%d bytes, not %d: %w", len(e.native), e.size, relay.ErrCorrupt)
	}
	for rest := e.native; len(rest) > 0; {
		h, err := binlog.ParseHeader(rest)
		if err != nil {
			return err
		}
		if int64(h.Size) > int64(len(rest)) {
			return fmt.Errorf("the entry ends inside an event: %w", relay.ErrCorrupt)
		}
		e.plain = e.plain && !special(h.Type)
		rest = rest[h.Size:]
	}
	return nil
}

// firstEvent returns how long the event is with which bytes that were checked begin.
func firstEvent(native []byte) int { return int(binary.LittleEndian.Uint32(native[9:])) }

// special tells whether a dump must look at events of this type before it sends them.
func special(t binlog.EventType) bool {
	return t == binlog.FormatDescriptionEvent || t == binlog.RotateEvent || t == binlog.AnnotateRowsEvent
}
