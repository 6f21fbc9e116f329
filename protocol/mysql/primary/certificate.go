package primary

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"github.com/octant-db/octant/internal/durable"
)

// Certificates says where the server's certificate is.
type Certificates struct {
	Cert, Key string // PEM files; "": one that the relay makes for itself and keeps in Dir
	ClientCA  string // PEM file with the authorities whose client certificates are believed; "": none are
	Dir       string // where the relay keeps its own certificate
}

// The files of the certificate that a relay makes for itself. Replicas can be given the third one as SOURCE_PUBLIC_KEY_PATH.
const (
	ownCert      = "relay-cert.pem"
	ownKey       = "relay-key.pem"
	ownPublicKey = "relay-public-key.pem"
)

// ownValidity is how long a certificate is good that nobody renews.
const ownValidity = 100 * 365 * 24 * time.Hour

// TLSConfig makes what Config.TLS wants. A certificate that was named is read again for every connection if the file changed, so
// that it can be renewed while the relay runs.
func TLSConfig(c Certificates) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.ClientCA != "" {
		pool, err := clientCAs(c.ClientCA)
		if err != nil {
			return nil, err
		}
		cfg.ClientCAs, cfg.ClientAuth = pool, tls.VerifyClientCertIfGiven
	}
	if (c.Cert == "") != (c.Key == "") {
		return nil, errors.New("load the server's certificate: certificate and key must both be named, or neither")
	}
	if c.Cert == "" {
		pair, err := ownPair(c.Dir)
		cfg.Certificates = []tls.Certificate{pair}
		return cfg, err
	}
	f := &renewable{cert: c.Cert, key: c.Key}
	pair, err := f.load()
	if err != nil {
		return nil, err
	}
	cfg.Certificates = []tls.Certificate{*pair}
	cfg.GetConfigForClient = f.configFor(cfg)
	return cfg, nil
}

func clientCAs(file string) (*x509.CertPool, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("load client authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, fmt.Errorf("load client authorities: %s holds no certificate", file)
	}
	return pool, nil
}

// ownPair reads the relay's own certificate, or makes it.
func ownPair(dir string) (tls.Certificate, error) {
	cert, key := filepath.Join(dir, ownCert), filepath.Join(dir, ownKey)
	pair, err := tls.LoadX509KeyPair(cert, key)
	if !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			err = fmt.Errorf("load the relay's own certificate: %w; remove %s and %s to have a new one made", err, cert, key)
		}
		return pair, err
	}
	if err := makeOwn(dir); err != nil {
		return pair, fmt.Errorf("make the relay's own certificate: %w", err)
	}
	return tls.LoadX509KeyPair(cert, key)
}

// LoadLoginKey returns the RSA key that the relay keeps in a directory for itself, and makes it if it is not there, for Config.LoginKey. Its
// public half is in relay-public-key.pem, for replicas that want to have it beforehand.
func LoadLoginKey(dir string) (*rsa.PrivateKey, error) {
	pair, err := ownPair(dir)
	if err != nil {
		return nil, err
	}
	key, ok := pair.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("load the login key: %s in %s is no RSA key", ownKey, dir)
	}
	return key, nil
}

// makeOwn writes key and certificate, the certificate last. The key is an RSA one because caching_sha2_password without TLS
// encrypts the password with it.
func makeOwn(dir string) error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	der, err := selfSign(key)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return errors.Join(
		writePEM(filepath.Join(dir, ownKey), "PRIVATE KEY", secret, 0o600),
		writePEM(filepath.Join(dir, ownPublicKey), "PUBLIC KEY", public, 0o644),
		writePEM(filepath.Join(dir, ownCert), "CERTIFICATE", der, 0o644),
	)
}

func selfSign(key *rsa.PrivateKey) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Octant relay"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(ownValidity),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if name, err := os.Hostname(); err == nil {
		template.DNSNames = []string{name}
	}
	return x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
}

// writePEM writes a file whole or not at all.
func writePEM(file, kind string, der []byte, mode fs.FileMode) error {
	return durable.Replace(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}
