package relay

import (
	"context"
	"iter"
)

// Log is the relay's durable memory: the local stream, and one stream for each other region with what was received of
// it. One group commit serves them all.
type Log interface {
	// Local returns the stream of the local database's log.
	Local() LocalStream
	// Received returns the stream of another region's transactions.
	Received(Region) ReceivedStream
	// State returns what the last durable local entry left.
	State() State
	// Promise makes a clock value durable that no later transaction of this region will be at or below.
	Promise(ctx context.Context, h HLC) error
}

// Stream is what both kinds of streams can do. Only what is durable is visible.
type Stream interface {
	// First and Last are the visible numbers; First is Last+1 when there are none.
	First() uint64
	Last() uint64
	// Trim forgets everything before the number, at a time of the log's choosing.
	Trim(before uint64) error
	// Bytes is the native size of what is kept.
	Bytes() int64
}

// LocalStream holds the entries of the local database's log, by LSN.
type LocalStream interface {
	Stream
	// Begin opens the next entry. One is open at a time.
	Begin(ctx context.Context) EntryWriter
	// Read returns a cursor whose first entry is from. ErrTrimmed: that is gone.
	Read(from LSN) (Cursor[Entry], error)
	// Entry returns one entry and its bytes.
	Entry(LSN) (Entry, Body, error)
	// BySeq returns the place of the Local entry with that sequence.
	BySeq(Seq) (LSN, error)
	// Floor returns the entry with the greatest key that has the prefix and is not above it; ErrNotFound if there is none.
	// Keys compare as bytes.
	Floor(prefix, key string) (LSN, error)
	// WaitDurable returns when the entry is on disk.
	WaitDurable(ctx context.Context, lsn LSN) error
	Upcoming
}

// Upcoming shows what is on its way to the disk, for who sends it ahead.
type Upcoming interface {
	// Coming returns the Local entry with the sequence while it is on its way to the disk, if memory holds it whole: it was committed, and can still be lost.
	Coming(Seq) (Entry, Body, bool)
	// Comes returns a channel that is closed when the next Local entry is committed, or when some that were on their way are lost.
	Comes() <-chan struct{}
	// Losses counts how often what was on its way was lost. What Coming has returned since it was taken is durable once the log ends there, if it is still the same
	// after that was seen.
	Losses() uint64
}

// Borrower is a LocalStream that reads into memory of its readers, who know when they can use it again.
type Borrower interface {
	// ReadInto is Read for a cursor that calls lend, within Next, for memory of a size to read into. The bytes of the entries that are returned from then on are in
	// that piece, until lend is called again, or in none that was lent; the entries themselves never are.
	ReadInto(from LSN, lend func(size int) []byte) (Cursor[Entry], error)
}

// ReceivedStream holds another region's transactions, by Seq.
type ReceivedStream interface {
	Stream
	// Begin opens the next transaction, which must follow the last one without a hole.
	Begin(ctx context.Context, t Transaction) (TransactionWriter, error)
	// Read returns a cursor whose first transaction is from.
	Read(from Seq) (Cursor[Transaction], error)
	// Follow returns a cursor that does not wait for the disk. What it returns may still be lost; its origin has it and sends it again as it was.
	Follow(from Seq) (Cursor[Transaction], error)
	// WaitDurable returns when the transaction is on disk, with an error if what was received of it was lost to a failed write.
	WaitDurable(ctx context.Context, seq Seq) error
	// Transaction returns one transaction and its bytes.
	Transaction(Seq) (Transaction, Body, error)
	Vanguard
}

// Vanguard takes what an origin sends before it has it on disk itself, so that both can write at the same time. Such a transaction is not part of the stream: only
// [ReceivedStream].Follow shows it. A copy is kept aside, and it becomes part of the stream once its origin has confirmed it.
type Vanguard interface {
	// BeginAhead is Begin for such a transaction. It waits while too many are not yet part of the stream.
	BeginAhead(ctx context.Context, t Transaction) (TransactionWriter, error)
	// Confirm says that the origin has on disk what it has sent ahead, up to this transaction.
	Confirm(through Seq) error
	// TakeBack drops what was not confirmed, as when its origin can no longer be asked: it may send something else in its place. It tells whether anything was dropped since
	// the last call.
	TakeBack() bool
	// WaitSafe returns when the transaction may be committed elsewhere: it is durable, or it is confirmed and its copy is on disk. On errors it is like WaitDurable.
	WaitSafe(ctx context.Context, seq Seq) error
	// Knows tells whether the transaction can have been safe at any time: it is in the stream or on its way there, or there is a copy of it.
	Knows(Seq) bool
	// Reclaim makes copies that a crash has left part of the stream, up to a transaction that is known to have been safe. Those of which there is
	// none are received again.
	Reclaim(ctx context.Context, through Seq) error
}

// EntryWriter takes one entry of any size.
type EntryWriter interface {
	// Append adds bytes, which are copied. It blocks while too much is not yet on disk.
	Append(native []byte) error
	// Linger lets the entry wait a moment for others to go to disk with.
	Linger()
	// Commit makes the entry part of the stream, together with the state after it, and returns before it is durable.
	// Entries become durable in the order of their commits.
	Commit(Entry, State) error
	// Discard drops it.
	Discard()
}

// TransactionWriter takes the bytes of one received transaction.
type TransactionWriter interface {
	Append(native []byte) error
	Commit() error
	Discard()
}

// Cursor reads a stream from a place on and follows its end.
type Cursor[T any] interface {
	// Next returns the next record, waiting for it until ctx ends. The Body is valid until the next call.
	Next(ctx context.Context) (T, Body, error)
	// Close lets the cursor's resources go.
	Close()
}

// Store keeps small durable facts beside the log: versions, repairs, conflicts, what peers said.
type Store interface {
	// Get returns a copy of the value, ErrNotFound if there is none.
	Get(key []byte) ([]byte, error)
	// GetAll returns copies of the values of several keys, nil for those that are not there. One look costs about as much as a Get: it may
	// have to wait for writes that are on their way.
	GetAll(keys [][]byte) ([][]byte, error)
	// Scan yields all pairs whose key has the prefix, from start on (nil: from the first), in order. Key and value are valid until the next
	// step.
	Scan(prefix, start []byte) iter.Seq2[Pair, error]
	// Write makes all pairs durable or none. A nil value deletes. At most MaxWrite bytes in one call.
	Write(ctx context.Context, pairs []Pair) error
}

// MaxWrite is how many bytes one Store.Write may hold, keys included.
const MaxWrite = 1 << 20

// Pair is a key and its value.
type Pair struct {
	Key, Value []byte
}
