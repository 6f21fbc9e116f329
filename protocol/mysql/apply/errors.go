package apply

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// Error codes of the server that mean something here; see https://mariadb.com/kb/en/mariadb-error-codes/.
const (
	codeDuplicateKey   = 1062
	codeRowNotFound    = 1032
	codeNoSuchTable    = 1146
	codeNoSuchColumn   = 1054
	codeWrongType      = 1677
	codeWrongColumns   = 1136
	codeUnknownError   = 1105 // what a BINLOG statement says of a column whose type differs too much
	codeNoSuchThread   = 1094
	codeInterrupted    = 1317
	codeServerShutdown = 1053
	codeKilled         = 1927
	codeAccessDenied   = 1227
)

// retryable are the errors after which the same can succeed without anyone mending something.
var retryable = map[uint16]bool{
	1020: true,                                     // record changed since it was read
	1040: true,                                     // too many connections
	1158: true, 1159: true, 1160: true, 1161: true, // network trouble, as the server sees it
	1205: true,             // lock wait timeout
	1213: true,             // deadlock
	1412: true,             // table definition changed
	2006: true, 2013: true, // connection gone, lost
	codeInterrupted: true, codeServerShutdown: true, codeKilled: true,
}

// harmless are the errors whose text names tables, columns and settings, never values.
var harmless = map[uint16]bool{
	1016: true, 1030: true, 1040: true, 1041: true, 1044: true, 1045: true, 1049: true, 1053: true, 1054: true,
	1130: true, 1136: true, 1142: true, 1143: true, 1146: true, 1153: true, 1159: true, 1160: true, 1161: true,
	1193: true, 1205: true, 1213: true, 1227: true, 1032: true, 1238: true, 1290: true, 1317: true, 1364: true,
	1406: true, 1412: true, 1419: true, 1594: true, 1609: true, 1677: true, 1792: true, 1927: true, 1932: true,
	1950: true, 4025: true, 4047: true,
}

// Error is what the server answered, without values of rows.
type Error struct {
	Op    string // what was being done: "write rows"
	Table string // "schema.table", "" if it was about no table
	Index string // of a duplicate key: the index's name
	Code  uint16
	State string // SQLSTATE
	Text  string // the server's words, "" where they could contain values
}

func newError(op, table string, err *mysql.MyError) *Error {
	e := &Error{Op: op, Table: table, Code: err.Code, State: err.State}
	switch {
	case err.Code == codeDuplicateKey:
		e.Index = indexName(err.Message)
	case harmless[err.Code]:
		e.Text = err.Message
	case err.Code == codeUnknownError && err.Message == "Unknown error":
		e.Text = "the definition of the table may differ; the server's own log says more"
	}
	return e
}

// indexName takes the index out of "Duplicate entry 'value' for key 'name'". It stands last; the value may hold anything.
func indexName(message string) string {
	i := strings.LastIndex(message, "for key '")
	if i < 0 {
		return ""
	}
	return strings.TrimSuffix(message[i+len("for key '"):], "'")
}

// Error says what was done to which table and what the server answered.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Table != "" {
		b.WriteString(" of " + e.Table)
	}
	fmt.Fprintf(&b, ": server error %d (%s)", e.Code, e.State)
	switch {
	case e.Code == codeDuplicateKey:
		fmt.Fprintf(&b, ": duplicate value in index %s", e.Index)
	case e.Text != "":
		b.WriteString(": " + e.Text)
	default:
		b.WriteString("; its text is left out since it may contain values")
	}
	return b.String()
}

// Retryable tells whether the same can succeed without anyone mending something.
func (e *Error) Retryable() bool { return retryable[e.Code] }

// presence tells whether the error says that a row is not as a row event expects it.
func (e *Error) presence() bool { return e.Code == codeDuplicateKey || e.Code == codeRowNotFound }

// definition tells whether the error says that the table is not as it was when it was read.
func (e *Error) definition() bool {
	switch e.Code {
	case codeNoSuchTable, codeNoSuchColumn, codeWrongType, codeWrongColumns, codeUnknownError:
		return true
	}
	return false
}

// ConnectionError says that the connection could not be made or was lost before COMMIT was sent, so that nothing was written.
type ConnectionError struct {
	Op  string
	Err error
}

// Error says what was being done.
func (e *ConnectionError) Error() string {
	return fmt.Sprintf("%s: database connection: %v", e.Op, e.Err)
}

// Unwrap returns the cause.
func (e *ConnectionError) Unwrap() error { return e.Err }

// Retryable is true: the server rolled back, or never heard of it.
func (e *ConnectionError) Retryable() bool { return true }

var (
	// ErrCommitUnknown says that the connection was lost while COMMIT was under way: ask Target.Committed.
	ErrCommitUnknown = relay.ErrOutcomeUnknown
	// ErrMarkStands says that the mark was already in the ledger, column for column: the transaction was applied before.
	ErrMarkStands = relay.ErrApplied
)

// BlockedError says that a row cannot be written because another row, which is not part of the same Write, has one of its
// unique values.
type BlockedError struct {
	Table string // "schema.table"
	Index string // the unique index
}

// Error names the index.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("write row of %s: another row has its value in unique index %s", e.Table, e.Index)
}

// Blocked returns the table and its unique index.
func (e *BlockedError) Blocked() (table, index string) { return e.Table, e.Index }

// asPresence marks the errors that mean "a row is not as expected".
func asPresence(err error) error {
	var e *Error
	if errors.As(err, &e) && e.presence() {
		return fmt.Errorf("%w: %w", relay.ErrPresence, err)
	}
	return err
}
