package apply

import (
	"context"
	"fmt"
	"sync"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// Target writes to one MariaDB or MySQL server. Make it with New, then Open it. Its methods may be called from several goroutines;
// one lane has one user at a time.
type Target struct {
	config  Config
	dialect dialect
	can     abilities
	lanes   []lane
	tables  *tables
	schemas *binlog.TableCache // of our own tables, as the catalog describes them
	weights *weights

	mu      sync.Mutex // guards control, for as long as it is used
	control *session   // for questions beside the lanes
}

var _ relay.Target = (*Target)(nil)

// New returns a target that is not connected yet.
func New(c Config) (*Target, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	if c.Lanes > maxLane+1 {
		return nil, fmt.Errorf("configure apply: %d lanes are more than the %d that a mark can name", c.Lanes, maxLane+1)
	}
	t := &Target{config: c, dialect: dialectOf(c.Flavour), lanes: make([]lane, c.Lanes), tables: newTables(), schemas: newSchemas(c.Flavour), weights: newWeights(c.CacheBytes)}
	for i := range t.lanes {
		t.lanes[i] = lane{target: t, id: i}
	}
	return t, nil
}

// Open connects, makes schema octant and its table if they are missing, and finds out what the user may do.
func (t *Target) Open(ctx context.Context) error {
	return t.withControl(ctx, func(s *session) error {
		if err := createLedger(ctx, s); err != nil {
			return err
		}
		can, err := t.dialect.learn(ctx, s, &t.config)
		if err != nil {
			return err
		}
		t.can = can
		t.report()
		return nil
	})
}

// report tells the operator which way rows are written.
func (t *Target) report() {
	switch {
	case !t.can.replay:
		t.config.Logger.Warn("rows are written as SQL statements, which fire triggers and are slower: GRANT BINLOG REPLAY ON *.* to the database user")
	case t.can.annotated:
		t.config.Logger.Warn("the text of statements is logged beside the rows: see the grants in the manual")
	default:
		t.config.Logger.Info("rows are written as row events")
	}
}

// RowEvents tells whether rows are written as row events: whether the user has BINLOG REPLAY. It is known after Open.
func (t *Target) RowEvents() bool { return t.can.replay }

// native is the statement that sets the native mark before a transaction, "" if there is none to set.
func (t *Target) native(mark relay.Mark, carried relay.Region) string {
	if !t.can.replay {
		return ""
	}
	return t.dialect.native(mark, carried)
}

// Close ends all connections. Transactions that are open are rolled back by the server. No other method may be running.
func (t *Target) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.control != nil {
		t.control.close()
		t.control = nil
	}
	for i := range t.lanes {
		t.lanes[i].drop()
	}
	return nil
}

// Begin takes the mark's lane, dialing it if need be. The transaction begins on the server, and the mark is written, with
// the first Write or with Commit: they travel in one round trip. So does what can be wrong with them.
func (t *Target) Begin(ctx context.Context, mark relay.Mark) (relay.Tx, error) {
	if err := mark.Fits(len(t.lanes)); err != nil {
		return nil, fmt.Errorf("begin transaction: %w", err)
	}
	return t.lanes[mark.Lane].begin(ctx, mark)
}

// Ping tells whether the database answers.
func (t *Target) Ping(ctx context.Context) error {
	return t.withControl(ctx, func(s *session) error {
		_, err := s.query(ctx, "ping", "DO 0")
		return err
	})
}

// withControl lends the connection for questions, and dials it anew if it was lost.
func (t *Target) withControl(ctx context.Context, use func(*session) error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.control == nil {
		s, err := t.open(ctx)
		if err != nil {
			return err
		}
		t.control = s
	}
	err := use(t.control)
	if t.control.broken {
		t.control.close()
		t.control = nil
	}
	return err
}
