package primary_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/primary"
)

func sorted(set string) string {
	list := strings.Split(set, ",")
	slices.Sort(list)
	return strings.Join(list, ",")
}

func TestLogin(t *testing.T) {
	s := startServer(t, nil)
	tests := []struct {
		user, password string
		ok             bool
	}{
		{"repl", password, true}, {"sha2", password, true}, {"repl", "wrong", false}, {"sha2", "wrong", false},
		{"nobody", password, false}, {"nobody", "", false}, {"empty", "", false}, {"repl", "", false},
	}
	for _, test := range tests {
		r, err := dialRaw(s.addr, test.user, test.password)
		if test.ok {
			if err != nil {
				t.Errorf("%s: %v", test.user, err)
				continue
			}
			r.close()
			continue
		}
		var e *mysql.MyError
		if !errors.As(err, &e) || e.Code != mysql.ER_ACCESS_DENIED_ERROR || e.State != "28000" {
			t.Errorf("%s with %q: %v", test.user, test.password, err)
		}
	}
}

// A host that guesses hears of each failure later, and gets no further connections while many of its guesses wait. Others are served.
func TestGuessesAreSlowedDown(t *testing.T) {
	var guesses sync.WaitGroup
	t.Cleanup(guesses.Wait) // when the server has let them go
	s := startServer(t, nil)
	known := mustDial(t, s.addr, "repl", password)
	guess := func() error {
		r, err := dialRaw(s.addr, "repl", "wrong")
		if err == nil {
			r.close()
		}
		return err
	}
	for range 3 {
		if err := guess(); err == nil {
			t.Fatal("a wrong password is good")
		}
	}
	begin := time.Now()
	if err := guess(); err == nil || time.Since(begin) < 200*time.Millisecond {
		t.Errorf("the fourth guess was answered after %v: %v", time.Since(begin), err)
	}
	blocked := func(err error) bool {
		var e *mysql.MyError
		return errors.As(err, &e) && e.Code == mysql.ER_HOST_IS_BLOCKED
	}
	refused, enough := make(chan struct{}), make(chan struct{})
	defer close(enough)
	for range 20 { // more than may wait, all the time: each goes on as long as its guesses are taken
		guesses.Go(func() {
			for ended := false; !ended; {
				if !blocked(guess()) {
					ended = ready(enough)
					continue
				}
				select {
				case refused <- struct{}{}:
				case <-enough:
					ended = true
				}
			}
		})
	}
	waitFor(t, "a refusal without a guess", func() (bool, error) {
		if !ready(refused) { // else many guesses wait
			return false, nil
		}
		r, err := dialRaw(s.addr, "repl", password)
		if err == nil { // and the host's failures are forgotten
			r.close()
		}
		return blocked(err), nil
	})
	if _, err := known.conn.Execute("SELECT UNIX_TIMESTAMP()"); err != nil {
		t.Errorf("who is there already is not served: %v", err)
	}
}

// ready tells whether a channel is closed or has something.
func ready(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestTLS(t *testing.T) {
	certificate := selfSigned(t)
	s := startServer(t, func(c *primary.Config) { c.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}} })
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	for _, user := range []string{"repl", "sha2"} {
		r := mustDial(t, s.addr, user, password, func(c *client.Conn) error {
			c.SetTLSConfig(&tls.Config{RootCAs: roots, ServerName: "relay"})
			return nil
		})
		if _, err := r.conn.Execute("SELECT UNIX_TIMESTAMP()"); err != nil {
			t.Errorf("%s: %v", user, err)
		}
	}
	mustDial(t, s.addr, "repl", password) // TLS is offered, not demanded
}

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "relay"}, DNSNames: []string{"relay"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestTooManyConnections(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.MaxConnections = 1 })
	first := mustDial(t, s.addr, "repl", password)
	_, err := dialRaw(s.addr, "repl", password)
	if err == nil || !strings.Contains(err.Error(), "Too many connections") {
		t.Errorf("second connection: %v", err)
	}
	first.close()
	waitFor(t, "room", func() (bool, error) {
		r, err := dialRaw(s.addr, "repl", password)
		if err == nil {
			r.close()
		}
		return err == nil, nil
	})
}

// Whoever says nothing or nonsense is put out, and nobody else notices.
func TestNonsenseAtTheDoor(t *testing.T) {
	s := startServer(t, func(c *primary.Config) { c.LoginTimeout = 300 * time.Millisecond })
	var good *raw
	waitFor(t, "a login in time", func() (bool, error) { // which a busy machine may not have at once
		var err error
		good, err = dialRaw(s.addr, "repl", password)
		return err == nil, nil
	})
	t.Cleanup(good.close)
	for _, bytes := range [][]byte{nil, {0, 0, 0, 1}, {1, 0, 0, 1, 0}, []byte("GET / HTTP/1.1\r\n\r\n"), make([]byte, 100<<10), {0xff, 0xff, 0xff, 1, 1}} {
		nc, err := net.Dial("tcp", s.addr)
		if err != nil {
			t.Fatal(err)
		}
		nc.Write(bytes) // the server may have closed already
		nc.SetReadDeadline(time.Now().Add(2 * time.Minute))
		b := make([]byte, 4096)
		for err == nil {
			_, err = nc.Read(b)
		}
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			t.Errorf("%.20x: still connected", bytes)
		}
		nc.Close()
	}
	if _, err := good.conn.Execute("SELECT UNIX_TIMESTAMP()"); err != nil {
		t.Error(err)
	}
	good.nc.Write([]byte{0, 0, 0, 0}) // an empty command
	if _, err := good.conn.Execute("SELECT UNIX_TIMESTAMP()"); err == nil {
		t.Error("an empty command was survived")
	}
}
