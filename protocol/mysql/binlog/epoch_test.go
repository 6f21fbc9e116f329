package binlog_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// keyed is a log that has nothing but keys; of equal keys the later entry counts.
type keyed struct {
	relay.LocalStream
	keys [][]string // by entry, from 1
}

func (k *keyed) Floor(prefix, key string) (relay.LSN, error) {
	best, at := "", relay.LSN(0)
	for i, keys := range k.keys {
		for _, have := range keys {
			if strings.HasPrefix(have, prefix) && have <= key && have >= best {
				best, at = have, relay.LSN(i+1)
			}
		}
	}
	if at == 0 {
		return 0, relay.ErrNotFound
	}
	return at, nil
}

func (k *keyed) Entry(lsn relay.LSN) (relay.Entry, relay.Body, error) {
	return relay.Entry{LSN: lsn, Keys: k.keys[lsn-1]}, nil, nil
}

func (k *keyed) add(epoch uint32, file string, offset uint64) {
	keys := []string{binlog.PositionKey(file, offset)}
	if epoch > 0 {
		keys = append([]string{binlog.EpochKey(epoch, file, offset)}, keys...)
	}
	k.keys = append(k.keys, keys)
}

// Of two servers' files with one name the newer counts, also between its entries.
func TestFindPosition(t *testing.T) {
	var log keyed
	for _, offset := range []uint64{4, 100, 200, 300} {
		log.add(0, "b.1", offset)
	}
	log.add(0, "b.2", 4)
	for _, offset := range []uint64{4, 250, 400} { // entries 6 to 8
		log.add(1, "b.1", offset)
	}
	log.add(2, "c.1", 4)
	for _, c := range []struct {
		file   string
		offset uint64
		want   relay.LSN
	}{{"b.1", 4, 6}, {"b.1", 249, 6}, {"b.1", 250, 7}, {"b.1", 320, 7}, {"b.1", 1 << 40, 8}, {"b.2", 900, 5}, {"c.1", 5, 9}, {"c.1", 3, 0}, {"d.1", 4, 0}, {"b", 4, 0}} {
		got, err := binlog.FindPosition(&log, c.file, c.offset)
		if got != c.want || (c.want == 0) != errors.Is(err, relay.ErrNotFound) {
			t.Errorf("%s:%d is in entry %d, %v; want %d", c.file, c.offset, got, err, c.want)
		}
	}
}
