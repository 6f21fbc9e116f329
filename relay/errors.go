package relay

import "errors"

// What callers branch on. They are wrapped with what was being done; test with errors.Is.
var (
	// ErrNotFound: there is no such key or entry.
	ErrNotFound = errors.New("not found")
	// ErrTrimmed: the place asked for is before what the log still keeps.
	ErrTrimmed = errors.New("no longer in the relay log")
	// ErrClosed: the component was closed.
	ErrClosed = errors.New("closed")
	// ErrPurged: the database no longer has the log from the position on.
	ErrPurged = errors.New("the database has purged the log that the relay still needs")
	// ErrDiverged: the database's history does not contain what the relay has captured from it.
	ErrDiverged = errors.New("the database is not the one that the relay captured from")
	// ErrPresence: a row stands where none was expected, or the reverse.
	ErrPresence = errors.New("a row is not as the change expects it")
	// ErrUnique: a row that was not part of the write has a unique value that it needs; see Write.Clear.
	ErrUnique = errors.New("another row has its unique value")
	// ErrOutcomeUnknown: the connection was lost while a commit was under way; Target.Committed finds out.
	ErrOutcomeUnknown = errors.New("it is unknown whether the transaction was committed")
	// ErrApplied: the mark is in the database's ledger already.
	ErrApplied = errors.New("the mark already stands in the database's ledger")
	// ErrTailLost: the database has lost transactions that it had committed; Target.Applied tells what it still has.
	ErrTailLost = errors.New("the database has lost its last commits")
	// ErrRefused: the other side will not talk to us until an operator changes something.
	ErrRefused = errors.New("refused")
	// ErrCorrupt: bytes that were written whole came back otherwise.
	ErrCorrupt = errors.New("corrupt")
)

// Retryable tells whether doing the same again can succeed without anyone mending something: a deadlock, a lock wait that
// was cut short, a lost connection before commit.
func Retryable(err error) bool {
	var r interface{ Retryable() bool }
	return errors.As(err, &r) && r.Retryable()
}
