package primary

import (
	"errors"
	"fmt"
	"sort"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// place returns where an entry begins in the database's files.
func place(e relay.Entry) (file string, offset uint64, err error) {
	for _, key := range e.Keys {
		if file, offset, err = binlog.ParsePositionKey(key); err == nil {
			return file, offset, nil
		}
	}
	return "", 0, fmt.Errorf("log entry %d has no place in a binlog file: %w", e.LSN, relay.ErrCorrupt)
}

// endOffset returns where an entry ends in its file, 0 if it has no place.
func endOffset(e relay.Entry) uint64 {
	_, offset, err := place(e)
	if err != nil {
		return 0
	}
	return offset + uint64(e.Size)
}

// floorPosition finds the entry of the file that begins at the offset, or is the last one before it. Servers that took each other's place
// can both have a file of that name: then it is the newest one's.
func floorPosition(log relay.LocalStream, file string, offset uint64) (relay.LSN, error) {
	lsn, err := log.Floor(binlog.PositionPrefix(file), binlog.PositionKey(file, offset))
	if err != nil || offset <= fileHeader {
		return lsn, err
	}
	begin, err := fileStart(log, file)
	if errors.Is(err, relay.ErrNotFound) || errors.Is(err, relay.ErrTrimmed) {
		return lsn, nil
	}
	if err != nil || lsn >= begin {
		return lsn, err
	}
	return floorFrom(log, begin, file, offset)
}

// floorFrom is floorPosition among the entries from begin on, with which the file begins.
func floorFrom(log relay.LocalStream, begin relay.LSN, file string, offset uint64) (relay.LSN, error) {
	var failed error
	after := sort.Search(int(relay.LSN(log.Last())-begin), func(i int) bool {
		e, _, err := log.Entry(begin + 1 + relay.LSN(i))
		if err == nil {
			var name string
			var at uint64
			name, at, err = place(e)
			if err == nil {
				return name != file || at > offset
			}
		}
		failed = errors.Join(failed, err)
		return true
	})
	return begin + relay.LSN(after), failed
}

// fileStart finds the entry with which a file begins, which holds its format description.
func fileStart(log relay.LocalStream, file string) (relay.LSN, error) {
	lsn, err := floorPosition(log, file, fileHeader)
	if err != nil {
		return 0, err
	}
	e, _, err := log.Entry(lsn)
	if err != nil {
		return 0, err
	}
	if _, offset, err := place(e); err != nil || offset != fileHeader {
		return 0, relay.ErrNotFound
	}
	return lsn, nil
}

// fileHeader is the offset of a file's first event: four magic bytes come before it.
const fileHeader = 4

// format returns the format description of a file, or, if the log no longer has its beginning, of the newest file: the
// same server wrote both.
func format(log relay.LocalStream, file string) ([]byte, error) {
	lsn, err := fileStart(log, file)
	if errors.Is(err, relay.ErrNotFound) || errors.Is(err, relay.ErrTrimmed) {
		lsn, err = newestFileStart(log)
	}
	if err != nil {
		return nil, err
	}
	_, body, err := log.Entry(lsn)
	if err != nil {
		return nil, err
	}
	for event, err := range binlog.Events(body) {
		if err != nil {
			return nil, err
		}
		if h, err := binlog.ParseHeader(event); err == nil && h.Type == binlog.FormatDescriptionEvent {
			return event, nil
		}
	}
	return nil, relay.ErrNotFound
}

func newestFileStart(log relay.LocalStream) (relay.LSN, error) {
	e, _, err := log.Entry(relay.LSN(log.Last()))
	if err != nil {
		return 0, err
	}
	file, _, err := place(e)
	if err != nil {
		return 0, err
	}
	return fileStart(log, file)
}
