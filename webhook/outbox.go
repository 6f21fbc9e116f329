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

// outgoing is what one Flush writes, and what is true once that is written.
type outgoing struct {
	pairs   []relay.Pair
	written []func()
}

// write makes the events durable, few at a time.
func (o *outgoing) write(ctx context.Context, store relay.Store) error {
	for part := range slices.Chunk(o.pairs, 100) {
		if err := store.Write(ctx, part); err != nil {
			return err
		}
	}
	for _, tell := range o.written {
		tell()
	}
	return nil
}

// add puts events for the hook into what is to be written, as far as there is room in its outbox.
func (r *receiver) add(o *outgoing, events []buffered) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	n, dropped := r.next, r.dropped
	for _, e := range events {
		dropped += e.lost // of whichever kinds they were
		if !r.wants(e.Kind) {
			continue
		}
		if n-r.first >= maxWaiting {
			dropped++
			continue
		}
		data, err := r.encode(e.Event, n, dropped)
		if err != nil {
			return err
		}
		o.pairs = append(o.pairs, relay.Pair{Key: r.key(n), Value: data})
		n, dropped = n+1, 0
	}
	o.written = append(o.written, func() { r.reached(n, dropped) })
	return nil
}

// reached notes that the outbox holds all events before a number, and how many were dropped since.
func (r *receiver) reached(next, dropped uint64) {
	r.mu.Lock()
	r.next, r.dropped = next, dropped
	r.mu.Unlock()
	r.kept.Raise()
}

// maxDetail bounds the texts of an event.
const maxDetail = 4 << 10

// encode makes the document of the hook's event n, dropped events after the one before it.
func (r *receiver) encode(e relay.Event, n, dropped uint64) ([]byte, error) {
	if len(e.Detail) > maxDetail {
		e.Detail = e.Detail[:maxDetail]
	}
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
