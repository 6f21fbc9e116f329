package capture

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sort"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// Restorer returns what gives the database back what it has lost.
func (s *Source) Restorer() relay.Restorer {
	if s.config.Flavour == binlog.MySQL {
		return &replayer{s}
	}
	return s
}

// replayer does lost transactions of MySQL again under their own GTIDs. So replicas of the database that have them pass over them, and the database is what it was.
type replayer struct{ source *Source }

var _ relay.Replayer = (*replayer)(nil)

// Kept implements relay.Restorer. The database's last transaction must be, byte for byte, the one that the relay has read under its name: a number that was lost is given
// again to what an application writes next.
func (r *replayer) Kept(ctx context.Context, log relay.Log) (relay.LSN, relay.Position, error) {
	was, err := binlog.ParsePosition(string(log.State().Position))
	if err != nil {
		return 0, "", err
	}
	c, err := r.connect(ctx)
	if err != nil {
		return 0, "", err
	}
	defer c.close()
	executed, err := mysqlServer{}.set(c, "SELECT @@GLOBAL.gtid_executed")
	if err != nil {
		return 0, "", err
	}
	if err := lost(c, was, executed); err != nil {
		return 0, "", err
	}
	last, kept, err := lastOf(log.Local(), executed)
	if err != nil {
		return 0, "", err
	}
	if err := r.nothingBehind(ctx, log.Local(), last, kept); err != nil {
		return 0, "", err
	}
	next, err := c.fileAfter(kept.File)
	if err == nil && next == "" {
		err = errNotRestarted
	}
	return last, relay.Position(binlog.Position{
		Flavour: binlog.MySQL, Executed: was.Executed, File: next, Offset: firstOffset, Server: c.server, Joining: true, Epoch: was.Epoch + 1,
	}.String()), err
}

// connect logs in for as long as ctx lasts.
func (r *replayer) connect(ctx context.Context) (*connection, error) {
	c, err := r.source.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	if err := c.raw().SetDeadline(time.Time{}); err != nil { // it has been for logging in
		c.close()
		return nil, err
	}
	return c, nil
}

var errNotRestarted = errors.New("the database has not been started since it lost its last commits: restart it")

// lost makes sure that the database lacks something that the relay has read, and has nothing else.
func lost(c *connection, was binlog.Position, executed gtid.Set) error {
	extra := executed.Subtract(was.Executed)
	switch {
	case was.Server != c.server:
		return diverged("it is another server (%s) than the one that was read (%s)", c.server, was.Server)
	case was.HistoryFile != "":
		return diverged("it lost its last commits before the relay had read what was in its log at first")
	case !extra.Empty():
		return diverged("the database has transactions %.300s, which the relay has never read: it was written to since it lost its last commits, or is another one", extra)
	case executed.Includes(was.Executed):
		return errNothingLost
	}
	return nil
}

var errNothingLost = errors.New("the database has lost nothing that the relay has captured")

// lastOf finds the last transaction of the relay's log that the database has. What it has executed must be all that was read up to there.
func lastOf(local relay.LocalStream, executed gtid.Set) (relay.LSN, binlog.Position, error) {
	first, n := local.First(), int(local.Last()-local.First()+1)
	var failed error
	at := func(i int) (e relay.Entry, p binlog.Position) {
		e, _, err := local.Entry(relay.LSN(first + uint64(i)))
		if err == nil {
			p, err = binlog.ParsePosition(string(e.Position))
		}
		failed = errors.Join(failed, err)
		return e, p
	}
	beyond := sort.Search(n, func(i int) bool {
		_, p := at(i)
		return failed == nil && !executed.Includes(p.Executed)
	})
	for i := beyond - 1; i >= 0 && failed == nil; i-- {
		e, p := at(i)
		switch {
		case failed != nil:
		case !p.Executed.Equal(executed):
			return 0, p, diverged("the database has executed %.300s, and there was no moment at which it had just these", executed)
		case e.GTID != "" && p.Group != 0:
			return e.LSN, p, nil
		}
	}
	if failed != nil {
		return 0, binlog.Position{}, failed
	}
	return 0, binlog.Position{}, fmt.Errorf("the relay log no longer has the transaction up to which the database goes (%.300s): load this region again: %w", executed, relay.ErrTrimmed)
}

