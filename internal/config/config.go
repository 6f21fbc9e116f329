package config

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/octant-db/octant/relay"
)

// Config is a checked configuration. Its values are resolved and its defaults filled in.
type Config struct {
	Region    Region
	Database  Database
	Listen    Listen
	Users     []User
	Peers     []Peer
	Rules     Rules
	Replicas  Replicas
	Retention Retention
	Pressure  Pressure
	Apply     Apply
	Clock     Clock
	Verify    Verify
	Log       Log
	Webhooks  []Webhook
	PeerTLS   TLS // how the other regions' relays are reached

	origin *origin

	Configured Database // the database as the configuration has it, whatever stands in place of it now
}

// Region says who this relay is.
type Region struct {
	Cluster string
	Name    string
	ID      relay.Region
	DataDir string // as written: absolute, or relative to the working directory
	LogKey  Secret // 32 bytes that encipher the relay log; empty: it is in the clear
}

// Database is the local database and what of it is replicated.
type Database struct {
	Flavour  relay.Flavour // which engine's parts serve it
	Address  string        // host:port
	Name     string        // of PostgreSQL: the database's name
	User     string
	Password Secret
	// PasswordFrom is the "env:" or "file:" that CHANGE MASTER TO named for the password; "" if it named none.
	PasswordFrom string
	Tables       Tables
	TLS          TLS
	CarryDDL     bool   // definitions go to other regions, and theirs are run here
	SemiSync     bool   // acknowledge transactions to it once they are durable here
	Override     string // the file that stands in place of the configuration's keys; "" if there is none
}

// Listen holds the addresses that the relay serves.
type Listen struct {
	MySQL string // host:port of the replication protocol and SQL
	HTTP  string // host:port of /metrics, /healthz, /readyz and /debug/pprof

	TLSCert, TLSKey string // PEM files; "": a certificate that the relay makes for itself
	TLSClientCA     string // PEM file with the authorities whose client certificates are believed

	MaxConnections int
	MaxMemory      int64         // bytes buffered for all clients
	LoginTimeout   time.Duration // for the whole login
	WriteTimeout   time.Duration // how long a client may take nothing of what it is sent
}

// The roles that a user can have.
const (
	RoleReplicate = "replicate" // may follow: stock replicas and other relays
	RoleRead      = "read"      // may look: SELECT and SHOW
	RoleAdmin     = "admin"     // may steer as well
)

// User is someone who may connect to Listen.MySQL.
type User struct {
	Name     string
	Password Secret
	Roles    []string
	Auth     string // mysql_native_password or caching_sha2_password; "": what the database's own replicas speak

	RequireTLS         bool
	RequireCertificate bool
	CertificateName    string // common name that the certificate must have; "": any
	MaxConnections     int    // 0: only the limit for all
}

// Peer is another region's relay.
type Peer struct {
	Region   string // its name
	Address  string
	User     string
	Password Secret
}

// Relay returns the peer as the relay package wants it.
func (p Peer) Relay() relay.Peer {
	return relay.Peer{Name: p.Region, Address: p.Address, User: p.User, Password: string(p.Password)}
}

// Replicas says what stock replicas of another engine than the database's are shown.
type Replicas struct {
	Tables Tables // of those that are replicated between regions
}

// Retention bounds the relay log. What a configured peer still needs is kept whatever the bounds say.
type Retention struct {
	Bytes    int64
	Age      time.Duration
	Replicas time.Duration // for how long the log is kept for a replica that has gone away
	MinFree  int64         // of the data directory's file system: with less the relay waits
}

// Pressure says when a relay is short of something and slows down what comes in. 0: never.
type Pressure struct {
	Free   int64 // less than so many bytes are left in the data directory's file system
	Memory int64 // the process has more than so many bytes
}

// Apply tunes the applier.
type Apply struct {
	Lanes    int           // connections that write to the local database
	LockWait time.Duration // how long a lane waits for a row lock of the application before it tries again
}

// Clock bounds how far a peer's clock may be ahead of ours.
type Clock struct {
	Warn time.Duration
	Stop time.Duration // beyond it the peer's stream is stopped
}

// Verify says when this relay compares all regions with each other.
type Verify struct {
	Every    time.Duration // 0: never by itself
	From, To time.Duration // since midnight UTC, when it may; both 0: at any time
	Rate     int           // rows per second; 0: as fast as the databases answer
	Patience time.Duration
	Tables   []string // the important ones first; none: all
}

// Webhook is a receiver of events.
type Webhook struct {
	URL    Secret // it may hold a token
	Secret Secret // that documents are signed with
	Events []string
}

// Log says what the relay writes to stderr.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Hello introduces this relay; the caller fills in Store.
func (c *Config) Hello() relay.Hello {
	return relay.Hello{
		Cluster: c.Region.Cluster, Name: c.Region.Name, Region: c.Region.ID, Protocol: relay.FeedProtocol,
		Oldest: relay.FeedOldest, Rules: c.Rules.Text(),
	}
}

// ReplicaID is the server id under which the relay registers with its database and shows itself to replicas. It is far
// from the small numbers that people give to servers, and from the marks 9001 to 9064.
func (c *Config) ReplicaID() uint32 { return 3_000_000_000 + uint32(c.Region.ID) }

// String describes the configuration in a line, without secrets.
func (c *Config) String() string {
	return fmt.Sprintf("region %s (%d) of cluster %s, database %s://%s@%s, listening on %s and %s, %d peers",
		c.Region.Name, c.Region.ID, c.Region.Cluster, c.Database.Flavour, c.Database.User, c.Database.Address,
		c.Listen.MySQL, c.Listen.HTTP, len(c.Peers))
}

// LogValue is what a structured log shows of the configuration.
func (c *Config) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("cluster", c.Region.Cluster), slog.String("region", c.Region.Name),
		slog.Int("id", int(c.Region.ID)), slog.String("database", c.Database.Address),
		slog.String("mysql", c.Listen.MySQL), slog.String("http", c.Listen.HTTP), slog.Int("peers", len(c.Peers)),
	)
}
