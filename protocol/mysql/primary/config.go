package primary

import (
	"context"
	"crypto/tls"
	"log/slog"
	"strings"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// The roles that a user can have.
const (
	RoleReplicate = "replicate" // dump the log, subscribe to feeds
	RoleRead      = "read"      // SELECT, SHOW and what a client says to set itself up
	RoleAdmin     = "admin"     // every statement
)

// User is somebody who may log in.
type User struct {
	Name     string
	Password string `json:"-"` // a user without one cannot log in
	Roles    []string
	// Plugin is mysql_native_password, also if empty, or caching_sha2_password. MariaDB's replication threads know only the first.
	Plugin string
}

// Config is what a Server needs. It is not changed after New.
type Config struct {
	Users []User
	TLS   *tls.Config // nil: clients cannot use TLS

	ServerID      uint32 // the relay's own, different from the database's and every replica's
	ServerVersion string // the database's, as its SELECT VERSION() says: "10.11.19-MariaDB-log"

	Log       relay.Log
	Publisher relay.Publisher // nil: relays are refused
	SQL       SQL             // nil: statements that are not of a replica's handshake are refused
	Upstream  func() Upstream // what is known of the database now; nil: zero values

	Logger *slog.Logger     // nil: silent
	Now    func() time.Time // for what is shown and for the throttle; nil: time.Now

	MaxConnections int           // 0: 512
	LoginTimeout   time.Duration // for the whole login; 0: 10 s
	WriteTimeout   time.Duration // for each 128 KiB that a client must take; 0: 60 s
	Patience       time.Duration // for the relay log to reach the place that a replica names; 0: 3 s
}

// Upstream is what replicas ask about the database that stands behind the relay.
type Upstream struct {
	DomainID uint32 // @@global.gtid_domain_id
}

// SQL answers statements. An implementation that keeps state per connection can also have a method
//
//	Closed(connectionID uint32)
//
// which is called when the connection is gone. A *mysql.MyError is sent as it is, other errors as code 1105. A nil Result is OK.
type SQL interface {
	Query(ctx context.Context, s Session, query string) (*mysql.Result, error)
}

// Session says whose statement it is.
type Session struct {
	ConnectionID uint32
	User         string
	Roles        []string
	RemoteAddr   string
}

func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Upstream == nil {
		c.Upstream = func() Upstream { return Upstream{} }
	}
	if c.MaxConnections == 0 {
		c.MaxConnections = 512
	}
	if c.LoginTimeout == 0 {
		c.LoginTimeout = 10 * time.Second
	}
	if c.WriteTimeout == 0 {
		c.WriteTimeout = time.Minute
	}
	if c.Patience == 0 {
		c.Patience = 3 * time.Second
	}
	return c
}

// greeting is the version as the server's first packet has it: MariaDB 10 hides behind an old MySQL version, 11 does not.
func greeting(version string) string {
	if strings.HasPrefix(version, "10.") && strings.Contains(version, "MariaDB") {
		return "5.5.5-" + version
	}
	return version
}
