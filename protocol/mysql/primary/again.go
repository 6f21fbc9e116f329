package primary

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"slices"

	"github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/server"
)

// again is the library's way to check passwords, but for clients whose own plugin is not the one of the greeting: these begin with nothing and wait to be
// asked, even if it is the user's plugin that they mean. The library takes that for no password; see send_client_reply_packet and client_mpvio_read_packet in
// sql-common/client.cc of MySQL.
type again struct {
	server.DefaultAuthenticationProvider
	accounts *accounts
}

// Authenticate implements server.AuthenticationProvider.
func (a *again) Authenticate(c *server.Conn, plugin string, answer []byte) error {
	empty := len(answer) == 0 || len(answer) == 1 && answer[0] == 0
	if !empty || plugin != mysql.AUTH_NATIVE_PASSWORD && plugin != mysql.AUTH_CACHING_SHA2_PASSWORD {
		return a.DefaultAuthenticationProvider.Authenticate(c, plugin, answer)
	}
	salt := newSalt()
	request := slices.Concat(make([]byte, 4), []byte{mysql.EOF_HEADER}, []byte(plugin), []byte{0}, salt, []byte{0})
	if err := c.WritePacket(request); err != nil {
		return err
	}
	answer, err := c.ReadPacket()
	switch {
	case err != nil:
		return err
	case len(answer) <= 1:
		return server.ErrAccessDeniedNoPassword
	case !a.matches(c.GetUser(), plugin, salt, answer):
		return server.ErrAccessDenied
	case plugin == mysql.AUTH_CACHING_SHA2_PASSWORD:
		return c.WritePacket([]byte{0, 0, 0, 0, mysql.MORE_DATE_HEADER, mysql.CACHE_SHA2_FAST_AUTH})
	}
	return nil
}

// newSalt makes twenty bytes without zero, which would end it.
func newSalt() []byte {
	salt := make([]byte, 20)
	rand.Read(salt) // it never fails
	for i := range salt {
		salt[i] = salt[i]&0x7f | 1
	}
	return salt
}

// matches tells whether the answer is that of a client who knows the user's password. The relay knows it itself, and so needs neither TLS nor a key.
func (a *again) matches(user, plugin string, salt, answer []byte) bool {
	password := a.accounts.credential(user).Passwords[0]
	if plugin == mysql.AUTH_NATIVE_PASSWORD {
		return mysql.CompareNativePassword(answer, mysql.NativePasswordHash([]byte(password)), salt)
	}
	return hmac.Equal(answer, sha2Scramble(password, salt))
}

// sha2Scramble is SHA256(password) XOR SHA256(SHA256(SHA256(password)), salt).
func sha2Scramble(password string, salt []byte) []byte {
	once := sha256.Sum256([]byte(password))
	twice := sha256.Sum256(once[:])
	mask := sha256.Sum256(append(bytes.Clone(twice[:]), salt...))
	for i := range once {
		once[i] ^= mask[i]
	}
	return once[:]
}
