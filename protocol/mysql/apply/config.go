package apply

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// Defaults of Config.
const (
	DefaultLanes       = 4
	DefaultLockWait    = time.Second
	DefaultDialTimeout = 10 * time.Second
	DefaultCacheBytes  = 16 << 20
)

// Grants are the statements that give the database user what this package needs; %[1]s stands for the account and app
// for each schema with replicated tables. BINLOG REPLAY lets it
// write row events and name their origin; BINLOG ADMIN keeps their text out of the log; SELECT on the tables lets it
// look at them, and DELETE is for rows whose secondary unique values a newer row needs. Without BINLOG REPLAY, INSERT is needed
// too. CREATE, ALTER, INDEX, DROP and CREATE VIEW are for Define.
const Grants = `GRANT BINLOG REPLAY, BINLOG ADMIN ON *.* TO %[1]s;
GRANT CREATE, SELECT, INSERT, UPDATE ON octant.* TO %[1]s;
GRANT SELECT, DELETE, CREATE, ALTER, INDEX, DROP, CREATE VIEW ON app.* TO %[1]s;`

// MySQLGrants is Grants for MySQL. REPLICATION_APPLIER lets the user write row events and say when they were committed first; the rest
// are rights that MySQL, unlike MariaDB, wants for row events too. REFERENCES is for tables with foreign keys that Define makes.
const MySQLGrants = `GRANT REPLICATION_APPLIER ON *.* TO %[1]s;
GRANT CREATE, SELECT, INSERT, UPDATE ON octant.* TO %[1]s;
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, DROP, CREATE VIEW, REFERENCES ON app.* TO %[1]s;`

// Config says where the database is and how to write to it.
type Config struct {
	Flavour        relay.Flavour // binlog.MySQL; otherwise MariaDB
	Addr           string        // host:port, or the path of a Unix socket
	User, Password string
	TLS            *tls.Config // nil: no encryption
	// Dialer reaches Addr; nil means net.Dialer with DefaultDialTimeout.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)

	Self  relay.Region // this region's id: the origin of repairs
	Lanes int          // connections that can have a transaction open; 0 means DefaultLanes

	// LockWait is how long a statement waits for a row or table lock before it gives way, rounded up to seconds, as the server
	// counts them. 0 means DefaultLockWait.
	LockWait time.Duration
	// CacheBytes bounds the memory for weights of collated text, which identities are made of. 0 means DefaultCacheBytes.
	CacheBytes int
	// NoBinlog never uses BINLOG statements, whatever the user may do. It is not for MySQL.
	NoBinlog bool

	// Composed tells which tables get rows that are composed of several writes; nil: none. They must not have generated columns: the server
	// may compute others than are written.
	Composed func(schema, table string) bool

	// Ruled tells of which tables not the last writer wins; nil: of none. They must not have foreign keys that change their rows in no log.
	Ruled func(schema, table string) bool

	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: nothing is logged
}

func (c Config) withDefaults() (Config, error) {
	if c.Addr == "" || c.User == "" {
		return c, errors.New("configure apply: the database's address and user are needed")
	}
	if !c.Self.Valid() {
		return c, fmt.Errorf("configure apply: region id %d is not in 1..%d", c.Self, relay.MaxRegions)
	}
	if c.NoBinlog && c.Flavour == binlog.MySQL {
		return c, errors.New("configure apply: MySQL is written to by BINLOG statements only")
	}
	if c.Dialer == nil {
		c.Dialer = (&net.Dialer{Timeout: DefaultDialTimeout}).DialContext
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Lanes = defaultTo(c.Lanes, DefaultLanes)
	c.LockWait = defaultTo(c.LockWait, DefaultLockWait)
	c.CacheBytes = defaultTo(c.CacheBytes, DefaultCacheBytes)
	return c, nil
}

func defaultTo[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// lockWaitSeconds is LockWait as the server counts it.
func (c Config) lockWaitSeconds() int64 {
	return int64((c.LockWait + time.Second - 1) / time.Second)
}
