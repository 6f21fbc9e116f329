package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// errNotRows is what cannot be done again as it was: a statement depends on the session that it ran in.
var errNotRows = errors.New("it is not made of rows alone")

// Check implements relay.Replayer.
func (r *replayer) Check(_ *relay.Entry, body relay.Body) error {
	for event, err := range mysqlEvents(body) {
		if err != nil {
			return err
		}
		if err := checkReplayed(event); err != nil {
			return err
		}
	}
	return nil
}

func checkReplayed(event []byte) error {
	h, err := binlog.ParseHeader(event)
	if err != nil {
		return err
	}
	switch h.Type {
	case binlog.MySQLGTIDEvent, binlog.MySQLTaggedGTIDEvent, binlog.TableMapEvent, binlog.XIDEvent, binlog.RowsQueryEvent:
		return nil
	case binlog.QueryEvent:
		q, err := binlog.ParseQuery(event)
		if err != nil {
			return err
		}
		if c := q.Class(); c == binlog.Begin && !bytes.HasPrefix(q.SQL, []byte("XA")) || c == binlog.Commit || c == binlog.Savepoint {
			return nil
		}
		return errNotRows
	}
	if binlog.IsRows(h.Type) || h.Flags&binlog.FlagIgnorable != 0 {
		return nil
	}
	return fmt.Errorf("%w: it has an event of type %d", errNotRows, h.Type)
}

// mysqlEvents yields a transaction's events, those of a compressed one as they were.
func mysqlEvents(body relay.Body) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for event, err := range binlog.Events(body) {
			if err == nil {
				_, err = binlog.VerifyChecksum(event)
			}
			var h binlog.Header
			if err == nil {
				h, err = binlog.ParseHeader(event)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if h.Type != binlog.TransactionPayloadEvent {
				if !yield(event, nil) {
					return
				}
				continue
			}
			p, err := binlog.ParsePayload(event)
			if err != nil {
				yield(nil, err)
				return
			}
			for inner, err := range p.Events() {
				if !yield(inner, err) || err != nil {
					return
				}
			}
		}
	}
}

// replayedServer is the server_id in the headers of the format description for BINLOG statements. Nobody sees it.
const replayedServer = 1

// Replay implements relay.Replayer.
func (r *replayer) Replay(ctx context.Context) (relay.Replay, error) {
	c, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	p := &mysqlReplay{c: c}
	if err := p.run(binlog.AppendStatement(nil, binlog.MySQLFormatDescription(replayedServer, c.version))); err != nil {
		c.close()
		return nil, fmt.Errorf("write row events (the user needs REPLICATION_APPLIER): %w", err)
	}
	return p, nil
}

// mysqlReplay is a session in which transactions are done again.
type mysqlReplay struct {
	c *connection

	maps, rows [][]byte // the table maps of the statement that is under way, and those of its rows that have not been sent
	size       int      // of rows
}

func (p *mysqlReplay) Close() error {
	p.c.close()
	return nil
}

// Do implements relay.Replay.
func (p *mysqlReplay) Do(e *relay.Entry, body relay.Body) error {
	g, err := named(body)
	if err != nil {
		return err
	}
	r, err := p.c.query(fmt.Sprintf("SELECT GTID_SUBSET('%s', @@GLOBAL.gtid_executed)", g.GTID))
	if err != nil || text(r, 0, 0) == "1" {
		return err
	}
	// The time tells afterwards that it is this transaction: see sameAuthor. Both last for one transaction.
	if err := p.c.all([]string{
		fmt.Sprintf("SET SESSION original_commit_timestamp=%d", g.Original), fmt.Sprintf("SET SESSION gtid_next='%s'", g.GTID), "BEGIN",
	}); err != nil {
		return err
	}
	for event, err := range mysqlEvents(body) {
		if err == nil {
			err = p.add(event)
		}
		if err != nil {
			return fmt.Errorf("write its rows (the user needs INSERT, UPDATE and DELETE on every table in it): %w", err)
		}
	}
	return p.c.all([]string{"COMMIT"})
}

// replayedBytes is how much of a statement's rows is sent at a time, unless one event is larger.
const replayedBytes = 512 << 10

func (p *mysqlReplay) add(event []byte) error {
	h, err := binlog.ParseHeader(event)
	if err != nil {
		return err
	}
	switch {
	case h.Type == binlog.TableMapEvent:
		p.maps = append(p.maps, bytes.Clone(event))
		return nil
	case !binlog.IsRows(h.Type):
		return nil
	}
	if len(p.rows) > 0 && p.size+len(event) > replayedBytes {
		if err := p.flush(); err != nil {
			return err
		}
	}
	p.rows, p.size = append(p.rows, bytes.Clone(event)), p.size+len(event)
	if !binlog.EndsStatement(event) {
		return nil
	}
	err = p.flush()
	p.maps = p.maps[:0]
	return err
}

// flush sends the rows as a statement of their own, with the descriptions of its tables.
func (p *mysqlReplay) flush() error {
	binlog.EndStatement(p.rows[len(p.rows)-1])
	err := p.run(binlog.AppendStatement(nil, append(p.maps[:len(p.maps):len(p.maps)], p.rows...)...))
	p.rows, p.size = p.rows[:0], 0
	return err
}

// run sends a BINLOG statement. Errors do not repeat it.
func (p *mysqlReplay) run(statement []byte) error {
	_, err := p.c.client.Execute(string(statement))
	return refused(err)
}
