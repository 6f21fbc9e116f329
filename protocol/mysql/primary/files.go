package primary

import (
	"errors"
	"fmt"
	"slices"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// Describe tells what the relay log holds in the words of the database: its log files, and where the last of them ends. First, Last and
// Bytes are left to the caller.
func Describe(log relay.Log) (relay.LogStatus, error) {
	var s relay.LogStatus
	if state := log.State(); state.Position != "" {
		at, err := binlog.ParsePosition(string(state.Position))
		if err != nil {
			return s, fmt.Errorf("describe the relay log: %w", err)
		}
		s.GTIDSet, s.File, s.Position = gtidSet(at), at.File, at.Offset
		if at.Flavour == binlog.MySQL {
			base, err := mySQLBase(log.Local())
			if err != nil && !errors.Is(err, relay.ErrTrimmed) {
				return s, fmt.Errorf("describe the relay log: %w", err)
			}
			s.Purged = base.String()
		}
	}
	files, err := filesOf(log.Local())
	s.Files = files
	return s, err
}

// gtidSet prints what was executed before a position.
func gtidSet(p binlog.Position) string {
	if p.Flavour == binlog.MySQL {
		return p.Executed.String()
	}
	return p.GTIDs.String()
}

// filesOf lists the log files that the stream holds, the oldest first. It goes backwards, from the last entry of each file to the
// greatest key before the file's first.
func filesOf(local relay.LocalStream) ([]relay.LogFile, error) {
	var files []relay.LogFile
	for key := "p\xff"; ; {
		lsn, err := local.Floor("p", key)
		if errors.Is(err, relay.ErrNotFound) || errors.Is(err, relay.ErrTrimmed) {
			slices.Reverse(files)
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the relay log's files: %w", err)
		}
		e, _, err := local.Entry(lsn)
		if err != nil {
			return nil, fmt.Errorf("list the relay log's files: %w", err)
		}
		at, err := binlog.ParsePosition(string(e.Position))
		if err != nil {
			return nil, fmt.Errorf("list the relay log's files: %w", err)
		}
		file, size := at.File, at.Offset
		if start, offset, ok := placeOf(&e); ok {
			file, size = start, offset+uint64(e.Size)
		}
		files = append(files, relay.LogFile{Name: file, Size: size})
		key = binlog.PositionPrefix(file)
	}
}

// placeOf returns the file and offset at which an entry begins.
func placeOf(e *relay.Entry) (file string, offset uint64, ok bool) {
	for _, k := range e.Keys {
		if file, offset, err := binlog.ParsePositionKey(k); err == nil {
			return file, offset, true
		}
	}
	return "", 0, false
}
