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
	drifting  bool      // its clock is off
	lastHeard time.Time // when the last heartbeat came
	bounds    offsetBounds
	echo      Echo // of its last heartbeat
	woken     Signal
	stop      context.CancelCauseFunc
	taken     Seq          // the last transaction that was taken from it in this run, durable or not
	concluded bool         // it is lost, and nothing more comes from it
	losses    []LostRegion // what it said last of lost regions

	measuredAt time.Time // when its clock's offset was last measured

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
	Joins   LSN  // it is joining: the log from here on is kept for it
	Parted  bool `json:",omitempty"` // it joins because it had been evicted
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
