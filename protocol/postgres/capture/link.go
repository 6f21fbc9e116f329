package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pglogrepl"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// link is the conversation with the log sender once replication has started. One goroutine reads, another tells how far we are.
type link struct {
	source   *Source
	conn     net.Conn
	frontend *pgproto3.Frontend

	mu       sync.Mutex // of writing
	received atomic.Uint64
	waiting  atomic.Int64 // since when the reader has been waiting for the server, in nanoseconds; 0: it is not
}

// start has the server send its log from a place on.
func (s *Source) start(ctx context.Context, c *connect.Conn, at place) (*link, error) {
	sql := fmt.Sprintf(`START_REPLICATION SLOT %s LOGICAL %s ("proto_version" '1', "publication_names" %s, "messages" 'true')`,
		connect.Identifier(s.config.Slot), at.lsn, connect.Literal(connect.Identifier(s.config.Publication)))
	c.Frontend().Send(&pgproto3.Query{String: sql})
	if err := c.Frontend().Flush(); err != nil {
		return nil, connect.NewError(ctx, "start replication", "", err)
	}
	for {
		m, err := c.ReceiveMessage(ctx)
		if err != nil {
			return nil, connect.NewError(ctx, "start replication", "", err)
		}
		switch m := m.(type) {
		case *pgproto3.CopyBothResponse:
			return s.hijack(c, at)
		case *pgproto3.ErrorResponse:
			return nil, connect.NewError(ctx, "start replication", "", pgconn.ErrorResponseToPgError(m))
		case *pgproto3.NoticeResponse, *pgproto3.ParameterStatus:
		default:
			return nil, fmt.Errorf("start replication: the server answers with a message of type %T", m)
		}
	}
}

func (s *Source) hijack(c *connect.Conn, at place) (*link, error) {
	h, err := c.Hijack()
	if err != nil {
		return nil, fmt.Errorf("start replication: %w", err)
	}
	l := &link{source: s, conn: h.Conn, frontend: h.Frontend}
	l.received.Store(uint64(at.lsn))
	return l, nil
}

// run reads until something fails or ctx ends.
func (l *link) run(parent context.Context, st *stream) error {
	ctx, cancel := context.WithCancelCause(parent)
	var group sync.WaitGroup
	group.Go(func() { cancel(l.report(ctx)) })
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetReadDeadline(time.Unix(1, 0)) })
	err := l.read(ctx, st)
	stop()
	cancel(err)
	group.Wait()
	l.farewell()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// farewell says how far we got and closes the connection, so that the slot is free at once.
func (l *link) farewell() {
	_ = l.status(false)
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(time.Second))
	if b, err := (&pgproto3.CopyDone{}).Encode(nil); err == nil {
		if b, err = (&pgproto3.Terminate{}).Encode(b); err == nil {
			_, _ = l.conn.Write(b)
		}
	}
	_ = l.conn.Close()
}

func (l *link) read(ctx context.Context, st *stream) error {
	for {
		l.waiting.Store(l.source.config.Now().UnixNano())
		m, err := l.frontend.Receive()
		l.waiting.Store(0)
		if err != nil {
			return &connect.LostError{Op: "read the log", Err: err}
		}
		switch m := m.(type) {
		case *pgproto3.CopyData:
			if err := l.data(ctx, m.Data, st); err != nil {
				return err
			}
		case *pgproto3.NoticeResponse:
			if strings.Contains(m.Message, "publication") {
				return fmt.Errorf("the server says: %s", m.Message) // it would leave out changes and go on
			}
		case *pgproto3.ParameterStatus:
		case *pgproto3.ErrorResponse:
			return sendError(ctx, m)
		case *pgproto3.CopyDone:
			return &connect.LostError{Op: "read the log", Err: errors.New("the server has ended the stream")}
		default:
			return fmt.Errorf("read the log: the server sends a message of type %T", m)
		}
	}
}

// sendError is what the log sender says when it stops.
func sendError(ctx context.Context, m *pgproto3.ErrorResponse) error {
	err := connect.NewError(ctx, "read the log", "", pgconn.ErrorResponseToPgError(m))
	if connect.Is(err, connect.CodePrerequisite) && strings.Contains(m.Message, "invalidated") {
		return fmt.Errorf("%w: %w", relay.ErrPurged, err)
	}
	return err
}

// data takes what travels inside the stream: see "Streaming Replication Protocol".
func (l *link) data(ctx context.Context, b []byte, st *stream) error {
	if len(b) == 0 {
		return errors.New("read the log: an empty message")
	}
	switch b[0] {
	case pglogrepl.XLogDataByteID:
		x, err := pglogrepl.ParseXLogData(b[1:])
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		if len(x.WALData) == 0 {
			return errors.New("read the log: an empty message of the plugin")
		}
		return st.message(ctx, x.WALData)
	case pglogrepl.PrimaryKeepaliveMessageByteID:
		k, err := pglogrepl.ParsePrimaryKeepaliveMessage(b[1:])
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		l.received.Store(max(l.received.Load(), uint64(k.ServerWALEnd)))
		if k.ReplyRequested {
			if err := l.status(false); err != nil {
				return err
			}
		}
		return st.keepalive(ctx, k.ServerWALEnd)
	}
	return fmt.Errorf("read the log: a message of unknown kind %#x", b[0])
}

// report tells the server how far we are, when that has changed and every StatusEvery, and watches whether it still answers.
func (l *link) report(ctx context.Context) error {
	tick := time.NewTicker(l.source.config.StatusEvery)
	defer tick.Stop()
	for {
		ask := false
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-l.source.wake:
		case <-tick.C:
			ask = true
		}
		if since := l.waiting.Load(); since != 0 {
			if quiet := l.source.config.Now().Sub(time.Unix(0, since)); quiet > l.source.config.Silence {
				return &connect.LostError{Op: "read the log", Err: fmt.Errorf("the server has said nothing for %s", quiet.Round(time.Second))}
			}
		}
		if err := l.status(ask); err != nil {
			return err
		}
	}
}

// statusTimeout bounds how long the server may take no word from us.
const statusTimeout = 30 * time.Second

// status sends a standby status update: written, flushed and applied up to, our clock, and whether an answer is wanted. What the
// server goes by is the second. It is written here since pglogrepl puts the first in its place where it is 0.
func (l *link) status(ask bool) error {
	durable := l.source.durable.Load()
	b := make([]byte, 0, 39)
	b = append(b, 'd')
	b = binary.BigEndian.AppendUint32(b, 4+34)
	b = append(b, pglogrepl.StandbyStatusUpdateByteID)
	b = binary.BigEndian.AppendUint64(b, max(durable, l.received.Load()))
	b = binary.BigEndian.AppendUint64(b, durable)
	b = binary.BigEndian.AppendUint64(b, durable)
	b = binary.BigEndian.AppendUint64(b, uint64(l.source.config.Now().UnixMicro()-946684800*1_000_000))
	b = append(b, 0)
	if ask {
		b[len(b)-1] = 1
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.SetWriteDeadline(time.Now().Add(statusTimeout))
	if _, err := l.conn.Write(b); err != nil {
		return &connect.LostError{Op: "acknowledge the log", Err: err}
	}
	return nil
}
