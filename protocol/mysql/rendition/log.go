package rendition

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/relay"
)

// Config is what a Log needs.
type Config struct {
	Flavour relay.Flavour     // of the replicas: binlog.Flavour or binlog.MySQL
	Log     relay.LocalStream // what is shown
	Decoder relay.Decoder     // reads it
	// Match tells which tables are shown.
	Match func(schema, table string) bool
	// Facts keeps which definitions readers were shown. nil: each View has its own memory only.
	Facts relay.Store
	Name  string // of the relay log: another one has another name
	UUID  string // the relay's server_uuid, as stable as the name
}

// Log is a relay log in the form of one flavour. It may be used from several goroutines.
type Log struct {
	config  Config
	layouts layouts
	server  uint32
	uuid    gtid.UUID
}

// New returns the log in another form. It reads nothing yet.
func New(c Config) (*Log, error) {
	uuid, err := gtid.ParseUUID(c.UUID)
	if err != nil {
		return nil, fmt.Errorf("show the log to replicas: %w", err)
	}
	return &Log{
		config: c, server: serverOf(c.Name), uuid: uuid, layouts: layouts{flavour: c.Flavour, known: make(map[*relay.Table]*Layout)},
	}, nil
}

// serverOf is the server id that a log's transactions have: far from those that people choose, and another one for another log.
func serverOf(name string) uint32 {
	b := sha256.Sum256([]byte("server_id of relay log " + name))
	return binary.BigEndian.Uint32(b[:]) | 1<<31
}

func (l *Log) mysql() bool { return l.config.Flavour == binlog.MySQL }

// Flavour is whose replicas read it.
func (l *Log) Flavour() relay.Flavour { return l.config.Flavour }

// ServerID is the server id of all events. A replica that has it itself would pass over them.
func (l *Log) ServerID() uint32 { return l.server }

// UUID is the server_uuid of all GTIDs of MySQL's form.
func (l *Log) UUID() gtid.UUID { return l.uuid }

// GTID names an entry.
func (l *Log) GTID(lsn relay.LSN) string {
	if l.mysql() {
		return gtid.GTID{Source: gtid.Source{Server: l.uuid}, Number: uint64(lsn)}.String()
	}
	return binlog.GTID{Server: l.server, Seq: uint64(lsn)}.String()
}

// Executed names all entries up to one.
func (l *Log) Executed(lsn relay.LSN) string {
	if l.mysql() {
		return l.Range(1, lsn).String()
	}
	if lsn == 0 {
		return ""
	}
	return l.GTID(lsn)
}

// Range is a set of entries in MySQL's form.
func (l *Log) Range(from, to relay.LSN) gtid.Set {
	var set gtid.Set
	if to >= from {
		set.AddInterval(gtid.Source{Server: l.uuid}, gtid.Interval{First: uint64(from), Last: uint64(to)})
	}
	return set
}

// fileName is of the file that begins with an entry. Names sort as their entries do.
const fileName = "octant-bin."

// FileOf names the file that begins with an entry.
func FileOf(first relay.LSN) string { return fmt.Sprintf("%s%012d", fileName, first) }

// firstOf reads from a file's name with which entry it begins.
func firstOf(file string) (relay.LSN, bool) {
	digits, ok := strings.CutPrefix(file, fileName)
	n, err := strconv.ParseUint(digits, 10, 63)
	return relay.LSN(n), ok && err == nil && n > 0 && FileOf(relay.LSN(n)) == file
}

// MySQLVersion is the server's version in logs of MySQL's form. All replicas from 8.0 on read what such a server writes.
const MySQLVersion = "8.4.0-octant"

// Head returns the events with which a file begins: the format description, and what was there before.
func (l *Log) Head(file string) ([]byte, error) {
	first, ok := firstOf(file)
	if !ok {
		return nil, relay.ErrNotFound
	}
	var format, before []byte
	if l.mysql() {
		format = binlog.MySQLFormatDescription(l.server, MySQLVersion)
		before = binlog.PreviousGTIDs(l.server, l.Range(1, first-1), 0, true)
	} else {
		format = binlog.FormatDescription(l.server)
		list := []binlog.GTID{{Server: l.server, Seq: uint64(first - 1)}}
		if first == 1 {
			list = nil
		}
		before = binlog.AppendGTIDList(nil, binlog.Header{ServerID: l.server}, list...)
	}
	end := fileStart + uint64(len(format))
	binlog.Place(format, end)
	binlog.Place(before, end+uint64(len(before)))
	return append(format, before...), nil
}

// fileStart is the offset of a file's first event: four magic bytes would come before it.
const fileStart = 4
