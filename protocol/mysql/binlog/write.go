package binlog

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/octant-db/octant/relay"
)

// The functions of this file append events that a relay writes itself, for a log that no server wrote. Where an event stands is known last: until Place
// their position and checksum are zero.

// Place says where an event of these ends in its file, and computes its checksum.
func Place(event []byte, end uint64) {
	binary.LittleEndian.PutUint32(event[13:], uint32(end))
	body := len(event) - ChecksumSize
	binary.LittleEndian.PutUint32(event[body:], crc32.ChecksumIEEE(event[:body]))
}

// closeEvent sets the size of the event that starts at from and leaves room for its checksum.
func closeEvent(b []byte, from int) []byte {
	b = append(b, 0, 0, 0, 0)
	binary.LittleEndian.PutUint32(b[from+9:], uint32(len(b)-from))
	return b
}

// AppendGTID appends the event that begins a group of MariaDB's whose end is an XID. The header's server is the GTID's.
func AppendGTID(b []byte, h Header, domain uint32, seq uint64, flags byte) []byte {
	from := len(b)
	h.Type = GTIDEvent
	b = binary.LittleEndian.AppendUint64(appendHeader(b, h), seq)
	b = append(binary.LittleEndian.AppendUint32(b, domain), flags)
	return closeEvent(append(b, make([]byte, 6)...), from) // the server fills it up to 19 bytes
}

// AppendGTIDList appends the event by which a file of MariaDB's says what was there before.
func AppendGTIDList(b []byte, h Header, list ...GTID) []byte {
	from := len(b)
	h.Type = GTIDListEvent
	return closeEvent(appendGTIDs(appendHeader(b, h), list), from)
}

// AppendMySQLGTID appends the event that begins a group of MySQL's; see MySQLGroup. Original and OriginVersion are taken to be Immediate and Version.
func AppendMySQLGTID(b []byte, h Header, g *MySQLGroup) []byte {
	from := len(b)
	h.Type = MySQLGTIDEvent
	b = append(append(appendHeader(b, h), g.Flags), g.GTID.Server[:]...)
	b = append(binary.LittleEndian.AppendUint64(b, g.GTID.Number), logicalClock)
	b = binary.LittleEndian.AppendUint64(b, uint64(g.LastCommitted))
	b = binary.LittleEndian.AppendUint64(b, uint64(g.Sequence))
	b = appendLittle(b, g.Immediate, 7)
	b = appendPacked(b, g.Length)
	return closeEvent(binary.LittleEndian.AppendUint32(b, g.Version), from)
}

// AppendQuery appends a statement. Of q the thread, the error and what refers to the session it ran in are as given.
func AppendQuery(b []byte, h Header, q *Query) []byte {
	from := len(b)
	h.Type = QueryEvent
	b = binary.LittleEndian.AppendUint32(appendHeader(b, h), q.Thread)
	b = append(binary.LittleEndian.AppendUint32(b, 0), byte(len(q.Schema)))
	b = binary.LittleEndian.AppendUint16(b, q.ErrorCode)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(q.Status)))
	b = append(append(append(b, q.Status...), q.Schema...), 0)
	return closeEvent(append(b, q.SQL...), from)
}

// AppendStatus appends a Query's Status: the flags of the session (OPTION_NO_FOREIGN_KEY_CHECKS, …, see sql/sql_class.h) and its settings.
func (s *Settings) AppendStatus(b []byte, flags uint32) []byte {
	b = binary.LittleEndian.AppendUint32(append(b, statusFlags), flags)
	b = binary.LittleEndian.AppendUint64(append(b, statusSQLMode), s.SQLMode)
	b = binary.LittleEndian.AppendUint16(append(b, statusCharset), s.Client)
	return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, s.Connection), s.Server)
}

// AppendXID appends the event that commits a transaction.
func AppendXID(b []byte, h Header, xid uint64) []byte {
	from := len(b)
	h.Type = XIDEvent
	return closeEvent(binary.LittleEndian.AppendUint64(appendHeader(b, h), xid), from)
}

// AppendTableMap appends the event that gives a table the number that the rows events after it use.
func AppendTableMap(b []byte, h Header, id uint64, native []byte) []byte {
	from := len(b)
	h.Type = TableMapEvent
	b = append6(appendHeader(b, h), id)
	b = binary.LittleEndian.AppendUint16(b, tableMapFlags)
	return closeEvent(append(b, native...), from)
}

// RowsPart is a rows event whose images need not have all columns.
type RowsPart struct {
	Type          EventType
	Table         uint64
	Flags         uint16
	Width         int    // the table's columns
	Before, After []byte // a bit for each column that the images have, the first lowest; nil where the operation has none
	Images        []byte
}

// AppendRows appends the event. Events of version 2, which Type says, have no extra data.
func AppendRows(b []byte, h Header, r *RowsPart) []byte {
	from := len(b)
	h.Type = r.Type
	b = append6(appendHeader(b, h), r.Table)
	b = binary.LittleEndian.AppendUint16(b, r.Flags)
	if f, _ := rowsForm(r.Type); f.extra {
		b = binary.LittleEndian.AppendUint16(b, extraNone)
	}
	b = append(append(appendPacked(b, uint64(r.Width)), r.Before...), r.After...)
	return closeEvent(append(b, r.Images...), from)
}

// RowsType is the type of an operation's events: of version 1, which MariaDB writes, or 2, which MySQL writes.
func RowsType(op relay.Op, version2 bool) EventType {
	if version2 {
		return WriteRowsEvent + EventType(op-relay.Insert)
	}
	return WriteRowsV1Event + EventType(op-relay.Insert)
}

// rowsFlags is where the flags of a rows event stand, behind the table's number.
const rowsFlags = HeaderSize + 6

// EndsStatement tells whether a rows event is the last one of its statement.
func EndsStatement(rows []byte) bool {
	return len(rows) > rowsFlags && rows[rowsFlags]&byte(RowsEnd) != 0
}

// EndStatement makes a rows event the last one of its statement.
func EndStatement(rows []byte) {
	if EndsStatement(rows) || len(rows) < rowsFlags+2+ChecksumSize {
		return
	}
	rows[rowsFlags] |= byte(RowsEnd)
	body := len(rows) - ChecksumSize
	binary.LittleEndian.PutUint32(rows[body:], crc32.ChecksumIEEE(rows[:body]))
}
