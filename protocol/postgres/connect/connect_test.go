package connect_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/pgtest"
	"github.com/octant-db/octant/relay"
)

func open(t *testing.T, c connect.Config) (*connect.Conn, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	conn, err := connect.Open(ctx, c, nil)
	if err == nil {
		t.Cleanup(conn.End)
	}
	return conn, err
}

func config(s *pgtest.Server) connect.Config {
	return connect.Config{Addr: s.Addr(), Database: pgtest.Database, User: pgtest.User, Password: pgtest.Password}
}

// TestPinnedSettings: whatever the server and the role are set to, texts have one form.
func TestPinnedSettings(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, "")
	s.Exec(t, `ALTER ROLE octant SET datestyle = 'SQL, DMY'; ALTER ROLE octant SET intervalstyle = 'iso_8601'; ALTER ROLE octant SET bytea_output = 'escape';
ALTER ROLE octant SET timezone = 'Asia/Kolkata'; ALTER ROLE octant SET extra_float_digits = 0; ALTER ROLE octant SET statement_timeout = 1`)
	c, err := open(t, config(s))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	rows, err := c.Query(ctx, "look", `SELECT '2024-02-03'::date, '2024-02-03 04:05:06+00'::timestamptz, '1 day 2 hours'::interval, '\x00'::bytea, 0.1::float8 + 0.2,
 pg_catalog.pg_sleep(0.01) IS NULL, $1::text, $2::text`, nil, "it's")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2024-02-03", "2024-02-03 04:05:06+00", "1 day 02:00:00", `\x00`, "0.30000000000000004", "f", "", "it's"}
	for i, w := range want {
		if got := string(rows[0][i]); got != w {
			t.Errorf("column %d: %s, want %s", i, got, w)
		}
	}
	if rows[0][6] != nil {
		t.Error("NULL comes back as a text")
	}
}

// TestErrors: what is told of what the server says, and what helps.
func TestErrors(t *testing.T) {
	s := pgtest.Start(t, pgtest.Oldest(t))
	s.Prepare(t, "CREATE TABLE t (id int PRIMARY KEY)")
	c, err := open(t, config(s))
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	for sql, want := range map[string]string{
		"SELECT 'hunter2'::int":                                  "22P02; its text is left out",
		"INSERT INTO app.t VALUES (77), (77)":                    "unique constraint",
		"SELECT 1 FROM app.missing":                              "does not exist",
		"DO $$ BEGIN RAISE EXCEPTION 'hunter2'; END $$":          "P0001; its text is left out",
		"SET lock_timeout = 1; LOCK TABLE app.t; SELECT hunter2": "hunter2", // a name, not a value
	} {
		err := c.Run(ctx, "try", sql)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "77") || relay.Retryable(err) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	if err := c.Run(ctx, "end", "SELECT pg_terminate_backend(pg_backend_pid())"); !relay.Retryable(err) {
		t.Errorf("a session that was ended: %v", err)
	}
	wrong := config(s)
	wrong.Password = "wr0ng"
	if _, err := open(t, wrong); !connect.Is(err, "28P01") || strings.Contains(err.Error(), "wr0ng") || relay.Retryable(err) {
		t.Errorf("a wrong password: %v", err)
	}
	var lost *connect.LostError
	wrong.Addr = "127.0.0.1:1"
	if _, err := open(t, wrong); !errors.As(err, &lost) || !relay.Retryable(err) {
		t.Errorf("no server: %v", err)
	}
}

// TestTLS: the certificate is believed if it should be, and there is no way back to plain text.
func TestTLS(t *testing.T) {
	cert, key := certificate(t)
	s := pgtest.Start(t, pgtest.Oldest(t), "ssl=on", "ssl_cert_file="+cert, "ssl_key_file="+key)
	s.Prepare(t, "")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if offers, err := connect.OffersTLS(ctx, s.Addr()); !offers || err != nil {
		t.Errorf("the server offers TLS: %v, %v", offers, err)
	}
	text, err := os.ReadFile(cert)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	c := config(s)
	c.TLS = &tls.Config{RootCAs: pool}
	conn, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(ctx, "look", "SELECT ssl FROM pg_catalog.pg_stat_ssl WHERE pid = pg_catalog.pg_backend_pid()")
	if err != nil || string(rows[0][0]) != "t" {
		t.Errorf("the session has TLS: %s, %v", rows, err)
	}
	c.TLS = &tls.Config{RootCAs: x509.NewCertPool()}
	if _, err := open(t, c); err == nil {
		t.Error("a certificate of nobody is believed")
	}
	plain := pgtest.Start(t, pgtest.Oldest(t))
	plain.Prepare(t, "")
	c = config(plain)
	c.TLS = &tls.Config{InsecureSkipVerify: true}
	if _, err := open(t, c); err == nil {
		t.Error("without TLS on the server the session is in plain text")
	}
}

// certificate makes one for 127.0.0.1 and returns the paths of it and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}
