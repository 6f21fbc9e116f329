package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/config"
)

func peerNames(c *config.Config) string {
	var list []string
	for _, p := range c.Peers {
		list = append(list, p.Region+" "+p.Address+" "+p.User)
	}
	return strings.Join(list, "; ")
}

// TestPeersFile: what SQL changes is there after the next start, without a password, and can be changed back.
func TestPeersFile(t *testing.T) {
	dir := t.TempDir()
	again := func() *config.Config {
		t.Helper()
		c, err := loadIn(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := again()
	for _, wrong := range [][3]string{{"b", "10.0.9.9:1", ""}, {"a", "10.0.9.9:1", ""}, {"d", "nowhere", ""}, {"d", "10.0.9.9:1", "x"}, {"d", "10.0.2.5:4001", ""}} {
		if _, err := c.AddPeer(wrong[0], wrong[1], wrong[2]); err == nil {
			t.Errorf("added %v", wrong)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, config.PeersFile)); err == nil {
		t.Error("what was refused has been written down")
	}
	peers, err := c.AddPeer("d", "10.0.9.9:4001", "b")
	if err != nil || len(peers) != 2 || string(peers[1].Password) != "open" {
		t.Fatalf("%v, %v", peers, err)
	}
	c = again()
	if got := peerNames(c); got != "b 10.0.2.5:4001 peer; d 10.0.9.9:4001 peer" {
		t.Errorf("after a start: %s", got)
	}
	text, err := os.ReadFile(filepath.Join(dir, config.PeersFile))
	if err != nil || strings.Contains(string(text), "open") {
		t.Errorf("%v: the file holds a password: %s", err, text)
	}
	if _, err := c.RemovePeer("b"); err != nil {
		t.Fatal(err)
	}
	if got := peerNames(again()); got != "d 10.0.9.9:4001 peer" {
		t.Errorf("without b: %s", got)
	}
	if _, err := again().AddPeer("b", "10.0.3.3:4001", ""); err != nil {
		t.Fatal(err)
	}
	if got := peerNames(again()); got != "d 10.0.9.9:4001 peer; b 10.0.3.3:4001 peer" {
		t.Errorf("with b elsewhere: %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, config.PeersFile), []byte("[[peer]]\nregion='d'\naddress='10.0.9.9:1'\nlogin_of='gone'"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := loadIn(t, dir); err == nil || !strings.Contains(err.Error(), "gone") {
		t.Errorf("a login of nobody: %v", err)
	}
}

// TestReloadIsRefusedWhole: only peers can be changed while a relay runs.
func TestReloadIsRefusedWhole(t *testing.T) {
	c, err := load(t, complete)
	if err != nil {
		t.Fatal(err)
	}
	for old, want := range map[string]string{"": "", "10.0.2.5:4001": "", `level = "debug"`: "[log] has been changed", `lanes = 8`: "[apply] has been changed", "id = 1": "[region]", "[region]": "unknown"} {
		replaced := map[string]string{"10.0.2.5:4001": "10.0.2.6:4001", `level = "debug"`: `level = "info"`, "lanes = 8": "lanes = 9", "id = 1": "id = 2", "[region]": "[regio]"}[old]
		next, err := c.Reload(write(t, strings.Replace(complete, old, replaced, 1)))
		if want == "" && (err != nil || old != "" && next.Peers[0].Address != replaced) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", old, err, want)
		}
	}
}
