package capture

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"time"

	"github.com/octant-db/octant/protocol/postgres/connect"
)

// Defaults of Config.
const (
	DefaultStatusEvery = 5 * time.Second
	DefaultSilence     = 60 * time.Second
	DefaultLookEvery   = 10 * time.Second
	DefaultSlotBytes   = 1 << 30
)

// TablePattern names tables. * stands for any run of characters within a name.
type TablePattern struct {
	Schema, Table string
	Excluded      bool
}

// Config says which database to read and how.
type Config struct {
	Addr           string // host:port, or the folder of a Unix socket with :port behind it
	Database       string
	User, Password string
	TLS            *tls.Config // nil: no encryption
	// Dialer reaches Addr; nil means net.Dialer.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)

	// Slot and Publication are the names of what the relay makes in the database if it is missing: [a-z0-9_], at most 63.
	Slot, Publication string
	// Include tells which tables are replicated between regions. nil: all. Schema octant is none of them.
	Include func(schema, table string) bool
	// Tables are the patterns of Include, with which Octant's event triggers publish new tables at once, if they are there.
	Tables []TablePattern
	// CarryDefinitions says that other regions run the definitions that can be carried. Otherwise each that the triggers tell of is reported.
	CarryDefinitions bool
	InstallRemedy    string // how the triggers are made, for people

	// Ruled tells of which tables the log must have the rows before each change, since not the last writer wins; nil: none. Changes without are left out and
	// reported.
	Ruled func(schema, table string) bool

	StatusEvery time.Duration // how often the server hears of us at least; 0 means DefaultStatusEvery
	Silence     time.Duration // after which the connection counts as lost; 0 means DefaultSilence
	LookEvery   time.Duration // how often publication and slot are looked at, and the position of an idle log is saved; 0: DefaultLookEvery

	SlotBytes int64 // of log that the server may keep for the slot before it is reported; 0 means DefaultSlotBytes

	Now    func() time.Time // nil means time.Now
	Logger *slog.Logger     // nil: nothing is logged
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Addr == "" || c.User == "" || c.Database == "":
		return c, errors.New("configure capture: the database's address, name and user are needed")
	case !validName(c.Slot) || !validName(c.Publication):
		return c, errors.New("configure capture: names of slot and publication consist of 1 to 63 lower-case letters, digits and _")
	}
	if c.Include == nil {
		c.Include = func(string, string) bool { return true }
	}
	if c.Ruled == nil {
		c.Ruled = func(string, string) bool { return false }
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.StatusEvery = orDefault(c.StatusEvery, DefaultStatusEvery)
	c.Silence = orDefault(c.Silence, DefaultSilence)
	c.LookEvery = orDefault(c.LookEvery, DefaultLookEvery)
	if c.SlotBytes <= 0 {
		c.SlotBytes = DefaultSlotBytes
	}
	return c, nil
}

func orDefault(d, otherwise time.Duration) time.Duration {
	if d <= 0 {
		return otherwise
	}
	return d
}

// validName tells whether a server takes the name for a slot; see ReplicationSlotValidateName.
func validName(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 63
}

func (c *Config) connect(name string) connect.Config {
	return connect.Config{
		Addr: c.Addr, Database: c.Database, User: c.User, Password: c.Password, TLS: c.TLS, Name: name, Dialer: c.Dialer,
	}
}
