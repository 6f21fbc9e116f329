package replicas_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv/envtest"
)

// certificate is a relay's, made by an authority of its own that replicas are told to believe.
type certificate struct {
	file, keyFile string // the relay's
	authority     string // the authority's certificate
}

func newCertificate(t *testing.T) certificate {
	t.Helper()
	dir := envtest.Dir(t)
	template := func(serial int64, name string) *x509.Certificate {
		return &x509.Certificate{
			SerialNumber: big.NewInt(serial),
			Subject:      pkix.Name{CommonName: name},
			NotBefore:    time.Now().Add(-time.Hour),
			NotAfter:     time.Now().Add(24 * time.Hour),
		}
	}
	authority := template(1, "authority of a test")
	authority.IsCA, authority.BasicConstraintsValid = true, true
	authority.KeyUsage = x509.KeyUsageCertSign
	authorityKey := newKey(t)
	relay := template(2, "relay")
	relay.KeyUsage = x509.KeyUsageDigitalSignature
	relay.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	relay.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	relayKey := newKey(t)

	c := certificate{file: filepath.Join(dir, "cert.pem"), keyFile: filepath.Join(dir, "key.pem"), authority: filepath.Join(dir, "ca.pem")}
	writePEM(t, c.authority, "CERTIFICATE", sign(t, authority, authority, authorityKey, authorityKey))
	writePEM(t, c.file, "CERTIFICATE", sign(t, relay, authority, relayKey, authorityKey))
	key, err := x509.MarshalPKCS8PrivateKey(relayKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, c.keyFile, "PRIVATE KEY", key)
	return c
}

// newKey makes an RSA key: with it caching_sha2_password can do without TLS.
func newKey(t *testing.T) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, c, parent *x509.Certificate, key, parentKey *rsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, parentKey)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
