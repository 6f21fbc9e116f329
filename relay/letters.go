package relay

import (
	"context"
	"iter"
	"time"
)

// DeadLetter is a row that the local database refuses. It is what the row should be by all that is known now: a later write of the row takes
// the place of an earlier one. It is gone once the database shows the row as it should be.
type DeadLetter struct {
	ID       uint64
	Region   Region // where the write was made
	Peer     string // that region's name, "" if it is not known
	Version  Version
	Table    string
	Key      string // the primary key as JSON
	Row      string // what the row should be, as JSON; "": it should not be there
	Reason   Reason
	Detail   string // in the database's words, without row values
	Attempts uint64
	Since    time.Time
	Next     time.Time // when it is tried again by itself; the zero time: not
	State    string    // "parked", "trying", "skipped"
}

// Letters are the rows that the local database refuses, and what an operator can do about them. Errors are for the operator who asked;
// ErrNotFound: there is no such letter.
type Letters interface {
	// DeadLetters yields the letters, the oldest first.
	DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error]
	// RetryLetter has a letter tried now, and waits for what comes of it.
	RetryLetter(ctx context.Context, id uint64) error
	// SkipLetter leaves the row as it stands in the local database, durably, until it is written again somewhere. Until then this region
	// differs from the others.
	SkipLetter(ctx context.Context, id uint64) error
	// EditLetter writes another row in its place, as an application of this region would: everywhere. The row is a JSON object of columns;
	// "" deletes it.
	EditLetter(ctx context.Context, id uint64, row string) error
	// LetterCounts counts the letters by reason.
	LetterCounts() map[Reason]int
}

// Author writes a row into the local database as an application would, without a mark. A Target may be one.
type Author interface {
	// Author writes the columns of a JSON object to the row whose key an image has, and makes the row if it is not there. An empty one
	// deletes the row. The key's columns cannot be changed. That the table is as it was is an error: the log would not tell of it.
	Author(ctx context.Context, t *Table, key Image, row string) error
	// Stands tells whether the row has the values of a JSON object, or with an empty one, whether there is none. It may say no of what cannot be compared.
	Stands(ctx context.Context, t *Table, key Image, row string) (bool, error)
}
