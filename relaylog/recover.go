package relaylog

import (
	"fmt"
	"strings"

	"github.com/dgraph-io/badger/v4"

	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/relaylog/segment"
)

// recover finds the ends of all streams.
func (db *DB) recover() error {
	for id := range db.streams {
		s, err := db.openStream(byte(id))
		if err != nil {
			return err
		}
		db.streams[id] = s
	}
	db.copies = nil
	db.local = &localStream{stream: db.streams[0], seqs: newSeqs()}
	if last := uint64(db.state.LSN); last != db.local.last {
		return fmt.Errorf("the state is of entry %d and the last entry is %d: %w", last, db.local.last, relay.ErrCorrupt)
	}
	return nil
}

func (db *DB) openStream(id byte) (*stream, error) {
	s := &stream{db: db, id: id, name: "local entry", codec: entryCodec{}}
	if id != 0 {
		s.name, s.codec = fmt.Sprintf("region %d's transaction", id), transactionCodec{}
	}
	err := db.badger.View(func(txn *badger.Txn) error {
		m, err := readMark(txn, id)
		if err != nil {
			return fmt.Errorf("read where the stream of each %s begins: %w", s.name, err)
		}
		s.first, s.since, s.before = m.first, m.since, m.before
		s.last, s.total = m.first-1, m.before
		return nil
	})
	if err == nil {
		err = s.findLast()
	}
	if err == nil && id != 0 {
		err = s.findCopies()
	}
	s.draft = cursorOfDrafts{next: s.last + 1, total: s.total, at: s.at}
	return s, err
}

// findLast takes over the stream's last record.
func (s *stream) findLast() error {
	s.db.log.Since(s.id, s.since)
	last, found := s.db.log.Last(s.id)
	if !found || last < s.first {
		return nil
	}
	records, err := s.load(s.db.log.Reader(s.id, last), last, 1)
	if err != nil {
		return err
	}
	s.last, s.total, s.at = last, records[0].total, records[0].at
	return nil
}

// describe tells under what a record of a segment is found.
func describe(stream byte, value []byte) (segment.Labels, error) {
	if stream != 0 {
		return segment.Labels{}, nil
	}
	t, err := splitRecord(value)
	if err != nil {
		return segment.Labels{}, err
	}
	head, err := entryCodec{}.decode(t.header)
	if err != nil {
		return segment.Labels{}, err
	}
	l := labelsOf(head)
	for i, key := range l.Keys {
		l.Keys[i] = strings.Clone(key) // it is kept, and the header that it is a part of is not
	}
	return l, nil
}
