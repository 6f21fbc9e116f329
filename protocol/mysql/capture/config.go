package capture

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

// Config says what to read and how.
type Config struct {
	// CarryDefinitions says that other regions run the definitions that can be carried. Otherwise each is reported.
	CarryDefinitions bool

	Flavour  relay.Flavour // of the server: binlog.Flavour, which "" is too, or binlog.MySQL
	Network  string        // "tcp" or "unix"; "" is by Addr: a path is a Unix socket
	Addr     string
	User     string // needs REPLICATION SLAVE and BINLOG MONITOR (MySQL: REPLICATION CLIENT)
	Password string
	TLS      *tls.Config // nil: without TLS
	ServerID uint32      // the relay's own, not 0, unique among the server and all its replicas
	SemiSync bool        // acknowledge transactions once they are durable here, if the server waits for that

	// Dialer connects; nil is net.Dialer's.
	Dialer func(ctx context.Context, network, addr string) (net.Conn, error)
	// HeartbeatPeriod is after how long an idle server says that it lives; 0 is 250 ms.
	HeartbeatPeriod time.Duration
	// ReadTimeout is how long nothing at all may come before the connection counts as dead; 0 is three heartbeats, but at
	// least five seconds.
	ReadTimeout time.Duration
	// Logger; nil discards.
	Logger *slog.Logger
	// Now is the clock; nil is time.Now.
	Now func() time.Time
	// Include tells which tables are replicated, and so which tables' problems are told. An empty table asks
	// about the schema. nil is all but the server's own.
	Include func(schema, table string) bool
}

const (
	defaultHeartbeat   = 250 * time.Millisecond
	leastReadTimeout   = 5 * time.Second
	heartbeatsToMiss   = 3
	handshakeTimeout   = 30 * time.Second
	acknowledgeTimeout = 5 * time.Second
)

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	if c.Network == "" && len(c.Addr) > 0 && c.Addr[0] == '/' {
		c.Network = "unix"
	}
	if c.Network == "" {
		c.Network = "tcp"
	}
	if c.Dialer == nil {
		c.Dialer = new(net.Dialer).DialContext
	}
	if c.HeartbeatPeriod <= 0 {
		c.HeartbeatPeriod = defaultHeartbeat
	}
	if c.ReadTimeout <= 0 {
		c.ReadTimeout = max(leastReadTimeout, heartbeatsToMiss*c.HeartbeatPeriod)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Include == nil {
		c.Include = notSystem
	}
	return c
}

func (c *Config) validate() error {
	if dialectOf(c.Flavour) == nil {
		return fmt.Errorf("capture reads %q and %q, not %q", binlog.Flavour, binlog.MySQL, c.Flavour)
	}
	if c.ServerID == 0 {
		return errors.New("capture needs a server id of its own: 0 is none")
	}
	return nil
}

func notSystem(schema, _ string) bool {
	switch schema {
	case "mysql", "sys", "information_schema", "performance_schema":
		return false
	}
	return true
}
