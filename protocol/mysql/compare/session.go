package compare

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/values"
)

// Config says where the database is and which of its tables are compared.
type Config struct {
	Addr           string // host:port
	User, Password string
	TLS            *tls.Config                     // nil: no encryption
	Match          func(schema, table string) bool // which tables are replicated
	// Local describes a table as the log does; see values.Engine. nil: rows are not compared by value.
	Local func(ctx context.Context, schema, name string) (*values.Local, error)
}

// dialTimeout bounds the login.
const dialTimeout = 10 * time.Second

// settings make what a session reads and writes independent of the server's defaults. Foreign keys are off, so that deleting a row takes no
// others with it; READ COMMITTED takes no gap locks.
const settings = `SET SESSION time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES', autocommit=1,
 foreign_key_checks=0, innodb_lock_wait_timeout=5, lock_wait_timeout=5`

// withSession lends the connection, dialing it if need be. One that was lost is dialed again once: what was asked of it had better be
// harmless to ask twice.
func (r *Reader) withSession(ctx context.Context, use func(*client.Conn) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.once(ctx, use)
	if lost(err) && ctx.Err() == nil {
		err = r.once(ctx, use)
	}
	return err
}

func (r *Reader) once(ctx context.Context, use func(*client.Conn) error) error {
	if r.conn == nil {
		conn, err := r.dial(ctx)
		if err != nil {
			return fmt.Errorf("connect to the database: %w", err)
		}
		r.conn = conn
	}
	conn := r.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	err := use(conn)
	if !stop() || lost(err) {
		_ = conn.Close()
		r.conn = nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// lost tells whether an error is the connection's and not the server's or ours.
func lost(err error) bool {
	var ours *answerError
	var server *mysql.MyError
	return err != nil && !errors.As(err, &ours) && !errors.As(err, &server)
}

// answerError is about what the server said, not about the way to it.
type answerError struct{ err error }

func (e *answerError) Error() string { return e.err.Error() }
func (e *answerError) Unwrap() error { return e.err }

func answerf(format string, args ...any) error { return &answerError{fmt.Errorf(format, args...)} }

func (r *Reader) dial(ctx context.Context) (*client.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	var stop func() bool
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { conn.Close() })
		}
		return conn, err
	}
	conn, err := client.ConnectWithDialer(ctx, "tcp", r.config.Addr, r.config.User, r.config.Password, "", dial, r.secure)
	if stop != nil && !stop() && err == nil {
		conn.Close()
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	for _, text := range []string{"SET NAMES utf8mb4", settings} {
		if _, err := conn.Execute(text); err != nil {
			conn.Close()
			return nil, err
		}
	}
	return conn, nil
}

func (r *Reader) secure(c *client.Conn) error {
	if r.config.TLS == nil {
		return nil
	}
	config := r.config.TLS.Clone()
	if host, _, err := net.SplitHostPort(r.config.Addr); err == nil && config.ServerName == "" {
		config.ServerName = host
	}
	c.SetTLSConfig(config)
	return nil
}

// query runs a statement and hands each row's cells to each, which must not keep them.
func query(conn *client.Conn, op, text string, each func(cells []mysql.FieldValue) error) error {
	result, err := conn.Execute(text)
	if err != nil {
		return explain(op, err)
	}
	defer result.Close()
	if result.Resultset == nil {
		return nil
	}
	for _, cells := range result.Values {
		if err := each(cells); err != nil {
			return err
		}
	}
	return nil
}

// harmless are the errors whose text names tables, columns and settings, never values.
var harmless = map[uint16]bool{1044: true, 1045: true, 1054: true, 1142: true, 1143: true, 1146: true, 1205: true, 1213: true, 1290: true, 1317: true}

// explain says what was being done. What the server says may hold values of rows, which are left out.
func explain(op string, err error) error {
	var server *mysql.MyError
	switch {
	case !errors.As(err, &server):
		return fmt.Errorf("%s: %w", op, err)
	case harmless[server.Code]:
		return answerf("%s: %s (%d)", op, server.Message, server.Code)
	case server.Code == mysql.ER_DUP_ENTRY:
		return answerf("%s: another row has its unique value (%d)", op, server.Code)
	}
	return answerf("%s: the database refused with error %d", op, server.Code)
}
