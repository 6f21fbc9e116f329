package primary

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/relay"
)

// dump serves the local stream to one replica.
type dump struct {
	c       *session
	says    dialect         // the client's
	view    *rendition.View // what log is if the relay's own has no binlog events; else nil
	log     relay.LocalStream
	books   browser
	w       *packetWriter
	options options
	groups  groups
	start   start

	lsn       relay.LSN // of the last entry that was sent or left out
	file      string    // that the client believes to be reading
	offset    uint64    // behind everything sent or left out
	formatted bool      // a format description came since the last ROTATE
	described bool      // one came at all
	checksum  bool      // of artificial events
	spoken    time.Time // when a heartbeat was last due and not possible
	tally     tally
}

// tally is what was sent and not yet shown.
type tally struct {
	transactions, bytes uint64
	gtid                string
}

func newDump(c *session, w *packetWriter, says dialect, o options) *dump {
	d := &dump{c: c, says: says, log: c.srv.cfg.Log.Local(), books: browser{shelf: c.srv.shelf}, w: w, options: o, checksum: o.checksum}
	d.groups = anything{d}
	if o.byGTID {
		d.groups = says.groups(d)
	}
	if r := c.srv.rendition(says); r != nil {
		d.show(r)
	}
	if o.semiSync {
		w.semiSync()
	}
	return d
}

// run sends events until ctx ends or the client must not have more. io.EOF says that it has all it asked for.
func (d *dump) run(ctx context.Context) error {
	defer d.books.close()
	err := d.settle(ctx)
	if err == nil {
		d.follow()
		err = d.pump(ctx)
	}
	var refused *rendition.Refusal
	switch {
	case errors.As(err, &refused):
		return errNotShown(refused)
	case errors.Is(err, relay.ErrTrimmed):
		return d.says.trimmed(d)
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
	d.start, err = d.groups.start(d.log)
	d.lsn = d.start.lsn - 1
	return err
}

// follow says that the replica has found its place, from which on it needs the log.
func (d *dump) follow() {
	d.c.progress.update(func(s *relay.ReplicaStatus) { s.LSN = max(d.lsn, 1) })
	d.c.follows()
}

func (d *dump) pump(ctx context.Context) error {
	if err := d.lead(ctx); err != nil {
		return err
	}
	for {
		if err := d.await(ctx); err != nil {
			return err
		}
		b, err := d.books.get(ctx, d.lsn+1)
		if err != nil {
			return err
		}
		if err := d.batch(ctx, b); err != nil {
			return err
		}
		d.w.afterwards(b.release)
	}
}

// await returns when there is something to send. Before it waits it sends what is pending, and while it waits, heartbeats.
func (d *dump) await(ctx context.Context) error {
	if uint64(d.lsn) < d.log.Last() {
		return ctx.Err()
	}
	if err := d.groups.caughtUp(); err != nil {
		return err
	}
	if err := d.flush(); err != nil {
		return err
	}
	if d.options.nonBlocking {
		return io.EOF
	}
	d.c.progress.waits(true)
	defer d.c.progress.waits(false)
	for uint64(d.lsn) >= d.log.Last() {
		err := d.waitOnce(ctx)
		if err == nil || ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		if err := d.heartbeat(); err != nil {
			return err
		}
	}
	return nil
}

// waitOnce waits for the next entry until a heartbeat is due.
func (d *dump) waitOnce(ctx context.Context) error {
	if d.options.heartbeat > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, d.heard().Add(d.options.heartbeat))
		defer cancel()
	}
	return d.log.WaitDurable(ctx, d.lsn+1)
}

// heard is when the client last heard of us.
func (d *dump) heard() time.Time {
	if d.spoken.After(d.w.flushed) {
		return d.spoken
	}
	return d.w.flushed
}

// heartbeat tells the client that the connection lives and how far the log goes. Between a ROTATE and the format description of
// the next file it would stop the replica (MDEV-29981).
func (d *dump) heartbeat() error {
	d.spoken = time.Now()
	if !d.formatted || d.file == "" {
		return nil
	}
	if err := d.event(d.says.heartbeat(d)); err != nil {
		return err
	}
	return d.flush()
}

// silence keeps the client informed while much is left out.
func (d *dump) silence() error {
	if d.options.heartbeat == 0 || time.Since(d.heard()) < d.options.heartbeat {
		return nil
	}
	return d.heartbeat()
}

// event sends an event that was made for this connection.
func (d *dump) event(event []byte) error { return d.w.event(event, false) }

