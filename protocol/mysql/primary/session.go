package primary

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/server"
)

// farewell is how long a client that is being told to go may take to hear it.
const farewell = 2 * time.Second

// session is one client's connection. Its goroutine is the only one that uses it, except for what is said to be shared.
type session struct {
	srv        *Server
	ctx        context.Context         // ends when the client must go; shared
	cancel     context.CancelCauseFunc // shared
	log        *slog.Logger
	raw        *wire
	conn       *server.Conn // nil until logged in
	variables  variables
	database   string       // named at login
	registered registration // by COM_REGISTER_SLAVE, if it came
	prepared   int          // statements
	admitted   string       // the user who is counted as connected

	identity atomic.Pointer[Session] // nil until logged in; shared
	progress progress                // shared
	activity activity                // shared
}

func newSession(ctx context.Context, s *Server, nc net.Conn) *session {
	ctx, cancel := context.WithCancelCause(ctx)
	return &session{
		srv: s, ctx: ctx, cancel: cancel, raw: &wire{Conn: nc, memory: s.memory},
		log:       s.cfg.Logger.With("client", nc.RemoteAddr().String()),
		variables: variables{},
	}
}

// run serves the client until it leaves or must go. Malformed packets can make the library panic: that ends this client
// only.
func (c *session) run(login *server.Server) {
	defer func() {
		if r := recover(); r != nil {
			c.log.Warn("client sent what cannot be read", "panic", r)
		}
	}()
	stop := context.AfterFunc(c.ctx, c.hurry)
	defer stop()
	defer c.leave()
	if err := c.logIn(login); err != nil {
		c.log.Info("login failed", "err", err.Error()) // the library's errors carry stacks
		return
	}
	for c.ctx.Err() == nil && !c.conn.Closed() {
		c.activity.idle(c.srv.cfg.Now())
		c.raw.allow(commandBudget)
		if err := c.conn.HandleCommand(); err != nil {
			return
		}
	}
}

// leave gives back what the session holds.
func (c *session) leave() {
	c.raw.release()
	if c.admitted != "" {
		c.srv.accounts.leave(c.admitted)
	}
}

// hurry makes every read of the client fail, and gives writes little time.
func (c *session) hurry() {
	c.raw.SetReadDeadline(time.Unix(1, 0))
	c.raw.SetWriteDeadline(time.Now().Add(farewell))
}

func (c *session) logIn(login *server.Server) error {
	c.raw.allow(loginBudget)
	if err := c.raw.SetDeadline(time.Now().Add(c.srv.cfg.LoginTimeout)); err != nil {
		return err
	}
	conn, err := login.NewCustomizedConn(c.raw, &gate{c}, &handler{c})
	if err != nil {
		return err
	}
	if err := c.raw.SetDeadline(time.Time{}); err != nil {
		return err
	}
	if c.ctx.Err() != nil { // hurry came before the line above
		return context.Cause(c.ctx)
	}
	c.conn = conn
	u := c.srv.accounts.users[conn.GetUser()]
	c.identity.Store(&Session{
		ConnectionID: conn.ConnectionID(), User: u.Name, Roles: slices.Clone(u.Roles), RemoteAddr: c.raw.RemoteAddr().String(),
	})
	c.activity.loggedIn(c.database)
	c.log = c.log.With("user", u.Name, "connection", conn.ConnectionID())
	if c.database != "" && c.may(RoleRead) {
		if err := (&handler{c}).UseDB(c.database); err != nil {
			c.log.Info("database of the login not used", "err", err.Error())
		}
	}
	return nil
}

// id returns the connection's number, 0 before login.
func (c *session) id() uint32 {
	if s := c.identity.Load(); s != nil {
		return s.ConnectionID
	}
	return 0
}

// name returns the user's name, "" before login.
func (c *session) name() string {
	if s := c.identity.Load(); s != nil {
		return s.User
	}
	return ""
}

// may tells whether the user has a role. An admin may read.
func (c *session) may(role string) bool {
	s := c.identity.Load()
	return s != nil && s.may(role)
}

func (s Session) may(role string) bool {
	return slices.Contains(s.Roles, role) || role == RoleRead && slices.Contains(s.Roles, RoleAdmin)
}

func (c *session) need(role string) error {
	if c.may(role) {
		return nil
	}
	return accessDenied(role)
}

// gate is what the library asks during login.
type gate struct{ c *session }

// GetCredential implements server.AuthenticationHandler.
func (g *gate) GetCredential(name string) (server.Credential, bool, error) {
	return g.c.srv.accounts.credential(name), true, nil
}

// OnAuthSuccess implements server.AuthenticationHandler.
func (g *gate) OnAuthSuccess(conn *server.Conn) error {
	g.c.srv.accounts.throttle.Passed(g.c.host())
	if err := g.c.srv.accounts.admit(conn.GetUser(), g.c.host(), conn.Conn.Conn); err != nil {
		return err
	}
	g.c.admitted = conn.GetUser()
	return nil
}

// OnAuthFailure implements server.AuthenticationHandler. The client hears of it when this returns.
func (g *gate) OnAuthFailure(_ *server.Conn, err error) {
	if !errors.Is(err, server.ErrAccessDenied) && !isAccessDenied(err) {
		return
	}
	g.c.srv.accounts.throttle.Refuse(g.c.ctx, g.c.host())
}

func (c *session) host() string {
	addr := c.raw.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	return addr
}

// String names the client for errors.
func (c *session) String() string { return fmt.Sprintf("%s@%s", c.name(), c.raw.RemoteAddr()) }
