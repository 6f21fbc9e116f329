package relay

import (
	"cmp"
	"errors"
)

// Reason is a short fixed word for why a database refuses a row: it is a label of metrics and a value in SQL.
type Reason string

// The reasons.
const (
	MissingTable     Reason = "missing_table"     // the table is not there, or the relay may not see it
	OtherDefinition  Reason = "other_definition"  // its columns or its key are not as where the change was made
	PermissionDenied Reason = "permission_denied" // the database user may not write it
	CheckViolated    Reason = "check"             // a CHECK constraint, or no partition, takes the row
	ForeignKey       Reason = "foreign_key"
	UnfitValue       Reason = "unfit_value"  // a value that a column does not take
	UniqueTaken      Reason = "unique_value" // rows that nothing can be known of have its unique values
	TriggerRefused   Reason = "trigger"
	TooLarge         Reason = "too_large" // for one packet
)

// Rejection says that a database will not take a row, however often it is tried, until somebody mends something.
type Rejection struct {
	Reason Reason
	Table  string // "schema.table"; "" if it is not known which of several
	Whole  bool   // no row of the table would be taken
	Detail string // without row values
}

// Rejected tells whether an error says that the database refuses what was written, and why.
func Rejected(err error) (Rejection, bool) {
	var r interface{ Rejection() (Rejection, bool) }
	if !errors.As(err, &r) {
		return Rejection{}, false
	}
	rejection, ok := r.Rejection()
	if ok && rejection.Detail == "" {
		rejection.Detail = err.Error()
	}
	return rejection, ok
}

// TableError says why no row of a table can be written here, and what to do.
type TableError struct {
	Table  string // "schema.table"
	Reason string // in words, with the remedy
	Kind   Reason // "": the definition differs
}

// Error gives the table and the reason.
func (e *TableError) Error() string { return e.Table + ": " + e.Reason }

// Rejection implements what [Rejected] looks for.
func (e *TableError) Rejection() (Rejection, bool) {
	return Rejection{Reason: cmp.Or(e.Kind, OtherDefinition), Table: e.Table, Whole: true}, true
}
