package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/octant-db/octant/breaker"
)

// peer receives one other region's transactions.
type peer struct {
	r   *Relay
	cfg Peer

	mu        sync.Mutex
	breaker   *breaker.Breaker
	facts     peerFacts
	status    PeerStatus
	drifting  bool      // its clock is ahead
	lastHeard time.Time // when the last heartbeat came
	woken     Signal
	stop      context.CancelCauseFunc
	taken     Seq          // the last transaction that was taken from it in this run, durable or not
	concluded bool         // it is lost, and nothing more comes from it
	losses    []LostRegion // what it said last of lost regions

	saving sync.Mutex // held while the facts are written, so that older ones never follow newer ones
}

// peerFacts is what is remembered of a peer across restarts.
type peerFacts struct {
	Region  Region // 0: not reached yet
	Store   string // its log's name
	Paused  bool
	Holds   Seq // what it holds durably of our stream
	Rules   string
	Flavour Flavour
	Joins   LSN // it is joining: the log from here on is kept for it
	// Received is, by region, what it holds durably of the others' streams: what it lacks is kept, in case one of them is lost.
	Received []Seq `json:",omitempty"`
}

func peerKey(name string) []byte { return []byte("p" + name) }

func loadPeerFacts(facts Store, name string) (peerFacts, error) {
	var f peerFacts
	data, err := facts.Get(peerKey(name))
	if errors.Is(err, ErrNotFound) {
		return f, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &f)
	}
	if err != nil {
		return f, fmt.Errorf("read what is known of peer %s: %w", name, err)
	}
	return f, nil
}

func newPeer(r *Relay, cfg Peer) (*peer, error) {
	f, err := loadPeerFacts(r.cfg.Facts, cfg.Name)
	if err != nil {
		return nil, err
	}
	p := &peer{r: r, cfg: cfg, facts: f, breaker: breaker.New(linkPauses)}
	p.status = PeerStatus{Region: cfg.Name, ID: f.Region, Address: cfg.Address, Holds: f.Holds}
	p.setState("connecting")
	if f.Paused {
		p.setState("paused")
	}
	if x, lost := r.losses.get(f.Region); lost {
		p.setState("evicting")
		if x.Gone {
			p.setState("evicted")
		}
	}
	p.hold()
	return p, nil
}

// save makes the facts durable.
func (p *peer) save(ctx context.Context) error {
	p.saving.Lock()
	defer p.saving.Unlock()
	p.mu.Lock()
	data, err := json.Marshal(p.facts)
	p.mu.Unlock()
	if err != nil {
		return err
	}
	return p.r.cfg.Facts.Write(ctx, []Pair{{Key: peerKey(p.cfg.Name), Value: data}})
}

func (p *peer) setState(state string) {
	if p.status.State != state {
		p.status.State, p.status.Since = state, p.r.cfg.Clock.Now()
	}
}

func (p *peer) holds() Seq {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.facts.Holds
}

func (p *peer) joins() LSN {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.facts.Joins
}

func (p *peer) paused() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.facts.Paused
}

// run receives until ctx ends, with breaks while the peer is paused or cannot be reached.
func (p *peer) run(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		if err := p.awaitResume(ctx); err != nil {
			return err
		}
		before := p.last()
		err := p.session(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if p.last() != before {
			attempt = 0
		}
		p.lost(err)
		if err := p.pause(ctx, p.rest(attempt)); err != nil {
			return err
		}
	}
}

// rest is how long to wait before the next attempt: what the breaker says once it has opened.
func (p *peer) rest(attempt int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.breaker.Closed() {
		return reconnectPause(attempt)
	}
	return max(p.breaker.Next().Sub(p.r.cfg.Clock.Now()), reconnectPause(0))
}

func (p *peer) breakerStatus() BreakerStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	return StatusOf("peer", p.cfg.Name, p.breaker)
}

// alive notes that the peer sends what can be taken.
func (p *peer) alive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.breaker.Failures() > 0 {
		was := p.breaker.Closed()
		p.breaker.Succeed(p.r.cfg.Clock.Now())
		p.r.tell(BreakerChanged("peer", p.cfg.Name, was, p.breaker))
	}
}

