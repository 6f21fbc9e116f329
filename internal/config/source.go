package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/octant-db/octant/internal/durable"
)

// SourceFile is the file in the data folder in which CHANGE MASTER TO leaves another database than the configuration's.
const SourceFile = "source.toml"

// sourceFile is what stands in it: keys of [database].
type sourceFile struct {
	URL      string  `toml:"url"`
	Password *string `toml:"password,omitempty"`
	Sealed   string  `toml:"password_sealed,omitempty"`
	TLS      string  `toml:"tls"`
	CA       string  `toml:"tls_ca"`
	Cert     string  `toml:"tls_cert"`
	Key      string  `toml:"tls_key"`
}

const sourceHead = `# Written by CHANGE MASTER TO. It stands in place of the keys of [database] in the configuration.
# Remove it to go back to those, while the relay does not run.
`

func (c *Config) sourcePath() string { return filepath.Join(c.Region.DataDir, SourceFile) }

// override puts the database of the source file, if there is one, in place of the configured one.
func (c *Config) override() error {
	c.Configured = c.Database
	path := c.sourcePath()
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return &Error{Path: path, Problems: []string{readProblem(err)}}
	}
	var f sourceFile
	if _, err := toml.Decode(string(text), &f); err != nil {
		return &Error{Path: path, Problems: []string{tomlProblem(err)}}
	}
	check := &checker{}
	d := check.source(f, c.Database)
	if err := f.password(c, &d); err != nil {
		check.addf("%v", err)
	}
	if len(check.problems) > 0 {
		return &Error{Path: path, Problems: check.problems}
	}
	d.Override = path
	c.Database = d
	return nil
}

// source reads the file into a copy of the configured database.
func (c *checker) source(f sourceFile, d Database) Database {
	u, err := url.Parse(f.URL)
	if err != nil || u.Host == "" {
		c.addf("url is not of the form mariadb://user@host:3306/")
		return d
	}
	d.Flavour = c.scheme(u.Scheme)
	if d.Flavour == Postgres {
		d.Name = strings.Trim(u.Path, "/")
	}
	d.Address, d.User = c.databaseAddress(u), u.User.Username()
	d.TLS = c.tls("source", f.TLS, f.CA, f.Cert, f.Key)
	return d
}

// SetSource makes the database the one that the relay works with from now on, and after a restart: it is written to the source file,
// whole or not at all. The configuration's own one needs no file, and removes it.
func (c *Config) SetSource(d Database) error {
	path := c.sourcePath()
	if d.reached() == c.Configured.reached() {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove the source file: %w", err)
		}
		d.Override = ""
		c.Database = d
		if err := durable.Sync(c.Region.DataDir); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	u := url.URL{Scheme: string(d.Flavour), User: url.User(d.User), Host: d.Address, Path: "/" + d.Name}
	text := bytes.NewBufferString(sourceHead)
	f := sourceFile{URL: u.String(), TLS: string(d.TLS.Mode), CA: d.TLS.CA, Cert: d.TLS.Cert, Key: d.TLS.Key}
	err := f.setPassword(c, d)
	if err == nil {
		err = toml.NewEncoder(text).Encode(f)
	}
	if err == nil {
		err = durable.Replace(path, text.Bytes(), 0o600)
	}
	if err != nil {
		return fmt.Errorf("write the source file: %w", err)
	}
	d.Override = path
	c.Database = d
	return nil
}

// reached is all that says how the database is reached.
func (d Database) reached() [4]any { return [4]any{d.Address, d.User, d.Password, d.TLS} }
