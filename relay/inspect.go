package relay

import (
	"context"
	"iter"
	"time"
)

// Status implements Inspector.
func (r *Relay) Status() Status {
	s := Status{
		Started: r.started, Capture: r.capture.status(), Apply: r.cfg.Applier.Status(),
		Counters: r.counters(), Short: r.pressure.list(), Engine: r.cfg.Engine, DatabaseAt: r.cfg.Address,
	}
	s.Ready, s.Reason = readiness(&s, r.cfg.Clock.Now())
	return s
}

// readiness tells whether the relay does its work, and if not, why.
func readiness(s *Status, now time.Time) (bool, string) {
	switch {
	case s.Capture.Stopped:
		return false, "capture was stopped by the operator: START SLAVE starts it"
	case !s.Capture.Connected:
		return false, "capture is not connected to the database: " + s.Capture.Err
	case !s.Apply.Writable && s.Apply.Err != "":
		return false, s.Apply.Err
	case !s.Apply.Writable:
		return false, "the applier waits for its canary to come back through the database's log"
	case s.Capture.LSN > s.Capture.Merged+mergeSlack, !s.Capture.CaughtUp && now.Sub(s.Capture.LastEvent) > captureSlack:
		return false, "capture is catching up"
	}
	return true, ""
}

// captureSlack is how old the last captured transaction may be while a busy database keeps capture from ever being at its
// log's end.
const captureSlack = 5 * time.Second

// mergeSlack is how many entries a ready relay may have captured and not yet merged.
const mergeSlack = 1000

func (r *Relay) counters() Counters {
	var c Counters
	r.cfg.Applier.Count(&c)
	s := r.cfg.Log.State()
	c.CapturedTransactions, c.CapturedBytes = uint64(s.Seq), r.capture.bytes.Load()
	c.ReceivedTransactions, c.ReceivedBytes = r.received.transactions.Load(), r.received.bytes.Load()
	c.CaptureReconnects, c.LogSyncs = r.reconnects.Load(), r.cfg.Syncs()
	_, c.ServedTransactions, c.ServedBytes = r.cfg.Replicas()
	return c
}

// Peers implements Inspector.
func (r *Relay) Peers() []PeerStatus {
	list := make([]PeerStatus, 0, len(r.peers))
	for _, p := range r.peers {
		list = append(list, p.inspect())
	}
	return list
}

func (p *peer) inspect() PeerStatus {
	p.mu.Lock()
	s := p.status
	p.mu.Unlock()
	if !s.ID.Valid() {
		return s
	}
	if last := Seq(p.r.cfg.Log.Received(s.ID).Last()); last > 0 {
		s.Received.Seq = last
		if t, _, err := p.r.cfg.Log.Received(s.ID).Transaction(last); err == nil {
			s.Received.HLC = t.HLC
		}
	}
	var held string
	s.Applied, held = p.r.cfg.Applier.Origin(s.ID)
	s.Lag = p.lag(s.ID)
	if held != "" {
		s.LastError = held
		if s.State == "connected" {
			s.State = "stopped"
		}
	} else if dissent := p.r.cfg.Applier.Dissent(s.ID); dissent != "" {
		s.LastError = dissent
	}
	return s
}

// lag is the age of the oldest transaction that is not applied. Of a peer that cannot be heard nobody knows what it has written since:
// then it is at least the time of silence.
func (p *peer) lag(id Region) time.Duration {
	lag := p.r.cfg.Applier.Lag(id)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.status.State != "connected" && p.status.State != "evicted" && !p.lastHeard.IsZero() {
		lag = max(lag, p.r.cfg.Clock.Now().Sub(p.lastHeard))
	}
	return lag
}

// LogStatus implements Inspector.
func (r *Relay) LogStatus() LogStatus {
	s := r.cfg.Files()
	local := r.cfg.Log.Local()
	s.First, s.Last = LSN(local.First()), LSN(local.Last())
	s.Bytes = local.Bytes()
	for _, p := range r.Peers() {
		if p.ID.Valid() {
			s.Bytes += r.cfg.Log.Received(p.ID).Bytes()
		}
	}
	s.Oldest = oldest(local, s.First, s.Last)
	return s
}

// oldest is when the first entry that has a time was committed. A file begins with some frames, which have none.
func oldest(local LocalStream, first, last LSN) time.Time {
	const frames = 16
	for lsn := first; lsn <= min(last, first+frames); lsn++ {
		if e, _, err := local.Entry(lsn); err == nil && !e.Time.IsZero() {
			return e.Time
		}
	}
	return time.Time{}
}

// Cut says where the region's log ends.
func (r *Relay) Cut() Cut {
	s := r.cfg.Log.State()
	return Cut{Region: r.cfg.Region, LSN: s.LSN, HLC: s.HLC}
}

// Shown says what the region's database shows of the other regions for good; nil: that cannot be said now.
func (r *Relay) Shown() Vector { return r.cfg.Applier.Announce() }

// Fence returns once everything that is committed in the database now is in the local stream.
func (r *Relay) Fence(ctx context.Context) error { return r.cfg.Applier.Fence(ctx) }

// Tables implements Inspector.
func (r *Relay) Tables() []TableStatus { return r.cfg.Applier.Tables() }

// Replicas implements Inspector.
func (r *Relay) Replicas() []ReplicaStatus {
	list, _, _ := r.cfg.Replicas()
	return list
}

// Problems implements Inspector.
func (r *Relay) Problems() []Problem { return r.problems.open() }

// ConflictCounts counts the conflicts since the start, by kind and policy.
func (r *Relay) ConflictCounts() []ConflictCount { return r.cfg.Applier.ConflictCounts() }

// Conflicts implements Inspector.
func (r *Relay) Conflicts(ctx context.Context) iter.Seq2[Conflict, error] {
	return r.cfg.Applier.Conflicts(ctx)
}

// Versions implements Inspector.
func (r *Relay) Versions(ctx context.Context) iter.Seq2[RowVersion, error] {
	return r.cfg.Applier.Versions(ctx)
}

// DeadLetters implements Inspector.
func (r *Relay) DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error] {
	names := map[Region]string{r.cfg.Region: r.cfg.Name}
	for _, p := range r.peers {
		p.mu.Lock()
		names[p.facts.Region] = p.cfg.Name
		p.mu.Unlock()
	}
	return func(yield func(DeadLetter, error) bool) {
		for l, err := range r.cfg.Applier.DeadLetters(ctx) {
			l.Peer = names[l.Region]
			if !yield(l, err) {
				return
			}
		}
	}
}

// LetterCounts implements Inspector.
func (r *Relay) LetterCounts() map[Reason]int { return r.cfg.Applier.LetterCounts() }

// Explain implements Inspector.
func (r *Relay) Explain(ctx context.Context, table string, key []string) ([]Reasoning, error) {
	return r.cfg.Applier.Explain(ctx, table, key)
}
