package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/internal/config"
)

const complete = `
[region]
cluster = "shop"
name = "a"
id = 1
data_dir = "/var/lib/octant/a"
log_key = "6f70656e2d736573616d652d6f70656e2d736573616d652d6f70656e2d736573"

[database]
url = "mariadb://octant@127.0.0.1:3306/"
password = "env:TEST_DB_PASSWORD"
include = ["app.*"]
exclude = ["app.audit_*"]

[listen]
mysql = "127.0.0.1:4001"
http  = "127.0.0.1:9101"

[[user]]
name = "peer"
password = "file:peer.pw"
roles = ["replicate"]

[[user]]
name = "ops"
password = "sesame"
roles = ["read", "admin"]

[[peer]]
region = "b"
address = "10.0.2.5:4001"
user = "peer"
password = "file:peer.pw"

[[rule]]
tables = ["app.orders"]
policy = "lww"

[retention]
bytes = "500MB"
age = "2d"

[apply]
lanes = 8
lock_wait = "2s"

[pressure]
free = "2GiB"
memory = "0"

[clock]
warn = "1s"
stop = "30s"

[verify]
every = "1d"
window = "23:30-05:00"
rate = 50000
patience = "30s"
tables = ["app.orders", "app.*"]

[[webhook]]
url = "https://ops.example/x?t=1"
secret = "s3cret"
events = ["dead_letter", "drift"]

[log]
level = "debug"
format = "json"
`

// write puts the text and the password file that it names into a new folder.
func write(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "octant.toml")
	for name, content := range map[string]string{"octant.toml": text, "peer.pw": "open\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func load(t *testing.T, text string) (*config.Config, error) {
	t.Helper()
	t.Setenv("TEST_DB_PASSWORD", "hunter2")
	return config.Load(write(t, text))
}

func TestLoadComplete(t *testing.T) {
	c, err := load(t, complete)
	if err != nil {
		t.Fatal(err)
	}
	checks := []struct {
		what      string
		got, want any
	}{
		{"cluster", c.Region.Cluster, "shop"},
		{"id", int(c.Region.ID), 1},
		{"log key", string(c.Region.LogKey), "open-sesame-open-sesame-open-ses"},
		{"database address", c.Database.Address, "127.0.0.1:3306"},
		{"database user", c.Database.User, "octant"},
		{"password from the environment", string(c.Database.Password), "hunter2"},
		{"password from a file", string(c.Users[0].Password), "open"},
		{"password in the file", string(c.Users[1].Password), "sesame"},
		{"peer", c.Peers[0].Relay().Address, "10.0.2.5:4001"},
		{"peer password", c.Peers[0].Relay().Password, "open"},
		{"bytes", c.Retention.Bytes, int64(500_000_000)},
		{"age", c.Retention.Age, 48 * time.Hour},
		{"lanes", c.Apply.Lanes, 8},
		{"pressure free", c.Pressure.Free, int64(2 << 30)},
		{"pressure memory", c.Pressure.Memory, int64(0)},
		{"lock wait", c.Apply.LockWait, 2 * time.Second},
		{"clock warn", c.Clock.Warn, time.Second},
		{"clock stop", c.Clock.Stop, 30 * time.Second},
		{"verify every", c.Verify.Every, 24 * time.Hour},
		{"verify from", c.Verify.From, 23*time.Hour + 30*time.Minute},
		{"verify to", c.Verify.To, 5 * time.Hour},
		{"verify patience", c.Verify.Patience, 30 * time.Second},
		{"verify tables", len(c.Verify.Tables), 2},
		{"level", c.Log.Level, slog.LevelDebug},
		{"format", c.Log.Format, "json"},
		{"policy", c.Rules.Of("app", "orders").Policy, "lww"},
		{"included", c.Database.Tables.Match("app", "orders"), true},
		{"excluded", c.Database.Tables.Match("app", "audit_2026"), false},
		{"hello", c.Hello().Name, "a"},
	}
	for _, check := range checks {
		if check.got != check.want {
			t.Errorf("%s: got %v, want %v", check.what, check.got, check.want)
		}
	}
}

const minimal = `
region = {cluster = "shop", name = "a", id = 64, data_dir = "data"}
database = {url = "mysql://octant@db.example"}
listen = {mysql = "[::1]:4001", http = ":9101"}
`

func TestDefaults(t *testing.T) {
	c, err := load(t, minimal)
	if err != nil {
		t.Fatal(err)
	}
	if c.Database.Address != "db.example:3306" || c.Database.Flavour != "mysql" {
		t.Errorf("database: %v %v", c.Database.Flavour, c.Database.Address)
	}
	if c.Retention.Age != 7*24*time.Hour || c.Retention.Bytes != 10<<30 || c.Apply.Lanes != 4 {
		t.Errorf("defaults: %+v %+v", c.Retention, c.Apply)
	}
	if c.Pressure.Free != 1<<30 || c.Pressure.Memory != 1<<30 {
		t.Errorf("defaults: %+v", c.Pressure)
	}
	if !c.Database.Tables.Match("any", "thing") || c.Database.Tables.Match("octant", "applied") {
		t.Error("without include, every table but the system's should be replicated")
	}
}

