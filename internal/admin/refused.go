package admin

import (
	"github.com/go-mysql-org/go-mysql/mysql"
)

// reset recognises RESET in its kinds and refuses it: each would lose what the relay is there to keep.
func (c *cursor) reset() (statement, error) {
	c.words("reset")
	reason := ""
	switch {
	case c.any("slave", "replica") != "":
		reason = "its place in the source's log is what makes it exact: STOP SLAVE and CHANGE MASTER TO change its source; " +
			"a peer is removed in the configuration"
	case c.words("master"), c.words("binary", "logs"):
		reason = "its log is that of its database and the memory of the cluster: PURGE BINARY LOGS frees room"
	case c.words("persist"), c.words("query", "cache"):
		reason = "it has none"
	default:
		return statement{}, c.wrong()
	}
	return refuse("A relay cannot be reset: %s", reason)
}

// refuse is a statement that only who might steer is told the reason for.
func refuse(format string, args ...any) (statement, error) {
	return statement{}, failure(codeNotSupported, format, args...)
}

// flush recognises FLUSH LOGS and its relatives. The relay's files are those of its database and end where they end there; everything in
// them that can be seen is on disk. So there is nothing to do, and backup tools, which flush before they copy, are content.
func (c *cursor) flush() (statement, error) {
	c.words("flush")
	c.any("local", "no_write_to_binlog")
	for {
		c.any("binary", "error", "engine", "general", "slow", "relay")
		if c.any("logs", "status", "hosts", "privileges") == "" {
			return c.flushOther()
		}
		c.channel("") //nolint:errcheck // a name that is none is found at the end
		if !c.sign(",") {
			break
		}
	}
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return answer(roleAdmin, func(*call) *mysql.Result { return nil })
}

func (c *cursor) flushOther() (statement, error) {
	if c.any("tables", "table") != "" {
		return refuse("A relay has no tables to flush or lock: FLUSH TABLES belongs on its database or on a replica")
	}
	return statement{}, c.wrong()
}

// do recognises DO, which MySQL people wait with, as a question whose answer is thrown away.
func (c *cursor) do() (statement, error) {
	asked, err := c.selection()
	if err != nil {
		return statement{}, err
	}
	return asked.silent(), nil
}
