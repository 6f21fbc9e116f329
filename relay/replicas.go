package relay

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"
)

// replicas remembers the stock replicas that have read the log, so that nothing is let go that one of them will ask for when it comes
// back. A replica is known by its server id: that is all that every kind of replica tells.
type replicas struct {
	r *Relay

	changed chan struct{} // somebody has come or gone since what is known was made durable

	mu    sync.Mutex
	known map[uint32]knownReplica
}

// knownReplica is what is remembered of one of them.
type knownReplica struct {
	ServerID uint32
	Host     string
	LSN      LSN       // the last entry that it certainly has, or began behind
	Sent     LSN       // the last one that it was sent
	Seen     time.Time // when it was last there
	Since    time.Time // when that connection began
	Mark     LSN       // what it had been sent at Marked
	Marked   time.Time
}

// onItsWay is for how long what a replica was sent may be lost with the connection. Connections on which that much is not acknowledged are given up before.
const onItsWay = time.Minute

// follow notes where the replica is. Where it begins it has asked for; what it is sent from there on it has some time later only.
func (k *knownReplica) follow(s ReplicaStatus, now time.Time) {
	k.ServerID, k.Host, k.Seen = s.ServerID, s.Host, now
	switch {
	case s.LSN == 0: // it has not found its place yet
	case s.Since.After(k.Since) || k.LSN == 0:
		k.Since, k.LSN, k.Mark, k.Marked = s.Since, s.LSN, s.LSN, now
	case now.Sub(k.Marked) >= onItsWay:
		k.LSN, k.Mark, k.Marked = k.Mark, s.LSN, now
	}
	k.Sent = max(s.LSN, k.LSN)
}

// mayLack is the first entry that the replica may ask for if its connection breaks: it may have lost the last one that it has.
func (k *knownReplica) mayLack(time.Time) LSN { return k.LSN }

// wants is the first entry that the replica may ask for if its connection holds.
func (k *knownReplica) wants(now time.Time) LSN {
	if k.Seen.Equal(now) {
		return k.Sent
	}
	return k.LSN
}

var replicaPrefix = []byte("h")

func replicaKey(id uint32) []byte { return fmt.Appendf(replicaPrefix, "%d", id) }

func loadReplicas(r *Relay) (*replicas, error) {
	rs := &replicas{r: r, changed: make(chan struct{}, 1), known: make(map[uint32]knownReplica)}
	for pair, err := range r.cfg.Facts.Scan(replicaPrefix, nil) {
		if err != nil {
			return nil, fmt.Errorf("read which replicas are known: %w", err)
		}
		var k knownReplica
		if err := json.Unmarshal(pair.Value, &k); err != nil {
			return nil, fmt.Errorf("read which replicas are known: %w", err)
		}
		rs.known[k.ServerID] = k
	}
	return rs, nil
}

// look takes down who is reading now, and returns the time. Clients without a server id are tools that come once.
func (rs *replicas) look() (now time.Time) {
	list, _, _ := rs.r.cfg.Replicas()
	now = rs.r.cfg.Clock.Now()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, s := range list {
		rs.note(s, now)
	}
	return now
}

// note takes down where one of them is; the lock is held.
func (rs *replicas) note(s ReplicaStatus, now time.Time) {
	if s.Kind != "replica" || s.ServerID == 0 {
		return
	}
	k := rs.known[s.ServerID]
	if s.Since.Before(k.Since) {
		return // its former connection ends after it has come back
	}
	if k.follow(s, now); k.LSN > 0 {
		rs.known[s.ServerID] = k
	}
}

// Followed notes where a stock replica is that has come or goes. Those that stay are looked at now and then; who comes and goes in between would not be seen.
func (r *Relay) Followed(s ReplicaStatus) {
	rs := r.replicas
	rs.mu.Lock()
	rs.note(s, r.cfg.Clock.Now())
	rs.mu.Unlock()
	select {
	case rs.changed <- struct{}{}:
	default:
	}
}

// run makes durable who is known when that changes.
func (rs *replicas) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-rs.changed:
		}
		if err := rs.save(ctx); err != nil && ctx.Err() == nil {
			rs.r.cfg.Logger.Warn("what replicas are known is made durable later", "error", err)
		}
	}
}

// first is the first entry that a known replica needs, and which replica that is; the end of the log if there is none.
func (rs *replicas) first(needs func(*knownReplica, time.Time) LSN) (LSN, string) {
	now := rs.look()
	oldest := now.Add(-rs.r.cfg.ReplicaMemory)
	lsn, who := LSN(rs.r.cfg.Log.Local().Last()+1), ""
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, k := range rs.known {
		if k.Seen.Before(oldest) || needs(&k, now) >= lsn {
			continue
		}
		lsn, who = needs(&k, now), fmt.Sprintf("replica %d at %s, last seen at %s", k.ServerID, k.Host, k.Seen.UTC().Format(time.DateTime))
	}
	return lsn, who
}

// save makes durable who is known, and forgets those that have been away for too long.
func (rs *replicas) save(ctx context.Context) error {
	oldest := rs.look().Add(-rs.r.cfg.ReplicaMemory)
	var pairs []Pair
	rs.mu.Lock()
	for id, k := range rs.known {
		pair := Pair{Key: replicaKey(id)}
		if k.Seen.Before(oldest) {
			delete(rs.known, id)
		} else if value, err := json.Marshal(k); err == nil {
			pair.Value = value
		}
		pairs = append(pairs, pair)
	}
	rs.mu.Unlock()
	if len(pairs) == 0 {
		return nil
	}
	if err := rs.r.cfg.Facts.Write(ctx, pairs); err != nil {
		return fmt.Errorf("remember which replicas are known: %w", err)
	}
	return nil
}
