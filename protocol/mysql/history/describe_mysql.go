package history

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

func mysqlGTID(event []byte) (string, error) {
	g, err := binlog.ParseMySQLGTID(event)
	if g.Anonymous() {
		return "SET @@SESSION.GTID_NEXT= 'ANONYMOUS'", err
	}
	return fmt.Sprintf("SET @@SESSION.GTID_NEXT= '%s'", g.GTID), err
}

func previousGTIDs(event []byte) (string, error) {
	set, err := binlog.ParsePreviousGTIDs(event)
	return set.String(), err
}

// rowsQuery is the statement of the rows that follow. A byte stands before it that once was its length.
func rowsQuery(event []byte) (string, error) {
	b := binlog.Body(event)
	if len(b) < 1 {
		return "", binlog.ErrMalformed
	}
	return "# " + string(b[1:]), nil
}

func payload(event []byte) (string, error) {
	p, err := binlog.ParsePayload(event)
	compression := "ZSTD"
	if p.Compression == binlog.PayloadPlain {
		compression = "NONE"
	}
	return fmt.Sprintf("compression='%s', decompressed_size=%d bytes", compression, p.Size), err
}

// What stands before the status variables of a QUERY: thread, duration, length of the schema, error, length of the variables.
const queryHead = 4 + 4 + 1 + 2 + 2

// statusSizes are the sizes of status variables of fixed length, by their codes: see Query_event_status_vars in MySQL's
// libs/mysql/binlog/event/statement_events.h.
var statusSizes = map[byte]int{
	0: 4, 1: 8, 3: 4, 4: 6, 7: 2, 8: 2, 9: 8, 10: 4, 13: 3, 16: 1, 17: 8, 18: 2, 19: 1, 20: 1,
}

// Codes of status variables of other lengths, and the one that is looked for: the number of the transaction of a DDL statement, which
// only MySQL writes.
const (
	statusCatalog = 2
	statusZone    = 5
	statusShort   = 6 // catalog without the zero
	statusInvoker = 11
	statusSchemas = 12
	statusXID     = 17
)

// loggedXID finds the number of a DDL statement's transaction among the status variables of a QUERY.
func loggedXID(body []byte) (xid uint64, ok bool) {
	if len(body) < queryHead {
		return 0, false
	}
	size := int(binary.LittleEndian.Uint16(body[queryHead-2:]))
	vars := body[queryHead:]
	vars = vars[:min(size, len(vars))]
	for len(vars) > 0 {
		code, rest := vars[0], vars[1:]
		n := statusSize(code, rest)
		if n < 0 || n > len(rest) {
			return 0, false
		}
		if code == statusXID {
			return binary.LittleEndian.Uint64(rest), true
		}
		vars = rest[n:]
	}
	return 0, false
}

// statusSize is the length of a status variable, -1 if it is not known.
func statusSize(code byte, b []byte) int {
	if n, fixed := statusSizes[code]; fixed {
		return n
	}
	if len(b) == 0 {
		return -1
	}
	first := 1 + int(b[0])
	switch code {
	case statusZone, statusShort:
		return first
	case statusCatalog:
		return first + 1
	case statusInvoker:
		if first < len(b) {
			return first + 1 + int(b[first])
		}
	case statusSchemas:
		return schemasSize(b)
	}
	return -1
}

// schemasSize is the length of a list of names, which begins with their number and has a zero after each; 254 stands for too many.
func schemasSize(b []byte) int {
	const tooMany = 254
	at := 1
	for range int(b[0]) % tooMany {
		end := bytes.IndexByte(b[at:], 0)
		if end < 0 {
			return -1
		}
		at += end + 1
	}
	return at
}
