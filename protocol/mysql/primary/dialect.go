package primary

import (
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// dialect is what differs between the kinds of servers that a relay can stand for. There is one for MariaDB and one for MySQL; a relay
// log holds entries of one of them.
type dialect interface {
	// flavour is that of the log's entries.
	flavour() relay.Flavour
	// greeting is the version as the server's first packet has it.
	greeting(version string) string
	// plugin is the way to log in that every client of this kind knows.
	plugin() string
	// answer answers what only this kind's replicas ask; ok is false if it is not that.
	answer(c *session, tokens []token, title string) (result *mysql.Result, err error, ok bool)
	// options reads what a client that is about to dump asked for, and refuses clients of the other kind.
	options(command dumpCommand, v variables) (options, error)
	// groups returns the part of a dump that knows GTIDs.
	groups(d *dump) groups
	// heartbeat builds the event that says how far the log was read.
	heartbeat(d *dump) []byte

	// What real servers say where a dump cannot be.
	unknownFile() error
	impossible(file string, offset uint64) error
	pastEnd(file string, offset uint64) error
	insideEvent(file string, offset uint64) error
	noPurged(file string) error // the log has the end of the file and not its beginning
	trimmed(d *dump) error      // the log let go what is to be sent
	sameReplica(first, last spot) error
	sameAsSource() error // the replica's server id is that of the database
}

// dialectOf tells by the version that the database gives whose log it writes.
func dialectOf(version string) dialect {
	if version == "" || strings.Contains(version, "MariaDB") {
		return mariaDB{}
	}
	return mySQL{}
}
