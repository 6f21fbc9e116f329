package primary

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/relay"
)

// Locate finds the first entry that a copy of the database may lack which was made at a place, "FILE:OFFSET": what mysqldump and mariadb-dump write with --master-data,
// mydumper into its metadata, and mariadb-backup into its file of the binlog's name. Of servers that took each other's place it is the last one.
func Locate(log relay.LocalStream, place string) (relay.LSN, error) {
	file, offset, err := parsePlace(place)
	if err != nil {
		return 0, err
	}
	lsn, err := floorPosition(log, file, offset)
	if errors.Is(err, relay.ErrNotFound) {
		return 0, fmt.Errorf("the relay log has nothing of %s at or before %d: it begins later, or this is not a file of the database", file, offset)
	}
	if err != nil {
		return 0, err
	}
	return first(log, lsn, file, offset)
}

// first is the entry that goes on at the offset: that is in the entry, or right behind it.
func first(log relay.LocalStream, lsn relay.LSN, file string, offset uint64) (relay.LSN, error) {
	e, body, err := log.Entry(lsn)
	if err != nil {
		return 0, err
	}
	_, begin, err := place(e)
	if err != nil {
		return 0, err
	}
	switch skip := offset - begin; {
	case skip == uint64(e.Size):
		return lsn + 1, nil
	case skip > uint64(e.Size):
		return 0, fmt.Errorf("the relay has read %s up to %d only: is it of another server, or try again when it has caught up", file, begin+uint64(e.Size))
	default:
		whole, err := eventBegins(body, skip)
		if err == nil && !whole {
			err = fmt.Errorf("no event begins at %d in %s: is it of another server?", offset, file)
		}
		return lsn, err
	}
}

func parsePlace(text string) (file string, offset uint64, err error) {
	cut := strings.LastIndexByte(text, ':')
	if cut > 0 {
		offset, err = strconv.ParseUint(text[cut+1:], 10, 63)
	}
	if cut <= 0 || err != nil || offset < fileHeader {
		return "", 0, fmt.Errorf("%q is no place in a binary log: write FILE:OFFSET, as in mariadb-bin.000003:4711", text)
	}
	return text[:cut], offset, nil
}
