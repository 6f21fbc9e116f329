package deploy_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

const rules = "prometheus/octant.rules.yml"

// TestEveryMetricExists compares the metrics that rules and board name with what a running relay shows: names and labels. Then it has a Prometheus scrape the relays.
func TestEveryMetricExists(t *testing.T) {
	bed := envtest.Start(t, testenv.Options{
		Regions: 2, Engine: envtest.Engine(t), Octant: envtest.Octant(t), Relaxed: true,
		Schema:    "CREATE DATABASE app; CREATE TABLE app.compared (id INT PRIMARY KEY)",
		Configure: func(c *testenv.RelayConfig) { c.Extra = map[string]any{"verify": map[string]any{"every": "1s"}} },
	})
	ctx := envtest.Context(t, 5*time.Minute)
	// Problems are counted by kind, once there is one: a unique index is not carried.
	for _, statement := range []string{"CREATE TABLE app.t (id INT PRIMARY KEY)", "CREATE UNIQUE INDEX u ON app.t (id)"} {
		if _, err := bed.Regions[0].Server.DB().ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	replica := envtest.Server(t, testenv.ServerOptions{Engine: envtest.Engine(t), ID: 100, Regions: 3, Relaxed: true})
	source := testenv.Source{Addr: bed.Regions[0].Relay.Addr(), User: testenv.PeerUser, Password: bed.Password}
	if err := replica.Follow(ctx, source); err != nil {
		t.Fatal(err)
	}
	shown := metricsWith(ctx, t, bed.Regions[0].Relay, "octant_problems", "octant_verify_differences", "octant_replica_behind_entries")
	for _, from := range []struct {
		name        string
		expressions []string
	}{{rules, ruleExpressions(t)}, {boardFile, readBoard(t).expressions()}} {
		if len(from.expressions) < 10 {
			t.Errorf("%s has only %d expressions", from.name, len(from.expressions))
		}
		for _, e := range from.expressions {
			if err := known(e, shown); err != nil {
				t.Errorf("%s: %v in %s", from.name, err, e)
			}
		}
	}
	for _, err := range unknownInAnnotations(readFile(t, rules), shown) {
		t.Error(err)
	}
	t.Run("Prometheus", func(t *testing.T) { scraped(t, bed) })
}

var (
	sample    = regexp.MustCompile(`(?m)^([a-z_]+)(?:\{([^}]*)\})? `)
	labelName = regexp.MustCompile(`([a-z_]+)="`)
	used      = regexp.MustCompile(`\b((?:octant|process|go)_[a-z_]+)(?:\{([^}]*)\})?`)
	matcher   = regexp.MustCompile(`([a-z_]+)(?:=~|!~|!=|=)"`)
)

// metricsWith scrapes the relay until it shows the metrics that are named.
func metricsWith(ctx context.Context, t *testing.T, r *testenv.Relay, names ...string) map[string][]string {
	t.Helper()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		page, err := r.Get(ctx, "/metrics")
		if err != nil {
			t.Fatal(err)
		}
		shown := labelsByMetric(string(page))
		if !slices.ContainsFunc(names, func(name string) bool { return shown[name] == nil }) {
			return shown
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("not all of %q have come up", names)
		}
	}
}

// labelsByMetric reads the text format of Prometheus as far as names go. The labels job and instance come with every scrape.
func labelsByMetric(page string) map[string][]string {
	shown := map[string][]string{}
	for _, m := range sample.FindAllStringSubmatch(page, -1) {
		labels := []string{"job", "instance"}
		for _, l := range labelName.FindAllStringSubmatch(m[2], -1) {
			labels = append(labels, l[1])
		}
		shown[m[1]] = labels
	}
	return shown
}

// known is an error for the first metric or label of an expression that no relay shows.
func known(expression string, shown map[string][]string) error {
	for _, m := range used.FindAllStringSubmatch(expression, -1) {
		labels, is := shown[m[1]]
		if !is {
			return fmt.Errorf("no metric %s", m[1])
		}
		for _, l := range matcher.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(labels, l[1]) {
				return fmt.Errorf("no label %s of %s", l[1], m[1])
			}
		}
	}
	return nil
}

