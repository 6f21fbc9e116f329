package relay

import (
	"context"
	"time"
)

// Donor is what a region offers to one that joins by becoming its copy. The newcomer reads the rows at any time, then does again what the donor's log says
// of the time since it began (Redo), and takes over what the donor's relay knows at the entry that it has come to (Freeze).
type Donor interface {
	// Admit tells whether a region may join: its cluster, id, rules and kind of database are right, and this region has it as a peer, so that nothing is
	// forgotten or trimmed that it needs.
	Admit(ctx context.Context, h Hello) (Admission, error)
	// Keep has the region keep its log from where a copy of its database was made, in the words of the tool that made it, for a region that it has admitted.
	// What the newcomer does again then comes behind the entry that is returned, as with Admission.Begin.
	Keep(ctx context.Context, h Hello, place string) (LSN, error)
	// Definitions lists the replicated tables.
	Definitions(ctx context.Context) ([]TableDefinition, error)
	// Read returns at most so many rows of a table behind a key, in its order, as they stand now.
	Read(ctx context.Context, table string, after RowKey, limit int) (RowBatch, error)
	// Lag is how far the region is behind: its relay, and the replicas of its database if that knows.
	Lag(ctx context.Context) (time.Duration, error)
	// Redo returns pieces of the log from an entry on, without the first skip bytes of that entry, and at most about limit bytes.
	Redo(ctx context.Context, from LSN, skip int64, limit int) (LogPieces, error)
	// Images is Read for a region of another engine: rows as the log has them. With no limit only the table's description comes.
	Images(ctx context.Context, table string, after RowKey, limit int) (RowImages, error)
	// Freeze keeps a copy of what the relay knows at the entry that it has merged last, until the next one is asked for: for the region with that id, which joins.
	// Nothing that was read before is behind that entry.
	Freeze(ctx context.Context, newcomer Region) (Frozen, error)
	// Thaw returns a piece of that copy: empty at its end. What the id stands for may be gone: ErrNotFound.
	Thaw(ctx context.Context, id string, from int64) ([]byte, error)
}

// Admission is what a region says to one that may join.
type Admission struct {
	Self     Hello
	Received SeqHLC // the last transaction of an earlier region with the newcomer's id that is held here
	Begin    LSN    // of the log: what the newcomer does again comes behind it

	// What an earlier region with that id, whose relay's log is lost, must know to send what it had not sent yet; see Remainder.
	Applied  Seq  // of Received: up to here the database here has them
	Promised HLC  // what it had not sent must be later
	Parted   bool // it had been evicted: nobody has waited for anything of it, and nothing that it had not sent may come any more
}

// TableDefinition is a replicated table.
type TableDefinition struct {
	ComparedTable
	Create string // the statement that makes it; "" if it cannot be told
	Rows   uint64 // about
}

// RowBatch is some rows of a table in the order of their keys.
type RowBatch struct {
	Rows int
	Last RowKey // of the last row; "" if there are none
	Data []byte // as the engine's TableCopier understands it
}

// RowImages is some rows of a table in the order of their keys, as the region's log has rows.
type RowImages struct {
	Flavour Flavour
	Native  []byte // how the engine describes the table: see Table
	Images  []Image
	Last    RowKey // of the last row; "" if there are none
}

// TableCopier is what an engine brings to a Donor and to a region that joins.
type TableCopier interface {
	Definitions(ctx context.Context) ([]TableDefinition, error)
	Read(ctx context.Context, table string, after RowKey, limit int) (RowBatch, error)
	// Images is Read for other engines; see Donor.
	Images(ctx context.Context, table string, after RowKey, limit int) (RowImages, error)
	// Create makes the tables that are missing.
	Create(ctx context.Context, list []TableDefinition) error
	// Write puts rows into a table, in the place of those that have their keys or unique values.
	Write(ctx context.Context, table string, rows RowBatch) error
	// Clear deletes all rows of a table.
	Clear(ctx context.Context, table string) error
	// Ready tells why rows cannot be copied into a table, and whether it has rows.
	Ready(ctx context.Context, table string) (empty bool, err error)
}

// Leveller is a TableCopier that can also change single rows of a table, so that those that are right can stay.
type Leveller interface {
	TableCopier
	// ReadSpan is Read of some of the rows.
	ReadSpan(ctx context.Context, table string, s Span, limit int) (RowBatch, error)
	// Split parts what Read gave into its rows, in their order. They alias it.
	Split(ctx context.Context, table string, rows RowBatch) ([]CopiedRow, error)
	// Remove deletes rows. Those that are not there are passed over.
	Remove(ctx context.Context, table string, keys []RowKey) error
}

// CopiedRow is a row of a RowBatch.
type CopiedRow struct {
	Key  RowKey
	Data []byte
}

// Followed is a TableCopier of an engine whose databases know how far their replicas are behind.
type Followed interface {
	Lag(ctx context.Context) (time.Duration, error)
}

// Numbering is a TableCopier of an engine that does not learn from the rows which numbers it has given to them.
type Numbering interface {
	// GoOnBehind sees to it that the numbers that the database will give to new rows of a table are behind those that stand there.
	GoOnBehind(ctx context.Context, table string) error
}

// LogPieces is a part of a region's log.
type LogPieces struct {
	Pieces []LogPiece
	Merged LSN // the entry that the region's relay has merged last
}

// LogPiece is an entry, or a part of one.
type LogPiece struct {
	LSN     LSN
	Flavour Flavour
	Data    []byte
	End     bool // of the entry
	Local   bool // an application's transaction
}

// Frozen is what a donor's relay knew at one entry of its log.
type Frozen struct {
	ID      string
	LSN     LSN
	Clock   HLC
	Settled HLC      // what all regions but the newcomer show for good
	Seen    []SeqHLC // by region, the donor itself included
	Bytes   int64    // of what Thaw gives
}
