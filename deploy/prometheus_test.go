package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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

// prometheus is a server that scrapes relays every second.
type prometheus struct {
	t    *testing.T
	ctx  context.Context
	site string
}

func startPrometheus(t *testing.T, relays []*testenv.Region) *prometheus {
	t.Helper()
	program, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("SKIPPED: there is no prometheus; make engines installs it (Debian package prometheus)")
	}
	var targets []string
	for _, r := range relays {
		targets = append(targets, `"`+r.Relay.HTTPAddr()+`"`)
	}
	alerts, err := filepath.Abs(rules)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, filepath.Join(dir, "prometheus.yml"), fmt.Sprintf(`global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%q]
scrape_configs: [{job_name: octant, static_configs: [{targets: [%s]}]}]
`, alerts, strings.Join(targets, ", ")))
	port, err := testenv.ReservePort()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+port.Addr(), "--log.level=error")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = port.Release()
	})
	return &prometheus{t, envtest.Context(t, 2*time.Minute), "http://" + port.Addr()}
}

// ask puts the answer's data into what is given.
func (p *prometheus) ask(path string, into any) error {
	request, err := http.NewRequestWithContext(p.ctx, http.MethodGet, p.site+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data := struct {
		Error string
		Data  any
	}{Data: into}
	if err := json.NewDecoder(answer.Body).Decode(&data); err != nil {
		return err
	}
	if data.Error != "" {
		return fmt.Errorf("prometheus: %s", data.Error)
	}
	return nil
}

// series is one of an answer, by its labels.
type series map[string]string

// series asks until there is an answer that is not empty.
func (p *prometheus) series(expression string) []series {
	p.t.Helper()
	again := time.NewTicker(200 * time.Millisecond)
	defer again.Stop()
	for {
		var answer struct{ Result []struct{ Metric series } }
		err := p.ask("/api/v1/query?query="+url.QueryEscape(expression), &answer)
		if err == nil && len(answer.Result) > 0 {
			var list []series
			for _, r := range answer.Result {
				list = append(list, r.Metric)
			}
			return list
		}
		select {
		case <-again.C:
		case <-p.ctx.Done():
			p.t.Fatalf("there is no answer to %s: %v", expression, err)
		}
	}
}

// scraped has a Prometheus scrape real relays, and asks it what the board asks.
func scraped(t *testing.T, bed *testenv.Bed) {
	p := startPrometheus(t, bed.Regions)
	disagree(p.ctx, t, bed)
	p.series(`octant_conflicts_total{kind!=""}`)
	chosen := strings.NewReplacer("$region", ".+", "$__rate_interval", "10s")
	for _, panel := range readBoard(t).Panels {
		for _, q := range panel.Targets {
			list := p.series(chosen.Replace(q.Expr))
			for _, l := range regexp.MustCompile(`\{\{(\w+)\}\}`).FindAllStringSubmatch(q.LegendFormat, -1) {
				if !slices.ContainsFunc(list, func(s series) bool { return s[l[1]] != "" }) {
					t.Errorf("panel %q: nothing has the label %s of the legend: %v", panel.Title, l[1], list)
				}
			}
			if len(panel.Transformations) > 0 && panel.Transformations[0].ID == "groupingToMatrix" {
				requireMatrix(t, p, panel, chosen.Replace(q.Expr), len(bed.Regions))
			}
		}
	}
	p.requireRules()
}

// disagree has both regions write one row while they do not see each other: conflicts are counted by kind once there is one.
func disagree(ctx context.Context, t *testing.T, bed *testenv.Bed) {
	t.Helper()
	bed.Network.Isolate("b", testenv.Cut)
	defer bed.Network.Heal()
	for _, r := range bed.Regions {
		if _, err := r.Server.DB().ExecContext(ctx, "INSERT INTO app.compared VALUES (1)"); err != nil {
			t.Fatal(err)
		}
	}
}

// requireMatrix: every region has a value for every other one, and one only.
func requireMatrix(t *testing.T, p *prometheus, of panel, expression string, regions int) {
	t.Helper()
	o := of.Transformations[0].Options
	p.series(fmt.Sprintf("count(%s) == %d", expression, regions*(regions-1)))
	seen := map[[2]string]bool{}
	for _, s := range p.series(expression) {
		cell := [2]string{s[o.RowField], s[o.ColumnField]}
		if cell[0] == "" || cell[1] == "" || cell[0] == cell[1] || seen[cell] {
			t.Errorf("panel %q: %v is no cell, or there twice", of.Title, s)
		}
		seen[cell] = true
	}
}

// requireRules: every alert has been evaluated over what relays show, and could be.
func (p *prometheus) requireRules() {
	p.t.Helper()
	p.series("min(prometheus_rule_group_iterations_total) > 1 or vector(1)")
	var answer struct {
		Groups []struct {
			Rules []struct{ Name, Health, LastError string }
		}
	}
	if err := p.ask("/api/v1/rules", &answer); err != nil {
		p.t.Fatal(err)
	}
	healthy := 0
	for _, g := range answer.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				p.t.Errorf("alert %s is %s: %s", r.Name, r.Health, r.LastError)
			}
			healthy++
		}
	}
	if healthy < 20 {
		p.t.Errorf("there are only %d alerts", healthy)
	}
}
