package config

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/octant-db/octant/relay"
)

// checker collects what is wrong.
type checker struct{ problems []string }

func (c *checker) addf(format string, args ...any) {
	c.problems = append(c.problems, fmt.Sprintf(format, args...))
}

// check returns the configuration, or every problem of it.
func (f *file) check() (*Config, []string) {
	c := &checker{}
	cfg := &Config{
		Region: c.region(f), Database: c.database(f), Listen: c.listen(f),
		Users: c.users(f), Peers: c.peers(f), Rules: c.rules(f), Replicas: c.replicas(f),
		Retention: c.retention(f), Pressure: c.pressure(f),
		Apply: c.apply(f), Clock: c.clock(f), Log: c.log(f), Verify: c.verify(f), Webhooks: c.webhooks(f),
		PeerTLS: c.tls("peers", f.PeerTLS.TLS, f.PeerTLS.TLSCA, f.PeerTLS.TLSCert, f.PeerTLS.TLSKey),
	}
	if len(c.problems) > 0 {
		return nil, c.problems
	}
	cfg.origin = &origin{file: f}
	return cfg, nil
}

// replicas reads what stock replicas see. Only those of another engine can be shown less than the database's log has.
func (c *checker) replicas(f *file) Replicas {
	if len(f.Replicas.Exclude) > 0 && !strings.HasPrefix(f.Database.URL, "postgres") {
		c.addf("replicas.exclude is for relays of PostgreSQL: the log of other databases is served as it is")
	}
	if _, err := NewTables(nil, f.Replicas.Exclude); err != nil {
		c.addf("replicas.%v", err)
	}
	tables, err := NewTables(f.Database.Include, slices.Concat(f.Database.Exclude, f.Replicas.Exclude))
	if err != nil {
		return Replicas{} // which was said
	}
	return Replicas{Tables: tables}
}

// ddl reads what becomes of definitions.
func (c *checker) ddl(word string) bool {
	if word != "replicate" && word != "report" {
		c.addf("database.ddl: %q is neither \"replicate\" nor \"report\"", word)
	}
	return word == "replicate"
}

var namePattern = regexp.MustCompile(`^[a-z0-9-]{1,16}$`)

func (c *checker) name(key, name string) {
	if !namePattern.MatchString(name) {
		c.addf("%s: %q is not a region's name: 1 to 16 of a-z, 0-9 and -", key, name)
	}
}

func (c *checker) region(f *file) Region {
	r := f.Region
	if r.Cluster == "" {
		c.addf("region.cluster is missing: choose one name for the whole cluster, the same in every region")
	}
	c.name("region.name", r.Name)
	if r.ID < 1 || r.ID > relay.MaxRegions {
		c.addf("region.id is %d: give each region its own number from 1 to %d", r.ID, relay.MaxRegions)
		r.ID = 0
	}
	if r.DataDir == "" {
		c.addf("region.data_dir is missing: name a folder for the relay's log")
	}
	return Region{Cluster: r.Cluster, Name: r.Name, ID: relay.Region(r.ID), DataDir: r.DataDir, LogKey: c.key("region.log_key", r.LogKey)}
}

// keySize is the size of a key in bytes: AES-256's.
const keySize = 32

// key reads a key in hexadecimal digits.
func (c *checker) key(name, digits string) Secret {
	key, err := hex.DecodeString(digits)
	if err != nil || len(key) != 0 && len(key) != keySize {
		c.addf("%s is not a key of %d hexadecimal digits: make one with openssl rand -hex %d", name, 2*keySize, keySize)
	}
	return Secret(key)
}

func (c *checker) database(f *file) Database {
	d := Database{Flavour: "mariadb", Password: Secret(f.Database.Password), SemiSync: f.Database.SemiSync, CarryDDL: c.ddl(f.Database.DDL)}
	d.TLS = c.tls("database", f.Database.TLS, f.Database.TLSCA, f.Database.TLSCert, f.Database.TLSKey)
	tables, err := NewTables(f.Database.Include, f.Database.Exclude)
	if err != nil {
		c.addf("database.%v", err)
	}
	d.Tables = tables
	u, err := url.Parse(f.Database.URL)
	if err != nil || u.Host == "" {
		c.addf("database.url is not of the form mariadb://user@host:3306/") // it may hold a password: not shown
		return d
	}
	d.Flavour = c.scheme(u.Scheme)
	d.Address = c.databaseAddress(u)
	d.User = c.credentials(u, &d)
	if d.Flavour == Postgres {
		if d.Name = strings.Trim(u.Path, "/"); d.Name == "" || u.RawQuery != "" || u.Fragment != "" {
			c.addf("database.url is not of the form postgres://user@host:5432/database: a region of PostgreSQL is one database")
		}
		return d
	}
	d.Tables.SkipShadows = true
	if (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		c.addf("database.url ends after the port: which schemas and tables are replicated is said by include and exclude")
	}
	return d
}

// Postgres is the flavour of PostgreSQL.
const Postgres relay.Flavour = "postgres"

