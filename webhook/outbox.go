package webhook

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/octant-db/octant/breaker"
	"github.com/octant-db/octant/relay"
)

// prefix begins the keys of the outbox in the Store: "o" hook(8) number(8) -> the event's document.
const prefix = 'o'

// receiver is a hook with its outbox.
type receiver struct {
	s    *Sender
	hook Hook
	name []byte // what its keys begin with
	kept relay.Signal

	mu      sync.Mutex
	breaker *breaker.Breaker
	first   uint64 // the oldest event that waits; next if there is none
	next    uint64 // the number of the next event
	dropped uint64 // since the last document
}

// document is what is sent.
type document struct {
	ID      string            `json:"id"`
	Kind    string            `json:"kind"`
	Cluster string            `json:"cluster"`
	Region  string            `json:"region"`
	At      time.Time         `json:"at"`
	Subject string            `json:"subject"`
	Detail  string            `json:"detail"`
	Fields  map[string]string `json:"fields,omitempty"`
	Dropped uint64            `json:"dropped_before,omitempty"`
}

func newReceiver(s *Sender, h Hook) (*receiver, error) {
	sum := fnv.New64a()
	sum.Write([]byte(h.URL)) // never fails
	r := &receiver{s: s, hook: h, breaker: breaker.New(pauses), first: 1, next: 1}
	r.name = binary.BigEndian.AppendUint64([]byte{prefix}, sum.Sum64())
	empty := true
	for pair, err := range s.cfg.Store.Scan(r.name, nil) {
		if err != nil {
			return nil, fmt.Errorf("read the outbox of webhooks: %w", err)
		}
		n := binary.BigEndian.Uint64(pair.Key[len(r.name):])
		if empty {
			r.first, empty = n, false
		}
		r.next = n + 1
	}
	if empty { // numbers are never used twice: they are in the keys that receivers remember
		r.first = uint64(s.cfg.Clock.Now().UnixMicro())
		r.next = r.first
	}
	return r, nil
}

func (r *receiver) owns(key []byte) bool {
	return bytes.HasPrefix(key, r.name) && len(key) == len(r.name)+8
}

func (r *receiver) key(n uint64) []byte {
	return binary.BigEndian.AppendUint64(slices.Clone(r.name), n)
}

func (r *receiver) wants(kind string) bool {
	return len(r.hook.Events) == 0 || slices.Contains(r.hook.Events, kind)
}

// keep puts events into the outbox, as far as there is room.
func (r *receiver) keep(ctx context.Context, events []relay.Event, lost uint64) error {
	r.mu.Lock()
	n := r.next
	r.dropped += lost
	var pairs []relay.Pair
	for _, e := range events {
		if !r.wants(e.Kind) {
			continue
		}
		if n-r.first >= maxWaiting {
			r.dropped++
			continue
		}
		data, err := r.encode(e, n)
		if err != nil {
			r.mu.Unlock()
			return err
		}
		pairs = append(pairs, relay.Pair{Key: r.key(n), Value: data})
		n++
	}
	r.mu.Unlock()
	if err := r.write(ctx, pairs); err != nil {
		return err
	}
	r.mu.Lock()
	r.next = n
	r.mu.Unlock()
	r.kept.Raise()
	return nil
}

// write makes pairs durable, few at a time; a store that cannot be written now is tried again.
func (r *receiver) write(ctx context.Context, pairs []relay.Pair) error {
	for part := range slices.Chunk(pairs, 100) {
		for {
			err := r.s.cfg.Store.Write(ctx, part)
			if err == nil {
				break
			}
			r.s.cfg.Logger.Warn("write the outbox of webhooks", "error", err)
			if err := relay.Sleep(ctx, r.s.cfg.Clock, time.Second); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxDetail bounds the texts of an event.
const maxDetail = 4 << 10

func (r *receiver) encode(e relay.Event, n uint64) ([]byte, error) {
	if len(e.Detail) > maxDetail {
		e.Detail = e.Detail[:maxDetail]
	}
	dropped := r.dropped
	r.dropped = 0
	return json.Marshal(document{
		ID: fmt.Sprintf("%s-%s-%d", r.s.cfg.Region, r.s.cfg.StoreID, n), Kind: e.Kind, Cluster: r.s.cfg.Cluster, Region: r.s.cfg.Region,
		At: e.At.UTC(), Subject: e.Subject, Detail: e.Detail, Fields: e.Fields, Dropped: dropped,
	})
}

// status shows the hook's breaker. What stands in the URL behind the path may be a secret.
func (r *receiver) status() relay.BreakerStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return relay.StatusOf("webhook", whereabouts(r.hook.URL), r.breaker)
}

func whereabouts(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "webhook"
	}
	return u.Scheme + "://" + u.Host
}
