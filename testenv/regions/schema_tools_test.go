package regions_test

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// schemaTool changes a table of one region while it is written to.
type schemaTool struct {
	program string
	pause   bool // other regions' rows must wait: it copies by triggers
	args    func(s *testenv.Server, alter string) []string
}

var (
	byTriggers = schemaTool{"pt-online-schema-change", true, func(s *testenv.Server, alter string) []string {
		return []string{"--alter=" + alter, "--socket=" + s.Socket(), "--user=root", "--recursion-method=none", "--no-version-check", "--chunk-size=50", "--sleep=0.05",
			"--set-vars=lock_wait_timeout=20", "--execute", "D=app,t=t"}
	}}
	byTheLog = schemaTool{"gh-ost", false, func(s *testenv.Server, alter string) []string {
		host, port, _ := net.SplitHostPort(s.Addr())
		return []string{"--alter=" + alter, "--host=" + host, "--port=" + port, "--user=tool", "--password=secret", "--database=app", "--table=t", "--allow-on-master", "--assume-rbr",
			"--chunk-size=50", "--skip-metadata-lock-check", "--initially-drop-ghost-table", "--initially-drop-old-table", "--ok-to-drop-table", "--execute"}
	}}
)

// TestSchemaChangeTools runs the tools themselves, each in one region after the other, while all regions write. Other tables go on, and so does the rest of the cluster: rows that have the new
// column wait in the region that has it not yet. In the end all regions have the same rows. gh-ost sets transaction_isolation, which MariaDB has from 11.1 on.
func TestSchemaChangeTools(t *testing.T) {
	for _, c := range []struct {
		engine testenv.Engine
		tools  []schemaTool
	}{{testenv.MariaDB1011, []schemaTool{byTriggers}}, {testenv.MariaDB118, []schemaTool{byTheLog}}, {testenv.MySQL97, []schemaTool{byTriggers, byTheLog}}} {
		t.Run(c.engine.String(), func(t *testing.T) {
			bed := smallBed(t, testenv.Options{Engine: c.engine, Schema: pairSchema + "CREATE TABLE app.other (id INT PRIMARY KEY, v INT);" +
				"CREATE TABLE app.numbers (id INT PRIMARY KEY); INSERT INTO app.numbers VALUES (0)" + moreRows(39) + ";"})
			for _, r := range bed.Regions {
				run(t, r, "CREATE USER tool@'%' IDENTIFIED BY 'secret'", "GRANT ALL ON *.* TO tool@'%'")
			}
			for n, tool := range c.tools {
				t.Run(tool.program, func(t *testing.T) { tool.changes(t, bed, fmt.Sprintf("by_tool%d", n), 100+n) })
			}
		})
	}
}

func (tool *schemaTool) changes(t *testing.T, bed *testenv.Bed, column string, other int) {
	program, err := testenv.Tool(tool.program)
	if err != nil {
		t.Skip(err)
	}
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.t (id, v) SELECT seq.n + 1000, 'row' FROM (SELECT 40*x.id + y.id n FROM (SELECT id FROM app.numbers) x, (SELECT id FROM app.numbers) y) seq ON DUPLICATE KEY UPDATE v='row'")
	settleAll(t, bed)
	stop := writeEverywhere(t, bed)
	defer stop()
	tool.run(t, bed, program, a, b, column)
	waitProblem(t, bed, "b", "ddl_left", "ends an online schema change")
	run(t, a, fmt.Sprintf("UPDATE app.t SET %s=7 WHERE id=1001", column), fmt.Sprintf("INSERT INTO app.other VALUES (%d, 1)", other))
	waitFor(t, "another table to go on", func(ctx context.Context) (bool, string) {
		rows, err := ask(ctx, b.Server.DB(), fmt.Sprintf("SELECT v FROM app.other WHERE id=%d", other))
		return err == nil && flat(rows) == "1", fmt.Sprint(rows, err)
	})
	tool.run(t, bed, program, b, a, column)
	stop()
	settleAll(t, bed)
	requireRows(t, bed, fmt.Sprintf("SELECT %s FROM app.t WHERE id=1001", column), "7")
	requireRows(t, bed, "SELECT COUNT(*) FROM app.t WHERE id >= 1000", "1600")
	waitLetters(t, bed, "a", "")
	waitLetters(t, bed, "b", "")
}

// run runs the tool in one region.
func (tool *schemaTool) run(t *testing.T, bed *testenv.Bed, program string, here, there *testenv.Region, column string) {
	t.Helper()
	if tool.pause {
		mustCall(t, bed, here.Name, "pause('"+there.Name+"')")
		defer mustCall(t, bed, here.Name, "resume('"+there.Name+"')")
	}
	ctx := envtest.Context(t, 3*time.Minute)
	began := time.Now()
	out, err := exec.CommandContext(ctx, program, tool.args(here.Server, "ADD COLUMN "+column+" INT NULL")...).CombinedOutput()
	t.Logf("%s in region %s took %s", tool.program, here.Name, time.Since(began).Round(time.Millisecond))
	if err != nil {
		t.Fatalf("%s in region %s: %v\n%s", tool.program, here.Name, err, lastLines(string(out), 40))
	}
}

// lastLines are the last of a text's lines.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// moreRows are the numbers from 1 on, as rows of an INSERT.
func moreRows(to int) string {
	var b strings.Builder
	for n := range to {
		fmt.Fprintf(&b, ", (%d)", n+1)
	}
	return b.String()
}
