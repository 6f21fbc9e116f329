package relay

import "context"

// Restorer is what an engine brings for a database that has lost its last commits, in a power failure or because it was restored to an earlier moment, while the relay's
// log still has them.
type Restorer interface {
	// Kept finds the last entry of the log that the database still has, and the position from which its own log goes on. It is an error, for the
	// operator, if nothing is lost, or if something was committed there since that the relay's log does not have.
	Kept(ctx context.Context, log Log) (last LSN, next Position, err error)
	// Advance has the database number what it commits from now on behind all that the relay's log has of it, and say in its ledger that it has applied what it had seen then. It may be
	// called again after a crash.
	Advance(ctx context.Context, was State) error
	// Behind returns the position behind everything that was written to give the rest back: readers of the relay's log have that. It is an error if
	// anything else was committed since next.
	Behind(ctx context.Context, next Position) (Position, error)
}
