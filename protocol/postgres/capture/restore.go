package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

var _ relay.Rewriter = (*Source)(nil)

// rejoin is what is left to do for a database that cannot be given back what it has lost.
const rejoin = "load this region again: octant join --replace"

// Kept implements relay.Restorer. What the slot has been told that the relay has, the database has: from there on its log is compared with the relay's.
func (s *Source) Kept(ctx context.Context, log relay.Log) (relay.LSN, relay.Position, error) {
	saved, err := parsePlace(log.State().Position)
	if err != nil {
		return 0, "", err
	}
	now, slot, err := s.present(ctx)
	if err != nil {
		return 0, "", err
	}
	if err := comparableLogs(now, saved, slot, s.config.Slot); err != nil {
		return 0, "", err
	}
	from := now
	if from.lsn, err = common(log.Local(), saved.lsn, slot.confirmed); err != nil {
		return 0, "", err
	}
	if from.lsn > now.lsn {
		return 0, "", fmt.Errorf("the database was given back what it had lost up to %s, and its log ends at %s: %s: %w", from.lsn, now.lsn, rejoin, relay.ErrDiverged)
	}
	w, err := newWalk(log.Local(), from.lsn)
	if err != nil {
		return 0, "", err
	}
	if err := s.readOn(ctx, from, w.compare); err != nil {
		return 0, "", err
	}
	lost, err := w.lost()
	if err != nil {
		return 0, "", err
	}
	if !lost {
		return 0, "", errors.New("the database has lost nothing that the relay has captured")
	}
	return w.kept, now.position(), nil
}

// common is a place up to which the database's log and the relay's are the same: where the slot stands, or behind a recovery, of which the relay's log has nothing.
func common(local relay.LocalStream, saved, confirmed pglogrepl.LSN) (pglogrepl.LSN, error) {
	if local.Last() < local.First() {
		return confirmed, nil
	}
	e, _, err := local.Entry(relay.LSN(local.Last()))
	if err != nil {
		return 0, err
	}
	last, err := parsePlace(e.Position)
	if err == nil && last.lsn < saved {
		return max(saved, confirmed), nil
	}
	return confirmed, err
}

// present asks the server where its log ends, and what its slot says.
func (s *Source) present(ctx context.Context) (place, *slot, error) {
	control, err := connect.Open(ctx, s.config.connect("octant recover"), nil)
	if err != nil {
		return place{}, nil, err
	}
	defer control.End()
	log, err := connect.OpenReplication(ctx, s.config.connect(s.config.Slot))
	if err != nil {
		return place{}, nil, err
	}
	defer log.End()
	b := beginning{source: s, control: control, log: log}
	at, err := b.identify(ctx)
	if err != nil {
		return at, nil, err
	}
	at.lsn = b.end
	slot, err := b.slot(ctx)
	if err == nil && slot != nil {
		err = slot.usable(&b)
	}
	return at, slot, err
}

// comparableLogs tells why the server's log cannot be compared with what was captured.
func comparableLogs(now, saved place, slot *slot, name string) error {
	switch {
	case now.system != saved.system || now.database != saved.database:
		return fmt.Errorf("the database is %s of system %s, and not %s of system %s: %s: %w", now.database, now.system, saved.database, saved.system, rejoin, relay.ErrDiverged)
	case now.timeline != saved.timeline:
		return fmt.Errorf("the server is on timeline %d, and was on %d: it was restored to an earlier moment or promoted, and has gone its own way since; %s: %w",
			now.timeline, saved.timeline, rejoin, relay.ErrDiverged)
	case slot == nil:
		return fmt.Errorf("the replication slot %s is gone, which says what the database has lost; %s: %w", name, rejoin, relay.ErrPurged)
	case slot.confirmed > now.lsn:
		return fmt.Errorf("the replication slot %s stands at %s, and the log ends at %s; %s: %w", name, slot.confirmed, now.lsn, rejoin, relay.ErrDiverged)
	}
	return nil
}

// walk compares the database's transactions with the relay's, in their order.
type walk struct {
	local relay.LocalStream
	next  relay.LSN // what is compared next
	kept  relay.LSN // the last one that the database has
}

func newWalk(local relay.LocalStream, from pglogrepl.LSN) (*walk, error) {
	first := local.First()
	var failed error
	n := sort.Search(int(local.Last()-first+1), func(i int) bool {
		e, _, err := local.Entry(relay.LSN(first) + relay.LSN(i))
		if err != nil {
			failed = errors.Join(failed, err)
			return true
		}
		p, err := parsePlace(e.Position)
		failed = errors.Join(failed, err)
		return p.lsn > from
	})
	if failed == nil && n == 0 && first > 1 {
		failed = fmt.Errorf("the relay log no longer has what the database had captured last (%s): %s: %w", from, rejoin, relay.ErrTrimmed)
	}
	next := relay.LSN(first) + relay.LSN(n)
	return &walk{local: local, next: next, kept: next - 1}, failed
}

// compare takes the database's next transaction: it must begin with the very bytes, its number and its time in them.
func (w *walk) compare(c *relay.Captured, first []byte) error {
	for ; w.next <= relay.LSN(w.local.Last()); w.next++ {
		e, body, err := w.local.Entry(w.next)
		if err != nil {
			return err
		}
		if e.GTID == "" {
			continue
		}
		same, err := beginsWith(body, first)
		if err != nil {
			return err
		}
		if !same || e.GTID != c.GTID {
			return fmt.Errorf("the database has a transaction at %s that was committed after it had lost others: what applications have written since would be taken for those; %s: %w",
				c.GTID, rejoin, relay.ErrDiverged)
		}
		w.kept = w.next
		w.next++
		return nil
	}
	return errAtEnd // everything that was captured is there
}

