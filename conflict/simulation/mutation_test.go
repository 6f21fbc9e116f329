package simulation_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mutation is one mechanism broken on purpose.
type mutation struct {
	name     string
	file     string // from the repository's root
	old, new string
}

// mutations are the mechanisms that convergence rests on. With any of them broken, TestHistories must fail.
var mutations = []mutation{
	{
		"no tie-break", "relay/version.go",
		"return cmp.Compare(v.Region, w.Region)", "return 0",
	},
	{
		"no tombstones", "conflict/memory.go",
		"_, known := m.rows[k]\n", "if !r.Row.Exists() {\nr.Version.HLC = 0\n}\n_, known := m.rows[k]\n",
	},
	{
		"applied transactions do not raise the clock", "relay/stamp.go",
		"s.HLC = max(s.HLC, c.Mark.HLC)", "",
	},
	{
		"clock not kept above its last value", "relay/stamp.go",
		"s.HLC = max(s.HLC+1, physical(c.Physical))", "s.HLC = physical(c.Physical)",
	},
	{
		"no repair", "conflict/repair.go",
		"if len(p.Writes) == 0 {", "if true {",
	},
	{
		"inversions not seen", "conflict/capture.go",
		"e.repairs.add(k)\n\te.counters.Inversions++", "e.counters.Inversions++",
	},
	{
		"no exactly-once check", "conflict/plan.go",
		"for len(batch) > 0 && batch[0].Seq <= e.planned[batch[0].Origin] {\n\t\tbatch = batch[1:]\n\t}", "e.planned[batch[0].Origin] = batch[0].Seq - 1",
	},
	{
		"the ledger is not read after a restart", "conflict/plan.go",
		"max(applied, e.seen[origin].Seq)", "e.seen[origin].Seq",
	},
	{
		"losers get no mark", "conflict/capture.go",
		"if !mark.Repair() && mark.Range.To > e.seen[mark.Origin].Seq {", "if !mark.Repair() && len(landed.done) > 0 {",
	},
	{
		"all rows of a batch get its highest version", "conflict/capture.go",
		"if err := e.Carry(&carried[i], &landed); err != nil {", "carried[i].HLC = mark.HLC\n\t\tif err := e.Carry(&carried[i], &landed); err != nil {",
	},
	{
		"versions forgotten while rows wait for repair", "conflict/frontier.go",
		"return pending || e.repairs.has(k)", "return pending",
	},
	{
		"the frontier counts what was planned, not what was captured", "conflict/frontier.go",
		"p.waiting[0].Last <= e.seen[r].Seq", "true",
	},
	{
		"rows that nobody asked for are left standing", "conflict/capture.go",
		"right := c.Before", "right := c.After",
	},
	{
		"repairs are numbered anew after a restart", "conflict/engine.go",
		"nonce:   nonce,", "nonce:   nonce & 1,",
	},
}

// TestMutations breaks one mechanism at a time and runs the histories over the broken code.
func TestMutations(t *testing.T) {
	if os.Getenv("OCTANT_MUTANT") != "" {
		t.Skip("this is a mutant")
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mutations {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) { m.mustFail(t, root) })
	}
}

func (m mutation) mustFail(t *testing.T, root string) {
	path := filepath.Join(root, m.file)
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(source), m.old) != 1 {
		t.Fatalf("%s holds the text to break %d times, want once", m.file, strings.Count(string(source), m.old))
	}
	dir := t.TempDir()
	mutant := filepath.Join(dir, "mutant.go")
	write(t, mutant, strings.Replace(string(source), m.old, m.new, 1))
	overlay, err := json.Marshal(map[string]map[string]string{"Replace": {path: mutant}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "overlay.json"), string(overlay))
	cmd := exec.Command("go", "test", "-overlay", filepath.Join(dir, "overlay.json"), "-count=1", "-run=^TestHistories$", ".")
	cmd.Env = append(os.Environ(), "OCTANT_MUTANT=1")
	out, err := cmd.CombinedOutput()
	switch {
	case strings.Contains(string(out), "[build failed]"):
		t.Fatalf("the mutant does not build:\n%s", out)
	case err == nil:
		t.Fatalf("all histories converge although %s: the simulation does not test it", m.name)
	}
	first, _, _ := strings.Cut(strings.TrimSpace(strings.TrimPrefix(string(out), "--- FAIL: TestHistories")), "(replay")
	t.Logf("caught: %s", strings.Join(strings.Fields(first), " "))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
