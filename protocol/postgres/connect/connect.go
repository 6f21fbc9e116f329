package connect

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// DefaultTimeout bounds dialing and login.
const DefaultTimeout = 10 * time.Second

// Config says where the database is.
type Config struct {
	Addr     string // host:port, or the folder of a Unix socket with :port behind it
	Database string
	User     string
	Password string
	TLS      *tls.Config // nil: no encryption
	Name     string      // application_name
	// Dialer reaches Addr; nil means net.Dialer.
	Dialer func(ctx context.Context, network, address string) (net.Conn, error)
}

// pinned are the settings that shape the text of values, so that it is the same in every region, and those that would cut a long
// transaction short. See "Client Connection Defaults" in PostgreSQL's manual.
var pinned = map[string]string{
	"client_encoding":                     "UTF8",
	"datestyle":                           "ISO, YMD",
	"intervalstyle":                       "postgres",
	"extra_float_digits":                  "3",
	"bytea_output":                        "hex",
	"timezone":                            "UTC",
	"lc_monetary":                         "C",
	"xmloption":                           "content",
	"search_path":                         "",
	"statement_timeout":                   "0",
	"lock_timeout":                        "0",
	"idle_in_transaction_session_timeout": "0",
	"standard_conforming_strings":         "on",
	"row_security":                        "off",
}

// Conn is one session. It is not for concurrent use.
type Conn struct {
	*pgconn.PgConn
}

// Open logs in to an ordinary session with more settings than the pinned ones.
func Open(ctx context.Context, c Config, settings map[string]string) (*Conn, error) {
	return open(ctx, c, settings)
}

// OpenReplication logs in to a session of the database's log sender.
func OpenReplication(ctx context.Context, c Config) (*Conn, error) {
	return open(ctx, c, map[string]string{"replication": "database"})
}

func open(ctx context.Context, c Config, settings map[string]string) (*Conn, error) {
	config, err := c.pgconn()
	if err != nil {
		return nil, err
	}
	for name, value := range settings {
		config.RuntimeParams[name] = value
	}
	ctx, cancel := context.WithTimeout(ctx, DefaultTimeout)
	defer cancel()
	conn, err := pgconn.ConnectConfig(ctx, config)
	if err != nil {
		return nil, loginError(ctx, c.Addr, err)
	}
	return &Conn{conn}, nil
}

// pgconn makes the driver's configuration. It takes nothing from the environment.
func (c Config) pgconn() (*pgconn.Config, error) {
	host, port, err := net.SplitHostPort(c.Addr)
	if err != nil {
		return nil, fmt.Errorf("read the database's address %q: %w", c.Addr, err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("read the database's address %q: port: %w", c.Addr, err)
	}
	config, err := pgconn.ParseConfig("host=localhost user=nobody dbname=nothing sslmode=disable passfile=/dev/null")
	if err != nil {
		return nil, fmt.Errorf("configure the connection: %w", err)
	}
	config.Host, config.Port, config.Database = host, uint16(number), c.Database
	config.User, config.Password, config.TLSConfig = c.User, c.Password, withServerName(c.TLS, host)
	config.Fallbacks, config.ConnectTimeout = nil, DefaultTimeout
	config.RuntimeParams = map[string]string{"application_name": c.Name}
	for name, value := range pinned {
		config.RuntimeParams[name] = value
	}
	if c.Dialer != nil {
		config.DialFunc = c.Dialer
	}
	return config, nil
}

// withServerName fills in the name that the server's certificate is checked against.
func withServerName(c *tls.Config, host string) *tls.Config {
	if c == nil || c.ServerName != "" {
		return c
	}
	c = c.Clone()
	c.ServerName = host
	return c
}

// Query runs one statement with text parameters, nil for NULL, and returns its rows as texts.
func (c *Conn) Query(ctx context.Context, op, sql string, args ...any) ([][][]byte, error) {
	values := make([][]byte, len(args))
	for i, a := range args {
		switch a := a.(type) {
		case string:
			values[i] = []byte(a)
		case []byte:
			values[i] = a
		case nil:
		default:
			values[i] = fmt.Append(nil, a)
		}
	}
	r := c.ExecParams(ctx, sql, values, nil, nil, nil).Read()
	if r.Err != nil {
		return nil, NewError(ctx, op, "", r.Err)
	}
	return r.Rows, nil
}

// Run runs statements without parameters and drops their rows.
func (c *Conn) Run(ctx context.Context, op, sql string) error {
	if err := c.Exec(ctx, sql).Close(); err != nil {
		return NewError(ctx, op, "", err)
	}
	return nil
}

// Simple runs statements by the simple protocol, the only one that the log sender knows, and returns the last one's rows.
func (c *Conn) Simple(ctx context.Context, op, sql string) ([][][]byte, error) {
	results, err := c.Exec(ctx, sql).ReadAll()
	if err != nil {
		return nil, NewError(ctx, op, "", err)
	}
	if len(results) == 0 {
		return nil, nil
	}
	return results[len(results)-1].Rows, nil
}

// closeTimeout bounds the farewell.
const closeTimeout = 2 * time.Second

// End says farewell and closes the connection.
func (c *Conn) End() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_ = c.Close(ctx)
}

// loginError keeps the password out of what is told, and the cause in.
func loginError(ctx context.Context, addr string, err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.As(err, &pg):
		return NewError(ctx, "log in to "+addr, "", pg)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("connect to %s: %w", addr, err)
	}
	var network *net.OpError
	if errors.As(err, &network) {
		err = network
	}
	return &LostError{Op: "connect to " + addr, Err: err}
}
