package binlog

import "bytes"

// Rotate says where the log goes on.
type Rotate struct {
	File   string
	Offset uint64
}

// ParseRotate reads a ROTATE event, real or artificial.
func ParseRotate(event []byte) (Rotate, error) {
	_, r, err := typed(event, "rotate", RotateEvent)
	if err != nil {
		return Rotate{}, err
	}
	rotate := Rotate{Offset: r.u64()}
	rotate.File = string(r.bytes(len(r.rest)))
	return rotate, r.finish("rotate event")
}

// ParseXID reads the XID event that commits a transaction, and returns the server's number of it.
func ParseXID(event []byte) (uint64, error) {
	_, r, err := typed(event, "xid", XIDEvent)
	if err != nil {
		return 0, err
	}
	return r.u64(), r.finish("xid event")
}

// ParseAnnotate returns the statement that the following row events come from. It aliases the event and is in the
// client's character set.
func ParseAnnotate(event []byte) ([]byte, error) {
	_, r, err := typed(event, "annotate rows", AnnotateRowsEvent)
	if err != nil {
		return nil, err
	}
	return r.rest, nil
}

// ParseCheckpoint returns the name of the oldest file that the server still needs for its own recovery.
func ParseCheckpoint(event []byte) (string, error) {
	_, r, err := typed(event, "binlog checkpoint", BinlogCheckpointEvent)
	if err != nil {
		return "", err
	}
	return string(r.bytes(int(r.u32()))), r.finish("binlog checkpoint event")
}

// Incident says that the server lost something that should stand in the log.
type Incident struct {
	Number  uint16
	Message string
}

// ParseIncident reads an INCIDENT event.
func ParseIncident(event []byte) (Incident, error) {
	_, r, err := typed(event, "incident", IncidentEvent)
	if err != nil {
		return Incident{}, err
	}
	incident := Incident{Number: r.u16()}
	incident.Message = string(r.bytes(int(r.u8())))
	return incident, r.finish("incident event")
}

// XID names an XA transaction.
type XID struct {
	Format             int32
	GlobalID, BranchID string // binary
}

// XAPrepare ends the group of an XA transaction's changes. Whether they stand is said later, by a group of its own.
type XAPrepare struct {
	OnePhase bool // it is a commit: XA COMMIT … ONE PHASE
	XID      XID
}

// ParseXAPrepare reads an XA_PREPARE event.
func ParseXAPrepare(event []byte) (XAPrepare, error) {
	_, r, err := typed(event, "xa prepare", XAPrepareEvent)
	if err != nil {
		return XAPrepare{}, err
	}
	x := XAPrepare{OnePhase: r.u8() != 0, XID: XID{Format: int32(r.u32())}}
	global, branch := r.u32(), r.u32()
	if global > 64 || branch > 64 {
		r.bad = true
		global, branch = 0, 0
	}
	x.XID.GlobalID = string(r.bytes(int(global)))
	x.XID.BranchID = string(r.bytes(int(branch)))
	return x, r.finish("xa prepare event")
}

// Query is a statement that the server logged as text.
type Query struct {
	Thread    uint32
	ErrorCode uint16 // the error that the statement ended with at its server
	Schema    string
	Status    []byte // the settings that it ran with; see ParseSettings
	SQL       []byte // in the client's character set; may alias the event
}

// loadQueryExtra is what an EXECUTE_LOAD_QUERY has more than a QUERY in the fixed part of its body.
const loadQueryExtra = 4 + 4 + 4 + 1

// ParseQuery reads a QUERY, QUERY_COMPRESSED or EXECUTE_LOAD_QUERY event. The status variables are not looked at.
func ParseQuery(event []byte) (Query, error) {
	h, r, err := typed(event, "query", QueryEvent, QueryCompressedEvent, ExecuteLoadQueryEvent)
	if err != nil {
		return Query{}, err
	}
	q := Query{Thread: r.u32()}
	r.u32() // how long it ran
	schema := int(r.u8())
	q.ErrorCode = r.u16()
	status := int(r.u16())
	if h.Type == ExecuteLoadQueryEvent {
		r.bytes(loadQueryExtra)
	}
	q.Status = r.bytes(status)
	q.Schema = string(r.closed(schema))
	q.SQL = r.rest
	if err := r.finish("query event"); err != nil {
		return Query{}, err
	}
	if h.Type == QueryCompressedEvent {
		q.SQL, err = inflate(q.SQL)
	}
	return q, err
}

// Class is what a statement does to the transaction that it stands in.
type Class uint8

// The classes.
const (
	Other      Class = iota // it can change definitions or data
	Begin                   // BEGIN, START TRANSACTION, XA START, XA END
	Commit                  // COMMIT
	Rollback                // ROLLBACK
	RollbackTo              // ROLLBACK TO a savepoint
	Savepoint               // SAVEPOINT, RELEASE SAVEPOINT
	XAEnd                   // XA COMMIT, XA ROLLBACK
)

// Class tells what the statement does to its transaction. The server writes these statements itself, in upper case.
func (q *Query) Class() Class {
	sql := bytes.TrimSpace(q.SQL)
	if len(sql) > 0 && sql[0] > 'Z' {
		sql = bytes.ToUpper(sql[:min(len(sql), 32)])
	}
	switch {
	case is(sql, "BEGIN"), is(sql, "START TRANSACTION"), begins(sql, "XA START"), begins(sql, "XA END"):
		return Begin
	case is(sql, "COMMIT"):
		return Commit
	case is(sql, "ROLLBACK"):
		return Rollback
	case begins(sql, "ROLLBACK TO"):
		return RollbackTo
	case begins(sql, "SAVEPOINT"), begins(sql, "RELEASE SAVEPOINT"):
		return Savepoint
	case begins(sql, "XA COMMIT"), begins(sql, "XA ROLLBACK"):
		return XAEnd
	}
	return Other
}

func is(sql []byte, word string) bool { return string(sql) == word }

// begins tells whether the statement begins with the words and something after them.
func begins(sql []byte, words string) bool {
	if len(sql) <= len(words) || string(sql[:len(words)]) != words {
		return false
	}
	next := sql[len(words)]
	return next == ' ' || next == '`' || next == '\t' || next == '\n'
}
