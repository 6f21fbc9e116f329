package primary

import (
	"slices"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/relay"
)

// either is the dialect of a server with renditions, which takes replicas of MariaDB and MySQL: it greets as MariaDB does, which both understand, and
// answers what either asks. When a client dumps it is known which one it is.
type either struct{ mariaDB }

// flavour implements dialect: no log is of it.
func (either) flavour() relay.Flavour { return "" }

func (e either) answer(c *session, tokens []token, title string) (*mysql.Result, error, bool) {
	switch spell(tokens) {
	case "select @@global.server_uuid", "select @@server_uuid", "select @@global.gtid_mode", "select @@gtid_mode":
		return mySQL{}.answer(c, tokens, title)
	}
	if result, err, ok := e.mariaDB.answer(c, tokens, title); ok {
		return result, err, ok
	}
	return mySQL{}.answer(c, tokens, title)
}

// version is what the client is told of the server. Tools look at it before they say who they are, and MySQL's know no version 10: but only they
// speak caching_sha2_password.
func (c *session) version() string {
	if _, any := c.srv.dialect.(either); any && c.srv.accounts.users[c.name()].Plugin == mysql.AUTH_CACHING_SHA2_PASSWORD {
		return rendition.MySQLVersion
	}
	return c.srv.version()
}

// sameReplica has the words that stop a replica of either kind.
func (either) sameReplica(first, last spot) error { return mySQL{}.sameReplica(first, last) }

// dialectFor is the dialect of a client that is about to dump. All replicas of MariaDB, and its tools, say what they are capable of.
func (s *Server) dialectFor(command dumpCommand, v variables) dialect {
	switch _, any := s.dialect.(either); {
	case !any:
		return s.dialect
	case v.has("mariadb_slave_capability") && !command.byGTID:
		return mariaDB{}
	}
	return mySQL{}
}

// rendition is the log in the form that a dialect's clients read, nil if it is in that form itself.
func (s *Server) rendition(says dialect) *rendition.Log {
	at := slices.IndexFunc(s.cfg.Renditions, func(r *rendition.Log) bool { return r.Flavour() == says.flavour() })
	if at < 0 {
		return nil
	}
	return s.cfg.Renditions[at]
}

// isSource tells whether a replica has the server id of somebody who writes what it is about to read.
func (s *Server) isSource(says dialect, id uint32) bool {
	if id == 0 {
		return false
	}
	r := s.rendition(says)
	return id == s.cfg.ServerID || id == s.cfg.Upstream().ServerID || r != nil && id == r.ServerID()
}
