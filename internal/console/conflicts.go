package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/octant-db/octant/internal/readable"
	"github.com/octant-db/octant/relay"
)

// conflictsShown is how many a page has.
const conflictsShown = 50

// conflictsPage is the newest conflicts that the filters let through.
type conflictsPage struct {
	frame
	Filter conflictFilter
	Tables []string // that have had any
	Kinds  []relay.ConflictCount
	Rows   []conflictRow
	Older  string // the address of the next page, "" for none
	Error  string
}

// conflictFilter is what the address asks for.
type conflictFilter struct {
	Table, Kind string
	Before      uint64 // only ids below; 0: all
}

// conflictRow is one conflict in words.
type conflictRow struct {
	relay.Conflict
	Kept     string // whose write stands, by the region's name
	Lost     string
	Why      string
	Columns  []columnPair
	NoLocal  bool   // no row stood here
	NoRemote bool   // the other write was a delete
	Stands   string // the row that stands, "" if it is neither or none
}

// conflictCounter is an Inspector that counts conflicts by kind.
type conflictCounter interface{ ConflictCounts() []relay.ConflictCount }

func (c *Console) conflicts(w http.ResponseWriter, r *http.Request, s *session) {
	p := conflictsPage{frame: c.frame("Conflicts", "/conflicts", s), Filter: filterOf(r.URL.Query())}
	for _, t := range c.cfg.Inspector.Tables() {
		if name := t.Schema + "." + t.Name; t.Conflicts > 0 || name == p.Filter.Table {
			p.Tables = append(p.Tables, name)
		}
	}
	if counter, ok := c.cfg.Inspector.(conflictCounter); ok {
		p.Kinds = counter.ConflictCounts()
	}
	if err := c.collect(r.Context(), &p); err != nil {
		c.cfg.Logger.Warn("read the conflicts", "error", err)
		p.Error = "The conflicts could not all be read: " + err.Error()
	}
	c.show(w, http.StatusOK, "conflicts", p)
}

func filterOf(q url.Values) conflictFilter {
	before, _ := strconv.ParseUint(q.Get("before"), 10, 64) // nonsense: from the newest
	return conflictFilter{Table: q.Get("table"), Kind: q.Get("kind"), Before: before}
}

func (f conflictFilter) matches(c *relay.Conflict) bool {
	return (f.Table == "" || f.Table == c.Table) && (f.Kind == "" || f.Kind == c.Kind) && (f.Before == 0 || c.ID < f.Before)
}

// older is the address of the page after the conflict.
func (f conflictFilter) older(last uint64) string {
	q := url.Values{"before": {strconv.FormatUint(last, 10)}}
	if f.Table != "" {
		q.Set("table", f.Table)
	}
	if f.Kind != "" {
		q.Set("kind", f.Kind)
	}
	return "/conflicts?" + q.Encode()
}

// collect fills the page.
func (c *Console) collect(ctx context.Context, p *conflictsPage) error {
	names := c.regionNames()
	for one, err := range c.cfg.Inspector.Conflicts(ctx) {
		if err != nil {
			return err
		}
		if !p.Filter.matches(&one) {
			continue
		}
		if len(p.Rows) == conflictsShown {
			p.Older = p.Filter.older(p.Rows[conflictsShown-1].ID)
			return nil
		}
		p.Rows = append(p.Rows, newConflictRow(one, names))
	}
	return nil
}

// regionNames are the names of the regions that are known, by number.
func (c *Console) regionNames() map[relay.Region]string {
	self := c.cfg.Inspector.Self()
	names := map[relay.Region]string{self.Region: self.Name}
	for _, p := range c.cfg.Inspector.Peers() {
		if p.ID.Valid() {
			names[p.ID] = p.Region
		}
	}
	return names
}

func newConflictRow(c relay.Conflict, names map[relay.Region]string) conflictRow {
	row := conflictRow{
		Conflict: c, Kept: nameOf(names, c.Winner.Region), Lost: nameOf(names, c.Loser.Region),
		Columns: pair(c.Local, c.Remote), NoLocal: c.Local == "", NoRemote: c.Remote == "",
	}
	switch c.Decision {
	case "local":
		row.Stands = c.Local
	case "remote":
		row.Stands = c.Remote
	}
	row.Why = why(&row)
	return row
}

func nameOf(names map[relay.Region]string, id relay.Region) string {
	if name, known := names[id]; known {
		return name
	}
	return fmt.Sprintf("region %d", id)
}

// reasons say in words what each policy goes by.
var reasons = map[string]string{
	"lww":       "The later write stands.",
	"timestamp": "The write whose row has the later time in it stands.",
	"priority":  "The more important region's write stands.",
	"merge":     "Columns that only one of them changed are kept of both; of the others the later write stands.",
	"counter":   "What both have added to counters is added up; the other columns go with the later write.",
	"reject":    "The write that was first stands; the other one had not seen it.",
	"rollback":  "The transaction that was first stands, and the other one is taken back as a whole.",
}

// why says how it was decided.
func why(c *conflictRow) string {
	apart := time.Duration(c.Winner.HLC-c.Loser.HLC) * time.Microsecond
	switch {
	case apart == 0:
		return fmt.Sprintf("%s and %s wrote at the same microsecond, where the greater region number counts as the later write. %s", c.Kept, c.Lost, reasons[c.Policy])
	case apart < 0:
		return fmt.Sprintf("%s wrote %s before %s, and neither knew of the other. %s", c.Kept, exact(-apart), c.Lost, reasons[c.Policy])
	}
	return fmt.Sprintf("%s wrote %s after %s, and neither knew of the other. %s", c.Kept, exact(apart), c.Lost, reasons[c.Policy])
}

// exact is a difference of two clocks, down to the microsecond where that matters.
func exact(d time.Duration) string {
	if d < time.Second {
		return d.String()
	}
	return readable.Short(d)
}

// WonAt is the clock of the write that stands.
func (c conflictRow) WonAt() time.Time { return time.UnixMicro(int64(c.Winner.HLC)).UTC() }

// LostAt is the clock of the other write.
func (c conflictRow) LostAt() time.Time { return time.UnixMicro(int64(c.Loser.HLC)).UTC() }
