package primary

import (
	"crypto/rand"
	"crypto/tls"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"

	"github.com/octant-db/octant/internal/throttle"
)

// accounts knows the users, counts their connections, and slows down who guesses.
type accounts struct {
	users    map[string]User
	plugin   string // of users who name none
	nobody   string // a password that nobody has
	throttle *throttle.Throttle

	mu          sync.Mutex
	connections map[string]int // logged in, by user
}

func newAccounts(users []User, plugin string, now func() time.Time) *accounts {
	a := &accounts{
		users: map[string]User{}, plugin: plugin, nobody: rand.Text(), throttle: throttle.New(now), connections: map[string]int{},
	}
	for _, u := range users {
		u.Roles = slices.Clone(u.Roles)
		if u.Plugin == "" {
			u.Plugin = plugin
		}
		a.users[u.Name] = u
	}
	return a
}

// credential returns what the library compares the client's answer with. Users who do not exist or have no password get one
// that nobody knows: the error must not tell them from those who mistyped.
func (a *accounts) credential(name string) server.Credential {
	u := a.users[name]
	c := server.Credential{Passwords: []string{u.Password}, AuthPluginName: u.Plugin}
	if u.Password == "" {
		c.Passwords[0] = a.nobody
	}
	if c.AuthPluginName == "" {
		c.AuthPluginName = a.plugin
	}
	return c
}

// admit lets a user in whose password was right, if the connection is as the user's must be and there is room for it. Who is let in
// must be let go with leave.
func (a *accounts) admit(name, host string, nc net.Conn) error {
	u := a.users[name]
	if !secureEnough(u, nc) {
		return mysql.NewDefaultError(mysql.ER_ACCESS_DENIED_ERROR, name, host, mysql.MySQLErrName[mysql.ER_YES])
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if u.MaxConnections > 0 && a.connections[name] >= u.MaxConnections {
		return mysql.NewDefaultError(mysql.ER_TOO_MANY_USER_CONNECTIONS, name)
	}
	a.connections[name]++
	return nil
}

func (a *accounts) leave(name string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.connections[name]--; a.connections[name] <= 0 {
		delete(a.connections, name)
	}
}

// secureEnough tells whether a connection has the encryption and the certificate that the user must come with. The server's
// configuration has verified the certificate, if the client showed one.
func secureEnough(u User, nc net.Conn) bool {
	if !u.RequireTLS && !u.RequireCertificate && u.CertificateName == "" {
		return true
	}
	secure, ok := nc.(*tls.Conn)
	if !ok {
		return false
	}
	if !u.RequireCertificate && u.CertificateName == "" {
		return true
	}
	chains := secure.ConnectionState().VerifiedChains
	return len(chains) > 0 && (u.CertificateName == "" || chains[0][0].Subject.CommonName == u.CertificateName)
}
