package primary

import (
	"context"
	"crypto/rsa"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/rendition"
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
	// Plugin is mysql_native_password or caching_sha2_password. Empty means what the flavour's own clients can do: MariaDB's replication
	// threads know only the first, MySQL's only the second since 9.0.
	Plugin string

	RequireTLS         bool   // refuse this user on plain connections
	RequireCertificate bool   // and without a certificate that Config.TLS.ClientCAs vouches for
	CertificateName    string // which must have this common name; "": any
	MaxConnections     int    // at the same time; 0: no limit of its own
}

// Config is what a Server needs. It is not changed after New.
type Config struct {
	Users []User
	TLS   *tls.Config // nil: clients cannot use TLS; see TLSConfig
	// LoginKey encrypts the passwords of caching_sha2_password on connections without TLS. nil: the certificate's key if it is an RSA
	// one, else a new one at every start. See LoadLoginKey.
	LoginKey *rsa.PrivateKey

	ServerID      uint32 // the relay's own, different from the database's and every replica's
	ServerUUID    string // the relay's own, in the form of MySQL's server_uuid; needed if the flavour is MySQL's
	ServerVersion string // the database's, as its SELECT VERSION() says: "10.11.19-MariaDB-log"; it tells the flavour, for good

	Log relay.Log
	// Renditions show a log without binlog events to replicas, one for each flavour. The server then takes replicas of all of them, and finds out by what
	// they say which one it is.
	Renditions []*rendition.Log
	Publisher  relay.Publisher // nil: relays are refused
	SQL        SQL             // nil: statements that are not of a replica's handshake are refused
	Upstream   func() Upstream // what is known of the database now; nil: zero values
	// Followed is told of each stock replica when it has found its place in the log, and again when it goes, with the last entry that it was sent. nil: nobody
	// asks. It does not block.
	Followed func(relay.ReplicaStatus)

	Logger *slog.Logger     // nil: silent
	Now    func() time.Time // for what is shown and for the throttle; nil: time.Now

	MaxConnections int           // 0: 512; of these at most half may be clients that have not logged in
	MaxMemory      int64         // bytes buffered for all clients together, beside the cache; 0: 256 MiB
	CacheBytes     int64         // of the log, kept for dumps that follow each other closely; 0: 32 MiB
	LoginTimeout   time.Duration // for the whole login; 0: 10 s
	WriteTimeout   time.Duration // for each 128 KiB that a client must take; 0: 60 s
	Patience       time.Duration // for the relay log to reach the place that a replica names; 0: 3 s
}

// Upstream is what replicas ask about the database that stands behind the relay.
type Upstream struct {
	ServerID   uint32 // @@global.server_id; a replica that has the same is refused. 0: not known
	ServerUUID string // @@global.server_uuid of MySQL
	DomainID   uint32 // @@global.gtid_domain_id of MariaDB
	GTIDMode   string // @@global.gtid_mode of MySQL; "": ON
	Version    string // SELECT VERSION(), which replicas go by; "": Config.ServerVersion
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
	if c.Followed == nil {
		c.Followed = func(relay.ReplicaStatus) {}
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
	if c.MaxMemory == 0 {
		c.MaxMemory = 256 << 20
	}
	if c.CacheBytes == 0 {
		c.CacheBytes = 32 << 20
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
