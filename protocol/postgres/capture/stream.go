package capture

import (
	"context"
	"fmt"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// stream turns the plugin's messages into entries.
type stream struct {
	source      *Source
	rec         relay.Recorder
	control     *connect.Conn
	publication *publication
	at          place         // up to where entries have been committed
	end         pglogrepl.LSN // of the log when we connected; 0 once we got there
	relations   map[uint32]*relation
	tables      *logical.TableCache
	proof       *proof // what is still to be found before anything new is read; nil: nothing
	saved       int64  // when the place was last written down without a transaction, in Unix nanoseconds

	open  bool // a transaction is being read
	begun logical.Begin
	group group
	buf   []byte
	cells []logical.Cell // of the row that is looked at
}

// group is what is known of the transaction that is being read.
type group struct {
	described map[uint32]bool
	rows      bool // there was one
	mark      *relay.Mark
	signed    *relay.Mark // what it does to the tables, the applier did for this transaction
	octant    bool        // it is about the relay's own books
	other     bool        // and about something else
	problems  []relay.Problem
}

func newStream(s *Source, rec relay.Recorder, control *connect.Conn, at place, end pglogrepl.LSN) *stream {
	return &stream{
		source: s, rec: rec, control: control, at: at, end: end, relations: make(map[uint32]*relation), tables: logical.NewTableCache(),
		saved: s.config.Now().UnixNano(),
	}
}

// message takes one message of the plugin. It is not kept.
func (s *stream) message(ctx context.Context, m []byte) error {
	if s.proof != nil && m[0] != logical.KindRelation {
		return s.prove(m)
	}
	if m[0] == logical.KindBegin {
		return s.begin(m)
	}
	if m[0] == logical.KindRelation {
		return s.relation(ctx, m)
	}
	if m[0] == logical.KindType {
		return nil
	}
	if m[0] == logical.KindMessage {
		return s.text(ctx, m)
	}
	if !s.open {
		return fmt.Errorf("a message of kind %q outside a transaction: %w", m[0], logical.ErrMalformed)
	}
	switch m[0] {
	case logical.KindInsert, logical.KindUpdate, logical.KindDelete:
		return s.row(ctx, m)
	case logical.KindTruncate:
		return s.truncate(m)
	case logical.KindCommit:
		return s.commit(m)
	case logical.KindOrigin:
		return s.append(m)
	}
	return fmt.Errorf("a message of unknown kind %q: %w", m[0], logical.ErrMalformed)
}

// append gives a message to the recorder, with its length in front.
func (s *stream) append(m []byte) error {
	s.buf = logical.AppendMessage(s.buf[:0], m, nil)
	return s.rec.Append(s.buf)
}

func (s *stream) begin(m []byte) error {
	b, err := logical.ParseBegin(m)
	if err != nil {
		return err
	}
	if s.open {
		return fmt.Errorf("a transaction begins in another one: %w", logical.ErrMalformed)
	}
	s.open, s.begun, s.group = true, b, group{described: make(map[uint32]bool)}
	return s.append(m)
}

func (s *stream) commit(m []byte) error {
	c, err := logical.ParseCommit(m)
	if err != nil {
		return err
	}
	if c.LSN != s.begun.FinalLSN || c.End <= s.at.lsn {
		return fmt.Errorf("a transaction of %s ends at %s, behind %s: %w", s.begun.FinalLSN, c.End, s.at.lsn, logical.ErrMalformed)
	}
	if err := s.append(m); err != nil {
		return err
	}
	s.open = false
	s.at.lsn, s.at.commit, s.at.xid = c.End, c.LSN, s.begun.XID
	captured := relay.Captured{
		Kind: s.group.kind(), Mark: s.group.mark, Physical: c.Time, GTID: c.LSN.String(), Position: s.at.position(), Flavour: logical.Flavour,
	}
	if captured.Kind == relay.Local && s.group.signed != nil {
		captured.Kind, captured.Mark = relay.History, s.group.signed
	}
	if captured.Kind == relay.Local {
		for _, p := range s.group.problems {
			p.Since = s.source.config.Now()
			s.rec.Report(p)
		}
	}
	if err := s.rec.Commit(captured); err != nil {
		return err
	}
	s.saved = s.source.config.Now().UnixNano()
	return s.arrived(s.at.lsn)
}

func (g *group) kind() relay.EntryKind {
	switch {
	case g.mark != nil:
		return relay.Applied
	case !g.other: // the relay's own books, or nothing
		return relay.History
	}
	return relay.Local
}

// arrived tells, once, that we got to where the log ended when we connected.
func (s *stream) arrived(lsn pglogrepl.LSN) error {
	if s.end == 0 || lsn < s.end {
		return nil
	}
	s.end = 0
	return s.rec.CaughtUp()
}

// keepalive says that the server has sent everything up to a place.
func (s *stream) keepalive(ctx context.Context, end pglogrepl.LSN) error {
	if s.proof != nil {
		return s.proof.missed(end)
	}
	if s.open {
		return nil
	}
	if err := s.publication.look(ctx); err != nil {
		return err
	}
	if err := s.save(end); err != nil {
		return err
	}
	if s.end != 0 {
		return s.arrived(end)
	}
	return s.rec.CaughtUp()
}

// saveBytes is how much of the log may go by without a transaction of ours before the place is written down.
const saveBytes = 4 << 20

// save writes the place down if the log has gone on without us, so that the server need not keep it.
func (s *stream) save(end pglogrepl.LSN) error {
	now := s.source.config.Now().UnixNano()
	if end <= s.at.lsn || end < s.at.lsn+saveBytes && now-s.saved < int64(s.source.config.LookEvery) {
		return nil
	}
	s.at.lsn, s.saved = end, now
	return commitFrame(s.rec, s.at)
}

func (s *stream) truncate(m []byte) error {
	t, err := logical.ParseTruncate(m)
	if err != nil {
		return err
	}
	for _, oid := range t.Relations {
		r, err := s.describe(oid)
		if err != nil {
			return err
		}
		s.group.other = s.group.other || !r.own
	}
	return s.append(m)
}

// maxProblems bounds what one transaction can say; one of more has said enough.
const maxProblems = 64

func (g *group) problem(p relay.Problem) {
	g.problems = relay.CountProblem(g.problems, p, maxProblems)
}

func (s *stream) row(ctx context.Context, m []byte) error {
	row, err := logical.ParseRow(m)
	if err != nil {
		return err
	}
	r, err := s.describe(row.Relation)
	if err != nil {
		return err
	}
	if r.own {
		err = s.own(r, &row)
	} else {
		s.group.other = true
		if s.blind(r, &row) {
			return nil
		}
		err = s.whole(ctx, r, &row)
	}
	if err != nil {
		return err
	}
	s.group.rows = true
	return s.append(m)
}

// blind tells whether a change cannot be judged by its table's rule, as the log lacks the row before it, and reports it.
func (s *stream) blind(r *relation, row *logical.Row) bool {
	if row.Op == relay.Insert || row.OldKind == 'O' || !s.source.config.Ruled(r.schema.Table.Schema, r.schema.Table.Name) {
		return false
	}
	s.group.problem(relay.Problem{Kind: replicaIdentity, Subject: r.name(),
		Detail: "it is under a rule of conflicts that needs the row before each change, which the log does not have: the change is not sent to the other regions",
		Remedy: "ALTER TABLE " + connect.Table(r.Schema, r.Name) + " REPLICA IDENTITY FULL, of its partitions too; then octant verify finds the rows, and octant repair mends them"})
	return true
}

// own looks for the mark: the row that the applier writes first. A deletion is none: somebody tidied up.
func (s *stream) own(r *relation, row *logical.Row) error {
	s.group.octant = true
	if s.group.rows || row.Op == relay.Delete || r.schema.Table.Name != ledger.Table {
		return nil
	}
	cells, err := logical.Cells(nil, row.New, len(r.schema.Table.Columns))
	if err != nil {
		return err
	}
	texts := make([][]byte, len(cells))
	for i := range cells {
		texts[i] = cells[i].Text
	}
	m, err := ledger.Parse(texts)
	if err != nil {
		return fmt.Errorf("read the mark of the transaction at %s: %w", s.begun.FinalLSN, err)
	}
	s.group.mark = &m
	return nil
}
