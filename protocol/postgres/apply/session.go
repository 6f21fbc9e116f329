package apply

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// session is a lane's connection, with the statements that it has prepared and those that wait to be sent.
type session struct {
	conn     *connect.Conn
	prepared map[string]*pgconn.StatementDescription // by text
	looked   map[string]*knownTable                  // by text: whose columns a statement was seen to give
	queue    []command
	bytes    int
}

// What a command's result is looked at for.
const (
	isPlain  = iota
	isMark   // no row: the mark stands already
	isRow    // exactly so many rows, one if none is said, or a row is not as expected
	isAny    // any number of rows
	isCommit // the server says COMMIT, and not ROLLBACK
	isChain  // see chained
)

// command is one statement with text parameters, nil for NULL.
type command struct {
	op, table, sql string
	params         [][]byte
	kind           int
	rows           int64       // of isRow
	guards         *knownTable // its columns must be those of the table
}

// maxPrepared bounds the statements that a session keeps. Tables have about four each.
const maxPrepared = 2000

func newSession(c *connect.Conn) *session {
	return &session{conn: c, prepared: make(map[string]*pgconn.StatementDescription), looked: make(map[string]*knownTable)}
}

func (s *session) add(c command) {
	s.queue = append(s.queue, c)
	s.bytes += len(c.sql)
	for _, p := range c.params {
		s.bytes += len(p) + 4
	}
}

// flush sends what waits in one round trip. done is called with the rows that each command touched, until one fails; that command's
// place and error are returned.
func (s *session) flush(ctx context.Context, done func(c *command, tag pgconn.CommandTag) error) (failed *command, err error) {
	defer func() { s.queue, s.bytes = s.queue[:0], 0 }()
	if failed, err := s.prepare(ctx); err != nil {
		return failed, err
	}
	p := s.conn.StartPipeline(ctx)
	for i := range s.queue {
		p.SendQueryStatement(s.prepared[s.queue[i].sql], s.queue[i].params, nil, nil)
	}
	if err := p.Sync(); err != nil {
		_ = p.Close()
		return &s.queue[0], err
	}
	failed, err = s.results(p, done)
	if closing := p.Close(); err == nil && closing != nil {
		err = closing
	}
	return failed, err
}

func (s *session) results(p *pgconn.Pipeline, done func(*command, pgconn.CommandTag) error) (*command, error) {
	for i := range s.queue {
		c := &s.queue[i]
		result, err := p.GetResults()
		if err != nil {
			return c, err
		}
		reader, ok := result.(*pgconn.ResultReader)
		if !ok {
			return c, fmt.Errorf("%s: the server answers with %T", c.op, result)
		}
		tag, err := reader.Close()
		if err == nil {
			err = done(c, tag)
		}
		if err != nil {
			return c, err
		}
	}
	return nil, nil
}

// prepare prepares the statements of the queue that were not yet.
func (s *session) prepare(ctx context.Context) (*command, error) {
	if len(s.prepared) > maxPrepared {
		if err := s.conn.Run(ctx, "forget statements", "DEALLOCATE ALL"); err != nil {
			return &s.queue[0], err
		}
		clear(s.prepared)
		clear(s.looked)
	}
	for i := range s.queue {
		c := &s.queue[i]
		if d := s.prepared[c.sql]; d != nil {
			if err := s.look(c, d); err != nil {
				return c, err
			}
			continue
		}
		d, err := s.conn.Prepare(ctx, "o"+strconv.Itoa(len(s.prepared)), c.sql, nil)
		if err != nil {
			return c, err
		}
		s.prepared[c.sql] = d
		if err := s.look(c, d); err != nil {
			return c, err
		}
	}
	return nil, nil
}

// look compares the columns that a statement gives with those that are known of its table.
func (s *session) look(c *command, d *pgconn.StatementDescription) error {
	if c.guards == nil || s.looked[c.sql] == c.guards {
		return nil
	}
	names := make([]string, len(d.Fields))
	for i := range d.Fields {
		names[i] = d.Fields[i].Name
	}
	if !slices.Equal(names, c.guards.all) {
		return &redefinedError{c.guards.name}
	}
	s.looked[c.sql] = c.guards
	return nil
}

// errorOf gives a failed command's error its type.
func errorOf(ctx context.Context, c *command, err error) error {
	var typed interface{ Retryable() bool }
	if errors.As(err, &typed) || errors.Is(err, relay.ErrPresence) || errors.Is(err, relay.ErrApplied) || c == nil {
		return err
	}
	return connect.NewError(ctx, c.op, c.table, err)
}
