package primary_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

// authority signs certificates for a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t *testing.T, dir string) *authority {
	t.Helper()
	pair := selfSigned(t)
	a := &authority{cert: pair.Leaf, key: pair.PrivateKey.(*ecdsa.PrivateKey), file: filepath.Join(dir, "ca.pem")}
	writePEM(t, a.file, "CERTIFICATE", pair.Certificate[0])
	return a
}

func (a *authority) sign(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"relay"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// files writes a certificate and its key.
func (a *authority) files(t *testing.T, dir, name string) (cert, key string) {
	t.Helper()
	pair := a.sign(t, name)
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writePEM(t, cert, "CERTIFICATE", pair.Certificate[0])
	writePEM(t, key, "PRIVATE KEY", der)
	return cert, key
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}

func withTLS(cfg *tls.Config) client.Option {
	return func(c *client.Conn) error {
		c.SetTLSConfig(cfg)
		return nil
	}
}

// Users who must come over TLS or with a certificate are refused without, in the words of a wrong password.
func TestUsersThatNeedMore(t *testing.T) {
	dir := t.TempDir()
	ca, stranger := newAuthority(t, dir), newAuthority(t, t.TempDir())
	cert, key := ca.files(t, dir, "relay")
	cfg, err := primary.TLSConfig(primary.Certificates{Cert: cert, Key: key, ClientCA: ca.file})
	if err != nil {
		t.Fatal(err)
	}
	read := []string{primary.RoleRead}
	s := startServer(t, func(c *primary.Config) {
		c.TLS = cfg
		c.Users = []primary.User{
			{Name: "plain", Password: password, Roles: read},
			{Name: "tls", Password: password, Roles: read, RequireTLS: true},
			{Name: "cert", Password: password, Roles: read, RequireCertificate: true, Plugin: "caching_sha2_password"},
			{Name: "named", Password: password, Roles: read, CertificateName: "replica-7"},
		}
	})
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	over := func(certificates ...tls.Certificate) client.Option {
		return withTLS(&tls.Config{RootCAs: roots, ServerName: "relay", Certificates: certificates})
	}
	tests := []struct {
		how     string
		option  client.Option
		welcome string
	}{
		{"no TLS", func(*client.Conn) error { return nil }, "plain"},
		{"TLS", over(), "plain tls"},
		{"certificate", over(ca.sign(t, "someone")), "plain tls cert"},
		{"certificate with the name", over(ca.sign(t, "replica-7")), "plain tls cert named"},
		{"certificate of nobody", over(stranger.sign(t, "replica-7")), ""},
	}
	for _, test := range tests {
		for _, user := range []string{"plain", "tls", "cert", "named"} {
			r, err := dialRaw(s.addr, user, password, test.option)
			if err == nil {
				_, err = r.conn.Execute("SELECT VERSION()")
				r.close()
			}
			if welcome := strings.Contains(" "+test.welcome+" ", " "+user+" "); welcome != (err == nil) {
				t.Errorf("%s with %s: %v", user, test.how, err)
			}
		}
	}
}

// The relay makes a certificate once, and a named one is read again when it is renewed.
func TestCertificates(t *testing.T) {
	dir := t.TempDir()
	first, err := primary.TLSConfig(primary.Certificates{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	again, err := primary.TLSConfig(primary.Certificates{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := first.Certificates[0].PrivateKey.(*rsa.PrivateKey); !ok || string(first.Certificates[0].Certificate[0]) != string(again.Certificates[0].Certificate[0]) {
		t.Error("the relay's own certificate is not kept, or not for RSA")
	}
	info, err := os.Stat(filepath.Join(dir, "relay-key.pem"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key file: %v %v", info, err)
	}

	ca := newAuthority(t, dir)
	cert, key := ca.files(t, dir, "one")
	cfg, err := primary.TLSConfig(primary.Certificates{Cert: cert, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	name := func() string {
		t.Helper()
		now, err := cfg.GetConfigForClient(nil)
		if err != nil {
			t.Fatal(err)
		}
		leaf, err := x509.ParseCertificate(now.Certificates[0].Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		return leaf.Subject.CommonName
	}
	if got := name(); got != "one" {
		t.Errorf("serves %s", got)
	}
	ca.files(t, dir, "two")
	later := time.Now().Add(time.Hour)
	if err := errors.Join(os.Chtimes(cert, later, later), os.Chtimes(key, later, later)); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "two" {
		t.Errorf("serves %s after a renewal", got)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if got := name(); got != "two" {
		t.Errorf("serves %s without a key file", got)
	}
	for _, c := range []primary.Certificates{{Cert: cert}, {Cert: cert, Key: key}, {Dir: dir, ClientCA: key}, {Dir: filepath.Join(dir, "nowhere")}} {
		if _, err := primary.TLSConfig(c); err == nil {
			t.Errorf("%+v is accepted", c)
		}
	}
}

func TestUserHasTooManyConnections(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.Users[0].MaxConnections = 2 })
	a, b := mustDial(t, s.addr, "repl", password), mustDial(t, s.addr, "repl", password)
	_ = b
	_, err := dialRaw(s.addr, "repl", password)
	var e *mysql.MyError
	if !errors.As(err, &e) || e.Code != mysql.ER_TOO_MANY_USER_CONNECTIONS {
		t.Errorf("third connection: %v", err)
	}
	mustDial(t, s.addr, "admin", password)
	a.close()
	waitFor(t, "room", func() (bool, error) {
		r, err := dialRaw(s.addr, "repl", password)
		if err == nil {
			r.close()
		}
		return err == nil, nil
	})
}

// Whoever has not logged in takes no room from those who can.
func TestStrangersDoNotFillTheServer(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.MaxConnections = 4 })
	for range 2 {
		silent, err := dialSilent(s.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
	}
	waitFor(t, "strangers", func() (bool, error) { return len(s.Connections()) == 2, nil })
	if _, err := dialRaw(s.addr, "repl", password); err == nil || !strings.Contains(err.Error(), "Too many connections") {
		t.Errorf("third stranger: %v", err)
	}
	for _, c := range s.Connections() {
		if c.Command != "Connect" || c.User != "unauthenticated user" {
			t.Errorf("shown as %+v", c)
		}
	}
}

// A second dump is refused when the memory for dumps is used up, and welcome when the first has gone.
func TestMemoryLimit(t *testing.T) {
	b := &bed{source: startSource(t), relayServer: startServer(t, func(c *primary.Config) { c.MaxMemory = 1 << 20 })}
	b.capture(t)
	execute(t, b.source, "CREATE DATABASE app")
	b.waitCaptured(t)
	req := request{file: "mariadb-bin.000001", offset: 4, flags: 2}
	first := mustDial(t, b.addr, "repl", password)
	if err := req.send(first); err != nil {
		t.Fatal(err)
	}
	if _, err := first.next(); err != nil {
		t.Fatal(err)
	}
	second := mustDial(t, b.addr, "repl", password)
	if err := req.send(second); err != nil {
		t.Fatal(err)
	}
	if e := refusal(t, second); e.Code != mysql.ER_OUT_OF_RESOURCES {
		t.Errorf("second dump: %v", e)
	}
	greedy := mustDial(t, b.addr, "admin", password)
	if _, err := greedy.conn.Execute("SELECT '" + strings.Repeat("x", 2<<20) + "'"); err == nil {
		t.Error("a statement of 2 MiB was read")
	}
	first.close()
	waitFor(t, "room", func() (bool, error) {
		again := mustDial(t, b.addr, "repl", password)
		if err := req.send(again); err != nil {
			return false, err
		}
		_, err := again.next()
		return err == nil, nil
	})
}
