package primary

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// dump serves the local stream to one replica.
type dump struct {
	c       *session
	log     relay.LocalStream
	w       *packetWriter
	options options
	start   start

	lsn       relay.LSN  // of the last entry that was sent or left out
	file      string     // that the client believes to be reading
	offset    uint64     // behind everything sent or left out
	formatted bool       // a format description came since the last ROTATE
	described bool       // one came at all
	checksum  bool       // of artificial events
	active    time.Time  // when the client was last sent something
	until     binlog.Set // domains in which the client still wants something; of a dump without end: nil
	state     binlog.Set // what the client has
	skipped   bool       // groups were left out, and the client was not told yet what it is taken to have
}

func newDump(c *session, w *packetWriter, o options) *dump {
	return &dump{c: c, log: c.srv.cfg.Log.Local(), w: w, options: o, checksum: o.checksum, active: time.Now(), until: o.until.Clone(), state: o.state.Clone()}
}

// run sends events until ctx ends or the client must not have more. io.EOF says that it has all it asked for.
func (d *dump) run(ctx context.Context) error {
	err := d.settle(ctx)
	if err == nil {
		err = d.pump(ctx)
	}
	switch {
	case errors.Is(err, relay.ErrTrimmed):
		return errPurged()
	case errors.Is(err, relay.ErrCorrupt) || errors.Is(err, binlog.ErrMalformed):
		return errUnreadable("its log", err)
	}
	return err
}

// settle finds where to begin. A replica that followed the database itself until now can be a moment ahead of the relay,
// and is not sent away for that.
func (d *dump) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, d.c.srv.cfg.Patience)
	defer cancel()
	for {
		last := d.log.Last()
		err := d.plan()
		var early ahead
		if !errors.As(err, &early) || d.options.nonBlocking {
			return err
		}
		if d.log.WaitDurable(ctx, relay.LSN(last+1)) != nil {
			return err
		}
	}
}

func (d *dump) plan() (err error) {
	if d.options.byGTID {
		d.start, err = startByGTID(d.log, d.options.state)
	} else {
		d.start, err = startByFile(d.log, d.options.file, d.options.offset)
	}
	d.lsn = d.start.lsn - 1
	return err
}

func (d *dump) pump(ctx context.Context) error {
	cursor, err := d.log.Read(d.start.lsn)
	if err != nil {
		return err
	}
	defer cursor.Close()
	if err := d.introduce(ctx); err != nil {
		return err
	}
	if err := d.alreadyReached(); err != nil {
		return err
	}
	for {
		e, body, err := d.next(ctx, cursor)
		if err != nil {
			return err
		}
		if err := d.entry(e, body); err != nil {
			return fmt.Errorf("send log entry %d: %w", e.LSN, err)
		}
	}
}

// next returns the next entry. Before it waits for one it sends what is pending, and while it waits, heartbeats.
func (d *dump) next(ctx context.Context, cursor relay.Cursor[relay.Entry]) (relay.Entry, relay.Body, error) {
	for uint64(d.lsn) >= d.log.Last() {
		if d.options.nonBlocking {
			return relay.Entry{}, nil, io.EOF
		}
		if err := d.w.flush(); err != nil {
			return relay.Entry{}, nil, err
		}
		e, body, err := d.await(ctx, cursor)
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return e, body, err
		}
		if err := d.heartbeat(); err != nil {
			return e, body, err
		}
	}
	return cursor.Next(ctx)
}

func (d *dump) await(ctx context.Context, cursor relay.Cursor[relay.Entry]) (relay.Entry, relay.Body, error) {
	if d.options.heartbeat == 0 {
		return cursor.Next(ctx)
	}
	ctx, cancel := context.WithDeadline(ctx, d.active.Add(d.options.heartbeat))
	defer cancel()
	return cursor.Next(ctx)
}

// heartbeat tells the client that the connection lives and how far the log goes. Between a ROTATE and the format description of
// the next file it would stop the replica (MDEV-29981).
func (d *dump) heartbeat() error {
	d.active = time.Now()
	if !d.formatted || d.file == "" {
		return nil
	}
	if err := d.w.event(binlog.Heartbeat(d.c.srv.cfg.ServerID, d.file, d.offset, d.checksum)); err != nil {
		return err
	}
	return d.w.flush()
}

// entry sends one entry, or leaves it out if the client has it.
func (d *dump) entry(e relay.Entry, body relay.Body) error {
	file, offset, err := place(e)
	if err != nil {
		return err
	}
	if file != d.file {
		if err := d.enter(file, offset); err != nil {
			return err
		}
	}
	var skip uint64
	if e.LSN == d.start.lsn {
		skip = d.start.skip
	}
	d.lsn, d.offset = e.LSN, offset+uint64(e.Size)
	if e.GTID != "" && d.options.byGTID {
		send, err := d.group(e, offset)
		if err != nil {
			return err
		}
		if !send {
			return d.silence()
		}
	}
	if err := d.events(body, skip); err != nil {
		return err
	}
	d.note(e)
	return d.reached(e)
}

