package primary

import (
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// The commands that the library does not know by name.
const (
	comQuit            = 0x01
	comStatistics      = 0x09
	comProcessKill     = 0x0c
	comResetConnection = 0x1f
)

// handler answers commands. It has no methods of server.ReplicationHandler on purpose: so the replication commands come to
// HandleOtherCommand with their whole payload.
type handler struct{ c *session }

// UseDB implements server.Handler. It is also called in the middle of the login, before the password was checked: then the
// name is kept for later, since nobody asks the engine anything before saying who he is.
func (h *handler) UseDB(name string) error {
	if h.c.conn == nil {
		h.c.database = name
		return nil
	}
	_, err := h.c.statement("USE `" + strings.ReplaceAll(name, "`", "``") + "`")
	return err
}

// HandleQuery implements server.Handler.
func (h *handler) HandleQuery(query string) (*mysql.Result, error) {
	query = strings.Clone(query) // it aliases the packet
	if result, err, ok := h.c.handshake(query); ok {
		return result, err
	}
	return h.c.statement(query)
}

// HandleFieldList implements server.Handler. Clients ask for it to complete names; they need no answer.
func (h *handler) HandleFieldList(string, string) ([]*mysql.Field, error) { return nil, nil }

// HandleStmtPrepare implements server.Handler. What columns there will be is not known before the statement is executed, as of SHOW on a
// real server.
func (h *handler) HandleStmtPrepare(query string) (params, columns int, statement any, err error) {
	p, err := h.c.prepare(query)
	if err != nil {
		return 0, 0, nil, err
	}
	return len(p.parts) - 1, 0, p, nil
}

// HandleStmtExecute implements server.Handler.
func (h *handler) HandleStmtExecute(statement any, _ string, args []any) (*mysql.Result, error) {
	result, err := h.execute(statement, args)
	if err != nil {
		return h.c.refuseExecute(err)
	}
	return result, nil
}

func (h *handler) execute(statement any, args []any) (*mysql.Result, error) {
	p, ok := statement.(*prepared)
	if !ok {
		return nil, mysql.NewDefaultError(mysql.ER_UNSUPPORTED_PS)
	}
	query, err := p.text(args)
	if err != nil {
		return nil, err
	}
	result, err := h.HandleQuery(query)
	if err != nil {
		return nil, err
	}
	return binaryResult(result)
}

// HandleStmtClose implements server.Handler.
func (h *handler) HandleStmtClose(any) error {
	h.c.prepared--
	return nil
}

// HandleOtherCommand implements server.Handler.
func (h *handler) HandleOtherCommand(command byte, data []byte) error {
	switch command {
	case mysql.COM_REGISTER_SLAVE:
		return h.c.register(data)
	case mysql.COM_BINLOG_DUMP:
		return h.c.binlogDump(data)
	case mysql.COM_BINLOG_DUMP_GTID:
		return h.c.binlogDumpGTID(data)
	case comProcessKill:
		return h.c.processKill(data)
	case comResetConnection:
		clear(h.c.variables)
		h.c.registered = registration{}
		return nil
	case mysql.COM_SET_OPTION:
		return nil
	}
	return mysql.NewDefaultError(mysql.ER_UNKNOWN_COM_ERROR)
}
