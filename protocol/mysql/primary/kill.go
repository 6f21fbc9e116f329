package primary

import (
	"encoding/binary"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// Kill ends a connection, or with onlyStatement what it runs at the moment: a statement or a dump. Everybody may end his own, an admin
// everybody's. Errors are the server's, for who asked.
func (s *Server) Kill(by Session, id uint32, onlyStatement bool) error {
	found := s.find(func(c *session) bool { return c.id() == id && id != 0 })
	if len(found) == 0 {
		return mysql.NewDefaultError(mysql.ER_NO_SUCH_THREAD, id)
	}
	if found[0].name() != by.User && !by.may(RoleAdmin) {
		return mysql.NewDefaultError(mysql.ER_KILL_DENIED_ERROR, id)
	}
	if onlyStatement {
		found[0].activity.interrupt()
		return nil
	}
	found[0].cancel(errKilled)
	return nil
}

// evict ends other dumps of the same replica: they are what it left behind when it lost its connection. The replica is known by its
// UUID if it has told one, else by its server id; 0 is no id.
func (s *Server) evict(keep *session, serverID uint32, uuid string) {
	for _, c := range s.find(func(c *session) bool {
		status, ok := c.progress.get()
		if !ok || c == keep || status.Kind != kindReplica {
			return false
		}
		if uuid != "" {
			return c.progress.uuid() == uuid
		}
		return serverID != 0 && status.ServerID == serverID
	}) {
		c.cancel(s.dialect.sameReplica(c.progress.sentFrom()))
	}
}

func (c *session) killStatement(tokens []token) (error, bool) {
	onlyStatement := false
	for _, word := range []string{"hard", "soft"} {
		if len(tokens) > 2 && tokens[1].text == word {
			tokens = tokens[1:]
		}
	}
	if len(tokens) > 2 && (tokens[1].text == "connection" || tokens[1].text == "query") {
		onlyStatement = tokens[1].text == "query"
		tokens = tokens[1:]
	}
	if len(tokens) != 2 || tokens[1].kind != tokenNumber {
		return nil, false
	}
	id, err := strconv.ParseUint(tokens[1].text, 10, 32)
	if err != nil {
		return mysql.NewDefaultError(mysql.ER_NO_SUCH_THREAD, 0), true
	}
	return c.srv.Kill(*c.identity.Load(), uint32(id), onlyStatement), true
}

// processKill is the command behind mysqladmin kill.
func (c *session) processKill(data []byte) error {
	if len(data) < 4 {
		return mysql.NewDefaultError(mysql.ER_MALFORMED_PACKET)
	}
	return c.srv.Kill(*c.identity.Load(), binary.LittleEndian.Uint32(data), false)
}
