package config_test

import (
	"crypto/tls"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/internal/config"
)

// loadIn loads the complete configuration with the data folder.
func loadIn(t *testing.T, dir string) (*config.Config, error) {
	t.Helper()
	return load(t, strings.Replace(complete, "/var/lib/octant/a", dir, 1))
}

func TestSourceFile(t *testing.T) {
	dir := t.TempDir()
	c, err := loadIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	d := c.Database
	d.Address, d.User, d.Password = "[::1]:3307", "o ct@nt", `a"b\c`
	d.TLS = config.TLS{Mode: config.TLSVerify, CA: "/etc/ca.pem", Cert: "/etc/cert.pem", Key: "/etc/key.pem"}
	if err := c.SetSource(d); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, config.SourceFile)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
	again, err := loadIn(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	got := again.Database
	if got.Address != d.Address || got.User != d.User || got.Password != d.Password || got.TLS != d.TLS || got.Override != path {
		t.Errorf("read %+v, written %+v", got, d)
	}
	if !got.Tables.Match("app", "x") || got.Tables.Match("other", "x") || again.Configured.Address != "127.0.0.1:3306" {
		t.Error("what the file does not say is not as configured")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	back := again.Configured
	if err := again.SetSource(back); err != nil || again.Database.Override != "" {
		t.Fatalf("%v, %q", err, again.Database.Override)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the configuration's own database leaves the file: %v", err)
	}
	if err := again.SetSource(back); err != nil {
		t.Errorf("without a file to remove: %v", err)
	}
}

// The password is never in the file where it need not be: it is the configuration's, or stands elsewhere, or is enciphered with the log's key.
func TestSourcePassword(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, config.SourceFile)
	elsewhere := filepath.Join(t.TempDir(), "db2.pw")
	if err := os.WriteFile(elsewhere, []byte("from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("OCTANT_TEST_DB2", "from-the-environment")
	tests := []struct{ given, password, inFile string }{
		{"", "", ""}, // not named
		{"env:OCTANT_TEST_DB2", "from-the-environment", "env:OCTANT_TEST_DB2"},
		{"file:" + elsewhere, "from-a-file", "file:" + elsewhere},
		{"s3cret in person", "s3cret in person", "password_sealed"},
	}
	for _, test := range tests {
		c, err := loadIn(t, dir)
		if err != nil {
			t.Fatal(err)
		}
		want, d := string(c.Configured.Password), c.Configured
		d.Address = "db2.example:3307"
		if test.given != "" {
			want = test.password
			if d.Password, d.PasswordFrom, err = config.PasswordOf(test.given); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.SetSource(d); err != nil {
			t.Fatal(err)
		}
		again, err := loadIn(t, dir)
		if err != nil || string(again.Database.Password) != want || again.Database.Address != d.Address {
			t.Errorf("%q: read %q at %s, want %q: %v", test.given, string(again.Database.Password), again.Database.Address, want, err)
		}
		text, err := os.ReadFile(path)
		if err != nil || strings.Contains(string(text), want) || !strings.Contains(string(text), test.inFile) {
			t.Errorf("%q: the file is\n%s%v", test.given, text, err)
		}
	}
	if _, err := load(t, strings.Replace(strings.Replace(complete, "/var/lib/octant/a", dir, 1), `"6f70`, `"6f71`, 1)); err == nil ||
		!strings.Contains(err.Error(), "region.log_key") {
		t.Errorf("with another key: %v", err)
	}
	for _, given := range []string{"file:db.pw", "env:OCTANT_TEST_NOT_SET"} {
		if _, _, err := config.PasswordOf(given); err == nil {
			t.Errorf("%s is taken", given)
		}
	}
}

func TestCertificatesStartAtTheConfiguration(t *testing.T) {
	path := write(t, strings.Replace(minimal, `"mysql://octant@db.example"`, `"mysql://octant@db.example", tls = "verify", tls_ca = "ca/all.pem"`, 1))
	t.Chdir(filepath.Dir(path))
	for _, from := range []string{path, filepath.Base(path)} {
		c, err := config.Load(from)
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(filepath.Dir(path), "ca", "all.pem"); c.Database.TLS.CA != want {
			t.Errorf("%s, want %s", c.Database.TLS.CA, want)
		}
	}
}

func TestBrokenSourceFile(t *testing.T) {
	for text, want := range map[string]string{
		"url = ":                     "not valid TOML",
		"url = 'x'\npassword = 's3'": "url is not of the form",
		"url = 'mariadb://u@h:0/'\ntls = 'off'\npassword = 's3'":   "not an address",
		"url = 'mariadb://u@h:3306/'\ntls = 'maybe'":               "source.tls",
		"url = 'oracle://u@h:3306/'\ntls = 'off'\npassword = 's3'": "unknown scheme",
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, config.SourceFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := loadIn(t, dir)
		var problems *config.Error
		if !errors.As(err, &problems) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3") || !strings.Contains(err.Error(), "source.toml") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestTLSOfClients(t *testing.T) {
	off, err := config.TLS{Mode: config.TLSOff}.Config("h:1")
	if off != nil || err != nil {
		t.Errorf("off: %v %v", off, err)
	}
	for mode, skips := range map[config.TLSMode]bool{config.TLSPreferred: true, config.TLSRequired: true, config.TLSVerify: false} {
		c, err := config.TLS{Mode: mode}.Config("db.example:3306")
		if err != nil || c.InsecureSkipVerify != skips || c.ServerName != "db.example" || c.MinVersion != tls.VersionTLS12 {
			t.Errorf("%s: %+v %v", mode, c, err)
		}
	}
	for name, bad := range map[string]config.TLS{
		"no authority":   {Mode: config.TLSVerify, CA: "/nowhere/ca.pem"},
		"no certificate": {Mode: config.TLSVerify, Cert: "/nowhere/cert.pem", Key: "/nowhere/key.pem"},
	} {
		if _, err := bad.Config("h:1"); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := (config.TLS{Mode: config.TLSRequired}).Config("/run/socket"); err == nil {
		t.Error("no host and port: no error")
	}
}
