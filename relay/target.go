package relay

import "context"

// Target writes other regions' transactions into the local database.
type Target interface {
	// Begin opens a database transaction on the lane's own connection, dialing it if need be, and writes the mark.
	// One lane has at most one transaction open. ErrApplied (from here, Write or Commit) says that the mark was committed before.
	Begin(ctx context.Context, mark Mark) (Tx, error)

	// Identify gives each image its identity by the database's own rules of equality, or a provisional one. All images are of table t.
	Identify(ctx context.Context, t *Table, images []Image) ([]Identity, error)

	// Check tells why changes of a table described by t cannot be written here, nil if they can: the table is missing, has no
	// primary key, or other columns. The answer may be remembered until Refresh.
	Check(ctx context.Context, t *Table) error

	// Committed tells whether the transaction of a mark was committed, after ErrOutcomeUnknown. Its answer is final: a session
	// that was lost has been ended.
	Committed(ctx context.Context, mark Mark) (bool, error)

	// Refresh forgets what Check and Identify remember of tables.
	Refresh()

	// Applied returns, by origin, the last transaction that the database's own ledger says was applied.
	Applied(ctx context.Context) ([]SeqHLC, error)
}

// Divider is a Target that tells whether a transaction's writes can be divided: some are written before another transaction commits that has the rows of the others. That is no use where a
// statement locks rows besides those that it writes: transactions would wait for each other in a circle.
type Divider interface {
	Divides() bool
}

// Divides tells whether t is a Divider that says so.
func Divides(t Target) bool {
	d, ok := t.(Divider)
	return ok && d.Divides()
}

// Definer is a Target that can carry out what another region did to its definitions.
type Definer interface {
	// Define runs a statement of transaction t, unless its effects are there already. It commits by itself, so it is done before t's mark is
	// written and may be asked for again after a crash. left says why it is left to the operator, "" if it is done.
	Define(ctx context.Context, t Transaction, c Change) (left string, err error)
}

// Tx is one open transaction of a Target.
type Tx interface {
	// Write brings rows to the state that the writes say. It may be called several times; an Error of kind ErrPresence
	// says that a row that was expected to stand there does not, or the reverse, and leaves the transaction useless.
	Write(ctx context.Context, writes []Write) error
	// Commit ends the transaction. ErrOutcomeUnknown says that it may have been committed; after any other error it was not.
	//
	// Another region's transactions need not be safe from a crash of the database when it returns. They must be before the database's log shows them; and where the
	// database has lost one, no later one of that region is committed before Applied has been asked: Begin, Write or Commit fail with ErrTailLost.
	Commit(ctx context.Context) error
	// Rollback undoes it. It is harmless after Commit.
	Rollback() error
}

// Presence says whether a row is expected to stand in the table before it is written.
type Presence uint8

// What can be expected of a row.
const (
	Unknown Presence = iota // look, and write whatever stands there
	Absent
	Present
)

// Write is one row's new state. All rows of a transaction have different identities.
type Write struct {
	Table  *Table
	Before Image // any image with the row's key, for finding it; nil only if After has the same key
	After  Image // nil: the row shall not be there
	Expect Presence
	// Clear has a row that needs one of After's unique values deleted if it is in the way when Expect is Unknown. Without it
	// the write fails with an Error of kind ErrUnique.
	Clear bool
}

// Keyed is what a tie about another key refers to in a row.
type Keyed struct {
	Name  string // as in Parents of its children
	Exact string // differs where the values do, though they are equal for the database
	// Columns are those of the row's table that it is made of, Logged says that the database logs what it does to rows.
	Columns []int
	Logged  bool
}

// Identity is what makes a row the same row for the database: two rows with equal identities cannot stand in one table.
// Identities are compared within one relay only; they never travel.
type Identity struct {
	Key    string   // of the primary key
	Unique []string // of each secondary unique key whose columns are not NULL, with the index's name in front
	// Parents is that of each foreign key that is a Tie and has no NULL, Children that of what ties refer to in the row, with the tie's name in front:
	// a row is the parent of those that have in Parents what it has in Children.
	Parents, Children []string
	// Keyed is the same for ties about another key: a row whose change takes one away leaves those that have its name in Parents.
	Keyed   []Keyed
	Middle  bool // rows of its table can have Parents and Children
	Partial bool // the image lacks columns: nobody can make the row of it
	// Provisional says that the database's rules are not known, since the row is another engine's and its table is missing: Key is what the row is called where it was
	// written. Other rows of it have other keys; the same row may have another one too, and will have one when the table is there. Nothing but Key is known.
	Provisional bool
}
