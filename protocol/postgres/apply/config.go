package apply

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Defaults of Config.
const (
	DefaultLanes    = 4
	DefaultLockWait = time.Second
)

// Config says where the database is and how to write to it.
type Config struct {
	Addr           string // host:port, or the folder of a Unix socket with :port behind it
	Database       string
	User, Password string
	TLS            *tls.Config // nil: no encryption
	// Dialer reaches Addr; nil means net.Dialer.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)

	Publication string // tables that a definition makes are added to it; "": to none

	Self  relay.Region // this region's id: the origin of repairs
	Lanes int          // sessions that can have a transaction open; 0 means DefaultLanes
	// LockWait is how long a statement waits for a lock before it gives way; 0 means DefaultLockWait.
	LockWait time.Duration

	// Ruled tells of which tables the log must have the rows before each change, since not the last writer wins; nil: none. A table without is not written.
	Ruled func(schema, table string) bool

	Clock  relay.Clock  // nil: relay.SystemClock
	Logger *slog.Logger // nil: nothing is logged
}

func (c Config) withDefaults() (Config, error) {
	if c.Addr == "" || c.User == "" || c.Database == "" {
		return c, errors.New("configure apply: the database's address, name and user are needed")
	}
	if !c.Self.Valid() {
		return c, fmt.Errorf("configure apply: region id %d is not in 1..%d", c.Self, relay.MaxRegions)
	}
	if c.Lanes <= 0 {
		c.Lanes = DefaultLanes
	}
	if c.LockWait <= 0 {
		c.LockWait = DefaultLockWait
	}
	if c.Clock == nil {
		c.Clock = relay.SystemClock{}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// open logs in. Commits wait for the disk: what the relay believes to be committed must not be lost in a crash. Plans are made once per
// statement, since every statement finds rows by their key; and never from what the table held at that time: an empty one is best read whole.
func (c *Config) open(ctx context.Context, name string) (*connect.Conn, error) {
	return connect.Open(ctx, connect.Config{
		Addr: c.Addr, Database: c.Database, User: c.User, Password: c.Password, TLS: c.TLS, Name: name, Dialer: c.Dialer,
	}, map[string]string{
		"lock_timeout": fmt.Sprint(c.LockWait.Milliseconds()), "synchronous_commit": "on", "plan_cache_mode": "force_generic_plan",
		"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
		"default_transaction_isolation": "read committed", "default_transaction_read_only": "off",
	})
}
