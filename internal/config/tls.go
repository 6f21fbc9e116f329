package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
)

// TLSMode says how a connection that the relay makes is encrypted.
type TLSMode string

// The modes. Who can be in the middle can undo all but the last.
const (
	TLSOff       TLSMode = "off"
	TLSPreferred TLSMode = "preferred" // if the server offers it
	TLSRequired  TLSMode = "required"  // whoever the server is
	TLSVerify    TLSMode = "verify"    // with a server whose certificate is good, and for its host
)

// TLS is how the relay connects to others. Cert and Key are its own, for servers that ask for one.
type TLS struct {
	Mode          TLSMode
	CA, Cert, Key string // PEM files; no CA: the system's
}

// Config returns what a client needs to connect to the address, nil if the mode is off. preferred is as required: who connects finds out
// whether the server offers TLS.
func (t TLS) Config(address string) (*tls.Config, error) {
	if t.Mode == TLSOff || t.Mode == "" {
		return nil, nil
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("set up TLS: %w", err)
	}
	c := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12, InsecureSkipVerify: t.Mode != TLSVerify}
	if t.CA != "" {
		if c.RootCAs, err = authorities(t.CA); err != nil {
			return nil, fmt.Errorf("load the authorities of TLS: %w", err)
		}
	}
	if t.Cert == "" {
		return c, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("load the certificate of TLS: %w", err)
	}
	c.Certificates = []tls.Certificate{pair}
	return c, nil
}

func authorities(path string) (*x509.CertPool, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New(path + " holds no certificate in PEM")
	}
	return pool, nil
}

// tls checks the keys of a section.
func (c *checker) tls(section, mode, ca, cert, key string) TLS {
	t := TLS{Mode: TLSMode(mode), CA: ca, Cert: cert, Key: key}
	switch t.Mode {
	case TLSOff:
		if ca != "" || cert != "" || key != "" {
			c.addf("%s.tls is off, yet certificates are named: choose required or verify", section)
		}
	case TLSPreferred, TLSRequired, TLSVerify:
	default:
		c.addf("%s.tls: %q is not one of off, preferred, required, verify", section, mode)
	}
	c.pair(section, cert, key)
	return t
}

func (c *checker) pair(section, cert, key string) {
	if (cert == "") != (key == "") {
		c.addf("%s.tls_cert and %s.tls_key belong together: name both or none", section, section)
	}
}
