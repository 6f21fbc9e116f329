package binlog

import (
	"encoding/base64"
	"encoding/binary"

	"github.com/octant-db/octant/relay"
)

// RowsOptions say how a RowsBuilder writes events.
type RowsOptions struct {
	ServerID  uint32
	Timestamp uint32 // seconds since the Unix epoch; it becomes the statement's time
	Limit     int    // rows events that reach this size in bytes are ended; 0: 512 KiB
	Flags     uint16 // of all rows events: RowsNoForeignKeyChecks, …; RowsEnd is set where it belongs
	Version2  bool   // rows events of version 2, the only one that MySQL knows from 8.3 on; MariaDB writes version 1
}

const defaultRowsLimit = 512 << 10

// RowsBuilder turns images back into TABLE_MAP and rows events, which together are one statement: first all table maps, then
// the rows in the order of the calls, where neighbours of the same table and operation share an event. The images are used
// as they are, so they must be of a table whose description is the target's.
//
// A builder is used again after Reset; it is not safe for use from several goroutines.
type RowsBuilder struct {
	o     RowsOptions
	known map[*relay.Table]uint64
	next  uint64
	maps  []byte
	rows  []byte

	open  bool
	table *relay.Table
	op    relay.Op
	start int // of the last rows event
	count int
}

// NewRowsBuilder returns an empty builder whose tables are numbered from first on. The numbers have 48 bits and mean
// something in one statement only.
func NewRowsBuilder(o RowsOptions, first uint64) *RowsBuilder {
	if o.Limit <= 0 {
		o.Limit = defaultRowsLimit
	}
	return &RowsBuilder{o: o, known: map[*relay.Table]uint64{}, next: first}
}

// Reset empties the builder for the next statement with the given options; memory is kept.
func (b *RowsBuilder) Reset(o RowsOptions, first uint64) {
	if o.Limit <= 0 {
		o.Limit = defaultRowsLimit
	}
	clear(b.known)
	*b = RowsBuilder{o: o, known: b.known, next: first, maps: b.maps[:0], rows: b.rows[:0]}
}

// Insert adds a row that shall be written.
func (b *RowsBuilder) Insert(t *relay.Table, after relay.Image) { b.add(t, relay.Insert, nil, after) }

// Update adds a row that shall become after. The server finds it by the primary key of before.
func (b *RowsBuilder) Update(t *relay.Table, before, after relay.Image) {
	b.add(t, relay.Update, before, after)
}

// Delete adds a row that shall go.
func (b *RowsBuilder) Delete(t *relay.Table, before relay.Image) { b.add(t, relay.Delete, before, nil) }

// Len returns the size of what Events would return, in bytes.
func (b *RowsBuilder) Len() int {
	if b.open {
		return len(b.maps) + len(b.rows) + ChecksumSize
	}
	return len(b.maps) + len(b.rows)
}

// Count returns how many rows were added since Reset.
func (b *RowsBuilder) Count() int { return b.count }

func (b *RowsBuilder) add(t *relay.Table, op relay.Op, before, after relay.Image) {
	b.count++
	if b.open && (t != b.table || op != b.op || len(b.rows)-b.start >= b.o.Limit) {
		b.end(0)
	}
	if !b.open {
		b.begin(t, op)
	}
	b.rows = append(append(b.rows, before...), after...)
}

func (b *RowsBuilder) begin(t *relay.Table, op relay.Op) {
	id, ok := b.known[t]
	if !ok {
		id = b.describe(t)
	}
	b.open, b.table, b.op, b.start = true, t, op, len(b.rows)
	b.rows = appendHeader(b.rows, b.header(RowsType(op, b.o.Version2)))
	b.rows = append6(b.rows, id)
	b.rows = binary.LittleEndian.AppendUint16(b.rows, b.o.Flags)
	if b.o.Version2 {
		b.rows = binary.LittleEndian.AppendUint16(b.rows, extraNone)
	}
	b.rows = appendPacked(b.rows, uint64(len(t.Columns)))
	b.rows = appendOnes(b.rows, len(t.Columns))
	if op == relay.Update {
		b.rows = appendOnes(b.rows, len(t.Columns))
	}
}

// extraNone is the length of version 2's extra data, itself included, when there is none.
const extraNone = 2

// tableMapFlags is TM_BIT_LEN_EXACT_F, as the server sets it.
const tableMapFlags = 1

