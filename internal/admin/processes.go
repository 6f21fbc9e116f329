package admin

import (
	"context"

	"github.com/go-mysql-org/go-mysql/mysql"
)

var processColumns = []column{
	{"Id", intColumn}, {"User", textColumn}, {"Host", textColumn}, {"db", textColumn}, {"Command", textColumn},
	{"Time", intColumn}, {"State", textColumn}, {"Info", longColumn},
}

// shownInfo is how much of a statement SHOW PROCESSLIST shows without FULL, as servers do.
const shownInfo = 100

// showProcesses lists who is connected, and what the relay itself reads: its source and its peers.
func (c *cursor) showProcesses(full bool) (statement, error) {
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return statement{role: roleRead, run: func(_ context.Context, call *call) (*mysql.Result, error) {
		columns := processColumns
		if !call.e.cfg.MySQL {
			columns = append(columns[:len(columns):len(columns)], column{"Progress", textColumn})
		}
		rows := call.processes()
		for i, row := range rows {
			if info, ok := row[len(row)-1].(string); ok && !full {
				row[len(row)-1] = shorten(info, shownInfo)
			}
			rows[i] = append(row, "0.000")[:len(columns)]
		}
		return newResult(columns, rows...), nil
	}}, nil
}

func (call *call) processes() [][]any {
	now := call.e.cfg.Now()
	rows := call.clients()
	status := call.e.cfg.Inspector.Status()
	rows = append(rows, []any{
		int64(0), "system user", status.DatabaseAt, nil, "Slave_IO", since(now, status.Capture.Since), call.capturing(), nil,
	})
	for _, p := range call.e.cfg.Inspector.Peers() {
		rows = append(rows, []any{
			int64(0), "system user", p.Address, nil, "Slave_IO", since(now, p.Since), p.Region + " is " + p.State, nil,
		})
	}
	return rows
}

// capturing is what the relay's own source is doing.
func (call *call) capturing() string {
	s := call.e.cfg.Inspector.Status()
	switch captures(&s) {
	case "Yes":
		return "the source is connected"
	case "No":
		return "the source is stopped"
	}
	return "the source is connecting"
}

// clients are the connections, or, if nobody lists them, this one and those who read the log.
func (call *call) clients() [][]any {
	now := call.e.cfg.Now()
	var rows [][]any
	if list := call.e.cfg.Clients; list != nil {
		for _, c := range list.Clients() {
			rows = append(rows, []any{
				int64(c.ID), c.User, c.Host, filled(c.Database), c.Command, since(now, c.Since), c.State, filled(c.Info),
			})
		}
		return rows
	}
	s := call.session
	rows = [][]any{{int64(s.ConnectionID), s.User, s.RemoteAddr, database, "Query", int64(0), "starting", harmless(call.query)}}
	for _, r := range call.e.cfg.Inspector.Replicas() {
		rows = append(rows, []any{
			int64(r.Connection), r.User, r.Host, nil, "Binlog Dump", since(now, r.Since), "Sending the relay log to a " + r.Kind, nil,
		})
	}
	return rows
}

// filled is a text, NULL if it is empty.
func filled(s string) any {
	if s == "" {
		return nil
	}
	return s
}
