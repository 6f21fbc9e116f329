package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/config"
	"github.com/octant-db/octant/relay"
)

// TestEverySampleConfigurationLoads puts each sample beside the password files that it names, and reads it as a relay would.
func TestEverySampleConfigurationLoads(t *testing.T) {
	t.Setenv("OCTANT_DB_PASSWORD", "sesame")
	for name, flavour := range map[string]relay.Flavour{
		"mariadb": "mariadb", "mysql": "mysql", "postgres": "postgres",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := config.Load(install(t, filepath.Join("config", name+".toml")))
			if err != nil {
				t.Fatal(err)
			}
			if c.Database.Flavour != flavour || len(c.Peers) != 2 || len(c.Users) != 3 {
				t.Errorf("got %v, %d peers, %d users", c, len(c.Peers), len(c.Users))
			}
			if !c.Database.Tables.Match("app", "orders") || c.Database.Tables.Match("app", "audit_2026") {
				t.Error("it replicates other tables than it says")
			}
		})
	}
}

// TestSampleKeysThatAreCommentedOutAreKnown reads the samples with what they suggest switched on.
func TestSampleKeysThatAreCommentedOutAreKnown(t *testing.T) {
	t.Setenv("OCTANT_DB_PASSWORD", "sesame")
	samples, err := filepath.Glob("config/*.toml")
	if err != nil || len(samples) == 0 {
		t.Fatal(samples, err)
	}
	for _, sample := range samples {
		path := install(t, sample)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var on strings.Builder
		for line := range strings.Lines(string(text)) {
			if suggestion, is := strings.CutPrefix(line, "# "); is && (strings.Contains(line, " = ") || strings.HasPrefix(suggestion, "[")) {
				line = suggestion
			}
			on.WriteString(line)
		}
		if on.String() == string(text) {
			t.Errorf("%s suggests nothing", sample)
		}
		write(t, path, on.String())
		if _, err := config.Load(path); err != nil {
			t.Errorf("%s with its suggestions: %v", sample, err)
		}
	}
}

// install copies a sample into a folder with the files that it names.
func install(t *testing.T, sample string) string {
	t.Helper()
	dir := t.TempDir()
	text, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "a.toml")
	write(t, path, string(text))
	for _, user := range []string{"peer", "look", "ops"} {
		write(t, filepath.Join(dir, user+".pw"), "open "+user+"\n")
	}
	write(t, filepath.Join(dir, "a.log-key"), strings.Repeat("6f", 32)+"\n")
	return path
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
