package deploy_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestComposeFileIsUnderstood has Docker Compose read the file. That the bed works is shown by make compose-test.
func TestComposeFileIsUnderstood(t *testing.T) {
	program, err := exec.LookPath("docker-compose")
	if err != nil {
		t.Skip("SKIPPED: there is no docker-compose on this machine")
	}
	out, err := exec.CommandContext(t.Context(), program, "-f", "../docker-compose.yml", "--profile", "grafana", "config", "--services").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, region := range strings.Split("abcdefgh", "") {
		for _, service := range []string{"db-" + region, "relay-" + region} {
			if !strings.Contains(string(out), service+"\n") {
				t.Errorf("there is no service %s", service)
			}
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