func TestProblems(t *testing.T) {
	for _, test := range problemCases {
		t.Run(test.name, func(t *testing.T) {
			text := strings.Replace(complete, test.old, test.new, 1)
			if text == complete {
				t.Fatal("the case changes nothing")
			}
			_, err := load(t, text)
			var problems *config.Error
			if !errors.As(err, &problems) {
				t.Fatalf("got %v", err)
			}
			if len(problems.Problems) != 1 || !strings.Contains(problems.Problems[0], test.want) {
				t.Errorf("got %q, want one with %q", problems.Problems, test.want)
			}
		})
	}
}

var problemCases = []struct{ name, old, new, want string }{
	{"verify window", `"23:30-05:00"`, `"23:30"`, "verify.window"},
	{"verify window of no length", `"23:30-05:00"`, `"05:00-05:00"`, "verify.window"},
	{"verify rate", "rate = 50000", "rate = -1", "verify.rate"},
	{"verify tables", `["app.orders", "app.*"]`, `["orders"]`, "verify.tables"},
	{"unknown key", `id = 1`, "id = 1\nzone = \"x\"", `line 6: unknown key region.zone`},
	{"unknown key in a list", `roles = ["read", "admin"]`, "roles = [\"read\"]\ngroup = \"x\"", `line 28: unknown key user.group`},
	{"unknown table", "[log]", "[nonsense]\nlevel = \"x\"\n[log]", `unknown key nonsense`},
	{"not TOML", `id = 1`, `id = `, "line 5"},
	{"wrong type", `id = 1`, `id = "one"`, `line 5: a value of the wrong type (key "region.id")`},
	{"unset variable", "env:TEST_DB_PASSWORD", "env:TEST_UNSET_VARIABLE", "database.password: the environment variable TEST_UNSET_VARIABLE is not set"},
	{"missing file", `"file:peer.pw"`, `"file:missing.pw"`, "user[1].password: "},
	{"folder for a file", `"file:peer.pw"`, `"file:."`, "not a small regular file"},
	{"no cluster", `cluster = "shop"`, ``, "region.cluster is missing"},
	{"bad region name", `name = "a"`, `name = "Europe West"`, "region.name"},
	{"id too large", `id = 1`, `id = 65`, "region.id is 65"},
	{"short key", `"6f70656e2d`, `"`, "region.log_key is not a key of 64 hexadecimal digits"},
	{"no key", `"6f70656e2d`, `"hunter2`, "region.log_key is not"},
	{"no data_dir", `data_dir = "/var/lib/octant/a"`, ``, "region.data_dir"},
	{"postgres", "mariadb://octant@127.0.0.1:3306/", "postgres://octant@127.0.0.1", "postgres://user@host:5432/database"},
	{"replicas of MariaDB", "[retention]", "[replicas]\nexclude = [\"app.docs\"]\n[retention]", "replicas.exclude is for relays of PostgreSQL"},
	{"strange scheme", "mariadb://", "oracle://", `unknown scheme "oracle"`},
	{"no database user", "octant@127.0.0.1", "127.0.0.1", "names no user"},
	{"database in URL", "3306/", "3306/app", "include and exclude"},
	{"two passwords", "octant@127", "octant:x@127", "both hold a password"},
	{"no URL", `url = "mariadb://octant@127.0.0.1:3306/"`, "", "database.url"},
	{"table without schema", `"app.*"`, `"orders"`, "not of the form schema.table"},
	{"listen without port", `"127.0.0.1:4001"`, `"127.0.0.1"`, "listen.mysql"},
	{"same ports", `"127.0.0.1:9101"`, `"127.0.0.1:4001"`, "same address"},
	{"user twice", `name = "ops"`, `name = "peer"`, `already a user "peer"`},
	{"webhook without secret", `secret = "s3cret"`, ``, "webhook[1] has no secret"},
	{"webhook that is no address", `"https://ops.example/x?t=1"`, `"ops.example/t0ken"`, "webhook[1].url is not"},
	{"unknown event", `["dead_letter", "drift"]`, `["deadletter"]`, `unknown event "deadletter"`},
	{"user without password", `password = "sesame"`, ``, "has no password"},
	{"user without roles", `roles = ["replicate"]`, ``, "has no roles"},
	{"unknown role", `"replicate"`, `"root"`, `unknown role "root"`},
	{"peer is self", `region = "b"`, `region = "a"`, "is this region itself"},
	{"peer has own address", `"10.0.2.5:4001"`, `"127.0.0.1:4001"`, "own address"},
	{"peer twice", "[[rule]]", "[[peer]]\nregion = \"b\"\naddress = \"h:1\"\nuser = \"u\"\npassword = \"p\"\n[[rule]]", `already a peer "b"`},
	{"peers with one address", "[[rule]]", "[[peer]]\nregion = \"c\"\naddress = \"10.0.2.5:4001\"\nuser = \"u\"\npassword = \"p\"\n[[rule]]", `same address as peer "b"`},
	{"peer without user", `user = "peer"`, ``, "needs user and password"},
	{"counters as a policy", `policy = "lww"`, `policy = "counter"`, `counters = ["…"]`},
	{"priority of nobody", `policy = "lww"`, `policy = "priority"`, "needs regions"},
	{"priority of strangers", `policy = "lww"`, "policy = \"priority\"\nregions = [\"a\", \"z\"]", `"z" is neither this region nor a peer`},
	{"priority twice", `policy = "lww"`, "policy = \"priority\"\nregions = [\"b\", \"b\"]", `"b" is there twice`},
	{"regions without priority", `policy = "lww"`, "policy = \"merge\"\nregions = [\"b\"]", "regions are for policy priority"},
	{"counters with reject", `policy = "lww"`, "policy = \"reject\"\ncounters = [\"n\"]", "counters are for"},
	{"timestamp with merge", `policy = "lww"`, "policy = \"merge\"\ntimestamp = \"at\"", "timestamp is for"},
	{"counters by timestamp", `policy = "lww"`, "policy = \"lww\"\ncounters = [\"n\"]\ntimestamp = \"at\"", "exclude each other"},
	{"unknown policy", `policy = "lww"`, `policy = "best"`, "unknown policy"},
	{"rule without tables", `tables = ["app.orders"]`, ``, "no tables"},
	{"size", `"500MB"`, `"lots"`, "not a size"},
	{"huge size", `"500MB"`, `"9999999999TiB"`, "not a size"},
	{"zero size", `"500MB"`, `"0"`, "must be more than 0"},
	{"age", `"2d"`, `"soon"`, "not a duration"},
	{"lanes", `lanes = 8`, `lanes = 0`, "apply.lanes"},
	{"stop before warn", `stop = "30s"`, `stop = "1ms"`, "less than clock.warn"},
	{"replicas", `age = "2d"`, "replicas = \"soon\"", "retention.replicas"},
	{"TLS mode", `include = ["app.*"]`, `tls = "yes"`, "database.tls"},
	{"certificates without TLS", `include = ["app.*"]`, `tls_ca = "ca.pem"`, "database.tls is off"},
	{"half a certificate", `include = ["app.*"]`, "tls = \"verify\"\ntls_key = \"key.pem\"", "database.tls_cert and database.tls_key"},
	{"half a server certificate", `http  =`, "tls_cert = \"x.pem\"\nhttp =", "listen.tls_cert and listen.tls_key"},
	{"TLS of peers", "[[rule]]", "[peers]\ntls = \"on\"\n[[rule]]", "peers.tls"},
	{"auth", `password = "sesame"`, "password = \"sesame\"\nauth = \"kerberos\"", `auth "kerberos"`},
	{"certificate of a user", `password = "sesame"`, "password = \"sesame\"\nrequire_certificate = true", "listen.tls_client_ca"},
	{"name of a certificate", `password = "sesame"`, "password = \"sesame\"\ncertificate_name = \"x\"", "require_certificate"},
	{"connections of a user", `password = "sesame"`, "password = \"sesame\"\nmax_connections = -1", "max_connections is -1"},
	{"connections", `http  =`, "max_connections = 0\nhttp =", "listen.max_connections"},
	{"memory", `http  =`, "max_memory = \"0\"\nhttp =", "listen.max_memory"},
	{"log level", `"debug"`, `"chatty"`, "log.level"},
	{"log format", `"json"`, `"xml"`, "log.format"},
}

