package console

import (
	"math"
	"sync"
	"time"

	"github.com/octant-db/octant/relay"
)

// historyLength is how many samples are kept: an hour of them.
const historyLength = 720

// sample is the relay's numbers at one moment.
type sample struct {
	at        time.Time
	started   time.Time
	captured  uint64 // transactions
	received  uint64
	applied   uint64
	conflicts uint64
	peers     map[string]peerSample
}

type peerSample struct {
	lag      time.Duration
	received relay.Seq
	paused   bool
}

func take(i relay.Inspector, now time.Time) sample {
	status := i.Status()
	s := sample{
		at: now, started: status.Started, captured: status.Counters.CapturedTransactions, received: status.Counters.ReceivedTransactions,
		applied: status.Counters.AppliedTransactions, conflicts: status.Counters.Conflicts, peers: map[string]peerSample{},
	}
	for _, p := range i.Peers() {
		s.peers[p.Region] = peerSample{lag: p.Lag, received: p.Received.Seq, paused: p.State == "paused"}
	}
	return s
}

// history is the last samples, the oldest first.
type history struct {
	mu      sync.Mutex
	samples []sample
}

func (h *history) add(s sample) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.samples) == historyLength {
		h.samples = append(h.samples[:0:0], h.samples[1:]...)
	}
	h.samples = append(h.samples, s)
}

// all returns what there is; the caller must not change it.
func (h *history) all() []sample {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.samples
}

// point is a value at a moment. A gap has no value: NaN.
type point struct {
	at    time.Time
	value float64
}

// levels are at most most points of a level, each the greatest of the samples that it stands for.
func levels(samples []sample, most int, value func(*sample) float64) []point {
	var points []point
	for _, group := range groups(samples, most) {
		p := point{at: group[len(group)-1].at, value: math.NaN()}
		for i := range group {
			if v := value(&group[i]); math.IsNaN(p.value) || v > p.value {
				p.value = v
			}
		}
		points = append(points, p)
	}
	return points
}

// rates are at most most points of how fast a counter rose, by the second. Where it began anew there is a gap.
func rates(samples []sample, most int, value func(*sample) float64) []point {
	var points []point
	var before *sample
	for _, group := range groups(samples, most) {
		last := &group[len(group)-1]
		if before != nil {
			points = append(points, point{at: last.at, value: rate(before, last, value)})
		}
		before = last
	}
	return points
}

func rate(before, now *sample, value func(*sample) float64) float64 {
	passed := now.at.Sub(before.at).Seconds()
	risen := value(now) - value(before)
	if passed <= 0 || risen < 0 || !now.started.Equal(before.started) {
		return math.NaN()
	}
	return risen / passed
}

// groups divides the samples into at most most groups of one size, the last of which ends with the last sample.
func groups(samples []sample, most int) [][]sample {
	size := (len(samples) + most - 1) / most
	var list [][]sample
	for end := len(samples); end > 0; end -= size {
		list = append(list, samples[max(end-size, 0):end])
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// lastRate is how fast a counter rises now: over the last half minute.
func lastRate(samples []sample, value func(*sample) float64) float64 {
	const over = 7
	if len(samples) < 2 {
		return math.NaN()
	}
	before := &samples[max(len(samples)-over, 0)]
	return rate(before, &samples[len(samples)-1], value)
}

// lagOf is the lag behind a peer, in seconds.
func lagOf(peer string) func(*sample) float64 {
	return func(s *sample) float64 {
		if p, is := s.peers[peer]; is {
			return p.lag.Seconds()
		}
		return math.NaN()
	}
}

// receivedFrom is how many transactions of a peer are here.
func receivedFrom(peer string) func(*sample) float64 {
	return func(s *sample) float64 { return float64(s.peers[peer].received) }
}
