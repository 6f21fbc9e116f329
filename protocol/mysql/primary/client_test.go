package primary_test

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/primary"
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
