package rendition

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

const (
	// fileBytes is how long a file becomes before the next one begins. Who comes back by name and offset has it counted from its beginning.
	fileBytes = 64 << 20
	// keptBytes is up to which size a transaction is kept from when it is counted until it is sent. Larger ones are made twice.
	keptBytes = 1 << 20
	// keptPlaces is how many entries a reader can go back.
	keptPlaces = 1 << 14
)

// View is the log as one reader sees it: a relay.LocalStream of events with places in files. Open or Find comes first. It may be used from several goroutines.
type View struct {
	*Log
	relay.LocalStream // what is not different

	tables shownTables

	mu     sync.Mutex
	places map[relay.LSN]place
	next   relay.LSN // the first entry whose place is not known yet
	at     place     // and where it would stand
}

// place is where an entry begins, and how long it is.
type place struct {
	first      relay.LSN // entry of its file
	offset     uint64
	rest, size int64 // see transaction
}

// View returns the log for a reader, who has a name if he comes back. Where a table's definition is another one than he was shown before he gets a *Refusal,
// until he comes again.
func (l *Log) View(reader string) *View {
	return &View{
		Log: l, LocalStream: l.config.Log, places: make(map[relay.LSN]place), tables: shownTables{log: l, reader: reader, tables: make(map[string]*Layout), altered: make(map[string]bool)},
	}
}

// Open has a file begin with an entry, which need not be there yet. It returns where the entry stands.
func (v *View) Open(lsn relay.LSN) (file string, offset uint64, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	clear(v.places)
	v.next = lsn
	v.at, err = v.start(lsn)
	return FileOf(lsn), v.at.offset, err
}

// start is the place of the entry with which a file begins.
func (v *View) start(lsn relay.LSN) (place, error) {
	head, err := v.Head(FileOf(lsn))
	return place{first: lsn, offset: fileStart + uint64(len(head))}, err
}

// Start is the offset of a file's first entry.
func (l *Log) Start(file string) uint64 {
	head, err := l.Head(file)
	if err != nil {
		return fileStart
	}
	return fileStart + uint64(len(head))
}

// What Find says of a place that is nowhere.
var (
	ErrNoFile = errors.New("there is no such file")
	ErrPast   = errors.New("the place is past the end of the file")
)

// Find opens a file that was read before, and returns the entry that has the offset and how many of its bytes come before that. At the end of the file it
// is the next entry. relay.ErrTrimmed: the file's beginning is gone.
func (v *View) Find(ctx context.Context, file string, offset uint64) (lsn relay.LSN, skip uint64, err error) {
	first, ok := firstOf(file)
	last := relay.LSN(v.Last())
	switch {
	case !ok || first > last+1:
		return 0, 0, ErrNoFile
	case uint64(first) < v.First():
		return 0, 0, relay.ErrTrimmed
	}
	_, start, err := v.Open(first)
	if err != nil || offset <= start {
		return first, 0, err
	}
	if first > last {
		return 0, 0, ErrPast
	}
	v.tables.quietly(true)
	defer v.tables.quietly(false)
	c, err := v.Read(first)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	for lsn = first; lsn <= last; lsn++ {
		e, _, err := c.Next(ctx)
		if err != nil {
			return 0, 0, err
		}
		at := v.place(e.LSN)
		if at.first != first {
			break
		}
		switch end := at.offset + uint64(e.Size); {
		case offset < end:
			return lsn, offset - at.offset, nil
		case offset == end:
			return lsn + 1, 0, nil
		}
	}
	return 0, 0, ErrPast
}

func (v *View) place(lsn relay.LSN) place {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.places[lsn]
}

// put gives an entry of so many bytes its place, unless it has one.
func (v *View) put(lsn relay.LSN, rest, size int64) (at place, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if at, ok := v.places[lsn]; ok {
		return at, nil
	}
	if lsn != v.next {
		return place{}, fmt.Errorf("entry %d has no place, and %d is next: %w", lsn, v.next, relay.ErrCorrupt)
	}
	if v.at.offset >= fileBytes {
		if v.at, err = v.start(lsn); err != nil {
			return place{}, err
		}
	}
	at = v.at
	at.rest, at.size = rest, size
	v.places[lsn] = at
	delete(v.places, lsn-keptPlaces)
	v.next, v.at.offset = lsn+1, at.offset+uint64(size)
	return at, nil
}

// Read returns a cursor over events. An entry that cannot be shown gives a *Refusal.
func (v *View) Read(from relay.LSN) (relay.Cursor[relay.Entry], error) {
	c, err := v.LocalStream.Read(from)
	if err != nil {
		return nil, err
	}
	return &cursor{v: v, c: c}, nil
}