// nothingBehind reads the database's log from where the last transaction begins that the relay knows too.
func (r *replayer) nothingBehind(ctx context.Context, local relay.LocalStream, last relay.LSN, kept binlog.Position) error {
	e, body, err := local.Entry(last)
	if err != nil {
		return err
	}
	g, err := gtid.Parse(e.GTID)
	if err != nil {
		return err
	}
	want, err := digest(body)
	if err != nil {
		return err
	}
	from := kept
	from.Executed = kept.Executed.Subtract(gtid.Of(g))
	from.Offset, from.Group, from.Joining = kept.Group, 0, false
	seen := 0
	err = r.read(ctx, from, func(group *readGroup) error {
		seen++
		switch {
		case seen > 1:
			return diverged("it has a transaction (%s) that was committed after it had lost others: what applications have written since would be taken for those", group.name)
		case group.name != e.GTID || string(group.sum.Sum(nil)) != string(want):
			return diverged("its transaction %s is not what the relay has read under that name", group.name)
		}
		return nil
	})
	if err == nil && seen == 0 {
		err = diverged("it has no transaction at %s:%d, where the relay had read one", kept.File, kept.Group)
	}
	return err
}

// Behind implements relay.Restorer. What was done again is passed over when the log is read on, by name: so what stands there under such a name must be that. What else
// was committed meanwhile is new, and read.
func (r *replayer) Behind(ctx context.Context, log relay.Log, next relay.Position) (relay.Position, error) {
	p, err := binlog.ParsePosition(string(next))
	if err != nil {
		return "", err
	}
	from := p
	from.Executed, from.Joining = gtid.Set{}, false // the file says itself what comes before it
	local := log.Local()
	err = r.read(ctx, from, func(group *readGroup) error {
		g, err := binlog.ParseMySQLGTID(group.first)
		if err != nil || !p.Executed.Contains(g.GTID) {
			return err
		}
		return sameAuthor(local, &g)
	})
	return next, err
}

// sameAuthor compares when a transaction was committed first: that is told when it is done again, in microseconds.
func sameAuthor(local relay.LocalStream, g *binlog.MySQLGroup) error {
	key := binlog.MySQLGTIDKey(g.GTID)
	lsn, err := local.Floor(key, key)
	if err != nil {
		return err
	}
	_, body, err := local.Entry(lsn)
	if err != nil {
		return err
	}
	was, err := named(body)
	if err == nil && was.Original != g.Original {
		err = diverged("a transaction (%s) was committed while the database was given back what it had lost, and not by the relay, under the name of one that was lost", g.GTID)
	}
	return err
}

// named reads the event that begins a transaction.
func named(body relay.Body) (binlog.MySQLGroup, error) {
	for event, err := range binlog.Events(body) {
		if err != nil {
			return binlog.MySQLGroup{}, err
		}
		return binlog.ParseMySQLGTID(event)
	}
	return binlog.MySQLGroup{}, fmt.Errorf("read a transaction's name: %w", binlog.ErrMalformed)
}

func digest(body relay.Body) ([]byte, error) {
	sum := sha256.New()
	for piece, err := range body {
		if err != nil {
			return nil, err
		}
		sum.Write(piece)
	}
	return sum.Sum(nil), nil
}

// read passes the transactions from a position of the database's log on, up to its present end.
func (r *replayer) read(ctx context.Context, from binlog.Position, each func(*readGroup) error) error {
	reader := &tailReader{each: each}
	reader.clear()
	err := r.source.Capture(ctx, relay.Position(from.String()), reader)
	if errors.Is(err, errAtEnd) {
		return nil
	}
	return err
}

var errAtEnd = errors.New("the end of the database's log")

// readGroup is a transaction as it was read.
type readGroup struct {
	name  string
	first []byte // its first event
	sum   hash.Hash
}

// tailReader is a relay.Recorder that keeps nothing.
type tailReader struct {
	group readGroup
	each  func(*readGroup) error
}

func (t *tailReader) clear() { t.group = readGroup{sum: sha256.New()} }

func (t *tailReader) Append(event []byte) error {
	if t.group.first == nil {
		t.group.first = append([]byte{}, event...)
	}
	t.group.sum.Write(event)
	return nil
}

func (t *tailReader) Commit(c relay.Captured) error {
	defer t.clear()
	if c.Kind == relay.Frame {
		return nil
	}
	t.group.name = c.GTID
	return t.each(&t.group)
}

func (t *tailReader) CaughtUp() error { return errAtEnd }

func (t *tailReader) Report(relay.Problem) {}
