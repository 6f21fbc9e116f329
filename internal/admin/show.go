package admin

import (
	"context"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// show recognises the statements that the SQL engine has no true answer for. Others, such as SHOW TABLES, are its own.
func (c *cursor) show() (statement, error) {
	whole := *c
	c.words("show")
	c.any("full", "global", "session", "local")
	switch {
	case c.words("all"):
		if c.any("slaves", "replicas") == "" {
			return statement{}, c.wrong()
		}
		return c.showReplication(true)
	case c.words("slave", "hosts"), c.words("replica", "hosts"):
		return c.showReplicas(false)
	case c.words("replicas"):
		return c.showReplicas(true)
	case c.any("slave", "replica") != "":
		return c.showReplication(false)
	case c.words("master", "status"), c.words("binlog", "status"):
		return c.showLog(false)
	case c.words("binary", "log", "status"):
		return c.showLog(true)
	case c.words("binary", "logs"), c.words("master", "logs"):
		return c.showLogFiles()
	case c.words("binlog", "events"), c.words("relaylog", "events"), c.words("grants"):
		return statement{}, notSupported(whole.query)
	case c.words("processlist"):
		return c.showProcesses()
	case c.words("variables"):
		return c.showList("variables", (*Engine).variables)
	case c.words("status"):
		return c.showList("counters", (*Engine).counters)
	case c.words("warnings"), c.words("errors"):
		return answer(roleNone, func(*call) *mysql.Result {
			return newResult([]column{{"Level", textColumn}, {"Code", intColumn}, {"Message", textColumn}})
		})
	case c.words("databases"), c.words("schemas"):
		return c.showDatabases()
	}
	return whole.read()
}

func (c *cursor) showDatabases() (statement, error) {
	pattern := "%"
	if c.words("like") {
		var err error
		if pattern, err = c.string(); err != nil {
			return statement{}, err
		}
	}
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return answer(roleRead, func(*call) *mysql.Result {
		var rows [][]any
		for _, name := range []string{"information_schema", database} {
			if like(pattern, name) {
				rows = append(rows, []any{name})
			}
		}
		return newResult([]column{{"Database", textColumn}}, rows...)
	})
}

// showLog answers SHOW MASTER STATUS in MariaDB's columns, or in MySQL's with the executed GTIDs.
func (c *cursor) showLog(gtids bool) (statement, error) {
	columns := []column{
		{"File", textColumn}, {"Position", naturalColumn}, {"Binlog_Do_DB", textColumn}, {"Binlog_Ignore_DB", textColumn},
	}
	if gtids {
		columns = append(columns, column{"Executed_Gtid_Set", textColumn})
	}
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return answer(roleRead, func(call *call) *mysql.Result {
		s := call.e.cfg.Inspector.LogStatus()
		if s.File == "" {
			return newResult(columns)
		}
		return newResult(columns, []any{s.File, s.Position, "", "", s.GTIDSet}[:len(columns)])
	})
}

func (c *cursor) showLogFiles() (statement, error) {
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return answer(roleRead, func(call *call) *mysql.Result {
		var rows [][]any
		for _, f := range call.e.cfg.Inspector.LogStatus().Files {
			rows = append(rows, []any{f.Name, f.Size})
		}
		return newResult([]column{{"Log_name", textColumn}, {"File_size", naturalColumn}}, rows...)
	})
}

// showReplicas answers SHOW SLAVE HOSTS in MariaDB's columns, or SHOW REPLICAS in MySQL's.
func (c *cursor) showReplicas(mysqls bool) (statement, error) {
	columns := []column{{"Server_id", naturalColumn}, {"Host", textColumn}, {"Port", intColumn}, {"Master_id", intColumn}}
	if mysqls {
		columns = []column{
			{"Server_Id", naturalColumn}, {"Host", textColumn}, {"Port", intColumn}, {"Source_Id", intColumn}, {"Replica_UUID", textColumn},
		}
	}
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return answer(roleRead, func(call *call) *mysql.Result {
		self := int64(call.e.cfg.Inspector.Self().Region)
		var rows [][]any
		for _, r := range call.e.cfg.Inspector.Replicas() {
			// The port is where a replica listens, which it need not say; what it connects from is no use here.
			rows = append(rows, []any{uint64(r.ServerID), host(r.Host), int64(0), self, ""}[:len(columns)])
		}
		return newResult(columns, rows...)
	})
}

// showProcesses lists this session, those who read the log, and the peers that are read from.
func (c *cursor) showProcesses() (statement, error) {
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return statement{roleRead, func(_ context.Context, call *call) (*mysql.Result, error) {
		return newResult([]column{
			{"Id", intColumn}, {"User", textColumn}, {"Host", textColumn}, {"db", textColumn}, {"Command", textColumn},
			{"Time", intColumn}, {"State", textColumn}, {"Info", longColumn},
		}, call.processes()...), nil
	}}, nil
}

func (call *call) processes() [][]any {
	now := call.e.cfg.Now()
	s := call.session
	rows := [][]any{{int64(s.ConnectionID), s.User, s.RemoteAddr, database, "Query", int64(0), "starting", call.query}}
	for _, r := range call.e.cfg.Inspector.Replicas() {
		rows = append(rows, []any{
			int64(r.Connection), r.User, r.Host, nil, "Binlog Dump", since(now, r.Since), "Sending the relay log to a " + r.Kind, nil,
		})
	}
	for _, p := range call.e.cfg.Inspector.Peers() {
		rows = append(rows, []any{
			int64(0), "system user", p.Address, nil, "Slave_IO", since(now, p.Since), p.Region + " is " + p.State, nil,
		})
	}
	return rows
}

// since is for how many seconds something has been so, 0 if it is not known.
func since(now, t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return seconds(now.Sub(t))
}
