package capture

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

var _ relay.Rewriter = (*Source)(nil)

// Kept implements relay.Restorer. MariaDB begins a new file with every start: the file that was written to when the tail was lost ends where the relay has read the
// end of a transaction, and those after it have none.
func (s *Source) Kept(ctx context.Context, log relay.Log) (relay.LSN, relay.Position, error) {
	c, read, err := s.reach(ctx, log.State())
	if err != nil {
		return 0, "", err
	}
	defer c.close()
	end, err := s.dialect.end(c)
	if err != nil {
		return 0, "", err
	}
	if end.GTIDs.Includes(read.GTIDs) {
		return 0, "", errNothingLost
	}
	last, err := lastShared(log.Local(), end.GTIDs, read.GTIDs)
	if err != nil {
		return 0, "", err
	}
	e, _, err := log.Local().Entry(last)
	if err != nil {
		return 0, "", err
	}
	kept, err := binlog.ParsePosition(string(e.Position))
	if err != nil {
		return 0, "", err
	}
	file, err := c.nothingAfter(kept)
	if err != nil {
		return 0, "", err
	}
	read.File, read.Offset, read.Group, read.Server = file, firstOffset, 0, c.server
	read.Joining, read.Epoch = true, read.Epoch+1
	return last, relay.Position(read.String()), nil
}

// reach connects, and reads where capture had come to.
func (s *Source) reach(ctx context.Context, was relay.State) (*connection, binlog.Position, error) {
	read, err := binlog.ParsePosition(string(was.Position))
	if err != nil {
		return nil, read, err
	}
	c, err := s.connect(ctx)
	if err != nil {
		return nil, read, fmt.Errorf("connect to the database: %w", err)
	}
	return c, read, nil
}

// lastShared finds the last entry whose transaction the database still has.
func lastShared(local relay.LocalStream, has, read binlog.Set) (relay.LSN, error) {
	var last relay.LSN
	for _, g := range has.List() {
		key := binlog.GTIDKey(g)
		lsn, err := local.Floor(key, key)
		switch {
		case err == nil:
			last = max(last, lsn)
		case !errors.Is(err, relay.ErrNotFound):
			return 0, err
		case !read.Contains(g):
			return 0, fmt.Errorf("the database has transaction %s, which the relay has never read: it was written to since it lost its last commits, or is another one: %w", g, relay.ErrDiverged)
		}
	}
	if last == 0 {
		return 0, fmt.Errorf("the relay log no longer has the transaction up to which the database goes (%s): load this region again: %w", has, relay.ErrTrimmed)
	}
	return last, nil
}

// nothingAfter proves that a place that was read is the end of the database's log, and returns the file in which that goes on.
func (c *connection) nothingAfter(p binlog.Position) (file string, err error) {
	if _, err := c.checkFile(p); err != nil {
		return "", err
	}
	if err := (mariadb{}).checkOffset(c, p); err != nil {
		return "", err
	}
	r, err := c.query("SHOW BINARY LOGS")
	if err != nil {
		return "", err
	}
	for i := range r.RowNumber() {
		name, from := text(r, i, 0), uint64(firstOffset)
		size, err := r.GetUint(i, 1)
		if err != nil {
			return "", err
		}
		if name == p.File {
			from = p.Offset
		} else if !fileBefore(p.File, name) {
			continue
		} else if file == "" {
			file = name
		}
		if size <= from {
			continue
		}
		if err := c.noGroups(name, from); err != nil {
			return "", err
		}
	}
	if file == "" {
		return "", errNotRestarted
	}
	return file, nil
}

// noGroups looks for transactions in a file from an offset on. Between the headers and the first transaction stand a few events at most.
func (c *connection) noGroups(file string, from uint64) error {
	r, err := c.query(fmt.Sprintf("SHOW BINLOG EVENTS IN '%s' FROM %d LIMIT 16", escape(file), from))
	if err != nil {
		return fmt.Errorf("look what the database has committed since: %w", err)
	}
	const typ, info = 2, 5 // the columns
	for i := range r.RowNumber() {
		if strings.EqualFold(text(r, i, typ), "Gtid") {
			return fmt.Errorf("%s has a transaction (%s) that was committed after the database had lost others: what applications have written since would be taken for those. "+
				"Load this region again: octant join --replace: %w", file, text(r, i, info), relay.ErrDiverged)
		}
	}
	return nil
}

// recoveredDDL makes a table whose only purpose is to be written to: its row stands first in a transaction that is nobody's.
const recoveredDDL = "CREATE TABLE IF NOT EXISTS octant.recovered (at DATETIME(6) NOT NULL, domain INT UNSIGNED NOT NULL) ENGINE=InnoDB"

