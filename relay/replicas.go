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

	mu    sync.Mutex
	known map[uint32]knownReplica
}

// knownReplica is what is remembered of one of them.
type knownReplica struct {
	ServerID uint32
	Host     string
	LSN      LSN // the last entry that it was sent
	Seen     time.Time
}

var replicaPrefix = []byte("h")

func replicaKey(id uint32) []byte { return fmt.Appendf(replicaPrefix, "%d", id) }

func loadReplicas(r *Relay) (*replicas, error) {
	rs := &replicas{r: r, known: make(map[uint32]knownReplica)}
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

// look takes down who is reading now, and returns the time. Clients without a server id are tools that come once. A replica that was
// sent nothing yet has what it had.
func (rs *replicas) look() (now time.Time) {
	list, _, _ := rs.r.cfg.Replicas()
	now = rs.r.cfg.Clock.Now()
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, s := range list {
		if s.Kind != "replica" || s.ServerID == 0 {
			continue
		}
		k := rs.known[s.ServerID]
		k.ServerID, k.Host, k.Seen = s.ServerID, s.Host, now
		if s.LSN > 0 {
			k.LSN = s.LSN
		}
		if k.LSN > 0 {
			rs.known[s.ServerID] = k
		}
	}
	return now
}

// first is the first entry that a known replica may still ask for, and which replica that is; the end of the log if there is none. A
// replica may have lost the last entry that it was sent.
func (rs *replicas) first() (LSN, string) {
	oldest := rs.look().Add(-rs.r.cfg.ReplicaMemory)
	lsn, who := LSN(rs.r.cfg.Log.Local().Last()+1), ""
	rs.mu.Lock()
	defer rs.mu.Unlock()
	for _, k := range rs.known {
		if k.Seen.Before(oldest) || k.LSN >= lsn {
			continue
		}
		lsn, who = k.LSN, fmt.Sprintf("replica %d at %s, last seen at %s", k.ServerID, k.Host, k.Seen.UTC().Format(time.DateTime))
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
