package primary

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"fmt"
	"sync"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
)

// doors makes the library's part of a login, which greets clients with the database's version.
type doors struct {
	cfg       Config
	dialect   dialect
	passwords *again

	mu      sync.Mutex
	loginBy *rsa.PrivateKey // nil: no user needs it
	version string          // that open greets with
	open    *server.Server
}

// key makes sure that there is a key if one is needed. It is for caching_sha2_password without TLS: clients encrypt the password with its
// public half.
func (d *doors) key() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.loginBy = d.cfg.LoginKey; d.loginBy == nil {
		d.loginBy = certificateKey(d.cfg.TLS)
	}
	needed := d.dialect.plugin() == mysql.AUTH_CACHING_SHA2_PASSWORD
	for _, u := range d.cfg.Users {
		needed = needed || u.Plugin == mysql.AUTH_CACHING_SHA2_PASSWORD
	}
	if !needed || d.loginBy != nil {
		return nil
	}
	var err error
	if d.loginBy, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return fmt.Errorf("make login key: %w", err)
	}
	return nil
}

// greet returns what greets with a version. It is the same as long as the version is: it remembers who has logged in.
func (d *doors) greet(version string) *server.Server {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open == nil || d.version != version {
		d.version = version
		d.open = server.NewServerWithAuth(d.dialect.greeting(version), mysql.DEFAULT_COLLATION_ID, d.dialect.plugin(), d.loginBy, d.cfg.TLS, d.passwords)
	}
	return d.open
}

// certificateKey returns the key of the server's own certificate, if it is good for passwords too.
func certificateKey(c *tls.Config) *rsa.PrivateKey {
	if c == nil || len(c.Certificates) == 0 {
		return nil
	}
	key, _ := c.Certificates[0].PrivateKey.(*rsa.PrivateKey)
	return key
}
