// Package inquire asks relays by SQL, over their listen.mysql, as other relays and octant's commands do.
package inquire

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// Relay asks one relay, as a user with role replicate. Its methods may be called from several goroutines; they wait for each other. A connection that
// was lost is dialed again.
type Relay struct {
	Peer relay.Peer
	// TLS, if set, is used. Its ServerName may be empty: then it is the host of the peer's address.
	TLS *tls.Config
	// Admin is who may change things, Peer if its user is empty.
	Admin relay.Peer

	// Patience is how long an answer may take; 0: a minute.
	Patience time.Duration

	mu      sync.Mutex
	conn    *client.Conn
	writing *client.Conn
}

// Close ends the connections.
func (r *Relay) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, c := range []**client.Conn{&r.conn, &r.writing} {
		if *c != nil {
			errs = append(errs, (*c).Close())
			*c = nil
		}
	}
	return errors.Join(errs...)
}

// How long a login and an answer may take.
const (
	loginTimeout  = 10 * time.Second
	answerTimeout = time.Minute
)

// Ask calls a procedure and hands over each row. A lost connection is dialed again once.
func (r *Relay) Ask(ctx context.Context, each func([]mysql.FieldValue) error, procedure string, arguments ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := call(procedure, arguments)
	err := r.on(ctx, &r.conn, r.Peer, text, each)
	if _, said := asServer(err); err != nil && !said && ctx.Err() == nil {
		err = r.on(ctx, &r.conn, r.Peer, text, each)
	}
	return err
}

// on runs a statement on one of the connections.
func (r *Relay) on(ctx context.Context, conn **client.Conn, as relay.Peer, text string, each func([]mysql.FieldValue) error) error {
	ctx, cancel := context.WithTimeout(ctx, r.patience())
	defer cancel()
	if *conn == nil {
		c, err := r.login(ctx, as)
		if err != nil {
			return fmt.Errorf("log in to the relay of region %s at %s: %w", r.Peer.Name, r.Peer.Address, explained(err))
		}
		*conn = c
	}
	c := *conn
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	err := read(c, text, each)
	_, said := asServer(err)
	if !stop() || err != nil && !said {
		_ = c.Close()
		*conn = nil
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("region %s: %w", r.Peer.Name, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("region %s: %w", r.Peer.Name, explained(err))
	}
	return nil
}

func read(conn *client.Conn, text string, each func([]mysql.FieldValue) error) error {
	result, err := conn.Execute(text)
	if err != nil {
		return err
	}
	defer result.Close()
	if result.Resultset == nil {
		return nil
	}
	for _, cells := range result.Values {
		if err := each(cells); err != nil {
			return &mysql.MyError{Code: mysql.ER_UNKNOWN_ERROR, Message: err.Error()}
		}
	}
	return nil
}

func asServer(err error) (*mysql.MyError, bool) {
	var e *mysql.MyError
	return e, errors.As(err, &e)
}

// The codes of a relay's refusals that mean something here.
const (
	codeChanged     = 1020
	codeNoProcedure = 1305
	codeNotOffered  = 1235
)

// explained gives a relay's answer the meaning that it has here.
func explained(err error) error {
	e, said := asServer(err)
	switch {
	case !said:
		return err
	case e.Code == codeChanged:
		return relay.ErrChanged
	case e.Code == codeNoProcedure, e.Code == codeNotOffered:
		return errors.New("its relay cannot answer that: it is of an older version, or its kind of database is not supported")
	}
	return errors.New(e.Message)
}

func (r *Relay) login(ctx context.Context, as relay.Peer) (*client.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, loginTimeout)
	defer cancel()
	var stop func() bool
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { c.Close() })
		}
		return c, err
	}
	conn, err := client.ConnectWithDialer(ctx, "tcp", r.Peer.Address, as.User, as.Password, "", dial, r.secure)
	if stop != nil && !stop() && err == nil {
		conn.Close()
		return nil, context.Cause(ctx)
	}
	return conn, err
}

func (r *Relay) secure(c *client.Conn) error {
	if r.TLS == nil {
		return nil
	}
	config := r.TLS.Clone()
	if host, _, err := net.SplitHostPort(r.Peer.Address); err == nil && config.ServerName == "" {
		config.ServerName = host
	}
	c.SetTLSConfig(config)
	return nil
}

// call is the text of a procedure's call. Arguments are strings and numbers.
func call(procedure string, arguments []any) string {
	parts := make([]string, len(arguments))
	for i, a := range arguments {
		switch a := a.(type) {
		case string:
			parts[i] = "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(a) + "'"
		default:
			parts[i] = fmt.Sprint(a)
		}
	}
	return "CALL octant." + procedure + "(" + strings.Join(parts, ",") + ")"
}

// Cell is the text of a column.
func Cell(f []mysql.FieldValue, i int) string { return string(f[i].AsString()) }

func (r *Relay) patience() time.Duration { return cmp.Or(r.Patience, answerTimeout) }

// Change calls a procedure that changes something, as Admin. It is not tried twice: the first try may have been done.
func (r *Relay) Change(ctx context.Context, procedure string, arguments ...any) error {
	as := r.Admin
	if as.User == "" {
		as = r.Peer
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.on(ctx, &r.writing, as, call(procedure, arguments), func([]mysql.FieldValue) error { return nil })
}
