package capture

import (
	"fmt"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// group follows an event group from its GTID to its end, and keeps what must be known of it. Its events go to the
// recorder one by one.
type group struct {
	stream  *stream
	open    bool
	start   uint64 // its offset in the file
	head    head
	history bool // it was there before the relay first started
	skip    bool // it was read before: only its end matters

	transaction bool // it has begun one: a statement is not its end

	tables   map[uint64]*table // by the number that rows events use
	tableMap bool              // there was one
	awaited  uint64            // the number of octant.applied while its first row is to come
	marked   bool              // the first table map was octant.applied, and no row of it has come yet
	mark     *relay.Mark
	defined  *relay.Mark // of whom it is a definition that the applier ran
	octant   bool        // it touched schema octant
	other    bool        // it touched something else

	unreadable bool // it holds changes that no decoder can read, and that were reported
}

// end is how a group ends.
type end uint8

const (
	notYet     end = iota
	committed      // XID: all its tables have transactions
	standalone     // its only statement
	bare           // COMMIT or ROLLBACK as a statement: tables without transactions took part
	prepared       // XA PREPARE
)

// add takes the next event.
func (g *group) add(h binlog.Header, event []byte, begin uint64) error {
	if !g.open && !binlog.BeginsGroup(h.Type) {
		return g.stream.frame(h, event, begin)
	}
	if !g.open {
		if err := g.begin(event, begin); err != nil {
			return err
		}
		return g.append(event)
	}
	how, err := g.look(h, event)
	if err != nil {
		return err
	}
	if err := g.append(event); err != nil || how == notYet {
		return err
	}
	return g.finish(how, h.Timestamp)
}

func (g *group) append(event []byte) error {
	if g.skip {
		return nil
	}
	return g.stream.rec.Append(event)
}

func (g *group) begin(event []byte, start uint64) error {
	s := g.stream
	head, err := s.journal.begin(event, start)
	if err != nil {
		return err
	}
	at := place{s.at.file, start}
	tables := g.tables
	clear(tables)
	*g = group{stream: s, open: true, start: start, head: head, transaction: head.transaction, history: at.before(s.source.until),
		skip: s.muted(start) || s.journal.repeated(), tables: tables}
	return nil
}

// look finds out what an event inside a group means: see the grammar in MariaDB's Log_event::is_group_event and sql/log.cc, and
// Transaction_boundary_parser in MySQL's sql/rpl_trx_boundary_parser.cc. In MySQL's log BEGIN or XA START begins a transaction.
func (g *group) look(h binlog.Header, event []byte) (end, error) {
	switch h.Type {
	case binlog.XIDEvent:
		return g.must(g.transaction, committed, h)
	case binlog.XAPrepareEvent:
		return g.prepare(h, event)
	case binlog.QueryEvent, binlog.QueryCompressedEvent, binlog.ExecuteLoadQueryEvent:
		return g.query(h, event)
	case binlog.TableMapEvent:
		return notYet, g.mapTable(event)
	case binlog.IncidentEvent:
		g.unreadable = true
		g.problem(incident(g.stream.at))
		if g.head.standing && !g.transaction {
			return standalone, nil
		}
		return notYet, nil
	case binlog.TransactionPayloadEvent:
		return g.payload(event)
	case binlog.FormatDescriptionEvent, binlog.RotateEvent, binlog.StopEvent, binlog.GTIDListEvent, binlog.PreviousGTIDsEvent:
		return g.must(false, notYet, h)
	}
	if binlog.BeginsGroup(h.Type) {
		return g.must(false, notYet, h)
	}
	if binlog.IsRows(h.Type) {
		return notYet, g.rows(event)
	}
	return notYet, nil // INTVAR, RAND, USER_VAR, ANNOTATE_ROWS, ROWS_QUERY and what is not known yet: a decoder judges those
}

// payload looks into a compressed transaction, whose last event is its end. It is stored as it came.
func (g *group) payload(event []byte) (end, error) {
	p, err := binlog.ParsePayload(event)
	if err != nil {
		return notYet, err
	}
	how := notYet
	for inner, err := range p.Events() {
		if err != nil {
			return notYet, err
		}
		h, err := binlog.ParseHeader(inner)
		if err == nil && (how != notYet || h.Type == binlog.TransactionPayloadEvent) {
			_, err = g.must(false, notYet, h)
		}
		if err == nil {
			how, err = g.look(h, inner)
		}
		if err != nil {
			return notYet, err
		}
	}
	if how == notYet {
		return notYet, fmt.Errorf("group %s: its payload does not end it: %w", g.head.name, binlog.ErrMalformed)
	}
	return how, nil
}

// prepare ends a group whose transaction is decided elsewhere, unless it is committed in one phase.
func (g *group) prepare(h binlog.Header, event []byte) (end, error) {
	x, err := binlog.ParseXAPrepare(event)
	if err != nil {
		return notYet, err
	}
	how := prepared
	if x.OnePhase {
		how = committed
	}
	g.unreadable = g.unreadable || !x.OnePhase
	return g.must(g.transaction, how, h)
}

// must refuses an event that cannot stand where it stands.
func (g *group) must(ok bool, how end, h binlog.Header) (end, error) {
	if !ok {
		return notYet, fmt.Errorf("an event of type %d stands in group %s: %w", h.Type, g.head.name, binlog.ErrMalformed)
	}
	return how, nil
}

func (g *group) query(h binlog.Header, event []byte) (end, error) {
	q, err := binlog.ParseQuery(event)
	if err != nil {
		return notYet, err
	}
	class := q.Class()
	if class == binlog.Other {
		g.statement(h.Type, &q)
	}
	g.unreadable = g.unreadable || class == binlog.XAEnd || class == binlog.Rollback
	switch {
	case class == binlog.Begin:
		g.transaction = true
		return notYet, nil
	case !g.transaction, class == binlog.XAEnd:
		return standalone, nil
	case class == binlog.Commit, class == binlog.Rollback:
		return bare, nil
	}
	return notYet, nil
}

// finish gives the group to the recorder as an entry. at is the end's time in seconds.
func (g *group) finish(how end, at uint32) error {
	g.open = false
	s := g.stream
	s.journal.finish()
	if g.skip {
		s.problems.drop()
		return s.arrived()
	}
	c := relay.Captured{Kind: g.kind(), Mark: g.mark, GTID: g.head.name, Keys: g.head.keys, Physical: g.head.physical}
	if c.Physical.IsZero() {
		c.Physical = physical(at, s.source.config.Now())
	}
	if c.Kind == relay.Local && g.defined != nil {
		c.Kind, c.Mark = relay.History, g.defined
	} else if c.Kind != relay.Applied {
		c.Mark = nil
	}
	g.judge(how)
	g.report(c.Kind)
	if c.Kind == relay.Local && g.unreadable {
		c.Kind = relay.History // it was reported; passed on, it would stop every other region
	}
	return s.commit(c, g.start)
}

func (g *group) kind() relay.EntryKind {
	switch {
	case g.history:
		return relay.History
	case g.mark != nil:
		return relay.Applied
	case g.octant && !g.other:
		return relay.History
	}
	return relay.Local
}

// torn ends a group whose end a crash cut off. It is kept as a frame: the file holds it, and nobody may replicate it.
func (g *group) torn() error {
	g.open = false
	g.stream.problems.drop()
	if g.skip {
		return nil
	}
	return g.stream.commit(relay.Captured{Kind: relay.Frame}, g.start)
}

// physical is the commit's time. The log has whole seconds only; the time of arrival says more if it lies in that second,
// and is bent into it if not, so that a relay that was behind gives no later times than one that was not.
func physical(seconds uint32, arrival time.Time) time.Time {
	first := time.Unix(int64(seconds), 0).UTC()
	last := first.Add(time.Second - time.Microsecond)
	switch arrival = arrival.UTC(); {
	case arrival.Before(first):
		return first
	case arrival.After(last):
		return last
	}
	return arrival
}
