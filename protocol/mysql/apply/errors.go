package apply

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// Error codes of the servers that mean something here; both have them. See https://mariadb.com/kb/en/mariadb-error-codes/.
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
	codeAccessDenied   = 1227
)

// retryable are the errors after which the same can succeed without anyone mending something.
var retryable = set(nil,
	1020,                   // record changed since it was read
	1040,                   // too many connections
	1158, 1159, 1160, 1161, // network trouble, as the server sees it
	1205,       // lock wait timeout
	1213,       // deadlock
	1412,       // table definition changed
	2006, 2013, // connection gone, lost
	codeInterrupted, codeServerShutdown)

// harmless are the errors whose text names tables, columns and settings, never values.
var harmless = set(nil,
	1016, 1030, 1040, 1041, 1044, 1045, 1049, 1053, 1054, 1130, 1136, 1142, 1143, 1146, 1153, 1159, 1160, 1161, 1193, 1205, 1213, 1227, 1032,
	1238, 1290, 1317, 1364, 1406, 1412, 1419, 1677, 1792, 1932)

// ended are the errors that say that the session is gone.
var ended = set(nil, codeServerShutdown)

// Error is what the server answered, without values of rows.
type Error struct {
	Op    string // what was being done: "write rows"
	Table string // "schema.table", "" if it was about no table
	Index string // of a duplicate key: the index's name
	Code  uint16
	State string // SQLSTATE
	Text  string // the server's words, "" where they could contain values

	retryable, ended bool
}

func newError(d dialect, op, table string, err *mysql.MyError) *Error {
	known := d.codes()
	e := &Error{Op: op, Table: table, Code: err.Code, State: err.State, retryable: known.retryable[err.Code], ended: known.ended[err.Code]}
	switch {
	case err.Code == codeDuplicateKey:
		e.Index = d.index(table, indexName(err.Message))
	case known.harmless[err.Code]:
		e.Text = err.Message
	case err.Code == codeUnknownError && err.Message == "Unknown error":
		e.Text = "the definition of the table may differ, or a privilege on it be missing; the server's own log says more"
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
func (e *Error) Retryable() bool { return e.retryable }

// Rejection implements what relay.Rejected looks for.
func (e *Error) Rejection() (relay.Rejection, bool) {
	reason, known := rejections[e.Code]
	if !known {
		return relay.Rejection{}, false
	}
	return relay.Rejection{Reason: reason, Table: e.Table, Whole: wholeTable[reason]}, true
}

// rejections are the errors of rows and tables that stay until somebody mends something. Codes of one server mean nothing else on the other.
var rejections = map[uint16]relay.Reason{
	codeNoSuchTable: relay.MissingTable, 1049: relay.MissingTable,
	codeNoSuchColumn: relay.OtherDefinition, codeWrongType: relay.OtherDefinition, codeWrongColumns: relay.OtherDefinition,
	codeUnknownError: relay.OtherDefinition, 1364: relay.OtherDefinition, 13146: relay.OtherDefinition,
	1044: relay.PermissionDenied, 1142: relay.PermissionDenied, 1143: relay.PermissionDenied,
	3819: relay.CheckViolated, 4025: relay.CheckViolated, 1526: relay.CheckViolated, 1748: relay.CheckViolated,
	1216: relay.ForeignKey, 1217: relay.ForeignKey, 1451: relay.ForeignKey, 1452: relay.ForeignKey,
	1048: relay.UnfitValue, 1118: relay.UnfitValue, 1264: relay.UnfitValue, 1265: relay.UnfitValue, 1292: relay.UnfitValue,
	1366: relay.UnfitValue, 1406: relay.UnfitValue, 1416: relay.UnfitValue, 1690: relay.UnfitValue, 3140: relay.UnfitValue,
	1644: relay.TriggerRefused, // what SIGNAL says if it says nothing else
	1153: relay.TooLarge,
}

// wholeTable are the reasons that hold for every row of a table.
var wholeTable = map[relay.Reason]bool{relay.MissingTable: true, relay.OtherDefinition: true, relay.PermissionDenied: true}

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

// Is makes it an error of kind relay.ErrUnique.
func (e *BlockedError) Is(target error) bool { return target == relay.ErrUnique }

// Blocked returns the table and its unique index.
func (e *BlockedError) Blocked() (table, index string) { return e.Table, e.Index }

// SizeError says that a row does not fit into what the server takes at once.
type SizeError struct {
	Op, Table  string
	Size, Most int // bytes
}

// Error says how to mend it.
func (e *SizeError) Error() string {
	return fmt.Sprintf("%s of %s: a statement has %d bytes and the server takes %d: raise max_allowed_packet to %d at least",
		e.Op, e.Table, e.Size, e.Most, (e.Size+packetRoom+1023)/1024*1024)
}

// Rejection implements what relay.Rejected looks for.
func (e *SizeError) Rejection() (relay.Rejection, bool) {
	return relay.Rejection{Reason: relay.TooLarge, Table: e.Table}, true
}

// asPresence marks the errors that mean "a row is not as expected".
func asPresence(err error) error {
	var e *Error
	if errors.As(err, &e) && e.presence() {
		return fmt.Errorf("%w: %w", relay.ErrPresence, err)
	}
	return err
}