// pause waits before the next attempt; resuming the peer cuts it short.
func (p *peer) pause(ctx context.Context, d time.Duration) error {
	woken := p.woken.Next()
	select {
	case <-p.r.cfg.Clock.After(d):
	case <-woken:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

func (p *peer) awaitResume(ctx context.Context) error {
	for {
		if p.evicted() {
			if err := p.conclude(ctx); err != nil {
				return err
			}
		}
		woken := p.woken.Next()
		if !p.paused() && !p.evicted() {
			return nil
		}
		select {
		case <-woken:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// last is what has been received durably.
func (p *peer) last() Seq {
	p.mu.Lock()
	id := p.facts.Region
	p.mu.Unlock()
	if !id.Valid() {
		return 0
	}
	return Seq(p.r.cfg.Log.Received(id).Last())
}

var errPaused = errors.New("paused by the operator")

// lost notes why a session ended.
func (p *peer) lost(err error) {
	if p.evicted() {
		return
	}
	refused, now := errors.Is(err, ErrRefused), p.r.cfg.Clock.Now()
	p.mu.Lock()
	was := p.breaker.Closed()
	p.status.Reconnects++
	p.status.LastError = err.Error()
	switch {
	case p.facts.Paused:
		p.setState("paused")
	case refused:
		p.setState("refused")
		p.breaker.Trip(now, err.Error()) // trying again soon is of no use
	default:
		p.setState("connecting")
		p.breaker.Fail(now, err.Error())
	}
	p.r.tell(BreakerChanged("peer", p.cfg.Name, was, p.breaker))
	p.mu.Unlock()
	if errors.Is(err, errPaused) {
		return
	}
	p.r.cfg.Logger.Warn("the feed of a peer ended", "peer", p.cfg.Name, "error", err)
	if refused {
		p.r.Report(Problem{
			Kind: "peer_refused", Subject: p.cfg.Name, Detail: err.Error(),
			Remedy: "mend the configuration that the text names; the relay keeps trying",
		})
	}
}

// session subscribes and receives until something fails.
func (p *peer) session(parent context.Context) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	p.mu.Lock()
	p.stop = cancel
	p.breaker.Allow(p.r.cfg.Clock.Now())
	p.mu.Unlock()
	if p.paused() {
		return errPaused
	}
	if p.evicted() {
		return errEvicted
	}
	hello, feed, err := p.r.cfg.Dialer.Subscribe(ctx, p.cfg, p.r.Self(), Want{First: p.last() + 1})
	if err != nil {
		return err
	}
	defer feed.Close() //nolint:errcheck // the connection is given up
	if err := p.meet(ctx, hello); err != nil {
		return err
	}
	return p.receive(ctx, feed)
}

// meet checks who answered, and remembers it.
func (p *peer) meet(ctx context.Context, h Hello) error {
	if err := p.check(h); err != nil {
		return fmt.Errorf("%w: %w", ErrRefused, err)
	}
	p.mu.Lock()
	fresh := p.facts.Region != h.Region || p.facts.Store != h.Store || p.facts.Rules != h.Rules || p.facts.Flavour != h.Flavour || p.facts.Joins != 0
	p.facts.Region, p.facts.Store, p.facts.Rules, p.facts.Flavour, p.facts.Joins = h.Region, h.Store, h.Rules, h.Flavour, 0
	p.status.ID, p.status.LastError = h.Region, ""
	p.setState("connected")
	p.mu.Unlock()
	if fresh {
		if err := p.save(ctx); err != nil {
			return err
		}
	}
	p.r.cfg.Applier.Meet(h)
	p.hold()
	return nil
}

func (p *peer) check(h Hello) error {
	p.mu.Lock()
	known := p.facts
	p.mu.Unlock()
	if _, err := Agree(h, p.r.Self()); err != nil {
		return err
	}
	switch {
	case h.Cluster != p.r.cfg.Cluster:
		return fmt.Errorf("the relay at %s belongs to cluster %q, this one to %q: correct the peer's address or region.cluster", p.cfg.Address, h.Cluster, p.r.cfg.Cluster)
	case h.Name != p.cfg.Name:
		return fmt.Errorf("the relay at %s is region %q, the configuration says %q: correct the peer's address or name", p.cfg.Address, h.Name, p.cfg.Name)
	case h.Region == p.r.cfg.Region || !h.Region.Valid():
		return fmt.Errorf("the relay at %s has region id %d, which is this region's own or none: give every region its own region.id", p.cfg.Address, h.Region)
	case known.Region.Valid() && known.Region != h.Region:
		return fmt.Errorf("region %s had id %d and now says %d: a region's id must never change", p.cfg.Name, known.Region, h.Region)
	case known.Store != "" && known.Store != h.Store:
		return fmt.Errorf("the relay log of region %s is not the one that was read before: it has been lost or replaced, and the region must join again", p.cfg.Name)
	}
	return p.r.unique(p, h.Region)
}

// unique tells whether another peer has the id.
func (r *Relay) unique(p *peer, id Region) error {
	for _, other := range r.peers {
		if other == p {
			continue
		}
		other.mu.Lock()
		taken := other.facts.Region == id
		other.mu.Unlock()
		if taken {
			return fmt.Errorf("regions %s and %s both have id %d: give every region its own region.id", p.cfg.Name, other.cfg.Name, id)
		}
	}
	return nil
}

// receive takes what the feed brings, until it ends.
func (p *peer) receive(ctx context.Context, feed Feed) error {
	origin := p.facts.Region
	in := inbox{r: p.r, origin: origin, stream: p.r.cfg.Log.Received(origin), guard: p.guardClock, heard: p.heard}
	defer in.discard()
	defer func() { p.took(in.kept) }()
	for {
		m, err := feed.Next(ctx)
		if err != nil {
			return err
		}
		if err := in.take(ctx, m); err != nil {
			return err
		}
		p.alive()
	}
}

// took notes the last transaction of a session that has ended.
func (p *peer) took(last Seq) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken = max(p.taken, last)
}

// inbox puts the messages of one feed into the received stream.
type inbox struct {
	r       *Relay
	origin  Region
	stream  ReceivedStream
	guard   func(HLC) error                        // of a transaction's clock
	heard   func(context.Context, Heartbeat) error // takes a heartbeat
	writer  TransactionWriter
	current Transaction
	kept    Seq // the last one that was committed, durable or not
	size    int64
}

func (in *inbox) take(ctx context.Context, m Message) error {
	switch {
	case m.Heartbeat != nil:
		return in.heard(ctx, *m.Heartbeat)
	case m.Transaction != nil:
		return in.begin(ctx, *m.Transaction)
	case in.writer == nil:
		return errors.New("the feed sent bytes outside of a transaction")
	case m.End:
		return in.end()
	}
	in.size += int64(len(m.Chunk))
	return in.writer.Append(m.Chunk)
}

func (in *inbox) begin(ctx context.Context, t Transaction) error {
	if in.writer != nil {
		return fmt.Errorf("the feed began transaction %d inside of another", t.Seq)
	}
	if t.Origin != in.origin {
		return fmt.Errorf("%w: the feed of region %d sent a transaction of region %d", ErrRefused, in.origin, t.Origin)
	}
	if err := in.guard(t.HLC); err != nil {
		return err
	}
	if err := in.r.pressure.yield(ctx, in.r.cfg.Clock); err != nil {
		return err
	}
	w, err := in.stream.Begin(ctx, t)
	if err != nil {
		return fmt.Errorf("take transaction %d: %w", t.Seq, err)
	}
	in.writer, in.current, in.size = w, t, 0
	return nil
}

func (in *inbox) end() error {
	if in.size != in.current.Size {
		return fmt.Errorf("transaction %d has %d bytes, its header says %d", in.current.Seq, in.size, in.current.Size)
	}
	w := in.writer
	in.writer = nil
	if err := w.Commit(); err != nil {
		return fmt.Errorf("keep transaction %d: %w", in.current.Seq, err)
	}
	in.kept = in.current.Seq
	in.r.received.transactions.Add(1)
	in.r.received.bytes.Add(uint64(in.size))
	return nil
}

func (in *inbox) discard() {
	if in.writer != nil {
		in.writer.Discard()
	}
}

// maxAhead is as far ahead as guardClock can say; a clock may be further than a Duration holds.
const maxAhead = 100 * 365 * 24 * time.Hour

// guardClock keeps a region whose clock is far ahead from owning all future writes.
func (p *peer) guardClock(h HLC) error {
	us := int64(h) - p.r.believed().UnixMicro()
	ahead := time.Duration(min(us, int64(maxAhead/time.Microsecond))) * time.Microsecond
	if ahead <= p.r.cfg.DriftWarn {
		return nil
	}
	p.drifts(true)
	problem := Problem{
		Kind: "clock_drift", Subject: p.cfg.Name,
		Detail: fmt.Sprintf("its clock is %s ahead of this region's", ahead.Round(time.Millisecond)),
		Remedy: "set the clocks right (NTP); writes of the region that is ahead win over all others meanwhile",
	}
	p.r.Report(problem)
	if ahead > p.r.cfg.DriftStop {
		p.measured(int64(h)) // no heartbeat may come through: so much its clock says at least
		return fmt.Errorf("%s: taking nothing more from it until its clock is within %s", problem.Detail, p.r.cfg.DriftStop)
	}
	return nil
}

// drifts tells once that the peer's clock is off, and once that it no longer is.
func (p *peer) drifts(off bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drifting == off {
		return
	}
	p.drifting = off
	e := Event{Kind: DriftEvent, Subject: p.cfg.Name, Detail: "its clock is within bounds again", Fields: map[string]string{"state": "ended"}}
	if off {
		e.Detail = fmt.Sprintf("its clock and this region's are more than %s apart", p.r.cfg.DriftWarn)
		e.Fields["state"] = "began"
	}
	p.r.tell(e, true)
}

// measured notes how far the peer's physical clock is ahead of this region's.
func (p *peer) measured(wall int64) time.Duration {
	now := p.r.cfg.Clock.Now()
	offset := time.Duration(wall-now.UnixMicro()) * time.Microsecond
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastHeard, p.status.Offset = now, offset
	return offset
}

// guardOffset says if a peer's physical clock is off. What it has stamped may be right all the same: see wall.go.
func (p *peer) guardOffset(offset time.Duration) {
	off := offset.Abs() > p.r.cfg.DriftWarn
	if p.drifts(off); !off {
		return
	}
	side := "ahead of"
	if offset < 0 {
		side = "behind"
	}
	p.r.Report(Problem{
		Kind: "clock_drift", Subject: p.cfg.Name,
		Detail: fmt.Sprintf("its clock is %s %s this region's", offset.Abs().Round(time.Millisecond), side),
		Remedy: "set the clocks right (NTP); where a clock is ahead of most others, transactions are stamped with the others' time meanwhile",
	})
}

// heard takes a heartbeat: what the peer holds of our stream, and what it says of its own.
func (p *peer) heard(ctx context.Context, h Heartbeat) error {
	p.guardOffset(p.measured(h.Wall))
	if err := p.guardClock(h.Promise); err != nil {
		return err
	}
	p.mu.Lock()
	moved := false
	if self := int(p.r.cfg.Region); self < len(h.Received) && h.Received[self] > p.facts.Holds {
		moved = h.Received[self] >= p.facts.Holds+holdsStep
		p.status.Holds = h.Received[self]
		p.facts.Holds = h.Received[self]
	}
	p.facts.Received = h.Received
	p.status.Announced = leastOf(h.Announced)
	p.losses = h.Lost
	id := p.facts.Region
	p.mu.Unlock()
	p.r.cfg.Applier.Heard(id, h)
	if moved {
		if err := p.save(ctx); err != nil {
			return err
		}
	}
	return p.r.learn(ctx, p.cfg.Name, h.Lost)
}

// holdsStep is how many transactions pass before what a peer holds is remembered again.
const holdsStep = 10_000

// leastOf is the smallest clock above zero.
func leastOf(v Vector) HLC {
	var least HLC
	for _, h := range v {
		if h > 0 && (least == 0 || h < least) {
			least = h
		}
	}
	return least
}
