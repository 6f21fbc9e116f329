package relay

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"time"
)

// Self is how this relay introduces itself.
func (r *Relay) Self() Hello {
	return Hello{
		Cluster: r.cfg.Cluster, Name: r.cfg.Name, Region: r.cfg.Region, Store: r.cfg.Store, Protocol: FeedProtocol, Oldest: FeedOldest,
		Rules: r.cfg.Rules, Flavour: r.cfg.Flavour,
	}
}

// Open implements Publisher.
func (r *Relay) Open(ctx context.Context, from Hello, w Want) (Hello, Feed, error) {
	err := r.admit(from, false)
	if err == nil {
		err = r.refuseLost(from, false)
	}
	if err != nil {
		return Hello{}, nil, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	if w.Origin != 0 {
		return r.openLost(from, w)
	}
	first := w.First
	if first == 0 {
		first = r.cfg.Log.State().Seq + 1
	}
	if last := r.cfg.Log.State().Seq; first > last+1 {
		return Hello{}, nil, fmt.Errorf(
			"%w: region %s holds %d transactions of region %s, whose relay log has only %d: that relay log was lost or set back",
			ErrRefused, from.Name, first-1, r.cfg.Name, last)
	}
	f := newPublication(r.pace(), &ownSource{log: r.cfg.Log, self: r.cfg.Region}, r.vanguard(from), first)
	if err := f.here(ctx); errors.Is(err, ErrTrimmed) || errors.Is(err, ErrNotFound) {
		return Hello{}, nil, fmt.Errorf(
			"%w: transaction %d of region %s is no longer in its relay log: region %s has been away for longer than the retention and must join again",
			ErrRefused, first, r.cfg.Name, from.Name)
	}
	return r.Self(), f, nil
}

// admit checks who wants to subscribe, or to join.
func (r *Relay) admit(h Hello, joins bool) error {
	if _, err := Agree(h, r.Self()); err != nil {
		return err
	}
	switch {
	case h.Cluster != r.cfg.Cluster:
		return fmt.Errorf("this relay belongs to cluster %q, region %s to %q", r.cfg.Cluster, h.Name, h.Cluster)
	case !h.Region.Valid():
		return fmt.Errorf("region %s has the id %d: ids are 1 to %d", h.Name, h.Region, MaxRegions)
	case h.Name == r.cfg.Name || h.Region == r.cfg.Region:
		return fmt.Errorf("region %s (id %d) subscribes to region %s (id %d): names and ids must be unique", h.Name, h.Region, r.cfg.Name, r.cfg.Region)
	}
	for _, p := range r.peers {
		p.mu.Lock()
		known, store := p.facts.Region, p.facts.Store
		p.mu.Unlock()
		if p.cfg.Name == h.Name && known.Valid() && known != h.Region {
			return fmt.Errorf("region %s had id %d and now says %d: a region's id must never change", h.Name, known, h.Region)
		}
		if p.cfg.Name == h.Name && !joins && store != "" && h.Store != "" && store != h.Store {
			return fmt.Errorf("the relay log of region %s is not the one that was known here: it has been lost or replaced, and the region must join again: octant join --keep there", h.Name)
		}
		if p.cfg.Name != h.Name && known == h.Region {
			return fmt.Errorf("regions %s and %s both have id %d: give every region its own region.id", h.Name, p.cfg.Name, h.Region)
		}
	}
	return nil
}

// publication is a feed of a region's transactions: this one's own, or a lost one's.
type publication struct {
	pace
	of    transactions
	ahead vanguard
	next  Seq              // to be sent
	beat  <-chan time.Time // when the next heartbeat is due

	mu     sync.Mutex                   // also of what is sent
	body   func() ([]byte, error, bool) // of the transaction that is being sent
	stop   func()
	once   sync.Once
	closed chan struct{}
}

// pace is when a publication sends what.
type pace struct {
	clock     Clock
	grown     func() <-chan struct{} // closed when there is more to be sent
	heartbeat func() *Heartbeat
}

func (r *Relay) pace() pace {
	return pace{clock: r.cfg.Clock, grown: r.durable.Next, heartbeat: r.heartbeat}
}

func newPublication(p pace, of transactions, ahead vanguard, first Seq) *publication {
	return &publication{pace: p, of: of, ahead: ahead, next: first, closed: make(chan struct{})}
}

// Next implements Feed.
func (f *publication) Next(ctx context.Context) (Message, error) {
	if f.isClosed() {
		return Message{}, ErrClosed
	}
	if m, err, ok := f.chunk(); ok {
		return m, err
	}
	if f.beat == nil {
		f.beat = f.clock.After(pulse)
	}
	for {
		comes, grown := f.ahead.comes(), f.grown()
		if m, err, due := f.due(ctx); due {
			return m, err
		}
		select {
		case <-comes:
		case <-grown:
		case <-f.beat:
			f.beat = nil
			return Message{Heartbeat: f.heartbeat()}, nil
		case <-f.closed:
			return Message{}, ErrClosed
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		}
	}
}

// due returns what can be sent now, if anything: what is owed of earlier transactions goes first, and what is durable before what is not.
func (f *publication) due(ctx context.Context) (m Message, err error, due bool) {
	last := f.of.last()
	if through, err := f.ahead.confirm(last); err != nil || through > 0 {
		return Message{Confirmed: through}, err, true
	}
	select {
	case <-f.beat:
		f.beat = nil
		return Message{Heartbeat: f.heartbeat()}, nil, true
	default:
	}
	if f.next <= last {
		m, err := f.begin(ctx)
		return m, err, true
	}
	if t, body, ok := f.ahead.take(f.next); ok {
		f.mu.Lock()
		defer f.mu.Unlock()
		return Message{Ahead: &t}, f.open(body), true
	}
	return Message{}, nil, false
}

// begin starts the next transaction.
func (f *publication) begin(ctx context.Context) (Message, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.isClosed() {
		return Message{}, ErrClosed
	}
	t, body, err := f.of.transaction(ctx, f.next)
	if err != nil {
		return Message{}, fmt.Errorf("read transaction %d: %w", f.next, err)
	}
	return Message{Transaction: &t}, f.open(body)
}

// open has the body of the transaction that is being sent read by chunk; the lock is held.
func (f *publication) open(body Body) error {
	if f.isClosed() {
		return ErrClosed // nobody would stop the body
	}
	f.next++
	f.body, f.stop = iter.Pull2(iter.Seq2[[]byte, error](body))
	return nil
}

func (f *publication) isClosed() bool {
	select {
	case <-f.closed:
		return true
	default:
		return false
	}
}

// here tells whether what is to be sent first is there, if it is to be by now.
func (f *publication) here(ctx context.Context) error {
	if f.next > f.of.last() {
		return nil
	}
	_, _, err := f.of.transaction(ctx, f.next)
	return err
}

// chunk goes on with the transaction that is being sent, if one is.
func (f *publication) chunk() (m Message, err error, sending bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.body == nil {
		return m, nil, false
	}
	piece, err, more := f.body()
	switch {
	case err != nil:
		return m, fmt.Errorf("read transaction %d: %w", f.next-1, err), true
	case !more:
		f.body = nil
		return Message{End: true}, nil, true
	}
	return Message{Chunk: piece}, nil, true
}

// Close implements Feed.
func (f *publication) Close() error {
	f.once.Do(func() { close(f.closed) })
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.body != nil {
		f.stop()
		f.body = nil
	}
	f.of.close()
	return nil
}

// heartbeat is what this region says of itself now.
func (r *Relay) heartbeat() *Heartbeat {
	announced := r.cfg.Applier.Announce()
	s := r.cfg.Log.State()
	h := &Heartbeat{Last: s.Seq, Promise: s.HLC, Announced: announced, Wall: r.cfg.Clock.Now().UnixMicro(), Lost: r.lostRegions(), Echoes: r.echoes()}
	for _, p := range r.peers {
		p.mu.Lock()
		id := p.facts.Region
		p.mu.Unlock()
		if !id.Valid() {
			continue
		}
		for int(id) >= len(h.Received) {
			h.Received = append(h.Received, 0)
		}
		h.Received[id] = Seq(r.cfg.Log.Received(id).Last())
	}
	return h
}
