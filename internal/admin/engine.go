package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// Bounds of one statement, and of how many are answered by the SQL engine at once.
const (
	maxStatement  = 64 << 10 // bytes
	maxResult     = 16 << 20 // bytes of all rows
	maxDuration   = 30 * time.Second
	maxConcurrent = 4
)

// Config says what an Engine shows and steers. What is nil is not there, and statements that need it are refused.
type Config struct {
	Inspector     relay.Inspector
	Controller    relay.Controller
	Places        Places
	History       History
	Membership    Membership
	Upstream      Upstream
	Clients       Clients
	Comparison    func() relay.Comparison // of this region's tables with others'; it may return nil
	Donor         func() relay.Donor      // of this region's data; it may return nil
	Renditions    Renditions
	Verifications func() []relay.Verification // comparisons that were made by schedule, the newest first
	Version       string                      // what SELECT VERSION() says until Upstream knows better
	MySQL         bool                        // the relay answers as MySQL does; else as MariaDB
	ServerID      uint32                      // the relay's own
	ServerUUID    string                      // the relay's own; of MySQL only
	Listen        string                      // host:port of this very server
	Now           func() time.Time            // nil: time.Now
	Logger        *slog.Logger                // nil: none
}

// Session says whose statement it is.
type Session struct {
	ConnectionID uint32
	User         string
	Roles        []string // "replicate", "read", "admin"; admin may read too
	RemoteAddr   string
}

// Engine answers statements. It may be used by many goroutines at once. It keeps nothing between the statements of a session:
// settings are accepted and forgotten.
type Engine struct {
	cfg   Config
	slots chan struct{}
	sql   func() (*sqlEngine, error)
}

// New makes an engine. It is cheap: the SQL engine behind it is made when it is first needed.
func New(cfg Config) *Engine {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{cfg: cfg, slots: make(chan struct{}, maxConcurrent)}
	e.sql = sync.OnceValues(func() (*sqlEngine, error) { return newSQLEngine(e) })
	return e
}

// Query answers one statement. A nil Result is OK. Errors are *mysql.MyError, for the client.
func (e *Engine) Query(ctx context.Context, s Session, query string) (result *mysql.Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			e.cfg.Logger.Error("answer a statement", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			result, err = nil, failure(mysql.ER_INTERNAL_ERROR, "The relay could not answer this statement; its log says why")
		}
	}()
	if limit := bound(query); len(query) > limit {
		return nil, failure(mysql.ER_NET_PACKET_TOO_LARGE, "The statement is longer than %d bytes", limit)
	}
	st, err := parse(query)
	if err != nil {
		return nil, err
	}
	if !st.patient {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, maxDuration)
		defer cancel()
	}
	if err := s.need(st.role); err != nil {
		return nil, err
	}
	result, err = st.run(ctx, &call{e: e, session: s, query: query})
	return result, e.forClient(ctx, err)
}

// call is one statement being answered.
type call struct {
	e       *Engine
	session Session
	query   string
}

// forClient makes any error one that the client understands.
func (e *Engine) forClient(ctx context.Context, err error) error {
	var known *mysql.MyError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &known):
		return known
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return failure(mysql.ER_QUERY_INTERRUPTED, "The statement took longer than %s; ask for less with WHERE and LIMIT", maxDuration)
	case ctx.Err() != nil:
		return failure(mysql.ER_QUERY_INTERRUPTED, "The statement was interrupted")
	}
	return failure(mysql.ER_UNKNOWN_ERROR, "%v", err)
}
