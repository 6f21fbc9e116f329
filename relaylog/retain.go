package relaylog

import (
	"errors"
	"sort"
	"time"

	"github.com/octant-db/octant/relay"
)

// Policy says how much of the log to keep. A zero field sets no limit.
type Policy struct {
	// MaxBytes is how many native bytes all streams together may have; the oldest go first, whatever stream they are in.
	MaxBytes int64
	// MaxAge is how old a record may become, counted from when this relay wrote it.
	MaxAge time.Duration
}

// History is a stream as retention sees it: records First..Last, none if First is Last+1.
type History interface {
	First() uint64
	Last() uint64
	// Bytes is the native size of all records.
	Bytes() int64
	// At returns when the record was written, in microseconds since the Unix epoch, and the native bytes of the kept records
	// before it. Both never fall with the number.
	At(number uint64) (at, before int64, err error)
}

// Decide returns from where on each stream should be kept. It never goes beyond needed, the first number that somebody
// still has to read of the stream with the same index, even if more is kept than the policy allows.
func Decide(p Policy, streams []History, needed []uint64, now time.Time) ([]uint64, error) {
	cutoff := int64(0)
	if p.MaxAge > 0 {
		cutoff = now.Add(-p.MaxAge).UnixMicro()
	}
	if p.MaxBytes > 0 {
		fit, err := cutoffForBytes(p.MaxBytes, streams, now.UnixMicro())
		if err != nil {
			return nil, err
		}
		cutoff = max(cutoff, fit)
	}
	keep := make([]uint64, len(streams))
	for i, s := range streams {
		first, err := firstSince(s, cutoff)
		if err != nil {
			return nil, err
		}
		keep[i] = max(s.First(), min(first, needed[i]))
	}
	return keep, nil
}

// cutoffForBytes returns the earliest time whose later records, of all streams, fit into the limit.
func cutoffForBytes(limit int64, streams []History, now int64) (int64, error) {
	oldest, newest := now, now
	for _, s := range streams {
		if s.First() > s.Last() {
			continue
		}
		first, _, err := s.At(s.First())
		if err != nil {
			return 0, err
		}
		last, _, err := s.At(s.Last())
		if err != nil {
			return 0, err
		}
		oldest, newest = min(oldest, first), max(newest, last)
	}
	var failed error
	span := sort.Search(int(newest-oldest)+1, func(d int) bool {
		kept, err := bytesSince(streams, oldest+int64(d))
		failed = errors.Join(failed, err)
		return err != nil || kept <= limit
	})
	return oldest + int64(span), failed
}

func bytesSince(streams []History, cutoff int64) (sum int64, err error) {
	for _, s := range streams {
		first, err := firstSince(s, cutoff)
		if err != nil {
			return 0, err
		}
		if first > s.Last() {
			continue
		}
		_, before, err := s.At(first)
		if err != nil {
			return 0, err
		}
		sum += s.Bytes() - before
	}
	return sum, nil
}

// firstSince returns the first record written at the time or later, Last()+1 if there is none.
func firstSince(s History, cutoff int64) (uint64, error) {
	var failed error
	first, last := s.First(), s.Last()
	n := sort.Search(int(last+1-first), func(i int) bool {
		at, _, err := s.At(first + uint64(i))
		failed = errors.Join(failed, err)
		return err != nil || at >= cutoff
	})
	return first + uint64(n), failed
}

// Retain trims what the policy does not keep. needs says from where on others still have to read: the local stream, and
// each received one. A received stream that is not in the map is kept whole.
func (db *DB) Retain(p Policy, needs func() (relay.LSN, map[relay.Region]relay.Seq), now time.Time) error {
	lsn, seqs := needs()
	var histories []History
	var needed []uint64
	for id, s := range db.streams {
		need := uint64(lsn)
		if id != 0 {
			need = uint64(seqs[relay.Region(id)])
		}
		histories = append(histories, s.snapshot())
		needed = append(needed, need)
	}
	keep, err := Decide(p, histories, needed, now)
	if err != nil {
		if errors.Is(err, relay.ErrTrimmed) {
			return nil // somebody else just did
		}
		return err
	}
	for id, before := range keep {
		if err := db.streams[id].Trim(before); err != nil {
			return err
		}
	}
	return nil
}

// snapshot is a stream at one moment; each place is looked up only once.
type snapshot struct {
	stream      *stream
	first, last uint64
	bytes       int64
	before      int64 // native bytes before first
	places      map[uint64]place
}

type place struct{ at, before int64 }

func (s *stream) snapshot() *snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &snapshot{
		stream: s, first: s.first, last: s.last, bytes: s.total - s.before, before: s.before, places: make(map[uint64]place),
	}
}

func (s *snapshot) First() uint64 { return s.first }
func (s *snapshot) Last() uint64  { return s.last }
func (s *snapshot) Bytes() int64  { return s.bytes }

func (s *snapshot) At(number uint64) (at, before int64, err error) {
	if p, ok := s.places[number]; ok {
		return p.at, p.before, nil
	}
	r, err := s.stream.one(number)
	if err != nil {
		return 0, 0, err
	}
	p := place{r.at, r.total - r.size(s.stream.codec) - s.before}
	s.places[number] = p
	return p.at, p.before, nil
}
