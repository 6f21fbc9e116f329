package binlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// Position is a place between two entries of a server's log, in both of its names.
type Position struct {
	Flavour  relay.Flavour // Flavour or MySQL; "" is MariaDB's
	GTIDs    Set           // MariaDB: the last group of each domain before it
	Executed gtid.Set      // MySQL: every group before it
	File     string        // "" before anything was read
	Offset   uint64        // in bytes, the file's four magic bytes included

	// Server is whose file it is: MySQL's server_uuid, MariaDB's server_id; "" is not known.
	Server string
	// Group is where in the file the last group before the position begins; 0 is not known. A server that can no longer be asked what
	// came before an offset can be asked what stands there.
	Group uint64
	// Joining tells that the relay is finding its way into another server's log: what of its groups was read before, from the server
	// that this one replaces, is passed over.
	Joining bool
	// Epoch counts how often another server took the place of the one before; files of different epochs can have the same name.
	Epoch uint32

	// HistoryFile and HistoryOffset are where the log ended when it was met for the first time; "" once that has been passed.
	HistoryFile   string
	HistoryOffset uint64
}

// mysqlSet begins the positions of MySQL's logs.
const mysqlSet = "mysql:"

// The first characters of what may follow the place. The history's file has none: it was there first.
const (
	serverPart  = '@'
	groupPart   = '^'
	epochPart   = '#'
	joiningPart = "+"
)

// String prints "<gtid set>;<file>:<offset>", with "mysql:" before the set of a MySQL server, and then what is known:
// ";<history file>:<offset>", ";@<server>", ";^<group>", ";#<epoch>", ";+" when joining.
func (p Position) String() string {
	b := make([]byte, 0, 128)
	if p.Flavour == MySQL {
		b = p.Executed.AppendTo(append(b, mysqlSet...))
	} else {
		b = p.GTIDs.AppendTo(b)
	}
	b = appendPlace(append(b, ';'), p.File, p.Offset)
	if p.HistoryFile != "" {
		b = appendPlace(append(b, ';'), p.HistoryFile, p.HistoryOffset)
	}
	if p.Server != "" {
		b = append(append(b, ';', serverPart), p.Server...)
	}
	if p.Group != 0 {
		b = strconv.AppendUint(append(b, ';', groupPart), p.Group, 10)
	}
	if p.Epoch != 0 {
		b = strconv.AppendUint(append(b, ';', epochPart), uint64(p.Epoch), 10)
	}
	if p.Joining {
		b = append(append(b, ';'), joiningPart...)
	}
	return string(b)
}

func appendPlace(b []byte, file string, offset uint64) []byte {
	return strconv.AppendUint(append(append(b, file...), ':'), offset, 10)
}

// ParsePosition reads what String prints.
func ParsePosition(s string) (p Position, err error) {
	parts := strings.Split(s, ";")
	if len(parts) < 2 {
		return Position{}, fmt.Errorf("parse binlog position %q: it must be <gtid set>;<file>:<offset>", s)
	}
	if set, ok := strings.CutPrefix(parts[0], mysqlSet); ok {
		p.Flavour = MySQL
		p.Executed, err = gtid.ParseSet(set)
	} else {
		p.Flavour = Flavour
		p.GTIDs, err = ParseSet(parts[0])
	}
	if err == nil {
		p.File, p.Offset, err = parsePlace(parts[1])
	}
	for i := 2; i < len(parts) && err == nil; i++ {
		err = p.parsePart(parts[i], i == 2)
	}
	if err != nil {
		return Position{}, fmt.Errorf("parse binlog position %q: %w", s, err)
	}
	return p, nil
}

// parsePart reads one of the parts that may follow; the history can only be the first.
func (p *Position) parsePart(part string, first bool) (err error) {
	switch {
	case part == joiningPart:
		p.Joining = true
	case len(part) > 1 && part[0] == serverPart:
		p.Server = part[1:]
	case len(part) > 1 && part[0] == groupPart:
		p.Group, err = strconv.ParseUint(part[1:], 10, 64)
	case len(part) > 1 && part[0] == epochPart:
		var n uint64
		n, err = strconv.ParseUint(part[1:], 10, 32)
		p.Epoch = uint32(n)
	case first:
		p.HistoryFile, p.HistoryOffset, err = parsePlace(part)
	default:
		err = errors.New("it has a part that is not known")
	}
	return err
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
	positionPrefix  = "p"
	gtidPrefix      = "g"
	mysqlGTIDPrefix = "m"
)

// PositionPrefix is what the keys of all entries of a file begin with.
func PositionPrefix(file string) string { return positionPrefix + file + "\x00" }

// PositionKey is the key of the entry that begins at the offset of the file. Keys of one file sort by offset.
func PositionKey(file string, offset uint64) string {
	b := append(make([]byte, 0, len(file)+10), PositionPrefix(file)...)
	return string(binary.BigEndian.AppendUint64(b, offset))
}

// errNotPosition says no more, for it costs nothing: most entries have other keys too, and each of those is asked about.
var errNotPosition = errors.New("not a position key")

// ParsePositionKey reads a key that PositionKey made.
func ParsePositionKey(key string) (file string, offset uint64, err error) {
	end := len(key) - 9
	if end < 1 || key[:1] != positionPrefix || key[end] != 0 {
		return "", 0, errNotPosition
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

// MySQLGTIDPrefix is what the keys of all groups of a source begin with: a server's, or those of one of its tags.
func MySQLGTIDPrefix(s gtid.Source) string {
	b := append(make([]byte, 0, 64), mysqlGTIDPrefix...)
	b = append(append(b, s.Server[:]...), s.Tag...)
	return string(append(b, 0)) // no tag has a zero
}

// MySQLGTIDKey is the key of a group of MySQL's. Keys of one source sort by number.
func MySQLGTIDKey(g gtid.GTID) string {
	return string(binary.BigEndian.AppendUint64([]byte(MySQLGTIDPrefix(g.Source)), g.Number))
}

// ParseMySQLGTIDKey reads a key that MySQLGTIDKey made.
func ParseMySQLGTIDKey(key string) (gtid.GTID, error) {
	const server = len(mysqlGTIDPrefix)
	var g gtid.GTID
	tag, end := server+len(g.Server), len(key)-9
	if end < tag || key[:server] != mysqlGTIDPrefix || key[end] != 0 {
		return gtid.GTID{}, fmt.Errorf("parse GTID key %q: not a GTID key", key)
	}
	copy(g.Server[:], key[server:tag])
	g.Tag, g.Number = key[tag:end], binary.BigEndian.Uint64([]byte(key[end+1:]))
	return g, nil
}