// Advance implements relay.Rewriter. The ledger's rows are written behind another one: such a transaction carries no mark. See readMark.
func (s *Source) Advance(ctx context.Context, was relay.State) error {
	c, read, err := s.reach(ctx, was)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.advance(read); err != nil {
		return fmt.Errorf("number transactions behind those that were lost (the user needs BINLOG REPLAY, and CREATE, INSERT and UPDATE on octant.*): %w", err)
	}
	statements := []string{"SET SESSION binlog_format='ROW', autocommit=0", "INSERT INTO octant.recovered VALUES (NOW(6), 0)"}
	for origin, seen := range was.Seen {
		if seen.Seq == 0 {
			continue
		}
		statements = append(statements, fmt.Sprintf("INSERT INTO octant.applied VALUES (%d, 1, %d, %d, %d, 0) ON DUPLICATE KEY UPDATE "+
			"from_seq=VALUES(from_seq), to_seq=VALUES(to_seq), hlc=VALUES(hlc)", origin, seen.Seq, seen.Seq, seen.HLC))
	}
	if err := c.all(append(statements, "COMMIT")); err != nil {
		return fmt.Errorf("write the ledger octant.applied: %w", err)
	}
	return nil
}

// advance commits something in each domain that is behind, under the number that comes next.
func (c *connection) advance(read binlog.Position) error {
	r, err := c.query("SELECT @@GLOBAL.gtid_binlog_state")
	if err != nil {
		return err
	}
	state, err := parseState(text(r, 0, 0))
	if err != nil {
		return err
	}
	for _, g := range read.GTIDs.List() {
		behind := true
		for _, have := range state {
			behind = behind && (have.Domain != g.Domain || have.Server != g.Server || have.Seq < g.Seq)
		}
		if !behind {
			continue
		}
		if err := c.all([]string{
			fmt.Sprintf("SET SESSION binlog_format='ROW', autocommit=1, gtid_domain_id=%d, server_id=%d, gtid_seq_no=%d", g.Domain, g.Server, g.Seq+1),
			recoveredDDL,
			fmt.Sprintf("INSERT INTO octant.recovered VALUES (NOW(6), %d)", g.Domain),
			fmt.Sprintf("SET SESSION gtid_domain_id=%d, server_id=%d", c.domainID, c.serverID),
		}); err != nil {
			return err
		}
	}
	return nil
}

// Behind implements relay.Restorer. What stands in the log up to there is passed over like what another server had sent before.
func (s *Source) Behind(ctx context.Context, _ relay.Log, next relay.Position) (relay.Position, error) {
	c, p, err := s.reach(ctx, relay.State{Position: next})
	if err != nil {
		return "", err
	}
	defer c.close()
	end, err := s.dialect.end(c)
	if err != nil {
		return "", err
	}
	for file := p.File; file != ""; {
		if err := c.onlyOurs(file); err != nil {
			return "", err
		}
		if file, err = c.fileAfter(file); err != nil {
			return "", err
		}
	}
	p.GTIDs = end.GTIDs
	return relay.Position(p.String()), nil
}

// onlyOurs looks for transactions that do not begin with the relay's own books.
func (c *connection) onlyOurs(file string) error {
	r, err := c.query(fmt.Sprintf("SHOW BINLOG EVENTS IN '%s'", escape(file)))
	if err != nil {
		return fmt.Errorf("look what the database has committed meanwhile: %w", err)
	}
	const typ, info = 2, 5 // the columns
	group, open := "", false
	for i := range r.RowNumber() {
		kind, what := text(r, i, typ), text(r, i, info)
		begins := kind == "Gtid"
		ours := kind == "Table_map" && strings.Contains(what, "("+octantSchema+".") || kind == "Query" && strings.Contains(what, octantSchema+".recovered")
		if open && !ours && (begins || kind == "Table_map" || kind == "Query") {
			return foreign(group)
		}
		switch {
		case begins:
			group, open = what, true
		case ours:
			open = false
		}
	}
	if open {
		return foreign(group)
	}
	return nil
}

func foreign(group string) error {
	return fmt.Errorf("a transaction (%s) was committed while the database was given back what it had lost, and not by the relay: it would not reach the other regions. "+
		"Load this region again: octant join --replace: %w", group, relay.ErrDiverged)
}

func (c *connection) all(statements []string) error {
	for _, statement := range statements {
		if _, err := c.query(statement); err != nil {
			return err
		}
	}
	return nil
}
