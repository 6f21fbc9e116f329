package history

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// Log is a relay log that is asked.
type Log struct{ relay.Log }

// ErrNoEvent says that no event begins at an offset.
var ErrNoEvent = errors.New("no event begins there")

// Event is one event of a file.
type Event struct {
	Offset   uint64 // where it begins
	Type     string // as SHOW BINLOG EVENTS calls it
	ServerID uint32
	End      uint64 // where the next one begins
	Info     string // as SHOW BINLOG EVENTS has it
}

// firstOffset is where a file's first event begins: four magic bytes come before it.
const firstOffset = 4

// Events yields the events of a file from the offset on, until yield returns false; 0 is the file's beginning, or what the log still has of
// it. relay.ErrNotFound: the log does not have the file. ErrNoEvent: no event begins at the offset.
func (l Log) Events(ctx context.Context, file string, offset uint64, yield func(Event) bool) error {
	lsn, err := l.entryAt(file, max(offset, firstOffset))
	if err != nil {
		return fmt.Errorf("find %s: %w", file, err)
	}
	cursor, err := l.Local().Read(lsn)
	if err != nil {
		return fmt.Errorf("read %s: %w", file, err)
	}
	defer cursor.Close()
	w := walk{file: file, from: offset, yield: yield}
	for last := relay.LSN(l.Local().Last()); lsn <= last && !w.done; lsn++ {
		e, body, err := cursor.Next(ctx)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = w.entry(&e, body)
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", file, err)
		}
	}
	if !w.met && offset > firstOffset && offset != w.at {
		return ErrNoEvent
	}
	return nil
}

// entryAt finds the entry of the file that begins at the offset or is the last one before it; if the log no longer has that, the first one
// that it has of the file.
func (l Log) entryAt(file string, offset uint64) (relay.LSN, error) {
	local := l.Local()
	lsn, err := local.Floor(binlog.PositionPrefix(file), binlog.PositionKey(file, offset))
	if err == nil || !errors.Is(err, relay.ErrNotFound) && !errors.Is(err, relay.ErrTrimmed) {
		return lsn, err
	}
	first := relay.LSN(local.First())
	e, _, err := local.Entry(first)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", relay.ErrNotFound, err)
	}
	if name, _, ok := place(&e); !ok || name != file {
		return 0, relay.ErrNotFound
	}
	return first, nil
}

// place is where an entry begins.
func place(e *relay.Entry) (file string, offset uint64, ok bool) {
	for _, key := range e.Keys {
		if file, offset, err := binlog.ParsePositionKey(key); err == nil {
			return file, offset, true
		}
	}
	return "", 0, false
}

// walk goes over the entries of a file.
type walk struct {
	file  string
	from  uint64
	at    uint64 // where the last event ended
	met   bool   // an event began at from
	done  bool
	yield func(Event) bool
}

func (w *walk) entry(e *relay.Entry, body relay.Body) error {
	file, offset, ok := place(e)
	if ok && file != w.file {
		w.done = true
		return nil
	}
	if ok {
		w.at = offset
	}
	for event, err := range binlog.Events(body) {
		if err != nil {
			return err
		}
		if err := w.event(event); err != nil || w.done {
			return err
		}
	}
	return nil
}

func (w *walk) event(event []byte) error {
	h, err := binlog.ParseHeader(event)
	if err != nil || h.Artificial() {
		return err
	}
	begin := w.at
	w.at += uint64(h.Size)
	if begin < w.from {
		return nil
	}
	if !w.met && w.from > firstOffset && begin != w.from {
		return ErrNoEvent
	}
	w.met = true
	w.show(begin, h, event)
	if h.Type == binlog.TransactionPayloadEvent && !w.done {
		return w.inflated(event)
	}
	return nil
}

func (w *walk) show(begin uint64, h binlog.Header, event []byte) {
	name, info := describe(h, event)
	w.done = !w.yield(Event{Offset: begin, Type: name, ServerID: h.ServerID, End: w.at, Info: info})
}

// inflated shows what is in a compressed transaction, all of it at the end of the event that holds it, as MySQL does.
func (w *walk) inflated(event []byte) error {
	p, err := binlog.ParsePayload(event)
	if err != nil {
		return err
	}
	for inner, err := range p.Events() {
		if err != nil {
			return err
		}
		h, err := binlog.ParseHeader(inner)
		if err != nil {
			return err
		}
		if w.show(w.at, h, inner); w.done {
			return nil
		}
	}
	return nil
}
