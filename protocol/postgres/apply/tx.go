package apply

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// tx is one open transaction. What waits in its session's queue has not been sent yet.
type tx struct {
	lane    *lane
	session *session
	mark    relay.Mark
	after   relay.Seq // of the mark's origin: committed when the transaction began, and looked for; 0: nothing is known
	guarded []*knownTable
	cells   []logical.Cell // of the row that is looked at
	failed  bool           // the server has not done all that was asked: only Rollback is left
	done    bool
}

var errUseless = errors.New("the transaction failed before: roll it back")

func (x *tx) usable() error {
	switch {
	case x.done:
		return relay.ErrClosed
	case x.failed:
		return errUseless
	}
	return nil
}

// Write brings rows to the state that the writes say; see relay.Tx.
func (x *tx) Write(ctx context.Context, writes []relay.Write) error {
	if err := x.usable(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	err := x.write(ctx, writes)
	if err == nil {
		err = x.flush(ctx)
	}
	if err != nil {
		x.failed = true
	}
	return err
}

// flushBytes is how much may wait before it is sent.
const flushBytes = 1 << 20

// add queues a statement, and sends what waits if that is much.
func (x *tx) add(ctx context.Context, c command) error {
	x.session.add(c)
	if x.session.bytes < flushBytes {
		return nil
	}
	return x.flush(ctx)
}

func (x *tx) flush(ctx context.Context) error {
	if len(x.session.queue) == 0 {
		return nil
	}
	failed, err := x.session.flush(ctx, judge)
	if err == nil {
		return nil
	}
	return x.redefined(failed, x.judgeError(failed, errorOf(ctx, failed, err)))
}

// judge looks at the number of rows that a statement touched.
func judge(c *command, tag pgconn.CommandTag) error {
	switch {
	case c.kind == isMark && tag.RowsAffected() == 0:
		return fmt.Errorf("write mark: %w", relay.ErrApplied)
	case c.kind == isRow && tag.RowsAffected() != max(c.rows, 1):
		return fmt.Errorf("%s of %s: %w", c.op, c.table, relay.ErrPresence)
	case c.kind == isCommit && tag.String() != "COMMIT":
		return fmt.Errorf("commit: the server says %s", tag)
	}
	return nil
}

// judgeError tells what an error of a row means.
func (x *tx) judgeError(c *command, err error) error {
	var e *connect.Error
	if !errors.As(err, &e) || c == nil {
		return err
	}
	if c.kind == isChain && e.Code == codeDivision {
		x.lane.target.commits.lose(x.mark.Origin)
		return fmt.Errorf("write behind transaction %d of region %d: %w", x.after, x.mark.Origin, relay.ErrTailLost)
	}
	if e.Code != connect.CodeUniqueViolation && e.Code != connect.CodeExclusionViolation {
		return err
	}
	if c.kind == isRow {
		return fmt.Errorf("%w: %w", relay.ErrPresence, err)
	}
	return &BlockedError{Table: c.table, Index: e.Constraint}
}

// BlockedError says that a row cannot be written because another row, which is not part of the same Write, has one of its unique values.
type BlockedError struct {
	Table string // "schema.table"
	Index string // the unique index
}

// Error names the index.
func (e *BlockedError) Error() string {
	return fmt.Sprintf("write row of %s: another row has its value in unique index %s", e.Table, e.Index)
}

// Is makes it an error of kind relay.ErrUnique.
func (e *BlockedError) Is(target error) bool { return target == relay.ErrUnique }

// Rejection implements what relay.Rejected looks for.
func (e *BlockedError) Rejection() (relay.Rejection, bool) {
	return relay.Rejection{Reason: relay.UniqueTaken, Table: e.Table}, true
}

// Blocked returns the table and its unique index.
func (e *BlockedError) Blocked() (table, index string) { return e.Table, e.Index }

// Commit ends the transaction; see relay.Tx.
func (x *tx) Commit(ctx context.Context) error {
	if err := x.usable(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if last := x.lane.target.commits.last(x.mark); last > x.after { // on other lanes, in the meantime
		x.session.add(chained(x.mark, last, x.lane.id))
	}
	x.session.add(command{op: "commit", sql: "COMMIT", kind: isCommit})
	failed, err := x.session.flush(ctx, judge)
	if err == nil {
		x.lane.target.commits.add(x.mark)
		x.finish()
		return nil
	}
	x.failed = true
	return x.commitError(ctx, failed, err)
}

// commitError tells whether the outcome of COMMIT is known. What the server answered says that it was not done, unless it was cutting the
// session off; when the connection is lost, the server may have received all of it.
func (x *tx) commitError(ctx context.Context, failed *command, err error) error {
	var pg *pgconn.PgError
	switch {
	case errors.Is(err, relay.ErrApplied):
		return err
	case errors.As(err, &pg):
		typed := errorOf(ctx, failed, err)
		var e *connect.Error
		if failed != nil && (failed.kind != isCommit || !errors.As(typed, &e) || !e.Ends()) {
			return x.redefined(failed, x.judgeError(failed, typed))
		}
	}
	x.lane.unsettled.Store(x.session.conn.PID())
	x.lane.drop()
	return fmt.Errorf("commit: %w (%v)", relay.ErrOutcomeUnknown, errorOf(ctx, failed, err))
}

// rollbackTime bounds how long Rollback waits for the server before it cuts the connection, which also rolls back.
const rollbackTime = 5 * time.Second

// Rollback undoes the transaction; see relay.Tx.
func (x *tx) Rollback() error {
	if x.done {
		return nil
	}
	defer x.finish()
	x.session.queue = x.session.queue[:0]
	if x.session.conn.IsClosed() || x.session.conn.TxStatus() == 'I' {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	if err := x.session.conn.Run(ctx, "roll back", "ROLLBACK"); err != nil {
		x.lane.drop()
	}
	return nil
}

// finish gives the lane back.
func (x *tx) finish() {
	x.done = true
	x.lane.busy.Store(false)
}
