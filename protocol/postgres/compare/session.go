package compare

import (
	"context"
	"crypto/tls"
	"errors"
	"sync"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/relay"
)

// Config says where the database is and which of its tables are compared.
type Config struct {
	Addr           string // host:port
	Database       string
	User, Password string
	TLS            *tls.Config                     // nil: no encryption
	Match          func(schema, table string) bool // which tables are replicated
}

// Reader reads the tables of one database. It connects when it is first asked. Its methods may be called from several goroutines; they wait
// for each other.
type Reader struct {
	config   Config
	name     string // application_name
	settings map[string]string

	mu     sync.Mutex // guards what is below, for as long as a statement runs
	conn   *connect.Conn
	tables map[string]*catalog.Table
}

var _ relay.TableReader = (*Reader)(nil)

// New returns a reader that is not connected yet.
func New(c Config) *Reader {
	return &Reader{config: c, name: "octant verify", settings: map[string]string{"lock_timeout": "5s"}, tables: map[string]*catalog.Table{}}
}

// Close ends the connection. The reader may still be used.
func (r *Reader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop()
	return nil
}

func (r *Reader) drop() {
	if r.conn != nil {
		r.conn.End()
		r.conn = nil
	}
}

// withSession lends the connection. One that was lost is dialed again once.
func (r *Reader) withSession(ctx context.Context, use func(*connect.Conn) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.once(ctx, use)
	var lost *connect.LostError
	if errors.As(err, &lost) && ctx.Err() == nil {
		err = r.once(ctx, use)
	}
	return err
}

func (r *Reader) once(ctx context.Context, use func(*connect.Conn) error) error {
	if r.conn == nil {
		conn, err := connect.Open(ctx, connect.Config{
			Addr: r.config.Addr, Database: r.config.Database, User: r.config.User, Password: r.config.Password, TLS: r.config.TLS,
			Name: r.name,
		}, r.settings)
		if err != nil {
			return err
		}
		r.conn = conn
	}
	err := use(r.conn)
	if r.conn.IsClosed() {
		r.conn = nil
	}
	return err
}
