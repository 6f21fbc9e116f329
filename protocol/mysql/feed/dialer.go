package feed

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// DefaultTimeout is how long a subscriber waits for login and for every further packet. A publisher that has nothing to
// say sends a heartbeat at least every second.
const DefaultTimeout = 10 * time.Second

// Dialer subscribes to other relays. The zero Dialer works, over plain TCP.
type Dialer struct {
	// Dial opens the network connection; nil dials TCP.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS, if set, is used for every peer. Its ServerName may be empty: then it is the host of the peer's address.
	TLS *tls.Config
	// Timeout replaces DefaultTimeout.
	Timeout time.Duration
}

var _ relay.Dialer = (*Dialer)(nil)

// Subscribe implements relay.Dialer. An error that wraps relay.ErrRefused is final until someone changes the
// configuration, here or there; after any other one the caller may dial again.
func (d *Dialer) Subscribe(ctx context.Context, to relay.Peer, self relay.Hello, w relay.Want) (relay.Hello, relay.Feed, error) {
	hello, s, err := d.subscribe(ctx, to, self, w)
	if err != nil {
		return relay.Hello{}, nil, fmt.Errorf("subscribe to %s at %s: %w", to.Name, to.Address, explain(err))
	}
	return hello, s, nil
}

func (d *Dialer) subscribe(ctx context.Context, to relay.Peer, self relay.Hello, w relay.Want) (relay.Hello, *subscription, error) {
	request, err := Request(self, w)
	if err != nil {
		return relay.Hello{}, nil, err
	}
	loginCtx, cancel := context.WithTimeout(ctx, d.timeout())
	defer cancel()
	conn, err := d.login(loginCtx, to)
	if err != nil {
		return relay.Hello{}, nil, err
	}
	s := newSubscription(conn.Conn.Conn, d.timeout())
	hello, err := begin(loginCtx, conn, s, request)
	if err != nil {
		s.Close()
		return relay.Hello{}, nil, err
	}
	return hello, s, nil
}

// login dials and authenticates. The library's handshake knows no context, so the end of ctx closes its connection.
func (d *Dialer) login(ctx context.Context, to relay.Peer) (*client.Conn, error) {
	dial := d.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	var stop func() bool
	guarded := func(ctx context.Context, network, address string) (net.Conn, error) {
		nc, err := dial(ctx, network, address)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { nc.Close() })
		}
		return nc, err
	}
	conn, err := client.ConnectWithDialer(ctx, "tcp", to.Address, to.User, to.Password, "", guarded, d.options(to.Address))
	if stop == nil || stop() {
		return conn, err
	}
	if err == nil {
		conn.Close()
	}
	return nil, fmt.Errorf("no login: %w", context.Cause(ctx))
}

func (d *Dialer) options(address string) client.Option {
	return func(c *client.Conn) error {
		if d.TLS == nil {
			return nil
		}
		config := d.TLS.Clone()
		if host, _, err := net.SplitHostPort(address); err == nil && config.ServerName == "" {
			config.ServerName = host
		}
		c.SetTLSConfig(config)
		return nil
	}
}

func (d *Dialer) timeout() time.Duration {
	if d.Timeout > 0 {
		return d.Timeout
	}
	return DefaultTimeout
}

// begin sends the request and the dump command, and reads the publisher's introduction.
func begin(ctx context.Context, conn *client.Conn, s *subscription, request string) (relay.Hello, error) {
	stop := context.AfterFunc(ctx, func() { s.Close() })
	hello, err := ask(conn, s, request)
	if !stop() {
		return relay.Hello{}, fmt.Errorf("no answer: %w", context.Cause(ctx))
	}
	return hello, err
}

func ask(conn *client.Conn, s *subscription, request string) (relay.Hello, error) {
	if _, err := conn.Execute(request); err != nil {
		return relay.Hello{}, err
	}
	conn.ResetSequence()
	if err := conn.WritePacket(dumpCommand()); err != nil {
		return relay.Hello{}, err
	}
	event, err := s.event()
	if err != nil {
		return relay.Hello{}, err
	}
	return DecodeHello(event)
}

// dumpCommand is COM_BINLOG_DUMP at position 4 with flags, server id and file name empty; four bytes in front are left
// for the packet's header.
func dumpCommand() []byte {
	return []byte{0, 0, 0, 0, mysql.COM_BINLOG_DUMP, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0}
}

// passing are the errors by which a server says "not now".
var passing = map[uint16]bool{
	mysql.ER_SERVER_SHUTDOWN:           true,
	mysql.ER_CON_COUNT_ERROR:           true,
	mysql.ER_TOO_MANY_USER_CONNECTIONS: true,
	mysql.ER_QUERY_INTERRUPTED:         true,
	mysql.ER_HOST_IS_BLOCKED:           true,
	1927:                               true, // MariaDB's ER_CONNECTION_KILLED
}

// explain turns a server's ERR packet into a refusal, unless it is of a kind that passes.
func explain(err error) error {
	var server *mysql.MyError
	if !errors.As(err, &server) {
		return err
	}
	if passing[server.Code] {
		return fmt.Errorf("the peer is going away: %s (%d)", server.Message, server.Code)
	}
	return fmt.Errorf("%w by the peer until its configuration or ours changes: %s (%d)", relay.ErrRefused, server.Message, server.Code)
}
