package relay

import (
	"context"
	"time"
)

// Source reads the local database's log as a replica would.
type Source interface {
	// Capture hands the log after position from to rec, in commit order, until ctx ends or something fails; it then
	// returns the reason, never nil. "" means: start with this database for the first time. Whatever was appended and not committed
	// when it returns is discarded by the caller; the next Capture reads it again. A position that the database no longer has
	// gives ErrPurged; a database that is not the one of the position (its history lacks it) gives ErrDiverged.
	Capture(ctx context.Context, from Position, rec Recorder) error

	// Durable tells the source that everything up to position is on disk here. Only now may it be acknowledged.
	Durable(position Position)
}

// Revisitor is a Source that finds a transaction again by its name.
type Revisitor interface {
	Source
	// Before returns a place in the database's log before a transaction, from which Capture may read, or one behind it, if the log can no longer be read from before it, and something
	// of it may be missing between. It is not said that the transaction is there. ErrPurged: the log no longer goes back that far.
	Before(ctx context.Context, name string) (from Position, behind bool, err error)
}

// Recorder takes what a Source reads. Its methods are called from one goroutine.
type Recorder interface {
	// Append adds native bytes to the entry being read. The bytes are copied. It blocks while too much is not yet on disk.
	Append(native []byte) error
	// Commit ends the entry and gives it its place in the log.
	Commit(Captured) error
	// CaughtUp says that the database has nothing after the last committed entry.
	CaughtUp() error
	// Report tells of something that cannot be replicated or should not be there. The stream goes on.
	Report(Problem)
}

// Captured is what a Source says of an entry. Kind Applied needs a Mark. History with a Mark is a definition that the applier ran for a
// transaction of another region, whose mark comes after it.
type Captured struct {
	Kind     EntryKind
	Mark     *Mark
	Physical time.Time // when the database committed it, clamped as finely as the source can; zero for frames
	GTID     string
	Position Position
	Keys     []string
	Flavour  Flavour
	Patient  bool // nobody waits until it is durable: it may go to disk some milliseconds later, with others
}
