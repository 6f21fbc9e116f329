package console

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/octant-db/octant/relay"
)

const (
	sessionAge  = 12 * time.Hour
	maxSessions = 1024
)

// session is someone who has logged in. Sessions end with the relay.
type session struct {
	user    string
	admin   bool
	token   string // which forms of the session carry
	expires time.Time

	mu     sync.Mutex
	notice notice // for the next page
}

// notice is what came of the last action.
type notice struct {
	Text string
	Bad  bool
}

func (s *session) say(n notice) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notice = n
}

// heard returns the notice once.
func (s *session) heard() notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.notice
	s.notice = notice{}
	return n
}

// sessions are those that are open, by the digest of what their cookie holds.
type sessions struct {
	now func() time.Time

	mu   sync.Mutex
	open map[[sha256.Size]byte]*session
}

func newSessions(now func() time.Time) *sessions {
	return &sessions{now: now, open: map[[sha256.Size]byte]*session{}}
}

// begin opens a session and returns what its cookie holds.
func (s *sessions) begin(user string, admin bool) string {
	secret := rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy()
	s.open[sha256.Sum256([]byte(secret))] = &session{user: user, admin: admin, token: rand.Text(), expires: s.now().Add(sessionAge)}
	return secret
}

// tidy drops what has expired, and the one that expires next if there are still too many.
func (s *sessions) tidy() {
	now := s.now()
	var oldest [sha256.Size]byte
	for id, one := range s.open {
		if now.After(one.expires) {
			delete(s.open, id)
		} else if first := s.open[oldest]; first == nil || one.expires.Before(first.expires) {
			oldest = id
		}
	}
	if len(s.open) >= maxSessions {
		delete(s.open, oldest)
	}
}

// find returns the session of a cookie, nil if there is none any more.
func (s *sessions) find(secret string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.open[sha256.Sum256([]byte(secret))]
	if one == nil || s.now().After(one.expires) {
		return nil
	}
	return one
}

func (s *sessions) end(secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, sha256.Sum256([]byte(secret)))
}

// cookieName is different for every relay, for browsers do not tell the ports of one host apart.
func cookieName(self relay.Hello) string {
	cluster := sha256.Sum256([]byte(self.Cluster))
	return "octant_" + self.Name + "_" + hex.EncodeToString(cluster[:4])
}

func (c *Console) cookie(r *http.Request, secret string, age int) *http.Cookie {
	return &http.Cookie{
		Name: cookieName(c.cfg.Inspector.Self()), Value: secret, Path: "/", MaxAge: age,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: encrypted(r),
	}
}

func (c *Console) sessionOf(r *http.Request) *session {
	cookie, err := r.Cookie(cookieName(c.cfg.Inspector.Self()))
	if err != nil {
		return nil
	}
	return c.sessions.find(cookie.Value)
}