func TestAllProblemsAtOnce(t *testing.T) {
	_, err := load(t, "[region]\nname = \"A\"\n")
	var problems *config.Error
	if !errors.As(err, &problems) {
		t.Fatal(err)
	}
	for _, want := range []string{"cluster", "region.name", "region.id", "data_dir", "database.url", "listen.mysql", "listen.http"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not mentioned in: %v", want, err)
		}
	}
}

func TestSecretsStayHidden(t *testing.T) {
	c, err := load(t, complete)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", c, "user", c.Users[1], "secret", c.Users[1].Password)
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, printed := range []string{
		log.String(), string(text), c.String(), fmt.Sprintf("%v %+v %#v", c, *c, c.Users), fmt.Sprintf("%v", *c),
	} {
		for _, secret := range []string{"hunter2", "open", "sesame"} {
			if strings.Contains(printed, secret) {
				t.Errorf("%q is shown in %s", secret, printed)
			}
		}
	}
}

func TestErrorsHideSecrets(t *testing.T) {
	for _, text := range []string{
		strings.Replace(complete, `"sesame"`, `"sesame`, 1),
		strings.Replace(complete, `"sesame"`, `["sesame"]`, 1),
		strings.Replace(complete, "octant@127.0.0.1:3306", "octant:sesame@:x y", 1),
	} {
		if _, err := load(t, text); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("got %v", err)
		}
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(complete)
	f.Add(minimal)
	f.Add("[[user]]\nname = 1")
	f.Add("a.b = [{c = \"env:\"}]\n[a]")
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "file:") {
			t.Skip("would read files")
		}
		c, err := config.Load(write(t, text))
		if (c == nil) == (err == nil) {
			t.Fatalf("got %v and %v", c, err)
		}
	})
}
