package relaylog

import (
	"fmt"

	"github.com/octant-db/octant/relay"
)

// Floor returns the entry with the greatest key that has the prefix and is not above key. An entry that was trimmed does
// not count, nor does what lies below it.
func (l *localStream) Floor(prefix, key string) (relay.LSN, error) {
	lsn, err := l.floor(prefix, key)
	if err != nil {
		return 0, fmt.Errorf("relay log: find the entry at or before a key: %w", err)
	}
	return lsn, nil
}

func (l *localStream) floor(prefix, key string) (relay.LSN, error) {
	if err := l.db.enter(); err != nil {
		return 0, err
	}
	defer l.db.leave()
	first, last := l.bounds()
	lsn, found, err := l.db.log.Floor(prefix, key, last)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%w: %w", relay.ErrCorrupt, err)
	case !found || lsn < first:
		return 0, relay.ErrNotFound
	}
	return relay.LSN(lsn), nil
}

// BySeq returns the place of the Local entry with that sequence.
func (l *localStream) BySeq(seq relay.Seq) (relay.LSN, error) {
	lsn, err := l.bySeq(seq)
	if err != nil {
		return 0, fmt.Errorf("relay log: find transaction %d: %w", seq, err)
	}
	return lsn, nil
}

func (l *localStream) bySeq(seq relay.Seq) (relay.LSN, error) {
	newest := l.db.State().Seq
	if seq > newest || seq == 0 {
		return 0, relay.ErrNotFound
	}
	lsn, known := l.seqs.get(seq)
	if !known {
		var err error
		if lsn, err = l.search(seq); err != nil {
			return 0, err
		}
	}
	switch first, last := l.bounds(); {
	case uint64(lsn) < first:
		return 0, relay.ErrTrimmed
	case uint64(lsn) > last:
		return 0, relay.ErrNotFound
	}
	if !known {
		l.seqs.add(seq, lsn)
	}
	return lsn, nil
}

// search looks through the entries from the last one on whose sequence is indexed and not above seq, which was given out.
func (l *localStream) search(seq relay.Seq) (relay.LSN, error) {
	first, last := l.bounds()
	at, _, err := l.db.log.Sequence(l.id, uint64(seq))
	if err != nil {
		return 0, fmt.Errorf("%w: %w", relay.ErrCorrupt, err)
	}
	at = max(min(at, last), first) // the newest may be indexed and not visible yet
	for files := l.db.log.Reader(l.id, at); at <= last; {
		records, err := l.load(files, at, readCount)
		if err != nil {
			return 0, err
		}
		for _, r := range records {
			if e := r.head.(*relay.Entry); e.Kind == relay.Local && e.Seq >= seq {
				return foundAt(e, seq)
			}
		}
		at += uint64(len(records))
	}
	return 0, relay.ErrTrimmed
}

// foundAt returns the place of the first transaction that is not before seq, if it is that.
func foundAt(e *relay.Entry, seq relay.Seq) (relay.LSN, error) {
	if e.Seq > seq {
		return 0, relay.ErrTrimmed
	}
	return e.LSN, nil
}
