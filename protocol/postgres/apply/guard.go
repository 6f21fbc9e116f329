package apply

import (
	"context"
	"errors"
	"slices"

	"github.com/octant-db/octant/protocol/postgres/connect"
)

// guard has a transaction fail if a table is not as it is known: a column that was added meanwhile would keep what stands there in rows that are written
// without it. The statement gives no rows, but all columns; the server refuses to run it once it would give others than when it was prepared, and
// keeps the table as it is until the transaction ends. See RevalidateCachedQuery in plancache.c.
func (x *tx) guard(ctx context.Context, k *knownTable) error {
	if slices.Contains(x.guarded, k) {
		return nil
	}
	x.guarded = append(x.guarded, k)
	return x.add(ctx, command{op: "look at the columns", table: k.name, sql: "SELECT * FROM ONLY " + k.quoted + " LIMIT 0", guards: k})
}

// redefinedError says that a table is not as it is known.
type redefinedError struct{ table string }

// Error names the table.
func (e *redefinedError) Error() string {
	return "the columns of " + e.table + " have been changed: they are read again"
}

// Retryable is true: the next one knows.
func (e *redefinedError) Retryable() bool { return true }

// redefined makes an error of a guard what it means, and has the tables read again.
func (x *tx) redefined(c *command, err error) error {
	if c == nil || c.guards == nil {
		return err
	}
	if connect.Is(err, connect.CodeNotSupported) {
		err = &redefinedError{c.table}
	}
	var e *redefinedError
	if errors.As(err, &e) {
		x.lane.target.Refresh()
	}
	return err
}
