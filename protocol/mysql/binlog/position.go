package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Position is a place between two entries of a server's log, in both of its names.
type Position struct {
	GTIDs  Set    // the last group of each domain before it
	File   string // "" before anything was read
	Offset uint64 // in bytes, the file's four magic bytes included

	// HistoryFile and HistoryOffset are where the log ended when it was met for the first time; "" once that has been passed.
	HistoryFile   string
	HistoryOffset uint64
}

// String prints "<gtid set>;<file>:<offset>", and ";<history file>:<offset>" if there is one.
func (p Position) String() string {
	s := p.GTIDs.String() + ";" + p.File + ":" + strconv.FormatUint(p.Offset, 10)
	if p.HistoryFile != "" {
		s += ";" + p.HistoryFile + ":" + strconv.FormatUint(p.HistoryOffset, 10)
	}
	return s
}

// ParsePosition reads what String prints.
func ParsePosition(s string) (p Position, err error) {
	parts := strings.Split(s, ";")
	if len(parts) != 2 && len(parts) != 3 {
		return Position{}, fmt.Errorf("parse binlog position %q: it must be <gtid set>;<file>:<offset>", s)
	}
	p.GTIDs, err = ParseSet(parts[0])
	if err == nil {
		p.File, p.Offset, err = parsePlace(parts[1])
	}
	if err == nil && len(parts) == 3 {
		p.HistoryFile, p.HistoryOffset, err = parsePlace(parts[2])
	}
	if err != nil {
		return Position{}, fmt.Errorf("parse binlog position %q: %w", s, err)
	}
	return p, nil
}

func parsePlace(s string) (file string, offset uint64, err error) {
	colon := strings.LastIndexByte(s, ':')
	if colon < 0 {
		return "", 0, errors.New("it must be <gtid set>;<file>:<offset>")
	}
	offset, err = strconv.ParseUint(s[colon+1:], 10, 64)
	if err != nil {
		return "", 0, errors.New("the offset is not a number")
	}
	return s[:colon], offset, nil
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
