package capture

import (
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// beginning is where a dump begins and what is known there.
type beginning struct {
	at      place
	mute    place // what begins before it in its file is there already; zero: nothing is
	journal journal
	end     place // of the log when we connected
}

// begin finds out where to go on, and that the server's log is the one that we were reading, or goes on where that one ended.
func (s *Source) begin(c *connection, from relay.Position) (beginning, error) {
	end, err := s.dialect.end(c)
	if err != nil {
		return beginning{}, err
	}
	b := beginning{end: place{end.File, end.Offset}}
	if from == "" {
		s.until = b.end
		b.at, b.journal = place{end.File, firstOffset}, s.dialect.journal(binlog.Position{Server: c.server})
		return b, nil
	}
	p, err := binlog.ParsePosition(string(from))
	if err != nil {
		return beginning{}, err
	}
	if p.Flavour != s.dialect.flavour() {
		return beginning{}, fmt.Errorf("the relay log is that of a %s server, and the database is %s: begin with an empty data_dir: %w",
			p.Flavour, s.dialect.flavour(), relay.ErrRefused)
	}
	if p.Server != "" && p.Server != c.server {
		if same, err := s.dialect.renamed(c, p); err != nil {
			return beginning{}, err
		} else if !same {
			return s.join(c, b, p)
		}
	}
	return s.goOn(c, b, p, from == s.torn)
}

// goOn continues where a capture from the same server ended.
func (s *Source) goOn(c *connection, b beginning, p binlog.Position, torn bool) (beginning, error) {
	s.until = place{p.HistoryFile, p.HistoryOffset}
	b.at = place{p.File, p.Offset}
	if err := s.dialect.prove(c, p); err != nil {
		return b, err
	}
	p.Server = c.server
	if torn {
		next, err := c.fileAfter(p.File)
		if err != nil {
			return b, err
		}
		if next != "" {
			s.config.Logger.Warn("the rest of a file was torn when the database was killed; going on with the next one", "file", p.File, "next", next)
			b.at = place{next, firstOffset}
		}
	}
	if p.Joining || b.at.offset > maxDumpOffset {
		// The command has no room for the offset, or what comes before it must be known: read the file again from its beginning.
		b.mute, b.at.offset, p.Joining = b.at, firstOffset, true
	}
	b.journal = s.dialect.journal(p)
	return b, nil
}

// join finds the way into the log of a server that has taken the place of the one that was read: a promoted replica.
func (s *Source) join(c *connection, b beginning, p binlog.Position) (beginning, error) {
	if p.HistoryFile != "" {
		return b, diverged("another server took the place of %s before the relay had read what was in its log at first", p.Server)
	}
	file, err := s.dialect.join(c, p)
	if err != nil {
		return b, err
	}
	s.config.Logger.Warn("another server has taken the database's place; going on in its log", "before", p.Server, "now", c.server, "file", file)
	s.until, b.at = place{}, place{file, firstOffset}
	p.Server, p.Joining, p.Group, p.Epoch = c.server, true, 0, p.Epoch+1
	b.journal = s.dialect.journal(p)
	return b, nil
}

// findFile returns the newest file of which fits says so: it is given what the file's first events say comes before it.
func (c *connection) findFile(event string, fits func(info string) (bool, error)) (string, error) {
	r, err := c.query("SHOW BINARY LOGS")
	if err != nil {
		return "", err
	}
	for i := r.RowNumber() - 1; i >= 0; i-- {
		name := text(r, i, 0)
		info, err := c.firstEvent(name, event)
		if err != nil {
			return "", err
		}
		if ok, err := fits(info); ok || err != nil {
			return name, err
		}
	}
	return "", purged("the oldest binlog file is %s, and begins after transactions that the relay has not read", text(r, 0, 0))
}

// firstEvent returns what the server says of the first event of a kind near the beginning of a file; "" if there is none.
func (c *connection) firstEvent(file, kind string) (string, error) {
	r, err := c.query(fmt.Sprintf("SHOW BINLOG EVENTS IN '%s' LIMIT 3", escape(file)))
	if err != nil {
		return "", err
	}
	const typ, info = 2, 5 // the columns
	for i := range r.RowNumber() {
		if text(r, i, typ) == kind {
			return text(r, i, info), nil
		}
	}
	return "", nil
}

// statusPlace reads the place from what tells where the log ends.
func statusPlace(r *mysql.Result) (file string, offset uint64, err error) {
	if r.RowNumber() == 0 {
		return "", 0, fmt.Errorf("the database writes no binary log: start it with log_bin: %w", relay.ErrRefused)
	}
	offset, err = r.GetUint(0, 1)
	return text(r, 0, 0), offset, err
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
