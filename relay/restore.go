package relay

import "context"

// Restorer is what an engine brings for a database that has lost its last commits, in a power failure or because it was restored to an earlier moment, while the relay's
// log still has them. It is a Rewriter or a Replayer.
type Restorer interface {
	// Kept finds the last entry of the log that the database still has, and the position from which its own log goes on. It is an error, for the
	// operator, if nothing is lost, or if something was committed there since that the relay's log does not have.
	Kept(ctx context.Context, log Log) (last LSN, next Position, err error)
	// Behind returns the position behind everything that was written to give the rest back: readers of the relay's log have that. It is an error if
	// anything else was committed since next that other regions would not get to see, or would take for something else.
	Behind(ctx context.Context, log Log, next Position) (Position, error)
}

// Rewriter is a Restorer whose database gets every row that was lost as the log says that it became, under new names of transactions.
type Rewriter interface {
	Restorer
	// Advance has the database number what it commits from now on behind all that the relay's log has of it, and say in its ledger that it has applied what it had seen then. It may be
	// called again after a crash.
	Advance(ctx context.Context, was State) error
}

// Replayer is a Restorer whose database does the lost transactions again, each under its own name and all of it, the ledger's rows included.
type Replayer interface {
	Restorer
	// Check tells why an entry cannot be done again.
	Check(e *Entry, body Body) error
	// Replay connects. The caller closes the Replay.
	Replay(ctx context.Context) (Replay, error)
}

// Replay is a connection to a database on which lost transactions are done again.
type Replay interface {
	// Do does an entry again, unless the database has it.
	Do(e *Entry, body Body) error
	Close() error
}
