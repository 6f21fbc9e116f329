package relay

import (
	"context"
	"iter"
	"time"
)

// Inspector shows what a relay is doing. Its answers are snapshots, taken without stopping anything; the caller owns them.
type Inspector interface {
	Self() Hello
	Status() Status
	Peers() []PeerStatus
	LogStatus() LogStatus
	Tables() []TableStatus
	Replicas() []ReplicaStatus
	Problems() []Problem
	// Conflicts yields recorded conflicts, newest first.
	Conflicts(ctx context.Context) iter.Seq2[Conflict, error]
	// Versions yields the version index as it stands, in no order.
	Versions(ctx context.Context) iter.Seq2[RowVersion, error]
	// Explain tells why a row shows what it shows: see Resolver.
	Explain(ctx context.Context, table string, key []string) ([]Reasoning, error)
	// DeadLetters yields the rows that the local database refuses, the oldest first.
	DeadLetters(ctx context.Context) iter.Seq2[DeadLetter, error]
	// LetterCounts counts them by reason.
	LetterCounts() map[Reason]int
	// Breakers lists the circuit breakers of the relay and its peers, and those of tables and rows that are not closed.
	Breakers() []BreakerStatus
}

// Controller steers a relay. Errors are for the operator who asked.
type Controller interface {
	// Pause stops taking and applying a peer's transactions, durably, until Resume.
	Pause(ctx context.Context, peer string) error
	Resume(ctx context.Context, peer string) error
	// StopSource stops reading the local database's log and writing to the database, durably, until StartSource. When it returns,
	// nothing is being read.
	StopSource(ctx context.Context) error
	StartSource(ctx context.Context) error
	// Evict declares a peer's region lost, here and, through the other relays, everywhere. Nothing more is taken from it; the survivors give each other what they have of
	// it, and when all show it nobody waits for the region any more. It can only come back by joining again.
	Evict(ctx context.Context, peer string) error
	// Purge lets everything before the LSN go, as far as no peer and no known replica needs it, or, by force, as far as the
	// relay itself does not. What was forced is gone: a peer that still needed it must join again.
	Purge(ctx context.Context, before LSN, force bool) error
	// RetryLetter, SkipLetter and EditLetter deal with a row that the database refuses: see Letters.
	RetryLetter(ctx context.Context, id uint64) error
	SkipLetter(ctx context.Context, id uint64) error
	EditLetter(ctx context.Context, id uint64, row string) error
	// Resolve decides a conflict anew: see Resolver.
	Resolve(ctx context.Context, id uint64, choice string) error
}

// Status is the relay as a whole.
type Status struct {
	Ready      bool   // capture runs and is caught up, and the applier can write
	Reason     string // why not
	Started    time.Time
	Capture    CaptureStatus
	Apply      ApplyStatus
	Counters   Counters
	Short      []Shortage // for which what comes in is slowed down
	Engine     string     // "mariadb 10.11.19"
	DatabaseAt string     // host:port of the database
}

// CaptureStatus is how far the local log has been read.
type CaptureStatus struct {
	Connected bool
	Stopped   bool      // by the operator
	Since     time.Time // it is connected, not connected, or stopped
	CaughtUp  bool
	LSN       LSN // durable
	Merged    LSN // taken into the version index
	HLC       HLC
	LastEvent time.Time // when the database committed the last entry
	Err       string
}

// ApplyStatus is how the applier stands.
type ApplyStatus struct {
	Writable bool // the canary came back: what we write is recognised as ours
	Repairs  int  // rows waiting to be written again
	Pending  int  // rows written and not yet seen in the log
	Index    int  // entries in the version index
	Frontier HLC  // every other region has been seen up to here
	Stable   HLC  // every region's database shows everything up to here
	Err      string
}

// Counters only rise while the relay runs.
type Counters struct {
	CapturedTransactions, CapturedBytes uint64
	ReceivedTransactions, ReceivedBytes uint64
	AppliedTransactions, AppliedRows    uint64
	SkippedRows                         uint64 // lost against a later write
	ServedTransactions, ServedBytes     uint64
	Conflicts, Inversions, RepairsDone  uint64
	ApplyRetries, CaptureReconnects     uint64
	LogSyncs                            uint64
}

