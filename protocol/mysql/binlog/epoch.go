package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/octant-db/octant/relay"
)

// A log whose server was replaced by another one can have two files of one name. Entries of all servers but the first have a second
// key for their place, which counts the servers too: "e", the file's name, 0, the epoch and the offset, big endian.
const epochPrefix = "e"

func epochFile(file string) string { return epochPrefix + file + "\x00" }

func epochOf(file string, epoch uint32) string {
	return string(binary.BigEndian.AppendUint32([]byte(epochFile(file)), epoch))
}

// EpochKey is the key of the entry that begins at the offset of a file of an epoch. Keys of one file sort by epoch, then by offset.
func EpochKey(epoch uint32, file string, offset uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte(epochOf(file, epoch)), offset))
}

// parseEpoch reads the epoch from a key that EpochKey made for the file.
func parseEpoch(key, file string) (uint32, bool) {
	rest, ok := strings.CutPrefix(key, epochFile(file))
	if !ok || len(rest) != 4+8 {
		return 0, false
	}
	return binary.BigEndian.Uint32([]byte(rest)), true
}

// FindPosition returns the entry of the file that begins at the offset, or is the last one before it; of files with the same name it
// is the newest that counts. relay.ErrNotFound: there is none.
func FindPosition(log relay.LocalStream, file string, offset uint64) (relay.LSN, error) {
	newest, err := log.Floor(epochFile(file), epochFile(file)+strings.Repeat("\xff", 4+8))
	if errors.Is(err, relay.ErrNotFound) {
		return log.Floor(PositionPrefix(file), PositionKey(file, offset))
	}
	if err != nil {
		return 0, err
	}
	e, _, err := log.Entry(newest)
	if err != nil {
		return 0, err
	}
	for _, key := range e.Keys {
		if epoch, ok := parseEpoch(key, file); ok {
			return log.Floor(epochOf(file, epoch), EpochKey(epoch, file, offset))
		}
	}
	return 0, fmt.Errorf("log entry %d has no place in %s: %w", newest, file, relay.ErrCorrupt)
}
