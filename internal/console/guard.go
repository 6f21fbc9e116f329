package console

import (
	"crypto/subtle"
	"net"
	"net/http"
)

// maxForm bounds what a form may send; a name and a password are all that is ever asked.
const maxForm = 8 << 10

// policy lets a page load its own styles and script, ask its own server, and nothing else; nothing inline, no frames.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guarded gives every answer the headers that browsers guard pages by, and bounds requests.
func guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r)
	})
}

// cached lets browsers keep what is part of the program for a while.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=300")
		next.ServeHTTP(w, r)
	})
}

// sessionHandler is a handler of someone who has logged in.
type sessionHandler func(http.ResponseWriter, *http.Request, *session)

// reading sends who has not logged in to do so.
func (c *Console) reading(next sessionHandler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s := c.sessionOf(r)
		if s == nil {
			toLogin(w, r)
			return
		}
		next(w, r, s)
	}
}

// steering lets only forms through that the session's own pages have made.
func (c *Console) steering(next sessionHandler) http.HandlerFunc {
	return c.reading(func(w http.ResponseWriter, r *http.Request, s *session) {
		if subtle.ConstantTimeCompare([]byte(r.PostFormValue("token")), []byte(s.token)) != 1 {
			c.refuse(w, r, s, http.StatusForbidden, "This form is not of your session. Load the page again and try once more.")
			return
		}
		next(w, r, s)
	})
}

// asAdmin lets only users with role admin through.
func (c *Console) asAdmin(next sessionHandler) sessionHandler {
	return func(w http.ResponseWriter, r *http.Request, s *session) {
		if !s.admin {
			c.refuse(w, r, s, http.StatusForbidden, "Only a user with role admin may do this.")
			return
		}
		next(w, r, s)
	}
}

// encrypted tells whether the browser's connection is; a proxy in front may say so. Who claims it falsely harms only himself.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// hostOf is who asks, without the port.
func hostOf(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}
