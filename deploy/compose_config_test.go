package deploy_test

import (
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestGrafanaFindsBoardAndDataSource: what is mounted is where the provisioning looks, and the data source is a service of the bed.
func TestGrafanaFindsBoardAndDataSource(t *testing.T) {
	bed := readFile(t, "../docker-compose.yml")
	_, grafana, _ := strings.Cut(bed, "\n  grafana:\n")
	grafana, _, _ = strings.Cut(grafana, "\n\n")
	folder := regexp.MustCompile(`path: (\S+)`).FindStringSubmatch(readFile(t, "grafana/provisioning/dashboards/octant.yml"))
	host := regexp.MustCompile(`url: http://([a-z]+):9090`).FindStringSubmatch(readFile(t, "grafana/provisioning/datasources/prometheus.yml"))
	if folder == nil || host == nil {
		t.Fatal("the provisioning names no folder or no data source")
	}
	for _, want := range []string{
		"profiles: [grafana]", "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro", "./deploy/" + boardFile + ":" + folder[1] + "/octant.json:ro", "networks: [watch]",
	} {
		if !strings.Contains(grafana, want) {
			t.Errorf("service grafana lacks %s", want)
		}
	}
	_, scraper, _ := strings.Cut(bed, "\n  "+host[1]+":\n")
	scraper, _, _ = strings.Cut(scraper, "\n\n")
	if !strings.Contains(scraper, "networks: [watch]") {
		t.Errorf("Grafana does not reach %s", host[1])
	}
}

// TestComposeFileIsUnderstood has Docker Compose read the file. That the bed works is shown by make compose-test.
func TestComposeFileIsUnderstood(t *testing.T) {
	program, err := exec.LookPath("docker-compose")
	if err != nil {
		t.Skip("SKIPPED: there is no docker-compose; make engines installs it (Debian package docker-compose)")
	}
	out, err := exec.CommandContext(t.Context(), program, "-f", "../docker-compose.yml", "--profile", "grafana", "config", "--services").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	services := []string{"load", "prometheus", "grafana"}
	for _, region := range strings.Split("abcdefgh", "") {
		services = append(services, "db-"+region, "relay-"+region)
	}
	for _, service := range services {
		if !slices.Contains(strings.Fields(string(out)), service) {
			t.Errorf("there is no service %s", service)
		}
	}
}

// TestScriptsOfTheBedAreUnderstood has shells read the scripts without running them.
func TestScriptsOfTheBedAreUnderstood(t *testing.T) {
	for script, shell := range map[string]string{"database": "sh", "relay": "sh", "ready": "bash", "test": "bash"} {
		if out, err := exec.CommandContext(t.Context(), shell, "-n", filepath.Join("compose", script)).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", script, err, out)
		}
	}
}