// flush sends what is pending and shows how far the client is.
func (d *dump) flush() error {
	if err := d.w.flush(); err != nil {
		return err
	}
	d.publish()
	return nil
}

// batch sends the entries of a batch that come next.
func (d *dump) batch(ctx context.Context, b *batch) error {
	for i := int(d.lsn + 1 - b.first); i < len(b.entries); i++ {
		if err := d.entry(&b.entries[i]); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("send log entry %d: %w", b.entries[i].lsn, err)
		}
	}
	d.publish()
	return d.silence()
}

// entry sends one entry, or leaves it out if the client has it.
func (d *dump) entry(e *batched) error {
	var skip uint64
	if e.lsn == d.start.lsn {
		skip = d.start.skip
	}
	if e.file != d.file || e.offset+skip != d.offset { // the next file, or another server's, or what was left out of that
		if err := d.enter(e.file, e.offset); err != nil {
			return err
		}
	}
	send, err := d.wants(e)
	if err != nil {
		return err
	}
	d.lsn, d.offset = e.lsn, e.end()
	if !send {
		return nil
	}
	if e.tooLarge() {
		err = d.large(e, skip)
	} else {
		err = d.small(e, skip)
	}
	if err != nil {
		return err
	}
	d.note(e)
	return d.groups.sent(e)
}

func (d *dump) wants(e *batched) (bool, error) {
	if e.gtid == "" || !d.options.byGTID {
		return true, d.groups.caughtUp()
	}
	return d.groups.wants(e)
}

// note counts an entry that was sent.
func (d *dump) note(e *batched) {
	d.tally.bytes += uint64(e.size)
	if e.gtid != "" {
		d.tally.transactions++
		d.tally.gtid = e.gtid
	}
}

// publish makes the tally visible to others.
func (d *dump) publish() {
	t := d.tally
	d.tally = tally{}
	d.c.srv.transactions.Add(t.transactions)
	d.c.srv.bytes.Add(t.bytes)
	d.c.progress.update(func(s *relay.ReplicaStatus) {
		s.LSN, s.File, s.Position = d.lsn, d.file, d.offset
		s.Sent += t.bytes
		if t.gtid != "" {
			s.GTID = t.gtid
		}
	})
}

// acknowledge tells whether a semi-synchronous replica is to say when it has the entry: when there is nothing after it. While a replica
// catches up nobody waits for it.
func (d *dump) acknowledge(e *batched) bool {
	return d.options.semiSync && e.gtid != "" && uint64(e.lsn) >= d.log.Last()
}

// small sends the events of an entry that lies in a batch, from the byte skip on.
func (d *dump) small(e *batched, skip uint64) error {
	last, plain := d.acknowledge(e), e.plain || e.gtid != "" && d.options.annotate
	for rest := e.native; len(rest) > 0; {
		n := firstEvent(rest)
		event := rest[:n]
		begin := uint64(len(e.native) - len(rest))
		rest = rest[n:]
		var err error
		switch acknowledge := last && len(rest) == 0; {
		case begin < skip:
		case plain:
			err = d.w.shared(event, acknowledge)
		default:
			err = d.special(event, acknowledge)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// special sends one event, if it is for this client, in the form that is for it.
func (d *dump) special(event []byte, acknowledge bool) error {
	switch binlog.EventType(event[4]) {
	case binlog.AnnotateRowsEvent:
		if !d.options.annotate {
			return nil
		}
	case binlog.FormatDescriptionEvent:
		return d.format(event)
	case binlog.RotateEvent:
		d.formatted = false
	}
	return d.w.shared(event, acknowledge)
}

// format sends a format description that stands in the stream. From then on artificial events have a checksum if it says so.
func (d *dump) format(event []byte) error {
	keep := d.groups.keepsSession()
	sent, err := binlog.FormatForDump(event, keep)
	if err != nil {
		return err
	}
	if keep {
		restorePosition(sent, event)
	}
	return d.describe(sent)
}

// describe sends a format description as it is given.
func (d *dump) describe(event []byte) error {
	f, err := binlog.ParseFormat(event)
	if err != nil {
		return err
	}
	d.formatted, d.described, d.checksum = true, true, f.Checksum == binlog.ChecksumCRC32
	return d.event(event)
}

// restorePosition puts back the position that FormatForDump took out together with the time.
func restorePosition(sent, original []byte) {
	const position = 13
	copy(sent[position:position+4], original[position:])
	end := len(sent) - binlog.ChecksumSize
	binary.LittleEndian.PutUint32(sent[end:], crc32.ChecksumIEEE(sent[:end]))
}