// scheme returns the flavour that a URL names. For mysql the server itself says which of the two it is.
func (c *checker) scheme(scheme string) relay.Flavour {
	switch scheme {
	case "mariadb", "mysql":
		return relay.Flavour(scheme)
	case "postgres", "postgresql":
		return Postgres
	default:
		c.addf("database.url: unknown scheme %q: write mariadb://user@host:3306/ or postgres://user@host:5432/database", scheme)
	}
	return "mariadb"
}

func (c *checker) databaseAddress(u *url.URL) string {
	port := u.Port()
	switch {
	case port != "":
	case u.Scheme == "postgres", u.Scheme == "postgresql":
		port = "5432"
	default:
		port = "3306"
	}
	address := net.JoinHostPort(u.Hostname(), port)
	c.address("database.url", address)
	return address
}

func (c *checker) credentials(u *url.URL, d *Database) string {
	if u.User.Username() == "" {
		c.addf("database.url names no user: write mariadb://user@host:3306/")
	}
	password, inURL := u.User.Password()
	switch {
	case inURL && d.Password != "":
		c.addf("database.password and database.url both hold a password: keep the one in database.password")
	case inURL:
		d.Password = Secret(password)
	}
	return u.User.Username()
}

func (c *checker) listen(f *file) Listen {
	c.address("listen.mysql", f.Listen.MySQL)
	c.address("listen.http", f.Listen.HTTP)
	if f.Listen.MySQL != "" && f.Listen.MySQL == f.Listen.HTTP {
		c.addf("listen.mysql and listen.http are the same address: give each its own port")
	}
	c.pair("listen", f.Listen.TLSCert, f.Listen.TLSKey)
	return Listen{
		MySQL: f.Listen.MySQL, HTTP: f.Listen.HTTP,
		TLSCert: f.Listen.TLSCert, TLSKey: f.Listen.TLSKey, TLSClientCA: f.Listen.TLSClientCA,
		MaxConnections: c.count("listen.max_connections", f.Listen.MaxConnections), MaxMemory: c.size("listen.max_memory", f.Listen.MaxMemory),
		LoginTimeout: c.duration("listen.login_timeout", f.Listen.LoginTimeout),
		WriteTimeout: c.duration("listen.write_timeout", f.Listen.WriteTimeout),
	}
}

// maxCount bounds numbers of connections: above it stands a mistake.
const maxCount = 100_000

func (c *checker) count(key string, n int64) int {
	if n < 1 || n > maxCount {
		c.addf("%s is %d: choose 1 to %d", key, n, maxCount)
	}
	return int(n)
}

func (c *checker) retention(f *file) Retention {
	r := Retention{Bytes: c.size("retention.bytes", f.Retention.Bytes), Age: c.duration("retention.age", f.Retention.Age), MinFree: c.size("retention.min_free", f.Retention.MinFree)}
	if f.Retention.Replicas != "0" { // only while they are connected
		r.Replicas = c.duration("retention.replicas", f.Retention.Replicas)
	}
	return r
}

func (c *checker) pressure(f *file) (p Pressure) {
	if f.Pressure.Free != "0" {
		p.Free = c.size("pressure.free", f.Pressure.Free)
	}
	if f.Pressure.Memory != "0" {
		p.Memory = c.size("pressure.memory", f.Pressure.Memory)
	}
	return p
}

func (c *checker) address(key, address string) {
	_, port, err := net.SplitHostPort(address)
	n, numErr := strconv.Atoi(port)
	if err != nil || numErr != nil || n < 1 || n > 65535 {
		c.addf("%s: %q is not an address of the form host:port", key, address)
	}
}

func (c *checker) apply(f *file) Apply {
	const maxLanes = 64
	if f.Apply.Lanes < 1 || f.Apply.Lanes > maxLanes {
		c.addf("apply.lanes is %d: choose 1 to %d connections", f.Apply.Lanes, maxLanes)
	}
	return Apply{Lanes: int(f.Apply.Lanes), LockWait: c.duration("apply.lock_wait", f.Apply.LockWait)}
}

func (c *checker) clock(f *file) Clock {
	k := Clock{Warn: c.duration("clock.warn", f.Clock.Warn), Stop: c.duration("clock.stop", f.Clock.Stop)}
	if k.Stop < k.Warn {
		c.addf("clock.stop (%v) is less than clock.warn (%v)", k.Stop, k.Warn)
	}
	return k
}

func (c *checker) log(f *file) Log {
	var l Log
	if err := l.Level.UnmarshalText([]byte(f.Log.Level)); err != nil {
		c.addf("log.level: %q is not one of debug, info, warn, error", f.Log.Level)
	}
	if l.Format = f.Log.Format; l.Format != "text" && l.Format != "json" {
		c.addf("log.format: %q is not one of text, json", l.Format)
	}
	return l
}

func (c *checker) size(key, s string) int64 {
	n, err := parseSize(s)
	c.positive(key, n > 0, err)
	return n
}

func (c *checker) duration(key, s string) time.Duration {
	d, err := parseDuration(s)
	c.positive(key, d > 0, err)
	return d
}

func (c *checker) positive(key string, ok bool, err error) {
	switch {
	case err != nil:
		c.addf("%s: %v", key, err)
	case !ok:
		c.addf("%s must be more than 0", key)
	}
}
