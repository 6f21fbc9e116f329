package testenv_test

import (
	osexec "os/exec"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// eachEngine runs the test with every engine. None may be missing: `make engines` comes first.
func eachEngine(t *testing.T, test func(*testing.T, testenv.Engine)) {
	for _, engine := range testenv.Engines {
		t.Run(engine.String(), func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

func TestEveryEngineComesBackFromKillAndStop(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine testenv.Engine) {
		s := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 3, Regions: 8})
		exec(t, s, "CREATE DATABASE app; CREATE TABLE app.t (id INT AUTO_INCREMENT PRIMARY KEY)")
		for _, again := range []func() error{
			func() error { return s.Restart(t.Context()) },
			func() error { return s.Stop(t.Context()) },
			func() error { return s.Start(t.Context()) },
		} {
			if s.Running() {
				exec(t, s, "INSERT INTO app.t VALUES (), ()")
			}
			if err := again(); err != nil {
				t.Fatal(err)
			}
		}
		if got := queryString(t, s, "SELECT GROUP_CONCAT(id ORDER BY id) FROM app.t"); got != "3,11,19,27" {
			t.Errorf("ids after a kill and a stop: %s", got)
		}
	})
}

func TestEveryEngineHasTheSettingsThatOctantAsksFor(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine testenv.Engine) {
		s := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 2})
		for variable, want := range map[string]string{
			"log_bin": "1", "binlog_format": "ROW", "binlog_row_image": "FULL", "binlog_row_metadata": "FULL",
			"server_id": "2", "log_slave_updates": "1", "character_set_server": "utf8mb4",
		} {
			if got := queryString(t, s, "SELECT @@GLOBAL."+variable); got != want {
				t.Errorf("%s is %s, want %s", variable, got, want)
			}
		}
		// A tree's name says which version it holds; the machine's own MariaDB is the one that it has.
		_, version, fixed := strings.Cut(engine.String(), "-")
		if got := queryString(t, s, "SELECT VERSION()"); fixed && !strings.HasPrefix(got, version+".") {
			t.Errorf("the server is %s", got)
		}
		if mariaDB := strings.Contains(queryString(t, s, "SELECT VERSION()"), "MariaDB"); mariaDB == engine.IsMySQL() {
			t.Errorf("IsMySQL says %v", engine.IsMySQL())
		}
	})
}

func TestEveryEngineHasItsClients(t *testing.T) {
	t.Parallel()
	for engine, programs := range map[testenv.Engine][]string{
		testenv.MariaDB1011: {"mariadb", "mariadb-binlog", "mariadb-dump"},
		testenv.MariaDB118:  {"mariadb", "mariadb-binlog", "mariadb-dump"},
		testenv.MySQL97:     {"mysql", "mysqlbinlog", "mysqldump"},
	} {
		for _, name := range programs {
			path, err := engine.Program(name)
			if err != nil {
				t.Error(err)
				continue
			}
			if out, err := osexec.CommandContext(t.Context(), path, "--no-defaults", "--version").CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", path, err, out)
			}
		}
	}
}

func TestEveryEngineFollowsItsOwnKind(t *testing.T) {
	t.Parallel()
	eachEngine(t, func(t *testing.T, engine testenv.Engine) {
		source := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 1, Relaxed: true})
		exec(t, source, "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, f FLOAT, v TEXT)")
		exec(t, source, "CREATE USER r@'%' IDENTIFIED BY 'pw'; GRANT REPLICATION SLAVE ON *.* TO r@'%'")
		replica := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 2, Relaxed: true})
		from := testenv.Source{Addr: source.Addr(), User: "r", Password: "pw"}
		follow := func(insert string) {
			t.Helper()
			exec(t, source, "INSERT INTO app.t VALUES "+insert)
			if err := replica.WaitReplicated(envtest.Context(t, time.Minute), source); err != nil {
				t.Fatal(err)
			}
		}
		if err := replica.Follow(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		follow("(1, 0.1, 'by GTID')")
		moveByFile(t, replica, from)
		follow("(2, 0.2, 'by file')")
		if err := replica.Move(t.Context(), from); err != nil {
			t.Fatal(err)
		}
		follow("(3, NULL, NULL)")
		sites := []testenv.Site{{Name: "source", DB: source.DB()}, {Name: "replica", DB: replica.DB()}}
		diff := compare(t, testenv.Oracle{Sites: sites, Databases: []string{"app"}})
		if err := diff.Err(); err != nil {
			t.Error(err)
		}
		if len(diff.Tables) != 1 || diff.Tables[0].Rows[1] != 3 {
			t.Errorf("compared %+v", diff.Tables)
		}
	})
}

// moveByFile has the replica go on by file and position from where it is.
func moveByFile(t *testing.T, replica *testenv.Server, from testenv.Source) {
	t.Helper()
	if err := replica.StopFollowing(t.Context()); err != nil {
		t.Fatal(err)
	}
	var err error
	if from.File, from.Position, err = replica.Executed(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := replica.Move(t.Context(), from); err != nil {
		t.Fatal(err)
	}
}

func TestCopiesOfATemplateAreServersOfTheirOwn(t *testing.T) {
	t.Parallel()
	var ids []string
	for range 2 {
		s := envtest.Server(t, testenv.ServerOptions{Engine: testenv.MySQL97})
		ids = append(ids, queryString(t, s, "SELECT @@server_uuid"))
	}
	if ids[0] == ids[1] {
		t.Errorf("both have the server_uuid %s", ids[0])
	}
}
