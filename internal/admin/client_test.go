package admin_test

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"github.com/octant-db/octant/internal/admin"
)

// asking hands a connection's statements to the engine.
type asking struct {
	server.EmptyHandler
	ctx     context.Context
	engine  *admin.Engine
	session admin.Session
}

func (a *asking) HandleQuery(query string) (*mysql.Result, error) {
	return a.engine.Query(a.ctx, a.session, strings.Clone(query))
}

func (a *asking) UseDB(name string) error {
	_, err := a.HandleQuery("USE " + name)
	return err
}

// listen serves the engine until the test ends, and returns its port.
func listen(t *testing.T, e *admin.Engine) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	conf := server.NewServer("10.11.19-MariaDB-log", mysql.DEFAULT_COLLATION_ID, mysql.AUTH_NATIVE_PASSWORD, nil, nil)
	users := server.NewInMemoryAuthenticationHandler(mysql.AUTH_NATIVE_PASSWORD)
	if err := users.AddUser("root", "secret"); err != nil {
		t.Fatal(err)
	}
	var g sync.WaitGroup
	g.Go(func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			g.Go(func() { serve(ctx, raw, conf, users, e) })
		}
	})
	t.Cleanup(func() {
		cancel()
		l.Close()
		g.Wait()
	})
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
}

func serve(ctx context.Context, raw net.Conn, conf *server.Server, users server.AuthenticationHandler, e *admin.Engine) {
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	h := &asking{ctx: ctx, engine: e, session: admin.Session{
		ConnectionID: 12, User: "root", Roles: []string{"admin"}, RemoteAddr: raw.RemoteAddr().String(),
	}}
	conn, err := conf.NewCustomizedConn(raw, users, h)
	for err == nil {
		err = conn.HandleCommand()
	}
	raw.Close()
}

// TestMariaDBClient talks to the engine as an operator does.
func TestMariaDBClient(t *testing.T) {
	client, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("the mariadb client is not installed: run make engines")
	}
	f := &fixed{versions: 10}
	port := listen(t, newEngineWith(f, written{}))
	run := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		args = append([]string{"--no-defaults", "-h127.0.0.1", "-P" + port, "-uroot", "-psecret"}, args...)
		out, err := exec.CommandContext(ctx, client, args...).CombinedOutput()
		return string(out), err
	}
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"where and order", []string{"octant", "-t", "-e", "SELECT region, lag_ms FROM peers WHERE id < 4 ORDER BY lag_ms DESC, region"}, `
+--------+--------+
| region | lag_ms |
+--------+--------+
| b      |   2300 |
| c      |      0 |
+--------+--------+`},
		{"join and group by", []string{"-N", "-B", "-e", "SELECT p.region, COUNT(*) FROM octant.conflicts c JOIN octant.peers p ON p.id=c.winner_region GROUP BY 1 ORDER BY 1"}, "b\t1\nc\t1\n"},
		{"vertical", []string{"-e", `SHOW SLAVE STATUS\G`}, "                   Master_Host: 10.0.2.5\n"},
		{"null", []string{"-N", "-B", "-e", "SELECT local_row FROM octant.conflicts WHERE id=2"}, "NULL\n"},
		{"empty", []string{"-vvv", "-e", "SELECT * FROM octant.dead_letters WHERE id = 0"}, "Empty set"},
		{"call", []string{"-vvv", "-e", "CALL octant.pause('b'); USE octant; CALL octant.resume('b')"}, "Query OK"},
		{"describe", []string{"octant", "-e", "DESC peers; SHOW TABLES; SHOW CREATE TABLE log"}, "reconnects\tbigint unsigned"},
		{"status of the client", []string{"-e", "status"}, "Octant relay of region a"},
		{"all slaves", []string{"-e", `SHOW ALL SLAVES STATUS\G`}, "              Slave_IO_Running: Yes\n"},
		{"binlog events", []string{"-t", "-e", "SHOW BINLOG EVENTS IN 'mariadb-bin.000001' FROM 300 LIMIT 1"}, `
+--------------------+------+------------+-----------+-------------+---------+
| Log_name           | Pos  | Event_type | Server_id | End_log_pos | Info    |
+--------------------+------+------------+-----------+-------------+---------+
| mariadb-bin.000001 |  300 | Query      |         7 |         400 | event 3 |
+--------------------+------+------------+-----------+-------------+---------+`},
		{"wait", []string{"-N", "-B", "-e", "SELECT MASTER_GTID_WAIT('50', 1)"}, "0\n"},
		{"flush and reset", []string{"-f", "-e", "FLUSH LOGS; RESET MASTER; SELECT 'after'"}, "ERROR 1235 (42000) at line 1: A relay cannot be reset"},
		{"processlist", []string{"-t", "-e", "SHOW PROCESSLIST"}, "| the source is connected            |"},
		{"large", []string{"-N", "-B", "-e", "SELECT REPEAT('x', 1000000)"}, strings.Repeat("x", 1_000_000)},
		{"utf8", []string{"-N", "-B", "--default-character-set=utf8mb4", "-e", "SELECT 'žlutý 🐎', UPPER('ž')"}, "žlutý 🐎\tŽ\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			out, err := run(test.args...)
			if test.name == "flush and reset" {
				err = nil // it is told so
			}
			if err != nil || !strings.Contains("\n"+out, test.want) {
				t.Errorf("%v: %.2000s", err, out)
			}
		})
	}
	if got := f.taken(); got != "pause b; resume b" {
		t.Errorf("steered: %s", got)
	}
	out, err := run("-e", "DELETE FROM octant.peers")
	if err == nil || !strings.Contains(out, "ERROR 1290 (HY000)") {
		t.Errorf("%v: %s", err, out)
	}
	out, err = run("app", "-e", "SELECT 1")
	if err == nil || !strings.Contains(out, "1049") {
		t.Errorf("another database: %v: %s", err, out)
	}
}
