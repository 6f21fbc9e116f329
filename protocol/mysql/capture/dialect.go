package capture

import (
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// dialect is what MariaDB and MySQL say differently before a dump, and how their logs name transactions.
type dialect interface {
	flavour() relay.Flavour
	tables() *binlog.TableCache
	// identify asks the server who it is, and refuses one that cannot be read.
	identify(c *connection) error
	// end returns where the log ends now.
	end(c *connection) (binlog.Position, error)
	// prove shows that everything before p, which this server told us, is still what it has there.
	prove(c *connection, p binlog.Position) error
	// renamed tells whether the server only has another name than in p, and its log is the one that was read.
	renamed(c *connection, p binlog.Position) (bool, error)
	// join finds the file in which what follows p begins, in the log of a server that took another one's place.
	join(c *connection, p binlog.Position) (file string, err error)
	// before finds the newest file that begins before a transaction.
	before(c *connection, name string) (file string, err error)
	// introduce says what a replica says before it asks for a dump.
	introduce(c *connection, config *Config) error
	// dumpFlags are those of the dump command.
	dumpFlags() uint16
	// journal follows the log from p on.
	journal(p binlog.Position) journal
}

// dialectOf returns how to speak with servers of the flavour; nil if it is not one of these.
func dialectOf(f relay.Flavour) dialect {
	switch f {
	case "", binlog.Flavour:
		return mariadb{}
	case binlog.MySQL:
		return mysqlServer{}
	}
	return nil
}

// journal knows what of a log was read, in the names that its server has for transactions.
type journal interface {
	// begin reads the event that begins a group, at an offset of the file.
	begin(event []byte, at uint64) (head, error)
	// repeated tells whether that group was read before, from a server that this one replaces.
	repeated() bool
	// finish notes that the group is whole.
	finish()
	// frame looks at an event outside of groups that says which transactions come before a file. known is false if the event is none of
	// this flavour's.
	frame(h binlog.Header, event []byte, file string) (known bool, err error)
	// position returns what the journal knows of a position: all but the place.
	position() binlog.Position
}

// head is what the first event of a group says of it.
type head struct {
	name        string // "" if the group has none
	keys        []string
	transaction bool      // more than one statement can follow; if not, a BEGIN may still come
	standing    bool      // an INCIDENT ends a group that has not begun a transaction
	physical    time.Time // when it was committed; zero if that is not said
}
