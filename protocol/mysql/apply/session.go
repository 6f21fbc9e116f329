package apply

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// session is one connection to the database. It is not for concurrent use.
type session struct {
	conn    *client.Conn
	dialect dialect
	broken  bool
}

// connect logs in. The context bounds dialing and login alone.
func connect(ctx context.Context, c *Config) (*session, error) {
	var stop func() bool
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := c.Dialer(ctx, network, address)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
		}
		return conn, err
	}
	conn, err := client.ConnectWithDialer(ctx, "", c.Addr, c.User, c.Password, "", dial, func(conn *client.Conn) error {
		if c.TLS != nil {
			conn.SetTLSConfig(withServerName(c.TLS, c.Addr))
		}
		conn.UnsetCapability(mysql.CLIENT_QUERY_ATTRIBUTES) // scripts have none
		return conn.SetCapability(mysql.CLIENT_MULTI_STATEMENTS)
	})
	if stop != nil && !stop() && err == nil {
		_ = conn.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, wrapIO(ctx, dialectOf(c.Flavour), "connect", err)
	}
	return &session{conn: conn, dialect: dialectOf(c.Flavour)}, nil
}

// withServerName fills in the name that the server's certificate is checked against.
func withServerName(c *tls.Config, addr string) *tls.Config {
	if c.ServerName != "" {
		return c
	}
	c = c.Clone()
	if host, _, err := net.SplitHostPort(addr); err == nil {
		c.ServerName = host
	}
	return c
}

func (s *session) close() { _ = s.conn.Close() }

// guard makes the end of ctx interrupt reads and writes until the returned function is called.
func (s *session) guard(ctx context.Context) func() {
	stop := context.AfterFunc(ctx, func() { _ = s.conn.SetDeadline(time.Unix(1, 0)) })
	return func() {
		if !stop() {
			s.broken = true // the deadline stands, or is about to
		}
	}
}

// send runs a script of statements that return no rows. It returns how many succeeded; that is the index of the one
// that failed. affected is called with each one's affected rows.
func (s *session) send(ctx context.Context, sc *script, affected func(i int, rows uint64)) (int, error) {
	defer s.guard(ctx)()
	s.conn.ResetSequence()
	if err := s.conn.WritePacket(sc.packet); err != nil {
		return 0, s.lost(ctx, sc.steps[0].op, err)
	}
	var buf []byte
	for i := range sc.steps {
		data, err := s.conn.ReadPacketReuseMem(buf[:0])
		if err != nil {
			return i, s.lost(ctx, sc.steps[i].op, err)
		}
		rows, err := parseAnswer(data)
		if err != nil {
			return i, s.fail(ctx, sc.steps[i].op, sc.steps[i].table, err)
		}
		affected(i, rows)
		buf = data
	}
	return len(sc.steps), nil
}

// parseAnswer reads an OK or ERR packet; see https://mariadb.com/kb/en/ok_packet/ and err_packet.
func parseAnswer(data []byte) (affected uint64, err error) {
	switch {
	case len(data) > 1 && data[0] == mysql.OK_HEADER:
		affected, _, _ = mysql.LengthEncodedInt(data[1:])
		return affected, nil
	case len(data) >= 9 && data[0] == mysql.ERR_HEADER:
		return 0, &mysql.MyError{
			Code: binary.LittleEndian.Uint16(data[1:]), State: string(data[4:9]), Message: string(data[9:]),
		}
	}
	return 0, errors.New("the server sent an answer that is neither OK nor an error")
}

// query runs statements and returns the result of each that succeeded.
func (s *session) query(ctx context.Context, op, text string) ([]*mysql.Result, error) {
	defer s.guard(ctx)()
	var results []*mysql.Result
	var failed error
	_, err := s.conn.ExecuteMultiple(text, func(r *mysql.Result, err error) {
		if err != nil {
			failed = err
			return
		}
		results = append(results, r)
	})
	if err = errors.Join(err, failed); err != nil {
		return results, s.fail(ctx, op, "", err)
	}
	return results, nil
}

// fail gives an error its type. Anything but the server's own words leaves the connection useless.
func (s *session) fail(ctx context.Context, op, table string, err error) error {
	var my *mysql.MyError
	if errors.As(err, &my) {
		e := newError(s.dialect, op, table, my)
		s.broken = s.broken || e.ended || rejections[e.Code] == relay.PermissionDenied // a session keeps the global privileges that it began with
		return e
	}
	return s.lost(ctx, op, err)
}

func (s *session) lost(ctx context.Context, op string, err error) error {
	s.broken = true
	return wrapIO(ctx, s.dialect, op, err)
}

// wrapIO makes a ConnectionError of err, unless the caller ended it or the server gave the reason.
func wrapIO(ctx context.Context, d dialect, op string, err error) error {
	var my *mysql.MyError
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", op, context.Cause(ctx))
	case errors.As(err, &my):
		return newError(d, op, "", my)
	}
	return &ConnectionError{Op: op, Err: err}
}
