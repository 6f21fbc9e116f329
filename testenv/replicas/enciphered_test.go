package replicas_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// TestRelayLogIsEnciphered looks for a row's value in all files that a relay with a key leaves, and in what it says. Without the key, or with another one, the relay says so
// and does not start; with its own it goes on.
func TestRelayLogIsEnciphered(t *testing.T) {
	const secret = "a value that nobody may read on a stolen disk"
	key := strings.Repeat("6f", 32)
	var dir string
	bed := envtest.Start(t, testenv.Options{
		Regions: 1, Octant: envtest.Octant(t), Relaxed: true, Schema: "CREATE DATABASE app; CREATE TABLE app.t (id INT PRIMARY KEY, v TEXT)",
		Configure: func(c *testenv.RelayConfig) { dir, c.Region.LogKey = c.Region.DataDir, key },
	})
	s := &site{Region: bed.Regions[0], bed: bed}
	run(t, s.Server, "INSERT INTO app.t VALUES (1, ?)", secret)
	waitSame(t, s.admin(t).DB, s.Server.DB(), "SELECT @@gtid_binlog_pos")
	if err := s.Relay.Stop(envtest.Context(t, soon)); err != nil {
		t.Fatal(err)
	}
	requireUntold(t, dir, secret)
	for name, wrong := range map[string]string{"none": "", "another": strings.Repeat("70", 32)} {
		s.startWithKey(t, wrong)
		err := s.Relay.WaitReady(envtest.Context(t, soon), "")
		if err == nil || !strings.Contains(err.Error(), "the key of the relay log is not the one that it was written with") {
			t.Errorf("the relay with the wrong key (%s): %v", name, err)
		}
	}
	s.startWithKey(t, key)
	if err := s.Relay.WaitReady(envtest.Context(t, soon), ""); err != nil {
		t.Fatal(err)
	}
	run(t, s.Server, "INSERT INTO app.t VALUES (2, ?)", secret)
	waitSame(t, s.admin(t).DB, s.Server.DB(), "SELECT @@gtid_binlog_pos")
	if strings.Contains(s.Relay.LogTail(), secret) {
		t.Error("the relay tells a row's value in what it says")
	}
}

// startWithKey starts a relay with another key than before. One that ended by itself is forgotten.
func (s *site) startWithKey(t *testing.T, key string) {
	t.Helper()
	if err := s.Relay.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Relay.Configure(func(c *testenv.RelayConfig) { c.Region.LogKey = key }); err != nil {
		t.Fatal(err)
	}
	if err := s.Relay.Start(); err != nil {
		t.Fatal(err)
	}
}

// requireUntold looks for a text in all files of a folder, of which some must be there.
func requireUntold(t *testing.T, dir, text string) {
	t.Helper()
	size := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		size += len(b)
		if bytes.Contains(b, []byte(text)) {
			t.Errorf("%s tells a row's value", path)
		}
		return err
	})
	if err != nil || size == 0 {
		t.Fatalf("%s has %d bytes: %v", dir, size, err)
	}
}
