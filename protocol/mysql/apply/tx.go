package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/relay"
)

// tx is one open transaction. What waits in its lane's script has not been sent yet.
type tx struct {
	lane    *lane
	session *session
	mark    relay.Mark
	failed  bool // the server has not done all that was asked: only Rollback is left
	done    bool
}

var errUseless = errors.New("the transaction failed before: roll it back")

// Write brings rows to the state that the writes say; see relay.Tx.
func (x *tx) Write(ctx context.Context, writes []relay.Write) error {
	if err := x.usable(); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	err := x.write(ctx, writes)
	if err != nil {
		x.failed = true
		x.forget(err, writes)
	}
	return err
}

func (x *tx) usable() error {
	switch {
	case x.done:
		return relay.ErrClosed
	case x.failed:
		return errUseless
	}
	return nil
}

func (x *tx) write(ctx context.Context, writes []relay.Write) error {
	groups, err := group(writes)
	if err != nil {
		return err
	}
	if !x.lane.target.can.replay {
		return x.writeSQL(ctx, groups)
	}
	for _, g := range groups {
		if err := g.shorten(ctx, x.lane.target); err != nil {
			return err
		}
	}
	if err := x.writeKnown(ctx, groups); err != nil {
		return err
	}
	return x.writeUnknown(ctx, groups)
}

// forget drops what is remembered of a table that turned out to be another one.
func (x *tx) forget(err error, writes []relay.Write) {
	var e *Error
	if !errors.As(err, &e) || !e.definition() {
		return
	}
	for i := range writes {
		x.lane.target.tables.forget(writes[i].Table)
	}
}

// flush sends what waits.
func (x *tx) flush(ctx context.Context) error {
	if len(x.lane.script.steps) == 0 {
		return nil
	}
	_, err := x.run(ctx)
	return err
}

// run sends the script and empties it. It returns how many statements succeeded.
func (x *tx) run(ctx context.Context) (int, error) {
	sc := &x.lane.script
	defer sc.reset()
	stands := false
	done, err := x.session.send(ctx, sc, func(i int, rows uint64) {
		switch {
		case sc.steps[i].kind == markStep && rows == 0:
			stands = true
		case sc.steps[i].kind == markStep && x.lane.target.can.replay:
			x.lane.origin = x.mark.Origin
		}
	})
	switch {
	case stands:
		return done, fmt.Errorf("write mark: %w", ErrMarkStands)
	case err != nil && sc.commits():
		return done, x.commitError(done, err)
	case err != nil && done < len(sc.steps) && sc.steps[done].kind == rowsStep:
		return done, asPresence(err)
	}
	return done, err
}

// commitError tells whether the outcome of COMMIT is known. What the server answered says that it was not done, unless COMMIT
// itself was cut short; when the connection is lost, the server may have received all of the script.
func (x *tx) commitError(done int, err error) error {
	var e *Error
	if errors.As(err, &e) {
		last := done == len(x.lane.script.steps)-1
		if !last || e.Code != codeInterrupted && !e.ended {
			return err
		}
	}
	x.session.broken = true
	x.lane.unsettled.Store(x.session.conn.GetConnectionID())
	return fmt.Errorf("commit: %w (%v)", ErrCommitUnknown, err)
}

// add appends a statement of at most the server's max_allowed_packet to what waits, and sends what waits before if it
// would get too much.
func (x *tx) add(ctx context.Context, st step, size int, build func([]byte) []byte) error {
	sc := &x.lane.script
	if size+packetRoom > x.lane.target.can.maxPacket {
		return x.tooLarge(st, size)
	}
	if sc.size() > 0 && sc.size()+size+1 > min(scriptTarget, x.lane.target.can.maxPacket) {
		if err := x.flush(ctx); err != nil {
			return err
		}
	}
	sc.end(build(sc.begin()), st)
	return nil
}

// tooLarge tells what the server must take for a statement to fit.
func (x *tx) tooLarge(st step, size int) error {
	return &SizeError{Op: st.op, Table: st.table, Size: size, Most: x.lane.target.can.maxPacket}
}

// Commit ends the transaction; see relay.Tx. ErrCommitUnknown says that only the ledger knows.
func (x *tx) Commit(ctx context.Context) error {
	if err := x.usable(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	x.lane.script.add(step{op: "commit", kind: commitStep}, "COMMIT")
	if err := x.flush(ctx); err != nil {
		x.failed = true
		return err
	}
	x.finish()
	return nil
}

// Rollback undoes the transaction; see relay.Tx. When the server does not answer, the connection is cut, which undoes it too.
func (x *tx) Rollback() error {
	if x.done {
		return nil
	}
	defer x.finish()
	x.lane.script.reset()
	if x.session.broken {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
	defer cancel()
	x.lane.script.add(step{op: "roll back"}, "ROLLBACK")
	if err := x.flush(ctx); err != nil {
		x.session.broken = true
	}
	return nil
}

// finish gives the lane back.
func (x *tx) finish() {
	x.done = true
	if x.session.broken {
		x.lane.drop()
	}
	x.lane.used = x.lane.target.config.Now()
	x.lane.busy.Store(false)
}
