package primary

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/go-mysql-org/go-mysql/mysql"
	"golang.org/x/sync/semaphore"

	"github.com/octant-db/octant/protocol/mysql/feed"
	"github.com/octant-db/octant/relay"
)

// publish serves a feed to another relay.
func (c *session) publish(ctx context.Context, w *packetWriter) error {
	if c.srv.cfg.Publisher == nil {
		return fatal("This relay has nothing for other relays")
	}
	hello, want, err := feed.ParseRequest(c.variables[feed.VariableHello], c.variables[feed.VariableFrom], c.variables[feed.VariableOrigin])
	if err != nil {
		return fatal("%v", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	self, f, err := c.srv.cfg.Publisher.Open(ctx, hello, want)
	if err != nil {
		return refusal(ctx, err)
	}
	p := &publication{c: c, w: w, feed: f, whole: true}
	if p.event, err = feed.AppendHello(nil, c.srv.cfg.ServerID, self); err != nil {
		f.Close()
		return err
	}
	return p.run(ctx)
}

// refusal makes what the subscriber's operator reads.
func refusal(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, relay.ErrClosed) || errors.Is(err, context.Canceled) {
		return relay.ErrClosed
	}
	return fatal("%v", err)
}

// publication pumps a feed to a subscriber: one goroutine reads the feed ahead, the other one writes, and flushes when nothing
// is there to be written and no transaction is half written: its rest is about to come, and wakes the subscriber once instead of thrice.
type publication struct {
	c     *session
	w     *packetWriter
	feed  relay.Feed
	event []byte // reused; the introduction at first
	whole bool   // the message written last ended a transaction, or was none's
}

const (
	aheadBytes    = 1 << 20 // native bytes read and not yet written
	aheadMessages = 256
)

func (p *publication) run(ctx context.Context) error {
	if err := p.send(); err != nil {
		p.feed.Close()
		return err
	}
	q := &queue{feed: p.feed, messages: make(chan relay.Message, aheadMessages), room: semaphore.NewWeighted(aheadBytes)}
	ctx, cancel := context.WithCancel(ctx)
	var reader sync.WaitGroup
	reader.Go(func() { q.fill(ctx) })
	err := p.drain(q)
	cancel()
	p.feed.Close()
	for range q.messages { // until the reader closed it
	}
	reader.Wait()
	return err
}

// drain writes messages until the queue ends, and returns what ended it.
func (p *publication) drain(q *queue) error {
	for {
		m, ok, err := q.next(p.idle)
		if err != nil {
			return err
		}
		if !ok {
			return q.reason()
		}
		if err := p.message(m); err != nil {
			return err
		}
		q.room.Release(weight(m))
	}
}

// idle sends what was written, unless there is more to come at once.
func (p *publication) idle() error {
	if !p.whole {
		return nil
	}
	return p.w.flush()
}

// message writes one message. A chunk that is too long for an event is cut.
func (p *publication) message(m relay.Message) (err error) {
	for len(m.Chunk) > feed.MaxChunk {
		if err := p.message(relay.Message{Chunk: m.Chunk[:feed.MaxChunk]}); err != nil {
			return err
		}
		m.Chunk = m.Chunk[feed.MaxChunk:]
	}
	if p.event, err = feed.AppendMessage(p.event[:0], p.c.srv.cfg.ServerID, m); err != nil {
		return err
	}
	p.note(m)
	p.whole = m.End || m.Heartbeat != nil || m.Confirmed != 0
	return p.send()
}

func (p *publication) send() error { return p.w.event(p.event, false) }

func (p *publication) note(m relay.Message) {
	p.c.srv.bytes.Add(uint64(len(m.Chunk)))
	if m.End {
		p.c.srv.transactions.Add(1)
	}
	p.c.progress.update(func(s *relay.ReplicaStatus) {
		s.Sent += uint64(len(m.Chunk))
		for _, t := range []*relay.Transaction{m.Transaction, m.Ahead} {
			if t != nil {
				s.GTID = t.GTID
			}
		}
	})
}

// queue holds what was read from a feed, bounded in bytes.
type queue struct {
	feed     relay.Feed
	messages chan relay.Message
	room     *semaphore.Weighted
	err      error // why messages was closed
}

// fill reads the feed until it ends.
func (q *queue) fill(ctx context.Context) {
	defer close(q.messages)
	for {
		m, err := q.feed.Next(ctx)
		if err == nil {
			err = q.room.Acquire(ctx, weight(m))
		}
		if err != nil {
			q.err = err
			return
		}
		select {
		case q.messages <- m:
		case <-ctx.Done():
			q.err = ctx.Err()
			return
		}
	}
}

// next returns the next message; ok is false at the end. Before it waits for one, it calls idle, whose error it returns.
func (q *queue) next(idle func() error) (m relay.Message, ok bool, err error) {
	select {
	case m, ok = <-q.messages:
		return m, ok, nil
	default:
	}
	if err := idle(); err != nil {
		return relay.Message{}, false, err
	}
	m, ok = <-q.messages
	return m, ok, nil
}

// reason says why the feed ended: a refusal is for the operator, all else passes.
func (q *queue) reason() error {
	if errors.Is(q.err, relay.ErrRefused) || errors.Is(q.err, relay.ErrTrimmed) {
		return fatal("%v", q.err)
	}
	return mysql.NewError(mysql.ER_SERVER_SHUTDOWN, fmt.Sprintf("The feed ended: %v", q.err))
}

func weight(m relay.Message) int64 { return min(int64(len(m.Chunk)), aheadBytes) }
