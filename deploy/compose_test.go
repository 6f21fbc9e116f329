//go:build compose

package deploy_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const names = "abcdefgh"

// compose is the bed of docker-compose.yml, under a project name of its own.
type compose struct {
	t       *testing.T
	ctx     context.Context
	command []string
}

const project = "octantcomposetest"

func newCompose(ctx context.Context, t *testing.T) *compose {
	c := &compose{t: t, ctx: ctx, command: []string{"docker", "compose"}}
	if path, err := exec.LookPath("docker-compose"); err == nil {
		c.command = []string{path}
	}
	return c
}

// run runs a command of Docker Compose and shows what it says only if it fails.
func (c *compose) run(ctx context.Context, args ...string) string {
	c.t.Helper()
	args = append(append(c.command[1:], "-f", "../docker-compose.yml", "-p", project), args...)
	return c.must(exec.CommandContext(ctx, c.command[0], args...))
}

func (c *compose) docker(args ...string) string {
	c.t.Helper()
	return c.must(exec.CommandContext(c.ctx, "docker", args...))
}

func (c *compose) must(command *exec.Cmd) string {
	c.t.Helper()
	command.Env = append(os.Environ(), "OCTANT_RATE=2")
	out, err := command.CombinedOutput()
	if err != nil {
		c.t.Fatalf("%s: %v\n%s", strings.Join(command.Args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

func (c *compose) container(service string) string { return c.run(c.ctx, "ps", "-q", service) }

// cut takes a region's relay off every network between regions, and heal puts it back.
func (c *compose) cut(region string) {
	for _, from := range strings.Split(names, "") {
		c.docker("network", "disconnect", project+"_from-"+from, c.container("relay-"+region))
	}
}

func (c *compose) heal(region string) {
	for _, from := range strings.Split(names, "") {
		network, relay := project+"_from-"+from, c.container("relay-"+region)
		if from == region {
			c.docker("network", "connect", "--alias", "stream-"+region, network, relay)
		} else {
			c.docker("network", "connect", network, relay)
		}
	}
}

// get asks something of a region's relay, or of Prometheus.
func (c *compose) get(port int, path string) (int, string) {
	request, err := http.NewRequestWithContext(c.ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, err.Error()
	}
	return answer.StatusCode, string(body)
}

// until asks again and again until the answer is as wanted.
func (c *compose) until(port int, path string, code int, contains string) {
	c.t.Helper()
	var got int
	var body string
	c.wait(func() bool {
		got, body = c.get(port, path)
		return got == code && strings.Contains(body, contains)
	}, func() string { return fmt.Sprintf("port %d, %s: still %d %s", port, path, got, body) })
}

// wait asks again and again, and says what is missing if it is not true in time.
func (c *compose) wait(holds func() bool, missing func() string) {
	c.t.Helper()
	again := time.NewTicker(500 * time.Millisecond)
	defer again.Stop()
	limit := time.NewTimer(5 * time.Minute)
	defer limit.Stop()
	for !holds() {
		select {
		case <-again.C:
		case <-limit.C:
			c.t.Fatal(missing())
		case <-c.ctx.Done():
			c.t.Fatal(context.Cause(c.ctx))
		}
	}
}

// sites are the databases as an application sees them.
func (c *compose) sites() []testenv.Site {
	var list []testenv.Site
	for i, name := range strings.Split(names, "") {
		db, err := sql.Open("mysql", fmt.Sprintf("app:octant@tcp(127.0.0.1:%d)/shop", 3301+i))
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(func() { db.Close() })
		list = append(list, testenv.Site{Name: name, ID: i + 1, DB: db})
	}
	return list
}

func orders(ctx context.Context, t *testing.T, s testenv.Site, born string) (n int) {
	t.Helper()
	if err := s.DB.QueryRowContext(ctx, "SELECT COUNT(*) FROM shop.orders WHERE born_in = ?", born).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// stockReplica starts a MariaDB outside the bed and has it follow region a's relay, by the commands of the manual.
func (c *compose) stockReplica() *testenv.Server {
	s := envtest.Server(c.t, testenv.ServerOptions{ID: 71, Relaxed: true})
	to := fmt.Sprintf("mariadb --no-defaults --user=root --socket=%s", s.Socket())
	c.must(exec.CommandContext(c.ctx, "bash", "-o", "pipefail", "-c", `mariadb-dump -h 127.0.0.1 -P 3301 -u root -poctant --databases shop octant `+
		`--master-data=1 --gtid --single-transaction | `+to))
	c.must(exec.CommandContext(c.ctx, "bash", "-c", to+` -e "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=4001, MASTER_USER='replica', `+
		`MASTER_PASSWORD='octant', MASTER_USE_GTID=slave_pos; START SLAVE"`))
	return s
}

// TestBedInContainers builds the images, starts eight regions that are written to, cuts one off by detaching its networks, lets both sides go
// on, heals, and compares all tables. make compose-test runs it.
func TestBedInContainers(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Minute)
	defer cancel()
	c := newCompose(ctx, t)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.run(context.Background(), "logs", "--tail=20"))
		}
		c.run(context.Background(), "down", "-v", "--remove-orphans", "--timeout", "5")
	})
	c.run(ctx, "build")
	c.run(ctx, "up", "-d")
	for i := range names {
		c.until(9101+i, "/readyz?peers=all", http.StatusOK, "ready")
	}
	c.until(9090, "/api/v1/query?query=count(octant_ready==1)", http.StatusOK, `"8"]`)
	c.until(9101, "/login", http.StatusOK, "Log in")

	replica := c.stockReplica()
	sites := c.sites()
	c.cut("h")
	c.until(9101, "/readyz?peers=h", http.StatusServiceUnavailable, "connecting")
	c.until(9090, `/api/v1/query?query=ALERTS%7Balertname=%22OctantPeerLost%22,region=%22a%22,peer=%22h%22%7D`, http.StatusOK, `"OctantPeerLost"`)
	before := orders(ctx, t, sites[0], "a")
	c.wait(func() bool { return orders(ctx, t, sites[0], "a") > before+20 }, func() string { return "region a has no new orders" })
	if there := orders(ctx, t, sites[7], "a"); there > before {
		t.Errorf("region h has got %d orders of a since it was cut off", there-before)
	}

	c.heal("h")
	for i := range names {
		c.until(9101+i, "/readyz?peers=all&max_lag=30s", http.StatusOK, "ready")
	}
	c.run(ctx, "stop", "load")
	took, diff, err := testenv.Oracle{Sites: sites, Databases: []string{"shop"}, ShowValues: true}.WaitIdentical(ctx)
	if err != nil {
		t.Fatal(err)
	}
	c.wait(func() bool {
		return orders(ctx, t, testenv.Site{DB: replica.DB()}, "h") == orders(ctx, t, sites[0], "h")
	}, func() string { return "the stock replica lacks orders of region h" })
	t.Logf("eight regions identical %v after the last write: %v", took, diff.Tables)
	for _, service := range []string{"relay-a", "relay-h"} {
		c.docker("exec", c.container(service), "octant", "doctor", "--config", "/var/lib/octant/octant.toml")
	}
}
