package binlog

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// Position is a place between two entries of a server's log, in both of its names.
type Position struct {
	GTIDs  Set    // the last group of each domain before it
	File   string // "" before anything was read
	Offset uint64 // in bytes, the file's four magic bytes included
}

// String prints "<gtid set>;<file>:<offset>".
func (p Position) String() string {
	return p.GTIDs.String() + ";" + p.File + ":" + strconv.FormatUint(p.Offset, 10)
}

// ParsePosition reads what String prints.
func ParsePosition(s string) (Position, error) {
	gtids, place, ok := strings.Cut(s, ";")
	colon := strings.LastIndexByte(place, ':')
	if !ok || colon < 0 {
		return Position{}, fmt.Errorf("parse binlog position %q: it must be <gtid set>;<file>:<offset>", s)
	}
	set, err := ParseSet(gtids)
	if err != nil {
		return Position{}, fmt.Errorf("parse binlog position %q: %w", s, err)
	}
	offset, err := strconv.ParseUint(place[colon+1:], 10, 64)
	if err != nil {
		return Position{}, fmt.Errorf("parse binlog position %q: the offset is not a number", s)
	}
	return Position{GTIDs: set, File: place[:colon], Offset: offset}, nil
}

// The first bytes of the keys under which log entries are found again.
const (
	positionPrefix = "p"
	gtidPrefix     = "g"
)

// PositionPrefix is what the keys of all entries of a file begin with.
func PositionPrefix(file string) string { return positionPrefix + file + "\x00" }

// PositionKey is the key of the entry that begins at the offset of the file. Keys of one file sort by offset.
func PositionKey(file string, offset uint64) string {
	b := append(make([]byte, 0, len(file)+10), PositionPrefix(file)...)
	return string(binary.BigEndian.AppendUint64(b, offset))
}

// ParsePositionKey reads a key that PositionKey made.
func ParsePositionKey(key string) (file string, offset uint64, err error) {
	end := len(key) - 9
	if end < 1 || key[:1] != positionPrefix || key[end] != 0 {
		return "", 0, fmt.Errorf("parse position key %q: not a position key", key)
	}
	return key[1:end], binary.BigEndian.Uint64([]byte(key[end+1:])), nil
}

// GTIDPrefix is what the keys of all groups of a domain begin with.
func GTIDPrefix(domain uint32) string {
	return string(binary.BigEndian.AppendUint32([]byte(gtidPrefix), domain))
}

// GTIDKey is the key of a group. Keys of one domain sort by sequence; the server does not count.
func GTIDKey(g GTID) string {
	b := binary.BigEndian.AppendUint32([]byte(gtidPrefix), g.Domain)
	return string(binary.BigEndian.AppendUint64(b, g.Seq))
}

// ParseGTIDKey reads a key that GTIDKey made.
func ParseGTIDKey(key string) (domain uint32, seq uint64, err error) {
	if len(key) != 13 || key[:1] != gtidPrefix {
		return 0, 0, fmt.Errorf("parse GTID key %q: not a GTID key", key)
	}
	return binary.BigEndian.Uint32([]byte(key[1:5])), binary.BigEndian.Uint64([]byte(key[5:])), nil
}
