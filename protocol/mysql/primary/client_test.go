package primary_test

import (
	"crypto/tls"
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/primary"
	"github.com/octant-db/octant/testenv"
)

// The mariadb client logs in, names a database, and shows rows.
func TestStockClient(t *testing.T) {
	tool, err := exec.LookPath("mariadb")
	if err != nil {
		t.Skip("the mariadb client is not installed")
	}
	s := startServer(t, func(c *primary.Config) { c.SQL = &echo{closed: map[uint32]bool{}} })
	for _, user := range []string{"admin", "reader"} {
		out, err := exec.CommandContext(t.Context(), tool, "--no-defaults", "--host=127.0.0.1", fmt.Sprintf("--port=%d", s.port(t)),
			"--user="+user, "--password="+password, "--database=octant", "--batch", "--execute=SELECT * FROM peers; SHOW SLAVE STATUS; SELECT VERSION()").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		for _, want := range []string{user + "\tSELECT * FROM peers", user + "\tSHOW SLAVE STATUS", "10.11.19-MariaDB-log"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("client shows\n%s\nwithout %q", out, want)
			}
		}
	}
}

// MySQL's client, which has no mysql_native_password any more, logs in where the greeting names that.
func TestStockClientOfMySQL(t *testing.T) {
	tool, err := testenv.MySQL97.Program("mysql")
	if err != nil {
		t.Skip("MySQL's client is not installed")
	}
	certificate := selfSigned(t)
	s := startServer(t, func(c *primary.Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} })
	for _, test := range []struct {
		tls, password string
		ok            bool
	}{{"REQUIRED", password, true}, {"DISABLED", password, true}, {"REQUIRED", "wrong", false}, {"DISABLED", "wrong", false}, {"REQUIRED", "", false}} {
		out, err := exec.CommandContext(t.Context(), tool, "--no-defaults", "--host=127.0.0.1", fmt.Sprintf("--port=%d", s.port(t)), "--user=sha2",
			"--password="+test.password, "--ssl-mode="+test.tls, "--batch", "--execute=SELECT @@GLOBAL.SERVER_ID").CombinedOutput()
		if (err == nil) != test.ok || !test.ok && !strings.Contains(string(out), "Access denied") {
			t.Errorf("TLS %s, password %q: %v\n%s", test.tls, test.password, err, out)
		}
	}
}
