package primary

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// Server answers mysql clients. Its methods can be called from any goroutine.
type Server struct {
	cfg      Config
	dialect  dialect
	doors    doors
	accounts *accounts
	memory   *memory
	shelf    *shelf

	transactions, bytes atomic.Uint64

	mu       sync.Mutex
	sessions map[*session]struct{}
}

// New returns a server that does nothing until Serve.
func New(cfg Config) *Server {
	cfg = cfg.withDefaults()
	d := dialectOf(cfg.ServerVersion)
	if len(cfg.Renditions) > 0 {
		d = either{}
	}
	users := newAccounts(cfg.Users, d.plugin(), cfg.Now)
	return &Server{
		cfg: cfg, dialect: d, memory: newMemory(cfg.MaxMemory), shelf: newShelf(cfg.Log.Local(), cfg.CacheBytes),
		accounts: users,
		doors:    doors{cfg: cfg, dialect: d, passwords: &again{accounts: users}},
		sessions: map[*session]struct{}{},
	}
}

// version is that of the database behind the relay now. Another database can have another one; until it has been reached, and if it should be
// of another kind, it is the one that the relay started with.
func (s *Server) version() string {
	if v := s.cfg.Upstream().Version; v != "" && dialectOf(v).flavour() == s.dialect.flavour() {
		return v
	}
	return s.cfg.ServerVersion
}

// Serve accepts connections until ctx ends, then tells the clients that it is going away, waits for their goroutines and
// returns nil. It closes the listener. Any other return is the reason why it cannot go on.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	if err := s.doors.key(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	stop := context.AfterFunc(ctx, func() { l.Close() })
	var clients sync.WaitGroup
	defer func() {
		cancel()
		clients.Wait()
		if stop() {
			l.Close()
		}
	}()
	for {
		nc, err := accept(ctx, l)
		if ctx.Err() != nil {
			if nc != nil {
				nc.Close()
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept on %s: %w", l.Addr(), err)
		}
		clients.Go(func() { s.serve(ctx, nc) })
	}
}

// accept waits for a connection. When the process has no descriptors left it tries again: that passes.
func accept(ctx context.Context, l net.Listener) (net.Conn, error) {
	for {
		nc, err := l.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) || !exhausted(err) {
			return nc, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Server) serve(ctx context.Context, nc net.Conn) {
	defer nc.Close()
	c := newSession(ctx, s, nc)
	if s.accounts.throttle.Blocked(c.host()) {
		refuse(nc, errHostBlocked(c.host()))
		return
	}
	if !s.add(c) {
		refuse(nc, mysql.NewDefaultError(mysql.ER_CON_COUNT_ERROR))
		return
	}
	defer s.remove(c)
	c.run(s.doors.greet(s.version()))
}

// add counts a connection. Those that have not logged in never fill all the room: whoever does not know a password cannot keep
// replicas out.
func (s *Server) add(c *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	strangers := 0
	for other := range s.sessions {
		if other.id() == 0 {
			strangers++
		}
	}
	if len(s.sessions) >= s.cfg.MaxConnections || strangers >= (s.cfg.MaxConnections+1)/2 {
		return false
	}
	s.sessions[c] = struct{}{}
	return true
}

func (s *Server) remove(c *session) {
	s.mu.Lock()
	delete(s.sessions, c)
	s.mu.Unlock()
	c.cancel(nil)
	if engine, ok := s.cfg.SQL.(interface{ Closed(connectionID uint32) }); ok && c.id() != 0 {
		engine.Closed(c.id())
	}
}

// Replicas returns who is being served the log or a feed now.
func (s *Server) Replicas() []relay.ReplicaStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []relay.ReplicaStatus
	for c := range s.sessions {
		if status, ok := c.progress.get(); ok {
			list = append(list, status)
		}
	}
	return list
}

// Served returns how many transactions and bytes of events all clients together were sent.
func (s *Server) Served() (transactions, bytes uint64) { return s.transactions.Load(), s.bytes.Load() }

func (s *Server) find(match func(*session) bool) []*session {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*session
	for c := range s.sessions {
		if match(c) {
			found = append(found, c)
		}
	}
	return found
}
