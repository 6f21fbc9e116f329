package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
)

// pinned are the settings that make what a session writes independent of the server's defaults:
//   - time zone and names: temporal and text literals mean the same everywhere;
//   - sql_mode: whatever stood in another region's table is accepted, 0 in AUTO_INCREMENT columns and zero dates included, and
//     a backslash in a literal is a backslash;
//   - foreign keys and CHECKs were checked where the row was born; here their order could be another one. Unique keys are
//     checked: their errors are part of the protocol;
//   - READ COMMITTED takes no gap locks, so that rows of different keys do not wait for each other;
//   - no statement is too slow, but a transaction whose relay is gone does not keep its locks for ever.
//
// %[1]d are the seconds of a lock wait; each dialect goes on from here.
const pinned = `SET SESSION time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES',
 autocommit=1, completion_type=0, foreign_key_checks=0, unique_checks=1, sql_safe_updates=0, sql_notes=0,
 innodb_lock_wait_timeout=%[1]d, lock_wait_timeout=%[1]d`

// idleTransactionSeconds is how long the server lets a transaction of ours stand without a word.
const idleTransactionSeconds = 300

// abilities are what the user may do, as found by trying, and what the server is.
type abilities struct {
	version   string // the server's, of MySQL only
	replay    bool   // row events, and the native mark
	unlogged  bool   // the text of statements can be kept out of the log
	annotated bool   // the text of statements is logged with the rows, and cannot be kept out for want of a privilege
	maxPacket int    // the server's max_allowed_packet
}

// open connects and pins a session.
func (t *Target) open(ctx context.Context) (*session, error) {
	s, err := connect(ctx, &t.config)
	if err != nil {
		return nil, err
	}
	if isMariaDB(s.conn.GetServerVersion()) == (t.config.Flavour == binlog.MySQL) {
		s.close()
		return nil, fmt.Errorf("connect: the server is version %s, not %s", s.conn.GetServerVersion(), t.dialect.name())
	}
	if _, err := s.query(ctx, "set up session", t.dialect.pinned(&t.config)); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// openLane is open for a session that writes.
func (t *Target) openLane(ctx context.Context) (*session, error) {
	s, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	if err := t.setUpLane(ctx, s); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (t *Target) setUpLane(ctx context.Context, s *session) error {
	for _, wanted := range t.dialect.whole() {
		if err := wanted.pin(ctx, s); err != nil {
			return err
		}
	}
	setup := t.dialect.lane(&t.can)
	if setup == "" {
		return nil
	}
	_, err := s.query(ctx, "set up session", setup)
	return err
}

// pin makes sure that what the session writes is logged whole: a mark that is not could never be read back, and the log would
// be stuck behind it even when the setting has been mended.
func (w setting) pin(ctx context.Context, s *session) error {
	rs, err := s.query(ctx, "read settings", "SELECT @@SESSION."+w.variable)
	if err != nil {
		return err
	}
	value := text(rs[0], 0, 0)
	if value == w.value {
		return nil
	}
	ok, err := allowed(ctx, s, fmt.Sprintf("SET SESSION %s='%s'", w.variable, w.value))
	if err == nil && !ok {
		err = fmt.Errorf("set up session: the database has %[1]s=%[2]s: SET GLOBAL %[1]s='%[3]s', or %[4]s to the relay's user",
			w.variable, value, w.value, w.grant)
	}
	return err
}

// allowed tells whether the user may run a statement.
func allowed(ctx context.Context, s *session, text string) (bool, error) {
	_, err := s.query(ctx, "look for privileges", text)
	var e *Error
	if errors.As(err, &e) && e.Code == codeAccessDenied {
		return false, nil
	}
	return err == nil, err
}
