package admin

import (
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// show recognises the statements that the SQL engine has no true answer for. Others, such as SHOW TABLES, are its own.
func (c *cursor) show() (statement, error) {
	whole := *c
	c.words("show")
	full := c.any("full", "global", "session", "local") == "full"
	switch {
	case c.words("all"):
		if c.any("slaves", "replicas") == "" {
			return statement{}, c.wrong()
		}
		return c.showReplication(asked{all: true})
	case c.words("slave", "hosts"), c.words("replica", "hosts"):
		return c.showReplicas(false)
	case c.words("replicas"):
		return c.showReplicas(true)
	case c.words("slave"):
		return c.showReplication(asked{})
	case c.words("replica"):
		return c.showReplication(asked{replica: true})
	case c.words("master", "status"), c.words("binlog", "status"):
		return c.showLog(false)
	case c.words("binary", "log", "status"):
		return c.showLog(true)
	case c.words("binary", "logs"), c.words("master", "logs"):
		return c.showLogFiles()
	case c.words("binlog", "events"):
		return c.showEvents()
	case c.words("relaylog", "events"):
		return refuse("A relay has one log: SHOW BINLOG EVENTS shows it")
	case c.words("grants"):
		return c.showGrants()
	case c.words("processlist"):
		return c.showProcesses(full)
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
	case c.words("engine"):
		return c.showEngine()
	}
	return whole.read()
}

// showEngine answers as a server does that was built without the engine: monitors ask for InnoDB's state, and know that error.
func (c *cursor) showEngine() (statement, error) {
	name, ok := c.take(word, quoted)
	if !ok || c.any("status", "mutex", "logs") == "" {
		return statement{}, c.wrong()
	}
	if err := c.end(); err != nil {
		return statement{}, err
	}
	return statement{}, failure(codeUnknownEngine, "Unknown storage engine '%s'", shorten(name.text, 64))
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
		for _, name := range databases {
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
	if gtids { // MySQL's and, since it is newer, everybody's
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
		columns := []column{{"Log_name", textColumn}, {"File_size", naturalColumn}}
		if call.e.cfg.MySQL {
			columns = append(columns, column{"Encrypted", textColumn})
		}
		var rows [][]any
		for _, f := range call.e.cfg.Inspector.LogStatus().Files {
			rows = append(rows, []any{f.Name, f.Size, "No"}[:len(columns)])
		}
		return newResult(columns, rows...)
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
		self := int64(call.e.cfg.ServerID)
		var rows [][]any
		for _, r := range call.e.cfg.Inspector.Replicas() {
			// Tools go on from here to the replica: to where it says that it listens. What it connects from has no port that is of use.
			at := r.ReportHost
			if at == "" {
				at = host(r.Host)
			}
			rows = append(rows, []any{uint64(r.ServerID), at, int64(r.ReportPort), self, r.UUID}[:len(columns)])
		}
		return newResult(columns, rows...)
	})
}

// since is for how many seconds something has been so, 0 if it is not known.
func since(now, t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return seconds(now.Sub(t))
}
