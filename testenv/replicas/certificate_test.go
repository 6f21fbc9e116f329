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

// certificate is a relay's and a replica's, made by an authority of its own that replicas are told to believe.
type certificate struct {
	file, keyFile string // the relay's
	authority     string // the authority's certificate
	client        string // a replica's, by the same authority
	clientKey     string
}

// replicaName is the common name in a replica's certificate.
const replicaName = "replica of a test"

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

	client := template(3, replicaName)
	client.KeyUsage = x509.KeyUsageDigitalSignature
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	clientKey := newKey(t)

	in := func(name string) string { return filepath.Join(dir, name) }
	c := certificate{file: in("cert.pem"), keyFile: in("key.pem"), authority: in("ca.pem"), client: in("client.pem"), clientKey: in("client-key.pem")}
	writePEM(t, c.authority, "CERTIFICATE", sign(t, authority, authority, authorityKey, authorityKey))
	writePEM(t, c.file, "CERTIFICATE", sign(t, relay, authority, relayKey, authorityKey))
	writePEM(t, c.client, "CERTIFICATE", sign(t, client, authority, clientKey, authorityKey))
	writeKey(t, c.keyFile, relayKey)
	writeKey(t, c.clientKey, clientKey)
	return c
}

func writeKey(t *testing.T, path string, k *rsa.PrivateKey) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, path, "PRIVATE KEY", key)
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
