package apply

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// Target writes to one PostgreSQL database. Make it with New, then Open it. Its methods may be called from several goroutines; one
// lane has one user at a time.
type Target struct {
	config     Config
	lanes      []lane
	schemas    *logical.TableCache
	tables     tables
	hashes     hashes
	generation atomic.Uint64 // raised by Refresh: sessions of an older one are replaced

	commits commits

	abilities atomic.Pointer[abilities]

	mu      sync.Mutex // guards control, for as long as it is used
	control *connect.Conn
}

// abilities are what the user may do.
type abilities struct {
	replica bool // set session_replication_role
	origins bool // use replication origins
	alone   bool // no standby is waited for: see lazy
}

var _ relay.Target = (*Target)(nil)

// New returns a target that is not connected yet.
func New(c Config) (*Target, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	t := &Target{config: c, lanes: make([]lane, c.Lanes), schemas: logical.NewTableCache()}
	for i := range t.lanes {
		t.lanes[i] = lane{target: t, id: i}
	}
	return t, nil
}

// Open connects, makes schema octant and its table if they are missing, and finds out what the user may do.
func (t *Target) Open(ctx context.Context) error {
	return t.withControl(ctx, func(c *connect.Conn) error {
		if err := ledger.Ensure(ctx, c); err != nil {
			return err
		}
		a, err := learn(ctx, c)
		if err != nil {
			return err
		}
		if !a.replica {
			t.config.Logger.Warn("triggers and foreign keys fire for replicated rows: GRANT SET ON PARAMETER session_replication_role to the database user")
		}
		t.abilities.Store(a)
		return nil
	})
}

// learn tries what the user may do.
func learn(ctx context.Context, c *connect.Conn) (*abilities, error) {
	a := &abilities{}
	err := c.Run(ctx, "try session_replication_role", "SET session_replication_role = replica; RESET session_replication_role")
	if err != nil && !connect.Is(err, connect.CodePrivilege) {
		return nil, err
	}
	a.replica = err == nil
	rows, err := c.Query(ctx, "look for privileges", `SELECT pg_catalog.bool_and(pg_catalog.has_function_privilege(f, 'EXECUTE')) FROM
unnest(ARRAY['pg_catalog.pg_replication_origin_create(text)', 'pg_catalog.pg_replication_origin_oid(text)',
 'pg_catalog.pg_replication_origin_session_setup(text)', 'pg_catalog.pg_replication_origin_session_reset()',
 'pg_catalog.pg_replication_origin_xact_setup(pg_lsn, timestamptz)']) f`)
	switch {
	case err == nil:
		a.origins = string(rows[0][0]) == "t"
	case connect.Is(err, "42883"): // PostgreSQL 19 gives one of them another parameter
	default:
		return nil, err
	}
	rows, err = c.Query(ctx, "look for synchronous standbys", "SELECT pg_catalog.current_setting('synchronous_standby_names') = ''")
	if err != nil {
		return nil, err
	}
	a.alone = string(rows[0][0]) == "t"
	return a, nil
}

// Close ends all sessions. Transactions that are open are rolled back by the server. No other method may be running.
func (t *Target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.control != nil {
		t.control.End()
		t.control = nil
	}
	for i := range t.lanes {
		t.lanes[i].drop()
	}
	return nil
}

// Begin takes the mark's lane, dialing it if need be. The transaction begins on the server, and the mark is written, with the first Write
// or with Commit: they travel in one round trip. So does what can be wrong with them.
func (t *Target) Begin(ctx context.Context, mark relay.Mark) (relay.Tx, error) {
	if err := mark.Fits(len(t.lanes)); err != nil {
		return nil, fmt.Errorf("begin transaction: %w", err)
	}
	return t.lanes[mark.Lane].begin(ctx, mark)
}

// Refresh forgets what is remembered of tables; see relay.Target.
func (t *Target) Refresh() {
	t.tables.forget()
	t.generation.Add(1)
}

// Divides implements relay.Divider: PostgreSQL locks the rows that a statement writes, and no others.
func (t *Target) Divides() bool { return true }

// withControl lends the session for questions. One that was lost since it was last used is dialed anew, and the question asked again.
func (t *Target) withControl(ctx context.Context, use func(*connect.Conn) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.control != nil
	err := t.ask(ctx, use)
	if old && t.control == nil && relay.Retryable(err) {
		err = t.ask(ctx, use)
	}
	return err
}

// ask asks once. The caller holds mu.
func (t *Target) ask(ctx context.Context, use func(*connect.Conn) error) error {
	if t.control == nil {
		c, err := t.config.open(ctx, "octant control")
		if err != nil {
			return err
		}
		t.control = c
	}
	err := use(t.control)
	if t.control.TxStatus() != 'I' {
		t.control.End() // it is in a transaction that somebody left
	}
	if t.control.IsClosed() {
		t.control = nil
	}
	return err
}