func (b *RowsBuilder) describe(t *relay.Table) uint64 {
	id, from := b.next, len(b.maps)
	b.known[t] = id
	b.next++
	b.maps = appendHeader(b.maps, b.header(TableMapEvent))
	b.maps = append6(b.maps, id)
	b.maps = binary.LittleEndian.AppendUint16(b.maps, tableMapFlags)
	b.maps = endEvent(append(b.maps, t.Native...), from, true)
	return id
}

func (b *RowsBuilder) header(t EventType) Header {
	return Header{Timestamp: b.o.Timestamp, Type: t, ServerID: b.o.ServerID}
}

// end closes the open rows event.
func (b *RowsBuilder) end(flags uint16) {
	at := b.start + HeaderSize + 6
	binary.LittleEndian.PutUint16(b.rows[at:], b.o.Flags|flags)
	b.rows = endEvent(b.rows, b.start, true)
	b.open = false
}

// Events ends the statement and returns its events. They are valid until the next call of Reset; without rows there are none.
func (b *RowsBuilder) Events() []byte {
	if b.open {
		b.end(RowsEnd)
		b.maps, b.rows = append(b.maps, b.rows...), b.rows[:0]
	}
	return b.maps
}

// append6 writes a table's number.
func append6(b []byte, id uint64) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(id))
	return binary.LittleEndian.AppendUint16(b, uint16(id>>32))
}

func appendPacked(b []byte, n uint64) []byte {
	switch {
	case n < 251:
		return append(b, byte(n))
	case n < 1<<16:
		return binary.LittleEndian.AppendUint16(append(b, 252), uint16(n))
	case n < 1<<24:
		return append(b, 253, byte(n), byte(n>>8), byte(n>>16))
	}
	return binary.LittleEndian.AppendUint64(append(b, 254), n)
}

// appendOnes writes a bitmap of n ones; the bits after them are ones too, as the server writes them.
func appendOnes(b []byte, n int) []byte {
	for range (n + 7) / 8 {
		b = append(b, 0xFF)
	}
	return b
}

// AppendStatement appends the statement that has the server execute the events: BINLOG '<base64>'. A session must have executed
// one with the format description before others.
func AppendStatement(dst []byte, events ...[]byte) []byte {
	dst = append(dst, "BINLOG '"...)
	for _, e := range events {
		// Each chunk is padded and ends its line, as in the output of mariadb-binlog.
		dst = append(base64.StdEncoding.AppendEncode(dst, e), '\n')
	}
	return append(dst, '\'')
}

// FormatDescription builds the format description of MariaDB 10.11 for BINLOG statements, where the caller does not have that of
// the server itself.
func FormatDescription(serverID uint32) []byte {
	return formatDescription(serverID, "10.11.0-MariaDB-log", postSizes())
}

// MySQLFormatDescription is FormatDescription for a MySQL server of the version, as SELECT VERSION() has it.
func MySQLFormatDescription(serverID uint32, version string) []byte {
	return formatDescription(serverID, version, mysqlPostSizes())
}

func formatDescription(serverID uint32, server string, sizes []byte) []byte {
	b := appendHeader(nil, Header{Type: FormatDescriptionEvent, ServerID: serverID})
	b = binary.LittleEndian.AppendUint16(b, 4)
	version := make([]byte, serverVersionSize)
	copy(version[:serverVersionSize-1], server)
	b = append(append(b, version...), 0, 0, 0, 0, HeaderSize)
	b = append(append(b, sizes...), ChecksumCRC32)
	return endEvent(b, 0, true)
}

// postSizes are those of MariaDB 10.11, by type - 1.
func postSizes() []byte {
	sizes := make([]byte, DeleteRowsCompressed)
	copy(sizes, []byte{
		56, 13, 0, 8, 0, 18, 0, 4, 4, 4, 4, 18, 0, 0, 228, 0, 4, 26, 8, 0, 0, 0, 8, 8, 8, 2, 0, 0, 0, 10, 10, 10, 0, 0, 0, 0, 0, 0, 10, 10, 10,
	})
	copy(sizes[AnnotateRowsEvent-1:], []byte{0, 4, 19, 4, 0, 13, 8, 8, 8, 10, 10, 10})
	return sizes
}

// mysqlPostSizes are those of MySQL 9.7, by type - 1, as its own log has them. Servers that know fewer types pass over the rest.
func mysqlPostSizes() []byte {
	return []byte{
		0, 13, 0, 8, 0, 0, 0, 0, 4, 0, 4, 0, 0, 0, 99, 0, 4, 26, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 10, 10, 10, 42, 42, 0, 18, 52, 0, 10, 40, 0, 0,
	}
}
