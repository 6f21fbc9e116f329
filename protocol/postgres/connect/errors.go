package connect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/octant-db/octant/relay"
)

// Codes of errors that mean something here; see "PostgreSQL Error Codes" in the manual.
const (
	CodeUniqueViolation    = "23505"
	CodeExclusionViolation = "23P01"
	CodeSerialization      = "40001"
	CodeDeadlock           = "40P01"
	CodeLockNotAvailable   = "55P03"
	CodeInUse              = "55006"
	CodePrerequisite       = "55000"
	CodeUndefinedObject    = "42704"
	CodeDuplicateObject    = "42710"
	CodeUndefinedTable     = "42P01"
	CodeUndefinedColumn    = "42703"
	CodeNotSupported       = "0A000"
	CodeQueryCanceled      = "57014"
	CodePrivilege          = "42501"
)

// Error is what the server answered, without values of rows.
type Error struct {
	Op         string // what was being done: "write rows"
	Table      string // "schema.table", "" if it was about no table
	Code       string // SQLSTATE
	Constraint string // of a violation
	Text       string // the server's words, "" where they could contain values
}

// NewError gives an error of a session its type: an *Error if the server said it, else a *LostError.
func NewError(ctx context.Context, op, table string, err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", op, context.Cause(ctx))
		}
		return &LostError{Op: op, Err: err}
	}
	e := &Error{Op: op, Table: table, Code: pg.Code, Constraint: pg.ConstraintName}
	if table == "" && pg.TableName != "" {
		e.Table = pg.SchemaName + "." + pg.TableName
	}
	if harmless(pg.Code) {
		e.Text = pg.Message
	}
	return e
}

// harmless tells whether an error's message names objects and settings, never values. Its detail is never told.
func harmless(code string) bool {
	if len(code) != 5 {
		return false
	}
	switch code[:2] {
	case "08", "0A", "23", "25", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58":
		return true
	}
	return false
}

// Error says what was done to which table and what the server answered.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Table != "" {
		b.WriteString(" of " + e.Table)
	}
	fmt.Fprintf(&b, ": server error %s", e.Code)
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	} else {
		b.WriteString("; its text is left out since it may contain values")
	}
	return b.String()
}

// Retryable tells whether the same can succeed without anyone mending something: a conflict with another transaction, a lock that
// was not given, resources that ran out for a while, a server that goes down.
func (e *Error) Retryable() bool {
	switch e.Code {
	case CodeSerialization, CodeDeadlock, CodeLockNotAvailable, CodeQueryCanceled, "25P02", "25P03":
		return true
	}
	return strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "53") || strings.HasPrefix(e.Code, "57P")
}

// Rejection implements what relay.Rejected looks for.
func (e *Error) Rejection() (relay.Rejection, bool) {
	r := relay.Rejection{Table: e.Table}
	switch e.Code {
	case CodeUndefinedTable, "3F000":
		r.Reason, r.Whole = relay.MissingTable, true
	case CodeUndefinedColumn, "42804", "42P10", "428C9":
		r.Reason, r.Whole = relay.OtherDefinition, true
	case CodePrivilege:
		r.Reason, r.Whole = relay.PermissionDenied, true
	case "23514":
		r.Reason = relay.CheckViolated
	case "23503", "23001":
		r.Reason = relay.ForeignKey
	case "23502":
		r.Reason = relay.UnfitValue
	case "P0001":
		r.Reason = relay.TriggerRefused
	default:
		if !strings.HasPrefix(e.Code, "22") { // data exceptions
			return r, false
		}
		r.Reason = relay.UnfitValue
	}
	return r, e.Table != ""
}

// Ends tells whether the server ends the session with this error.
func (e *Error) Ends() bool { return strings.HasPrefix(e.Code, "57P") || e.Code == "25P03" }

// Is reports whether err is a server's error of the code.
func Is(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// LostError says that the connection could not be made or was lost.
type LostError struct {
	Op  string
	Err error
}

// Error says what was being done.
func (e *LostError) Error() string { return fmt.Sprintf("%s: database connection: %v", e.Op, e.Err) }

// Unwrap returns the cause.
func (e *LostError) Unwrap() error { return e.Err }

// Retryable is true: the server rolled back, or never heard of it.
func (e *LostError) Retryable() bool { return true }