// lost tells whether the relay has transactions that the database does not have.
func (w *walk) lost() (bool, error) {
	for lsn := w.next; lsn <= relay.LSN(w.local.Last()); lsn++ {
		e, _, err := w.local.Entry(lsn)
		if err != nil || e.GTID != "" {
			return err == nil, err
		}
	}
	return false, nil
}

func beginsWith(body relay.Body, first []byte) (bool, error) {
	for piece, err := range body {
		if err != nil {
			return false, err
		}
		n := min(len(piece), len(first))
		if !bytes.Equal(piece[:n], first[:n]) {
			return false, nil
		}
		if first = first[n:]; len(first) == 0 {
			return true, nil
		}
	}
	return false, nil
}

// passBytes is how much is written at a time to get behind what was lost.
const passBytes = 1 << 20

// Advance implements relay.Rewriter. Places in the log are what transactions are known by: none comes twice.
func (s *Source) Advance(ctx context.Context, was relay.State) error {
	saved, err := parsePlace(was.Position)
	if err != nil {
		return err
	}
	c, err := connect.Open(ctx, s.config.connect("octant recover"), map[string]string{"synchronous_commit": "on"})
	if err != nil {
		return err
	}
	defer c.End()
	for {
		rows, err := c.Query(ctx, "pass what was lost", `SELECT pg_catalog.pg_current_wal_insert_lsn()`)
		if err != nil {
			return err
		}
		at, err := pglogrepl.ParseLSN(string(rows[0][0]))
		if err != nil {
			return err
		}
		if at > saved.lsn {
			break
		}
		filler := fmt.Sprintf("SELECT pg_catalog.pg_logical_emit_message(false, 'octant', repeat('x', %d))", min(uint64(saved.lsn-at)+1, passBytes))
		if err := c.Run(ctx, "pass what was lost", filler); err != nil {
			return err
		}
	}
	return c.Run(ctx, "write the ledger octant.applied", ledgerOf(was.Seen))
}

// ledgerOf says in one transaction what the database has of each origin once everything is back.
func ledgerOf(seen []relay.SeqHLC) string {
	var b strings.Builder
	b.WriteString("BEGIN;")
	for origin, last := range seen {
		if last.Seq == 0 {
			continue
		}
		fmt.Fprintf(&b, "INSERT INTO octant.applied VALUES (%d, 1, %d, %d, %d, 0) ON CONFLICT (origin, lane) DO UPDATE SET from_seq = EXCLUDED.from_seq, to_seq = EXCLUDED.to_seq, hlc = EXCLUDED.hlc;",
			origin, int64(last.Seq), int64(last.Seq), int64(last.HLC))
	}
	b.WriteString("COMMIT")
	return b.String()
}

// Behind implements relay.Restorer.
func (s *Source) Behind(ctx context.Context, _ relay.Log, next relay.Position) (relay.Position, error) {
	from, err := parsePlace(next)
	if err != nil {
		return "", err
	}
	if err := s.flushed(ctx); err != nil {
		return "", err
	}
	end, _, err := s.present(ctx)
	if err != nil {
		return "", err
	}
	err = s.readOn(ctx, from, func(c *relay.Captured, _ []byte) error {
		if c.Kind == relay.Local {
			return fmt.Errorf("a transaction (%s) was committed while the database was given back what it had lost, and not by the relay: it would not reach the other regions; %s: %w",
				c.GTID, rejoin, relay.ErrDiverged)
		}
		p, err := parsePlace(c.Position)
		end.lsn = max(end.lsn, p.lsn)
		return err
	})
	return end.position(), err
}

// flushed has everything that was committed on disk: the applier's commits do not wait for that.
func (s *Source) flushed(ctx context.Context) error {
	c, err := connect.Open(ctx, s.config.connect("octant recover"), map[string]string{"synchronous_commit": "on"})
	if err != nil {
		return err
	}
	defer c.End()
	return c.Run(ctx, "have everything on disk", "SELECT pg_catalog.pg_logical_emit_message(true, 'octant', '')")
}

// readOn passes the transactions from a place on, up to the present end of the log.
func (s *Source) readOn(ctx context.Context, from place, each func(c *relay.Captured, first []byte) error) error {
	err := s.Capture(ctx, from.position(), &passing{each: each})
	if errors.Is(err, errAtEnd) {
		return nil
	}
	return err
}

var errAtEnd = errors.New("the end of the database's log")

// passing is a relay.Recorder that keeps nothing but the first message of a transaction.
type passing struct {
	first []byte
	each  func(c *relay.Captured, first []byte) error
}

func (p *passing) Append(message []byte) error {
	if p.first == nil {
		p.first = bytes.Clone(message)
	}
	return nil
}

func (p *passing) Commit(c relay.Captured) error {
	first := p.first
	p.first = nil
	if c.Kind == relay.Frame {
		return nil
	}
	return p.each(&c, first)
}

func (p *passing) CaughtUp() error { return errAtEnd }

func (p *passing) Report(relay.Problem) {}