type cursor struct {
	v *View
	c relay.Cursor[relay.Entry]
}

// Next implements relay.Cursor. The body may be kept.
func (c *cursor) Next(ctx context.Context) (relay.Entry, relay.Body, error) {
	e, body, err := c.c.Next(ctx)
	if err != nil {
		return e, nil, err
	}
	return c.v.show(ctx, e, body)
}

// Close implements relay.Cursor.
func (c *cursor) Close() { c.c.Close() }

// Entry returns one entry in the form of events. It must have been read by a cursor of this view, unless only its names are wanted: one that was not has no
// place, size and body.
func (v *View) Entry(lsn relay.LSN) (relay.Entry, relay.Body, error) {
	e, body, err := v.LocalStream.Entry(lsn)
	if err != nil {
		return e, nil, err
	}
	v.mu.Lock()
	at, placed := v.places[lsn]
	v.mu.Unlock()
	if !placed {
		v.name(&e)
		e.Size, e.Keys = 0, nil
		return e, nil, nil
	}
	t := &transaction{log: v.Log, e: e, body: body, at: at}
	v.describe(&e, at)
	return e, t.events, nil
}

// name says what an entry is called over there, where all are transactions.
func (v *View) name(e *relay.Entry) {
	e.Kind, e.GTID, e.Flavour = relay.History, v.GTID(e.LSN), v.Flavour()
	p := binlog.Position{Flavour: e.Flavour}
	if v.mysql() {
		p.Executed = v.Range(1, e.LSN)
	} else {
		p.GTIDs = binlog.Set{0: {Server: v.server, Seq: uint64(e.LSN)}}
	}
	e.Position = relay.Position(p.String())
}

// show makes events of an entry.
func (v *View) show(ctx context.Context, e relay.Entry, body relay.Body) (relay.Entry, relay.Body, error) {
	t := &transaction{log: v.Log, e: e, body: body}
	rest, err := t.count(func(l *Layout) error { return v.tables.accept(ctx, l) })
	if err == nil {
		size := rest + int64(len(v.begin(nil, &e, rest, e.LSN))) // in whatever file
		t.at, err = v.put(e.LSN, rest, size)
	}
	var refused *Refusal
	if errors.As(err, &refused) {
		refused.Transaction = v.GTID(e.LSN)
	}
	if err != nil {
		return e, nil, err
	}
	v.describe(&e, t.at)
	return e, t.events, nil
}

func (v *View) describe(e *relay.Entry, at place) {
	v.name(e)
	e.Size, e.Keys = at.size, []string{binlog.PositionKey(FileOf(at.first), at.offset)}
}

// transaction is one entry on its way to a reader.
type transaction struct {
	log  *Log
	e    relay.Entry
	body relay.Body
	at   place

	kept  []byte // all events but the first, if they are few
	whole bool   // they are
}

// count makes the events but the first once, to know how long they are.
func (t *transaction) count(accept func(*Layout) error) (rest int64, err error) {
	t.whole = true
	for event, err := range t.log.events(&t.e, t.body, accept) {
		if err != nil {
			return 0, err
		}
		if rest += int64(len(event)); rest > keptBytes {
			t.kept, t.whole = nil, false
		}
		if t.whole {
			t.kept = append(t.kept, event...)
		}
	}
	return rest, nil
}

// events yields the bytes.
func (t *transaction) events(yield func([]byte, error) bool) {
	at := t.at.offset
	piece := t.log.begin(nil, &t.e, t.at.rest, t.at.first)
	at += uint64(len(piece))
	binlog.Place(piece, at)
	if t.whole {
		all := append(piece, t.kept...)
		placeAll(all[len(piece):], at)
		yield(all, nil)
		return
	}
	for event, err := range t.log.events(&t.e, t.body, nil) {
		if err != nil {
			yield(nil, err)
			return
		}
		begin := len(piece)
		piece = append(piece, event...)
		at += uint64(len(event))
		binlog.Place(piece[begin:], at)
		if len(piece) < pieceBytes {
			continue
		}
		if !yield(piece, nil) {
			return
		}
		piece = make([]byte, 0, pieceBytes+rowsLimit) // what was yielded may be kept
	}
	yield(piece, nil)
}

// pieceBytes is how much of a large transaction is given out at a time.
const pieceBytes = 256 << 10

// placeAll places events of ours that lie behind each other.
func placeAll(events []byte, begin uint64) {
	for event := range binlog.Events(binlog.One(events)) {
		begin += uint64(len(event))
		binlog.Place(event, begin)
	}
}