// group tells whether a GTID replica is to get a group. After a stretch of groups that it was not to get it is told its state, as
// real primaries do.
func (d *dump) group(e relay.Entry, offset uint64) (send bool, err error) {
	g, err := binlog.Parse(e.GTID)
	if err != nil {
		return false, err
	}
	switch {
	case e.LSN <= d.start.held[g.Domain]:
		d.skipped = true
		return false, nil
	case d.stopped(g):
		return false, nil
	}
	if d.skipped {
		err = d.tellState(offset)
	}
	d.state.Add(g)
	return true, err
}

func (d *dump) tellState(offset uint64) error {
	d.skipped = false
	if len(d.state) == 0 {
		return nil
	}
	return d.w.event(binlog.FakeGTIDList(d.c.srv.cfg.ServerID, d.state.List(), uint32(offset), true))
}

// silence keeps the client informed while much is left out.
func (d *dump) silence() error {
	if d.options.heartbeat == 0 || time.Since(d.active) < d.options.heartbeat {
		return nil
	}
	return d.heartbeat()
}

// note counts an entry that was sent.
func (d *dump) note(e relay.Entry) {
	d.active = time.Now()
	if e.GTID != "" {
		d.c.srv.transactions.Add(1)
	}
	d.c.srv.bytes.Add(uint64(e.Size))
	d.c.progress.update(func(s *relay.ReplicaStatus) {
		s.LSN, s.File, s.Position = e.LSN, d.file, d.offset
		s.Sent += uint64(e.Size)
		if e.GTID != "" {
			s.GTID = e.GTID
		}
	})
}

// events sends the events of an entry, from the byte skip on, where one begins.
func (d *dump) events(body relay.Body, skip uint64) error {
	var c cutter
	var sink sink = drop{}
	for piece, err := range body {
		if err != nil {
			return err
		}
		for len(piece) > 0 {
			header, rest, err := c.cut(piece)
			if err != nil {
				return err
			}
			switch {
			case header:
				sink, err = d.begin(c.head[:], c.offset-binlog.HeaderSize >= skip)
			case c.have == 0:
				err = sink.write(piece[:len(piece)-len(rest)])
			}
			if err != nil {
				return err
			}
			piece = rest
		}
	}
	return c.end()
}

// sink takes the bytes of an event after its header.
type sink interface{ write([]byte) error }

// drop takes the bytes of an event that is left out.
type drop struct{}

func (drop) write([]byte) error { return nil }

// begin decides what becomes of the event with that header, and returns where its other bytes go.
func (d *dump) begin(head []byte, wanted bool) (sink, error) {
	h, err := binlog.ParseHeader(head)
	switch {
	case err != nil:
		return nil, err
	case !wanted || h.Type == binlog.AnnotateRowsEvent && !d.options.annotate:
		return drop{}, nil
	case h.Type == binlog.FormatDescriptionEvent:
		return &formatSink{d: d, size: int(h.Size), event: append([]byte(nil), head...)}, nil
	case h.Type == binlog.RotateEvent:
		d.formatted = false
	}
	if err := d.w.begin(int64(h.Size) + 1); err != nil {
		return nil, err
	}
	if err := d.w.write([]byte{mysql.OK_HEADER}); err != nil {
		return nil, err
	}
	return d.w, d.w.write(head)
}

// formatSink collects a format description, which is not sent as it stands if the file was still open when it was read.
type formatSink struct {
	d     *dump
	size  int
	event []byte
}

// maxFormat is far above the size of a real one, about 250 bytes.
const maxFormat = 64 << 10

func (s *formatSink) write(b []byte) error {
	if s.size > maxFormat {
		return fmt.Errorf("format description of %d bytes: %w", s.size, relay.ErrCorrupt)
	}
	s.event = append(s.event, b...)
	if len(s.event) < s.size {
		return nil
	}
	return s.d.format(s.event)
}

// format sends a format description that stands in the stream. From then on artificial events have a checksum, as it says. To a GTID
// replica that goes on, the first one must not say that the server has just started: it would drop its temporary tables.
func (d *dump) format(event []byte) error {
	goesOn := d.options.byGTID && len(d.options.state) > 0 && !d.described
	sent, err := binlog.FormatForDump(event, goesOn)
	if err != nil {
		return err
	}
	if goesOn {
		restorePosition(sent, event)
	}
	return d.describe(sent)
}

// describe sends a format description as it is given.
func (d *dump) describe(event []byte) error {
	d.formatted, d.described, d.checksum = true, true, true
	return d.w.event(event)
}

// restorePosition puts back the position that FormatForDump took out together with the time.
func restorePosition(sent, original []byte) {
	const position = 13
	copy(sent[position:position+4], original[position:])
	end := len(sent) - binlog.ChecksumSize
	binary.LittleEndian.PutUint32(sent[end:], crc32.ChecksumIEEE(sent[:end]))
}
