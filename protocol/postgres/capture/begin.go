package capture

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pglogrepl"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// beginning finds out where to start, and that one can.
type beginning struct {
	source       *Source
	control, log *connect.Conn
	rec          relay.Recorder
	number       int           // server_version_num
	end          pglogrepl.LSN // of the log, as it is now
	publication  *publication
	proof        *proof // nil: none is needed
}

func (b *beginning) find(ctx context.Context, from relay.Position) (place, error) {
	at, err := b.identify(ctx)
	if err != nil {
		return at, err
	}
	if err := b.settings(ctx); err != nil {
		return at, err
	}
	if err := ledger.Ensure(ctx, b.control); err != nil {
		return at, err
	}
	b.publication = &publication{source: b.source, control: b.control, rec: b.rec}
	if err := b.publication.ensure(ctx); err != nil { // before the slot: the plugin looks for it in the catalog of the past
		return at, err
	}
	if from == "" {
		return b.first(ctx, at)
	}
	saved, err := parsePlace(from)
	if err != nil {
		return at, err
	}
	return b.again(ctx, at, saved)
}

// identify asks the server who it is and where its log ends.
func (b *beginning) identify(ctx context.Context) (place, error) {
	who, err := pglogrepl.IdentifySystem(ctx, b.log.PgConn)
	if err != nil {
		return place{}, connect.NewError(ctx, "identify the system", "", err)
	}
	b.end = who.XLogPos // what is flushed; see IDENTIFY_SYSTEM
	return place{system: who.SystemID, timeline: who.Timeline, database: who.DBName}, nil
}

// minVersion is PostgreSQL 14: what pgoutput and the catalog have since then is relied upon.
const minVersion = 140000

func (b *beginning) settings(ctx context.Context) error {
	rows, err := b.control.Query(ctx, "read settings", `SELECT pg_catalog.current_setting('server_version_num'),
 pg_catalog.current_setting('wal_level'), pg_catalog.pg_is_in_recovery()`)
	if err != nil {
		return err
	}
	if b.number, err = strconv.Atoi(string(rows[0][0])); err != nil {
		return fmt.Errorf("read settings: server_version_num: %w", err)
	}
	switch {
	case b.number < minVersion:
		return fmt.Errorf("the server is older than PostgreSQL 14: upgrade it: %w", relay.ErrRefused)
	case string(rows[0][2]) == "t":
		return fmt.Errorf("the server is a standby: point database.url at the primary: %w", relay.ErrRefused)
	case string(rows[0][1]) != "logical":
		return fmt.Errorf("wal_level is %s: set wal_level = logical and restart the server: %w", rows[0][1], relay.ErrRefused)
	}
	return nil
}

// first starts with a database for the first time. A slot that is there already was made by an attempt that did not get any further, or
// belongs to a relay log that was lost; what it still has is read.
func (b *beginning) first(ctx context.Context, at place) (place, error) {
	slot, err := b.slot(ctx)
	if err != nil {
		return at, err
	}
	if slot == nil {
		if at.lsn, err = b.create(ctx); err != nil {
			return at, err
		}
	} else {
		if err := slot.usable(b); err != nil {
			return at, err
		}
		at.lsn = slot.confirmed
		b.source.config.Logger.Warn("the replication slot is there already: going on where it stands", "slot", slot.name, "at", at.lsn)
	}
	return at, commitFrame(b.rec, at)
}

// commitFrame writes a place down.
func commitFrame(rec relay.Recorder, at place) error {
	position := at.position()
	if err := rec.Append(logical.AppendMessage(nil, []byte{logical.KindFrame}, []byte(position))); err != nil {
		return err
	}
	return rec.Commit(relay.Captured{Kind: relay.Frame, Position: position, Flavour: logical.Flavour})
}

// create makes the slot. It waits for transactions that are running, however long they take.
func (b *beginning) create(ctx context.Context) (pglogrepl.LSN, error) {
	if err := b.control.Run(ctx, "wait for transactions", "SET lock_timeout = 0"); err != nil {
		return 0, err
	}
	sql := `SELECT lsn FROM pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput', false, false)`
	if b.number >= 170000 {
		sql = `SELECT lsn FROM pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput', false, false, true)` // survives failover
	}
	rows, err := b.control.Query(ctx, "create replication slot "+b.source.config.Slot, sql, b.source.config.Slot)
	if err != nil {
		return 0, err
	}
	if err := b.control.Run(ctx, "wait no longer", "SET lock_timeout = '"+lockWait+"'"); err != nil {
		return 0, err
	}
	return pglogrepl.ParseLSN(string(rows[0][0]))
}

// again checks that the log can be read from a saved place on.
func (b *beginning) again(ctx context.Context, at, saved place) (place, error) {
	if at.system != saved.system || at.database != saved.database {
		return at, fmt.Errorf("the database is %s of system %s, and not %s of system %s: %w", at.database, at.system, saved.database,
			saved.system, relay.ErrDiverged)
	}
	if err := b.sameHistory(ctx, at, saved); err != nil {
		return at, err
	}
	slot, err := b.slot(ctx)
	switch {
	case err != nil:
		return at, err
	case slot == nil:
		return at, fmt.Errorf("the replication slot %s is gone: %w", b.source.config.Slot, relay.ErrPurged)
	}
	if err := slot.usable(b); err != nil {
		return at, err
	}
	switch {
	case slot.confirmed > saved.lsn:
		return at, fmt.Errorf("the replication slot %s stands at %s, and the relay log ends at %s: %w", slot.name, slot.confirmed, saved.lsn,
			relay.ErrPurged)
	case saved.lsn > b.end: // else the proof tells
		return at, fmt.Errorf("the database's log ends at %s, and the relay has captured up to %s: %w", b.end, saved.lsn, relay.ErrDiverged)
	}
	at.lsn, at.commit, at.xid = saved.lsn, saved.commit, saved.xid
	if saved.commit >= slot.confirmed { // never so in a log without a commit
		b.proof = &proof{at: saved, from: slot.confirmed}
	}
	return at, nil
}

// sameHistory tells whether the saved place lies on the history of the server's timeline: after a failover that lost nothing it does,
// after a restore to an earlier point it does not.
func (b *beginning) sameHistory(ctx context.Context, at, saved place) error {
	if at.timeline == saved.timeline {
		return nil
	}
	if at.timeline < saved.timeline {
		return fmt.Errorf("the server is on timeline %d, and was on %d: %w", at.timeline, saved.timeline, relay.ErrDiverged)
	}
	history, err := pglogrepl.TimelineHistory(ctx, b.log.PgConn, at.timeline)
	if err != nil {
		return connect.NewError(ctx, "read the timeline's history", "", err)
	}
	left, ok := leftAt(string(history.Content), saved.timeline)
	if !ok || saved.lsn > left {
		return fmt.Errorf("the relay has captured timeline %d up to %s, and timeline %d branched off before: %w", saved.timeline, saved.lsn,
			at.timeline, relay.ErrDiverged)
	}
	return nil
}

// leftAt reads in a timeline's history where a former timeline was left. Lines are "timeline lsn reason"; see readTimeLineHistory.
func leftAt(history string, timeline int32) (pglogrepl.LSN, bool) {
	for line := range strings.Lines(history) {
		words := strings.Fields(line)
		if len(words) < 2 || words[0] != strconv.Itoa(int(timeline)) {
			continue
		}
		lsn, err := pglogrepl.ParseLSN(words[1])
		return lsn, err == nil
	}
	return 0, false
}
