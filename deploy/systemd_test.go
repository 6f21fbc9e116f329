package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnitIsUnderstood has systemd read the unit with a program that is there in place of octant.
func TestUnitIsUnderstood(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("SKIPPED: there is no systemd-analyze on this machine")
	}
	text, err := os.ReadFile("systemd/octant@.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := strings.Replace(string(text), "/usr/bin/octant run", "/bin/true run", 1)
	path := filepath.Join(t.TempDir(), "octant@.service")
	write(t, path, unit)
	out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", path).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if err != nil || strings.Contains(line, "octant@") {
			t.Errorf("systemd-analyze verify: %v: %s", err, line)
		}
	}
}
