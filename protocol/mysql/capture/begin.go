package capture

import (
	"fmt"
	"slices"
	"strings"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// beginning is where a dump begins and what is known there.
type beginning struct {
	at    place
	gtids binlog.Set // nil: to be learned from the file's GTID_LIST
	end   place      // of the log when we connected
}

// begin finds out where to go on, and that the server's log is the one that we were reading.
func (s *Source) begin(c *connection, from relay.Position) (beginning, error) {
	end, err := c.end()
	if err != nil {
		return beginning{}, err
	}
	b := beginning{end: place{end.File, end.Offset}}
	if from == "" {
		s.until = b.end
		b.at = place{end.File, firstOffset}
		return b, nil
	}
	p, err := binlog.ParsePosition(string(from))
	if err != nil {
		return beginning{}, err
	}
	s.until = place{p.HistoryFile, p.HistoryOffset}
	b.at, b.gtids = place{p.File, p.Offset}, p.GTIDs
	if err := c.checkHistory(p); err != nil || from != s.torn {
		return b, err
	}
	if next, err := c.fileAfter(p.File); err != nil || next == "" {
		return b, err
	} else {
		s.config.Logger.Warn("the rest of a file was torn when the database was killed; going on with the next one", "file", p.File, "next", next)
		b.at = place{next, firstOffset}
	}
	return b, nil
}

// fileAfter is the binlog file that follows, "" if there is none.
func (c *connection) fileAfter(name string) (string, error) {
	r, err := c.query("SHOW BINARY LOGS")
	if err != nil {
		return "", err
	}
	for i := range r.RowNumber() - 1 {
		if text(r, i, 0) == name {
			return text(r, i+1, 0), nil
		}
	}
	return "", nil
}

// checkHistory proves that everything before p is still what the server has there.
func (c *connection) checkHistory(p binlog.Position) error {
	if err := c.checkState(p); err != nil {
		return err
	}
	last, err := c.checkFile(p)
	if err != nil || last {
		return err
	}
	return c.checkOffset(p)
}

// checkState looks for every GTID that was read among those that the server has in its log. The servers in them count: a
// sequence that another server used again is another history.
func (c *connection) checkState(p binlog.Position) error {
	r, err := c.query("SELECT @@GLOBAL.gtid_binlog_state")
	if err != nil {
		return err
	}
	state, err := parseState(text(r, 0, 0))
	if err != nil {
		return err
	}
	for _, g := range p.GTIDs.List() {
		known := slices.ContainsFunc(state, func(have binlog.GTID) bool {
			return have.Domain == g.Domain && have.Server == g.Server && have.Seq >= g.Seq
		})
		if !known {
			return diverged("the relay has read transaction %s of this database, and its binlog has only %q", g, text(r, 0, 0))
		}
	}
	return nil
}

// parseState reads @@gtid_binlog_state: a GTID for each domain and server.
func parseState(s string) ([]binlog.GTID, error) {
	var state []binlog.GTID
	for part := range strings.SplitSeq(s, ",") {
		if part == "" {
			continue
		}
		g, err := binlog.Parse(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		state = append(state, g)
	}
	return state, nil
}

// checkFile looks for the file, with at least as much in it as was read. last tells that the file was read to its end and
// another one follows: then its GTIDs are compared at the next file's GTID_LIST instead, which does not count a group that a
// crash cut short, as BINLOG_GTID_POS does.
func (c *connection) checkFile(p binlog.Position) (last bool, err error) {
	r, err := c.query("SHOW BINARY LOGS")
	if err != nil {
		return false, err
	}
	n := r.RowNumber()
	for i := range n {
		if text(r, i, 0) != p.File {
			continue
		}
		size, err := r.GetUint(i, 1)
		if err != nil {
			return false, err
		}
		if size < p.Offset {
			return false, diverged("the relay has read %s up to %d, and the file has only %d bytes: its tail was lost", p.File, p.Offset, size)
		}
		return size == p.Offset && i < n-1, nil
	}
	if n > 0 && fileBefore(p.File, text(r, 0, 0)) {
		return false, purged("the oldest binlog file is %s, and the relay still needs %s", text(r, 0, 0), p.File)
	}
	return false, diverged("the database has no binlog file %s", p.File)
}

// checkOffset compares the GTIDs before the offset with those that were read.
func (c *connection) checkOffset(p binlog.Position) error {
	r, err := c.query(fmt.Sprintf("SELECT BINLOG_GTID_POS('%s', %d)", escape(p.File), p.Offset))
	if err != nil {
		return err
	}
	there := text(r, 0, 0)
	set, err := binlog.ParseSet(there)
	if err != nil {
		return err
	}
	if len(p.GTIDs) == 0 { // read before the file's GTID_LIST was; it will be compared when it comes
		return nil
	}
	if !set.Equal(p.GTIDs) {
		return diverged("at %s:%d the relay had read %q, and the database has %q there", p.File, p.Offset, p.GTIDs, there)
	}
	return nil
}

func escape(name string) string { return strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(name) }

// diverged says what differs and what an operator can do.
func diverged(format string, args ...any) error {
	return fmt.Errorf("%w: %s. It was restored, reset or lost a part of its log: set this region up again from another region's "+
		"data with an empty data_dir", relay.ErrDiverged, fmt.Sprintf(format, args...))
}

// purged says what is missing and what an operator can do.
func purged(format string, args ...any) error {
	return fmt.Errorf("%w: %s. Put the missing files back, or set this region up again from another region's data with an empty "+
		"data_dir; then keep the log longer (binlog_expire_logs_seconds)", relay.ErrPurged, fmt.Sprintf(format, args...))
}