// unknownInAnnotations are the labels that alerts' texts speak of and that their expressions do not have.
func unknownInAnnotations(text string, shown map[string][]string) (errs []error) {
	for _, alert := range strings.Split(text, "- alert: ")[1:] {
		name, _, _ := strings.Cut(alert, "\n")
		_, expression, _ := strings.Cut(alert, "expr: ")
		expression, _, _ = strings.Cut(expression, "\n")
		var labels []string
		if by := regexp.MustCompile(`by ?\(([^)]*)\)`).FindStringSubmatch(expression); by != nil {
			labels = strings.Split(by[1], ", ")
		} else if m := used.FindStringSubmatch(expression); m != nil {
			labels = shown[m[1]]
		} else {
			labels = []string{"job", "instance"} // of up, which is Prometheus's own
		}
		for _, l := range regexp.MustCompile(`\$labels\.([a-z_]+)`).FindAllStringSubmatch(alert, -1) {
			if !slices.Contains(labels, l[1]) {
				errs = append(errs, fmt.Errorf("alert %s speaks of label %s; it has %q", name, l[1], labels))
			}
		}
	}
	return errs
}

// TestEveryStateIsOneOfARelays looks in the program for the words that rules and board compare labels with: one that no relay says is never true.
func TestEveryStateIsOneOfARelays(t *testing.T) {
	compared := regexp.MustCompile(`\b(state|scope|kind|of|result)=~?\\?"([a-z|_]+)\\?"`).FindAllStringSubmatch(readFile(t, rules)+readFile(t, boardFile), -1)
	if len(compared) < 6 {
		t.Fatalf("only %d words are compared with", len(compared))
	}
	for _, c := range compared {
		for _, word := range strings.Split(c[2], "|") {
			out, err := exec.CommandContext(t.Context(), "grep", "-rlF", "--include=*.go", "--exclude=*_test.go", `"`+word+`"`, "../relay", "../breaker", "../applier", "../protocol").Output()
			if err != nil || len(out) == 0 {
				t.Errorf("no relay says %s=%q", c[1], word)
			}
		}
	}
}

func ruleExpressions(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for line := range strings.Lines(string(text)) {
		if e, is := strings.CutPrefix(strings.TrimSpace(line), "expr: "); is {
			list = append(list, e)
		}
	}
	return list
}

// TestRulesFireAsTheyShould runs the rules' own tests.
func TestRulesFireAsTheyShould(t *testing.T) {
	promtool(t, "check", "config", "prometheus/prometheus.yml")
	promtool(t, "test", "rules", "prometheus/octant.rules.test.yml")
}

// TestEveryAlertIsTested demands that the rules' tests name every alert.
func TestEveryAlertIsTested(t *testing.T) {
	tests, err := os.ReadFile("prometheus/octant.rules.test.yml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(rules)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`alert: (\w+)`).FindAllStringSubmatch(string(text), -1) {
		if !regexp.MustCompile(`\b` + m[1] + `\b`).Match(tests) {
			t.Errorf("alert %s is in no test", m[1])
		}
	}
}

// TestBoardsQueriesAreRight has promtool parse each of them, with values in place of Grafana's variables.
func TestBoardsQueriesAreRight(t *testing.T) {
	variables := strings.NewReplacer("$region", ".+", "$__rate_interval", "1m")
	var b strings.Builder
	b.WriteString("groups:\n- name: board\n  rules:\n")
	for i, e := range readBoard(t).expressions() {
		fmt.Fprintf(&b, "  - record: board:%d\n    expr: '%s'\n", i, strings.ReplaceAll(variables.Replace(e), "'", "''"))
	}
	path := filepath.Join(t.TempDir(), "board.yml")
	write(t, path, b.String())
	promtool(t, "check", "rules", path)
}

func promtool(t *testing.T, args ...string) {
	t.Helper()
	program, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("SKIPPED: there is no promtool; make engines installs it (Debian package prometheus)")
	}
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
