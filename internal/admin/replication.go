package admin

import (
	"context"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// asked is which rows a statement about replication is for, and in whose columns.
type asked struct {
	name    string // of one connection
	named   bool   // one was named: '' is the relay's own source
	all     bool   // SHOW ALL SLAVES STATUS
	replica bool   // it said REPLICA
}

// showReplication answers SHOW SLAVE STATUS and its relatives. Without a name there is a row for each peer; SHOW ALL SLAVES STATUS has the
// relay's own source too, which is also what the empty name means, and what there is to show where there are no peers.
func (c *cursor) showReplication(a asked) (statement, error) {
	if t, ok := c.take(text); ok && !a.all {
		a.name, a.named = t.text, true
	}
	if !c.words("status") {
		return statement{}, c.wrong()
	}
	if !a.named && !a.all && len(c.tokens) > 0 {
		before := len(c.tokens)
		name, err := c.channel("")
		if err != nil {
			return statement{}, err
		}
		a.name, a.named = name, len(c.tokens) < before
	}
	return statement{role: roleRead, run: func(_ context.Context, call *call) (*mysql.Result, error) {
		return call.replication(a)
	}}, c.end()
}

func (call *call) replication(a asked) (*mysql.Result, error) {
	i := call.e.cfg.Inspector
	status, log := i.Status(), i.LogStatus()
	var links []link
	peers := i.Peers()
	if a.all || a.named && a.name == "" || !a.named && len(peers) == 0 {
		links = append(links, call.sourceLink(status, log))
	}
	for _, p := range peers {
		if !a.named || a.name == p.Region {
			links = append(links, peerLink(p, status, log))
		}
	}
	if a.named && links == nil {
		return nil, noSuchPeer(a.name)
	}
	return newReport(call.layout(a), links), nil
}

// layout is the columns that the relay's kind of server has for the statement.
func (call *call) layout(a asked) func(*link) []reported {
	switch {
	case call.e.cfg.MySQL && a.replica && !a.all:
		return mysqlReplica
	case call.e.cfg.MySQL && !a.all:
		return mysqlSlave
	case a.all && timesEvents(call.e.version()):
		return mariadbAllTimed
	case a.all:
		return mariadbAll
	}
	return mariadbSlave
}

func newReport(layout func(*link) []reported, links []link) *mysql.Result {
	rows := make([][]any, len(links))
	for n := range links {
		for _, f := range layout(&links[n]) {
			rows[n] = append(rows[n], f.value)
		}
	}
	var columns []column
	for _, f := range layout(&link{}) {
		columns = append(columns, f.column)
	}
	return newResult(columns, rows...)
}

func noSuchPeer(name string) *mysql.MyError {
	return failure(codeNoSuchChannel, "There is no master connection '%s': no peer is called so", shorten(name, 64))
}

// reported is one column of a link's row.
type reported struct {
	column
	value any
}

func said(name, value string) reported { return reported{column{name, textColumn}, value} }

func counted(name string, n int64) reported { return reported{column{name, intColumn}, n} }

func unknown(name string) reported { return reported{column{name, intColumn}, nil} }

func unsaid(name string) reported { return reported{column{name, textColumn}, nil} }
