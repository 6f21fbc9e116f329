//go:build bench

package bench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/bench"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// conflictSchema has what one region writes while another one does not see it.
const conflictSchema = `CREATE DATABASE app;
CREATE TABLE app.t (id INT PRIMARY KEY, v VARCHAR(40), n INT, pad CHAR(60));
CREATE TABLE app.done (id INT PRIMARY KEY);`

const (
	rowsPerStatement = 100 // and transaction of the backlog
	// rowsOfTransaction makes the backlog larger than what the version index has in memory, for each of the transactions that the settings ask for.
	rowsOfTransaction = 8
)

// shares are how many percent of the rows are written in both regions.
var shares = []int{0, 1, 20}

// turns are the shares of one round: what has a target, and is close to it, is measured three times.
var turns = []int{0, 1, 0, 20, 0}

// benchConflicts applies a backlog in which some rows were written in both regions, and the same without conflicts by a relay whose engine is told
// to let every change pass: it is built from other sources for this, and is no relay to be used.
func benchConflicts(t *testing.T, s settings, r *report) {
	checked, unchecked := envtest.Octant(t), buildUnchecked(t)
	var speeds, costs []*bench.Comparison
	for _, share := range shares {
		what := fmt.Sprintf("apply, %d %% of rows in conflict | no checks, none", share)
		c := bench.Comparison{What: what, Unit: "rows/ms", Goal: bench.ForScale}
		if share == 0 {
			c.Goal, c.Target = bench.AtLeast, 0.9
		}
		speeds = append(speeds, r.row(c))
		costs = append(costs, r.row(bench.Comparison{What: what + ": CPU of relay and database", Unit: "µs/row", Goal: bench.ForScale}))
	}
	rows := rowsOfTransaction * s.transactions
	for range s.rounds {
		for _, share := range turns {
			i := slices.Index(shares, share)
			off := s.applyConflicts(t, unchecked, rows, 0, "unchecked")
			on := s.applyConflicts(t, checked, rows, share, fmt.Sprint("conflicts-", share))
			speeds[i].Add(on.speed, off.speed, load(t))
			costs[i].Add(on.cost, off.cost, load(t))
		}
	}
}

// appliedRows is how many rows a millisecond were applied, and how many microseconds of processors one took.
type appliedRows struct{ speed, cost float64 }

// applyConflicts has region b apply rows of a's, so many percent of which it has written itself before.
func (s settings) applyConflicts(t *testing.T, octant string, rows, share int, name string) appliedRows {
	t.Helper()
	ctx := envtest.Context(t, 10*time.Minute)
	bed, err := testenv.Start(ctx, testenv.Options{Regions: 2, Octant: octant, Schema: conflictSchema, Relaxed: true})
	if err != nil {
		t.Fatal(err)
	}
	defer bed.Close(context.WithoutCancel(ctx)) //nolint:errcheck // the unchecked relay has nothing to say at its end
	bed.Network.Isolate("a", testenv.Cut)
	a, b := bed.Region("a").Server.DB(), bed.Region("b").Server.DB()
	for from := 0; from < rows; from += rowsPerStatement {
		if share > 0 {
			mustExec(t, ctx, b, insertRows("b", from, rowsPerStatement*share/100))
		}
		mustExec(t, ctx, a, insertRows("a", from, rowsPerStatement))
	}
	mustExec(t, ctx, a, "INSERT INTO app.done VALUES (1)")
	relayB, err := bed.Region("b").Relay.Open(testenv.AdminUser, bed.Password)
	if err != nil {
		t.Fatal(err)
	}
	defer relayB.Close()
	asks := func(query string) func() (bool, error) {
		return func() (bool, error) {
			var yes bool
			err := relayB.QueryRowContext(ctx, query).Scan(&yes)
			return yes, err
		}
	}
	await(t, ctx, "what b has written is known", asks("SELECT capture_caught_up = 1 AND merged_lsn = capture_lsn FROM octant.status"))
	mustExec(t, ctx, relayB, "STOP SLAVE")
	bed.Network.Heal()
	await(t, ctx, "everything is received", asks(fmt.Sprintf("SELECT received_seq > %d FROM octant.peers", rows/rowsPerStatement)))
	// Region a has a machine of its own elsewhere: here it would take b's processors while it writes the versions of its rows to disk, and drops them again as b has them.
	if err := bed.Region("a").Relay.Kill(); err != nil {
		t.Fatal(err)
	}
	relayPID, serverPID := bed.Region("b").Relay.PID(), serverPID(t, filepath.Join(bed.Dir, "b", "db"))
	profile := s.profile(t, bed.Region("b").Relay, name)
	began, used := time.Now(), cpuSeconds(t, relayPID)+cpuSeconds(t, serverPID)
	mustExec(t, ctx, relayB, "START SLAVE")
	await(t, ctx, "the last row is applied", func() (bool, error) {
		var n int
		err := b.QueryRowContext(ctx, "SELECT COUNT(*) FROM app.done").Scan(&n)
		return n > 0, err
	})
	took := time.Since(began)
	used = cpuSeconds(t, relayPID) + cpuSeconds(t, serverPID) - used
	s.finish(t, bed.Region("b").Relay, profile, name)
	return appliedRows{speed: float64(rows) / float64(took.Milliseconds()), cost: used / float64(rows) * 1e6}
}

func insertRows(v string, from, n int) string {
	var text strings.Builder
	text.WriteString("INSERT INTO app.t VALUES ")
	for i := range n {
		if i > 0 {
			text.WriteByte(',')
		}
		fmt.Fprintf(&text, "(%d,'%s',%d,'some text that rows have')", from+i, v, i)
	}
	return text.String()
}

// passes are what is changed in the engine's sources so that it lets every change pass.
var passes = []testenv.Edit{
	{
		File: "conflict/plan.go",
		Old:  "func (e *Engine) decide(p *Plan) error {\n",
		New: `func (e *Engine) decide(p *Plan) error {
	for i := range p.batch {
		for j := range p.batch[i].Changes {
			c := &p.batch[i].Changes[j]
			p.Writes = append(p.Writes, Write{Key: c.Key, Before: c.Before, After: c.After, Expect: expectation(Shown{}, c)})
		}
	}
	p.straight = len(p.Writes) // the log is compared with the writes all the same
	return nil
}

func (e *Engine) decideChecked(p *Plan) error {
`,
	},
	without("capture.go", "(e *Engine) localChange(v *view, t *Transaction, c *Change) (stands bool, err error)", "false, nil"),
	without("capture.go", "(e *Engine) carryChange(v *view, t *Transaction, c *Change, landed *Landed) error", "nil"),
	without("capture.go", "(e *Engine) Wrote(c *Change, landed *Landed) error", "nil"),
	without("capture.go", "(e *Engine) compareOne(k Key, row Row) error", "nil"),
	without("intent.go", "(m *plainMerge) take(t *Transaction, c *Change) (bool, error)", "true, nil"),
}

// without makes a method return before it has done anything.
func without(file, method, results string) testenv.Edit {
	head := "func " + method + " {\n"
	return testenv.Edit{File: "conflict/" + file, Old: head, New: head + "\tif true {\n\t\treturn " + results + "\n\t}\n"}
}

// buildUnchecked builds a relay without conflict checks.
func buildUnchecked(t *testing.T) string {
	t.Helper()
	path, err := testenv.BuildChanged(t.Context(), t.TempDir(), passes...)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
