package apply

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// nativeServer is where the native marks of the regions begin: a lane that writes for region r has this plus r as its
// server_id, so that tools that know nothing of octant.applied see whose rows these are. The database's gtid_domain_id
// stays: a replica with slave_parallel_threads runs different domains out of order, and an application's write of a row and ours
// could change places on it; see "Out-of-order parallel replication" in MariaDB's manual.
const nativeServer = 9000

// pinned are the settings that make what a session writes independent of the server's defaults:
//   - time zone and names: temporal and text literals mean the same everywhere;
//   - sql_mode: whatever stood in another region's table is accepted, 0 in AUTO_INCREMENT columns and zero dates included, and
//     a backslash in a literal is a backslash;
//   - foreign keys and CHECKs were checked where the row was born; here their order could be another one. Unique keys are
//     checked: their errors are part of the protocol;
//   - READ COMMITTED takes no gap locks, so that rows of different keys do not wait for each other;
//   - no statement is too slow, but a transaction whose relay is gone does not keep its locks for ever.
const pinned = `SET SESSION time_zone='+00:00', sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES',
 autocommit=1, completion_type=0, foreign_key_checks=0, unique_checks=1, check_constraint_checks=0, sql_safe_updates=0,
 sql_notes=0, max_statement_time=0, idle_transaction_timeout=%[2]d, innodb_lock_wait_timeout=%[1]d, lock_wait_timeout=%[1]d,
 tx_isolation='READ-COMMITTED'; SET NAMES utf8mb4`

// idleTransactionSeconds is how long the server lets a transaction of ours stand without a word.
const idleTransactionSeconds = 300

// abilities are what the user may do, as found by trying.
type abilities struct {
	replay    bool // BINLOG REPLAY: row events, and server_id of the session
	unlogged  bool // BINLOG ADMIN: the text of statements can be kept out of the log
	annotated bool // the text of statements is logged with the rows, and cannot be kept out for want of BINLOG ADMIN
	maxPacket int  // the server's max_allowed_packet
}

// open connects and pins a session.
func (t *Target) open(ctx context.Context) (*session, error) {
	s, err := connect(ctx, &t.config)
	if err != nil {
		return nil, err
	}
	if _, err := s.query(ctx, "set up session", fmt.Sprintf(pinned, t.config.lockWaitSeconds(), idleTransactionSeconds)); err != nil {
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
	if err := wholeRows(ctx, s); err != nil {
		s.close()
		return nil, err
	}
	setup := ""
	if t.can.unlogged {
		setup = "SET SESSION binlog_annotate_row_events=0;"
	}
	if t.can.replay {
		setup += string(binlog.AppendStatement(nil, binlog.FormatDescription(eventServerID)))
	}
	if setup == "" {
		return s, nil
	}
	if _, err := s.query(ctx, "set up session", setup); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

// wholeRows makes sure that what the session writes is logged whole: a mark that is not could never be read back, and the log would
// be stuck behind it even when the setting has been mended.
func wholeRows(ctx context.Context, s *session) error {
	rs, err := s.query(ctx, "read settings", "SELECT @@binlog_row_image")
	if err != nil {
		return err
	}
	image := text(rs[0], 0, 0)
	if image == "FULL" {
		return nil
	}
	ok, err := allowed(ctx, s, "SET SESSION binlog_row_image=FULL")
	if err == nil && !ok {
		err = fmt.Errorf("set up session: the database has binlog_row_image=%s: SET GLOBAL binlog_row_image=FULL, or GRANT BINLOG ADMIN ON *.* to the relay's user", image)
	}
	return err
}

// learn tries what the user may do. Roles and default roles count then, too.
func (t *Target) learn(ctx context.Context, s *session) error {
	rs, err := s.query(ctx, "read settings", "SELECT @@max_allowed_packet, @@binlog_annotate_row_events, @@server_id")
	if err != nil {
		return err
	}
	row := rs[0].Values[0]
	t.can.maxPacket = int(row[0].AsUint64())
	t.can.replay = !t.config.NoBinlog
	if t.can.replay {
		id := strconv.FormatUint(row[2].AsUint64(), 10)
		if t.can.replay, err = allowed(ctx, s, "SET SESSION server_id="+id); err != nil {
			return err
		}
	}
	t.can.unlogged, t.can.annotated = false, false
	if row[1].AsUint64() == 0 {
		return nil
	}
	t.can.unlogged, err = allowed(ctx, s, "SET SESSION binlog_annotate_row_events=0")
	t.can.annotated = !t.can.unlogged
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

// nativeMark is the statement that makes what follows carry the origin's number, in the database's own GTID domain.
func nativeMark(origin relay.Region) string {
	return fmt.Sprintf("SET SESSION server_id=%d", nativeServer+int(origin))
}
