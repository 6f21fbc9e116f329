package apply

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/relay"
)

// lane is one of the sessions that can have a transaction open.
type lane struct {
	target *Target
	id     int
	busy   atomic.Bool
	// unsettled is the server's number of the session that was lost during COMMIT, until Committed has settled it; 0: none.
	unsettled atomic.Uint32

	mu         sync.Mutex // guards session against Close
	session    *session
	generation uint64
	origin     string // the replication origin of the session; "" if it has none
	noOrigin   bool   // it did not get one
	lazy       bool   // its commits do not wait for the disk
}

func (l *lane) begin(ctx context.Context, mark relay.Mark) (relay.Tx, error) {
	if !l.busy.CompareAndSwap(false, true) {
		return nil, fmt.Errorf("begin transaction: lane %d has one open", l.id)
	}
	err := l.ready(ctx, mark.Origin)
	if err == nil {
		err = l.hurry(ctx, l.target.lazy(mark))
	}
	if err != nil {
		l.drop()
		l.busy.Store(false)
		return nil, fmt.Errorf("begin transaction on lane %d: %w", l.id, err)
	}
	x := &tx{lane: l, session: l.session, mark: mark, after: l.target.commits.last(mark)}
	x.session.queue = x.session.queue[:0]
	x.session.add(command{op: "begin transaction", sql: "BEGIN"})
	if x.after > 0 {
		x.session.add(chained(mark, x.after, -1))
	}
	if l.origin != "" {
		x.session.add(command{op: "set the transaction's origin", sql: originSQL, params: originParams(mark, l.target.config.Clock.Now())})
	}
	x.session.add(command{op: "write mark", table: "octant.applied", sql: ledger.Upsert, params: ledger.Format(mark), kind: isMark})
	return x, nil
}

// originSQL has to run in every transaction: what it sets lasts as long as the session, even over a rollback.
const originSQL = "SELECT pg_catalog.pg_replication_origin_xact_setup($1, $2)"

// originParams are the origin's sequence in place of a log position, and its clock in place of a commit time.
func originParams(m relay.Mark, now time.Time) [][]byte {
	at := now.UTC()
	if m.HLC > 0 {
		at = time.UnixMicro(int64(m.HLC)).UTC()
	}
	seq := max(uint64(m.Range.To), 1)
	return [][]byte{
		[]byte(strconv.FormatUint(seq>>32, 16) + "/" + strconv.FormatUint(seq&0xffffffff, 16)),
		at.AppendFormat(nil, "2006-01-02 15:04:05.999999+00"),
	}
}

// ready dials the lane if it has no session, and gives it the region's origin.
func (l *lane) ready(ctx context.Context, origin relay.Region) error {
	generation := l.target.generation.Load()
	if l.session == nil || l.session.conn.IsClosed() || l.generation != generation {
		l.drop()
		if err := l.dial(ctx); err != nil {
			return err
		}
		l.generation = generation
	}
	return l.carry(ctx, origin)
}

func (l *lane) dial(ctx context.Context) error {
	conn, err := l.target.config.open(ctx, "octant lane "+strconv.Itoa(l.id))
	if err != nil {
		return err
	}
	if a := l.target.abilities.Load(); a != nil && a.replica {
		if err := conn.Run(ctx, "set session_replication_role", "SET session_replication_role = replica"); err != nil {
			conn.End()
			return err
		}
	}
	l.mu.Lock()
	l.session, l.origin, l.noOrigin, l.lazy = newSession(conn), "", false, false
	l.mu.Unlock()
	return nil
}

// carry sets the session's replication origin. Without one it works as well: tools that look at origins see less.
func (l *lane) carry(ctx context.Context, region relay.Region) error {
	a := l.target.abilities.Load()
	name := fmt.Sprintf("octant_%d_%d_%d", l.target.config.Self, region, l.id)
	if a == nil || !a.origins || l.noOrigin || l.origin == name {
		return nil
	}
	conn := l.session.conn
	if l.origin != "" {
		if _, err := conn.Query(ctx, "leave the replication origin", "SELECT pg_catalog.pg_replication_origin_session_reset()"); err != nil {
			return err
		}
		l.origin = ""
	}
	err := setUpOrigin(ctx, conn, name)
	if err != nil && conn.IsClosed() {
		return err
	}
	if err != nil {
		l.noOrigin = true
		l.target.config.Logger.Info("applying without a replication origin", "lane", l.id, "reason", err)
		return nil
	}
	l.origin = name
	return nil
}

func setUpOrigin(ctx context.Context, c *connect.Conn, name string) error {
	rows, err := c.Query(ctx, "look for the replication origin", "SELECT pg_catalog.pg_replication_origin_oid($1) IS NULL", name)
	if err == nil && string(rows[0][0]) == "t" {
		_, err = c.Query(ctx, "create the replication origin", "SELECT pg_catalog.pg_replication_origin_create($1)", name)
	}
	if err == nil {
		_, err = c.Query(ctx, "set up the replication origin", "SELECT pg_catalog.pg_replication_origin_session_setup($1)", name)
	}
	return err
}

// drop ends the lane's session.
func (l *lane) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session != nil {
		l.session.conn.End()
		l.session = nil
	}
}
