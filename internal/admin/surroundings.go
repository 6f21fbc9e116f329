package admin

import (
	"context"
	"time"

	"github.com/octant-db/octant/relay"
)

// Places finds entries of the local stream by the names that PURGE BINARY LOGS uses.
type Places interface {
	// File returns the first entry of one of the database's log files; relay.ErrNotFound if the log does not have the file.
	File(ctx context.Context, name string) (relay.LSN, error)
	// Time returns the first entry that was committed at t or later; the entry after the last one if there is none.
	Time(ctx context.Context, t time.Time) (relay.LSN, error)
}

// History answers what is asked of the relay log in the database's own words. Sets of GTIDs are text, as the database writes them; one
// that cannot be read gives ErrMalformedGTIDs.
type History interface {
	// Events yields the events of a log file from the offset on, until yield returns false. relay.ErrNotFound: the log does not have the
	// file. ErrNoEvent: no event begins at the offset.
	Events(ctx context.Context, file string, offset uint64, yield func(LogEvent) bool) error
	// GTIDsAt returns what had been executed where an event begins in a file; ok is false if none does.
	GTIDsAt(file string, offset uint64) (set string, ok bool, err error)
	// WaitGTIDs returns once the log holds the whole set, durably, or when ctx ends.
	WaitGTIDs(ctx context.Context, set string) error
	// WaitPosition returns once the log reaches the offset in the file or is past it, and for how many entries it waited.
	WaitPosition(ctx context.Context, file string, offset uint64) (entries int64, err error)
	// Subset tells whether every transaction of set is in of.
	Subset(set, of string) (bool, error)
	// Subtract returns the transactions of set that are not in less.
	Subtract(set, less string) (string, error)
}

// LogEvent is one event of a log file, as SHOW BINLOG EVENTS shows it.
type LogEvent struct {
	Offset   uint64 // where it begins
	Type     string
	ServerID uint32
	End      uint64 // where it ends, as the event says: 0 is possible
	Info     string
}

// Upstream is the database that the relay captures from and writes to, as the operator changes it.
type Upstream interface {
	Source() Source
	// Change goes over to another server, durably. It is called while the source is stopped, which it stays. Errors are for the operator.
	Change(ctx context.Context, to SourceChange) error
}

// Membership changes who the relay's peers are, durably and without a restart. Errors are for the operator.
type Membership interface {
	// AddPeer takes up a region. It has the login of the [[peer]] loginOf; "": of the first one.
	AddPeer(ctx context.Context, name, address, loginOf string) error
	RemovePeer(ctx context.Context, name string) error
}

// fixedMembership is the one of a relay whose peers cannot be changed.
type fixedMembership struct{}

// AddPeer implements Membership.
func (fixedMembership) AddPeer(context.Context, string, string, string) error {
	return notSupported("CALL octant.add_peer")
}

// RemovePeer implements Membership.
func (fixedMembership) RemovePeer(context.Context, string) error {
	return notSupported("CALL octant.remove_peer")
}

func (e *Engine) membership() Membership {
	if e.cfg.Membership == nil {
		return fixedMembership{}
	}
	return e.cfg.Membership
}

// Source is how the relay's own database is reached.
type Source struct {
	Address       string // host:port
	User          string
	TLS           bool
	Verify        bool // the server's certificate
	CA, Cert, Key string
	ServerID      uint32 // 0 and "" as long as the server was not reached
	DomainID      uint32 // gtid_domain_id of MariaDB
	UUID          string // of MySQL only
	Version       string // SELECT VERSION()
	// Override is the file that says so instead of the configuration; "" if there is none.
	Override string
}

// SourceChange is what shall be otherwise. What is nil stays.
type SourceChange struct {
	Host          *string
	Port          *uint16
	User          *string
	Password      *string
	TLS, Verify   *bool
	CA, Cert, Key *string
}

// Clients are the connections to the relay.
type Clients interface {
	Clients() []Client
	// Kill ends a connection, or only what it runs. Errors are the server's own.
	Kill(by Session, id uint32, onlyStatement bool) error
}

// Client is one connection as SHOW PROCESSLIST shows it.
type Client struct {
	ID       uint32
	User     string
	Host     string
	Database string
	Command  string
	State    string
	Since    time.Time
	Info     string // the statement without what may be secret
}
