package console

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// The roles that may log in.
const (
	roleRead  = "read"
	roleAdmin = "admin"
)

// loginPage is what the form shows.
type loginPage struct {
	frame
	Name    string // that was typed
	To      string // where to go afterwards
	Problem string
	Nobody  bool // no user has a role that may log in
	Clear   bool // the connection is not encrypted, nor local
}

// toLogin asks for a login, and comes back to the page that was wanted.
func toLogin(w http.ResponseWriter, r *http.Request) {
	to := "/login"
	if r.Method == http.MethodGet && r.URL.Path != "/" {
		to += "?" + url.Values{"to": {r.URL.RequestURI()}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (c *Console) askLogin(w http.ResponseWriter, r *http.Request) {
	if c.sessionOf(r) != nil {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	c.showLogin(w, r, http.StatusOK, loginPage{To: r.URL.Query().Get("to")})
}

func (c *Console) showLogin(w http.ResponseWriter, r *http.Request, code int, p loginPage) {
	p.frame = c.frame("Log in", "", nil)
	p.Nobody = !slices.ContainsFunc(c.cfg.Users, func(u User) bool { return u.mayLook() })
	p.Clear = !encrypted(r) && !isLocal(hostOf(r))
	c.show(w, code, "login", p)
}

// logIn opens a session. A wrong password and an unknown name are answered alike, and ever more slowly.
func (c *Console) logIn(w http.ResponseWriter, r *http.Request) {
	host := hostOf(r)
	if c.throttle.Blocked(host) {
		http.Error(w, "Too many logins that fail. Wait a little.", http.StatusTooManyRequests)
		return
	}
	p := loginPage{Name: r.PostFormValue("name"), To: r.PostFormValue("to")}
	user, known := c.check(p.Name, r.PostFormValue("password"))
	switch {
	case !known:
		c.cfg.Logger.Info("login failed", "user", p.Name, "host", host)
		c.throttle.Refuse(r.Context(), host)
		p.Problem = "Wrong name or password."
	case user.RequireTLS && !encrypted(r):
		p.Problem = "This user may only log in over TLS, and this connection is in the clear."
	case user.RequireCertificate:
		p.Problem = "This user has to show a certificate, which can only be done on the SQL port."
	case !user.mayLook():
		p.Problem = "This user has neither role read nor role admin."
	}
	if p.Problem != "" {
		c.showLogin(w, r, http.StatusUnauthorized, p)
		return
	}
	c.throttle.Passed(host)
	c.cfg.Logger.Info("a user has logged in", "user", user.Name, "host", host)
	http.SetCookie(w, c.cookie(r, c.sessions.begin(user.Name, slices.Contains(user.Roles, roleAdmin)), int(sessionAge.Seconds())))
	http.Redirect(w, r, within(p.To), http.StatusSeeOther)
}

func (c *Console) logOut(w http.ResponseWriter, r *http.Request, _ *session) {
	cookie := c.cookie(r, "", -1)
	if sent, err := r.Cookie(cookie.Name); err == nil {
		c.sessions.end(sent.Value)
	}
	http.SetCookie(w, cookie)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// check finds the user of a name and a password. It compares digests, so that neither's length tells.
func (c *Console) check(name, password string) (User, bool) {
	given := sha256.Sum256([]byte(password))
	var found User
	known := 0
	for _, u := range c.cfg.Users {
		want := sha256.Sum256([]byte(u.Password))
		same := subtle.ConstantTimeCompare(given[:], want[:])
		if u.Name == name && u.Password != "" && same == 1 {
			found, known = u, 1
		}
	}
	return found, known == 1
}

func (u User) mayLook() bool {
	return slices.Contains(u.Roles, roleRead) || slices.Contains(u.Roles, roleAdmin)
}

// within is a path of this server, "/" in place of anything else.
func within(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(u.Path, "/") || strings.HasPrefix(to, "//") || strings.Contains(to, `\`) {
		return "/"
	}
	return u.RequestURI()
}

func isLocal(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}
