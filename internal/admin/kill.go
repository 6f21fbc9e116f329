package admin

import (
	"context"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// kill recognises KILL [HARD | SOFT] [CONNECTION | QUERY] n. Everybody may end what is his own.
func (c *cursor) kill() (statement, error) {
	c.words("kill")
	c.any("hard", "soft")
	onlyStatement := c.any("connection", "query") == "query"
	if c.words("id") || c.words("user") {
		return refuse("A relay ends connections by their number: see SHOW PROCESSLIST")
	}
	t, ok := c.take(number)
	if !ok || !c.done() {
		return statement{}, c.wrong()
	}
	id, err := strconv.ParseUint(t.text, 10, 32)
	if err != nil {
		return statement{}, mysql.NewDefaultError(mysql.ER_NO_SUCH_THREAD, 0)
	}
	return statement{role: roleNone, run: func(_ context.Context, call *call) (*mysql.Result, error) {
		if call.e.cfg.Clients == nil {
			return nil, notSupported(call.query)
		}
		return nil, call.e.cfg.Clients.Kill(call.session, uint32(id), onlyStatement)
	}}, nil
}
