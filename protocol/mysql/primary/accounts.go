package primary

import (
	"crypto/rand"
	"slices"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
)

// accounts knows the users and slows down who guesses.
type accounts struct {
	users    map[string]User
	nobody   string // a password that nobody has
	throttle *throttle
}

func newAccounts(users []User, now func() time.Time) *accounts {
	a := &accounts{users: map[string]User{}, nobody: rand.Text(), throttle: newThrottle(now)}
	for _, u := range users {
		u.Roles = slices.Clone(u.Roles)
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
		c.AuthPluginName = mysql.AUTH_NATIVE_PASSWORD
	}
	return c
}