// PeerStatus is another region as seen from here.
type PeerStatus struct {
	Region     string
	ID         Region // 0 until the peer was reached once
	Address    string
	State      string        // "connected", "connecting", "paused", "refused", "stopped", "evicting", "evicted"
	Received   SeqHLC        // durable here
	Applied    SeqHLC        // seen in the local log: shown by the local database for good
	Announced  HLC           // the smallest clock in what it announced of its own database
	Holds      Seq           // what it holds durably of our stream
	Lag        time.Duration // age of the oldest transaction received or awaited and not applied; 0 when level
	Offset     time.Duration // its clock minus ours, as far as what is said in time proves it: see offset.go
	Reconnects uint64
	LastError  string
	Since      time.Time // of State
}

// LogStatus is the relay log.
type LogStatus struct {
	First, Last LSN
	Bytes       int64 // native bytes, all streams
	GTIDSet     string
	Purged      string // transactions before the first that the log holds, where the database counts them so (MySQL); "" elsewhere
	File        string // of the last entry, if the database has such
	Position    uint64
	Files       []LogFile
	Oldest      time.Time
}

// LogFile is one of the database's own log files as the relay holds it.
type LogFile struct {
	Name string
	Size uint64
}

// TableStatus is one table that the relay knows of.
type TableStatus struct {
	Schema, Name string
	Policy       string
	State        string // "replicated", "held", "excluded"
	Reason       string // why held
	Captured     uint64 // rows changed here since the relay started
	Applied      uint64 // rows changed for other regions
	Skipped      uint64
	Conflicts    uint64
}

// ReplicaStatus is a stock replica or a relay that reads from us.
type ReplicaStatus struct {
	Connection uint32
	ServerID   uint32
	Kind       string // "replica", "relay"
	User, Host string
	// ReportHost and ReportPort are where a replica says that it can be reached, and UUID is a MySQL replica's; "" and 0: it said nothing.
	ReportHost string
	ReportPort uint16
	UUID       string
	GTID       string
	File       string
	Position   uint64
	LSN        LSN
	Sent       uint64 // bytes
	// AckFile and AckPosition are up to where a semi-synchronous replica has said that it has it; "" and 0: it has said nothing.
	AckFile     string
	AckPosition uint64
	Since       time.Time
}

// Conflict is a write of a row that lost to a concurrent one, and what was decided. A loser has one, with the write that it lost to here. Of an update of a row that was
// missing there is no loser.
type Conflict struct {
	ID       uint64
	Kind     string // "insert_exists", "update_origin_differs", "update_missing", "update_deleted", "delete_origin_differs", "delete_missing"
	Table    string
	Key      string // the primary key as JSON
	Winner   Version
	Loser    Version
	Local    string // the image that stood here, as JSON; "" for no row
	Remote   string // the image that came
	Policy   string
	Decision string // "local" or "remote": what shows; "parked", "rolled back": what came does not count
	Seq      Seq    // of the transaction that came; 0: not known
	At       time.Time
}

// Reasoning is one step of why a row shows what it shows.
type Reasoning struct {
	Step    string // "shown", "hidden", "owed", "forgotten", "base", "write", "conflict"
	Version Version
	Row     string // as JSON, "" for none
	Why     string
}

// ConflictCount is how many conflicts of one kind were decided by one policy since the relay started.
type ConflictCount struct {
	Kind, Policy string
	Count        uint64
}

// Verification is how one table came out when the regions were compared with each other.
type Verification struct {
	ID          uint64 // of the run
	Began       time.Time
	Table       string
	Result      string // "identical", "differs", "unsettled", "skipped", "failed"
	Reason      string // "" if there is nothing to say
	Rows        uint64
	Chunks      int
	Differences int // rows
	Unsettled   int // rows that could not be compared
	Rewritten   int // rows that every region wrote anew meanwhile
	Seconds     float64
}

// RowVersion is an entry of the version index.
type RowVersion struct {
	Table   string
	Key     string
	Version Version
	Deleted bool
}
