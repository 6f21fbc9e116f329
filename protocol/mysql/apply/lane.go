package apply

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// rollbackTime bounds how long Rollback waits for the server before it cuts the connection, which also rolls back.
const rollbackTime = 5 * time.Second

// lane is one of the connections that can have a transaction open.
type lane struct {
	target *Target
	id     int
	busy   atomic.Bool
	// unsettled is the server's number of the session that was lost during COMMIT, until Committed has settled it; 0: none.
	unsettled atomic.Uint32

	mu      sync.Mutex // guards session against Close
	session *session
	origin  relay.Region // whose native mark the session carries; 0: none
	script  script
	rows    *binlog.RowsBuilder // made when first needed
	used    time.Time           // when a transaction ended last, or the session began
}

func (l *lane) begin(ctx context.Context, mark relay.Mark) (relay.Tx, error) {
	if !l.busy.CompareAndSwap(false, true) {
		return nil, fmt.Errorf("begin transaction: lane %d has one open", l.id)
	}
	if err := l.ready(ctx); err != nil {
		l.busy.Store(false)
		return nil, fmt.Errorf("begin transaction on lane %d: %w", l.id, err)
	}
	l.script.reset()
	if native := l.target.native(mark, l.origin); native != "" {
		l.origin = 0 // until the server has said yes
		l.script.add(step{op: "set native mark"}, native)
	}
	l.script.add(step{op: "begin transaction"}, "BEGIN")
	l.script.end(markStatement(l.script.begin(), mark), step{op: "write mark", table: "octant.applied", kind: markStep})
	return &tx{lane: l, session: l.session, mark: mark}, nil
}

// ready dials the lane if it has no connection.
func (l *lane) ready(ctx context.Context) error {
	if l.session != nil && !l.session.broken && !l.stale() {
		return nil
	}
	l.drop()
	s, err := l.target.openLane(ctx)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.session, l.origin, l.used = s, 0, l.target.config.Now()
	l.mu.Unlock()
	return nil
}

// stale tells whether the server ends the session soon, or has done so, because it was not used for long.
func (l *lane) stale() bool {
	limit := l.target.dialect.idle()
	return limit > 0 && l.target.config.Now().Sub(l.used) > limit*3/4
}

// drop closes the lane's connection.
func (l *lane) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session != nil {
		l.session.close()
		l.session = nil
	}
}
