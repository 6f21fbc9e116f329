package capture

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// connection is a login at the server. It ends when its context does.
type connection struct {
	client   *client.Conn
	version  string
	serverID uint32
	server   string // its name in positions: the server_uuid, or MariaDB's server_id
	domainID uint32 // gtid_domain_id of MariaDB
	gtidMode string // gtid_mode of MySQL
	semiSync bool

	release func() bool // stops watching the context
}

// connect logs in and finds out who the server is.
func connect(ctx context.Context, d dialect, config *Config) (*connection, error) {
	// A handshake has no deadline of its own in the client, so the connection gets one for all that comes before the dump.
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := config.Dialer(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, func() { _ = conn.Close() })
		return conn, conn.SetDeadline(time.Now().Add(handshakeTimeout))
	}
	ctx, cancel := context.WithCancel(ctx)
	c, err := client.ConnectWithDialer(ctx, config.Network, config.Addr, config.User, config.Password, "", dial,
		func(c *client.Conn) error { c.SetTLSConfig(config.TLS); return nil })
	if err != nil {
		cancel()
		return nil, refused(err)
	}
	conn := &connection{client: c, release: func() bool { cancel(); return true }}
	if err := conn.identify(d, config.ServerID); err != nil {
		conn.close()
		return nil, err
	}
	return conn, nil
}

// close ends the connection. The server ends its dump when its next heartbeat finds nobody, or when the next dump with the
// same server id begins: see kill_zombie_dump_threads in sql/sql_repl.cc. No KILL, and so no privilege for it, is needed.
func (c *connection) close() {
	c.release()
	_ = c.client.Close()
}

// raw is the byte stream below the packets, TLS included.
func (c *connection) raw() net.Conn { return c.client.Conn.Conn }

// identify refuses a server of another kind, and the relay itself by its id.
func (c *connection) identify(d dialect, own uint32) error {
	if err := d.identify(c); err != nil {
		return err
	}
	if c.serverID == own {
		return fmt.Errorf("the database's server_id is the relay's own, %d: give one of them another: %w", own, relay.ErrRefused)
	}
	return nil
}

// query runs a statement. Errors name the statement, which never has data in it.
func (c *connection) query(sql string) (*mysql.Result, error) {
	r, err := c.client.Execute(sql)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, refused(err))
	}
	return r, nil
}

// text returns a cell as text; "" if it is NULL or not there.
func text(r *mysql.Result, row, column int) string {
	if r.Resultset == nil || row >= len(r.Values) || column >= len(r.Values[row]) {
		return ""
	}
	s, _ := r.GetString(row, column)
	return s
}

// Errors of the server that only an operator mends; see MariaDB's sql/share/errmsg-utf8.txt.
const (
	erDBAccessDenied       = 1044
	erAccessDenied         = 1045
	erSpecificAccessDenied = 1227
	erHostNotPrivileged    = 1130
	erMasterFatal          = 1236
)

// refused marks errors about logins and privileges.
func refused(err error) error {
	var e *mysql.MyError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case erDBAccessDenied, erAccessDenied, erSpecificAccessDenied, erHostNotPrivileged:
		return fmt.Errorf("%w: %w: the user needs REPLICATION SLAVE and BINLOG MONITOR (MySQL: REPLICATION CLIENT)", relay.ErrRefused, err)
	}
	return err
}
