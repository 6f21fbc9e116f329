package primary

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/protocol/mysql/gtid"
	"github.com/octant-db/octant/protocol/mysql/rendition"
	"github.com/octant-db/octant/relay"
)

// viewCache is how much a dump of a rendition keeps of it. It has no readers but this one.
const viewCache = 2 * batchBytes

// show has the dump read another engine's log. Where it begins, and what stands in front of each file, is not in the log then.
func (d *dump) show(r *rendition.Log) {
	reader := d.options.uuid
	if reader == "" && d.options.serverID != 0 {
		reader = strconv.FormatUint(uint64(d.options.serverID), 10)
	}
	d.view = r.View(reader)
	d.log = d.view
	d.books = browser{shelf: newShelf(d.view, viewCache)}
	switch g := d.groups.(type) {
	case *mariaGroups:
		d.groups = shownMariaGroups{g}
	case *mySQLGroups:
		d.groups = shownMySQLGroups{g}
	default:
		d.groups = shownFiles{g, d}
	}
}

// open is where a dump begins that begins a file.
func (d *dump) open(lsn relay.LSN) (start, error) {
	file, offset, err := d.view.Open(lsn)
	return start{lsn: lsn, file: file, offset: offset}, err
}

// leadView sends what comes before the first entry of a rendition.
func (d *dump) leadView() error {
	d.c.progress.began(spot{d.start.file, d.start.offset})
	if err := d.enterView(d.start.file, d.start.offset); err != nil {
		return err
	}
	return d.groups.introduced(d.start.offset, true)
}

// enterView tells the client which file comes now, with its beginning if that is what comes.
func (d *dump) enterView(file string, offset uint64) error {
	head, err := d.view.Head(file)
	if err != nil {
		return fmt.Errorf("make the beginning of %s: %w", file, err)
	}
	format, rest := head[:firstEvent(head)], head[firstEvent(head):]
	if offset != fileHeader+uint64(len(head)) {
		if format, err = binlog.FormatForDump(format, true); err != nil {
			return err
		}
		rest = nil
	}
	begin := uint64(fileHeader)
	if rest == nil {
		begin = offset
	}
	if err := d.rotate(file, begin); err != nil {
		return err
	}
	if err := d.describe(format); err != nil || rest == nil {
		return err
	}
	d.offset = offset
	return d.event(rest)
}

// shownFiles is for clients that name a file and an offset.
type shownFiles struct {
	groups
	d *dump
}

func (g shownFiles) start(log relay.LocalStream) (start, error) {
	d, o := g.d, g.d.options
	if o.file == "" {
		return d.open(relay.LSN(log.First()))
	}
	if o.offset < fileHeader {
		return start{}, d.says.impossible(o.file, o.offset)
	}
	lsn, skip, err := d.view.Find(d.c.ctx, o.file, o.offset)
	switch {
	case errors.Is(err, rendition.ErrNoFile):
		return start{}, d.says.unknownFile()
	case errors.Is(err, rendition.ErrPast):
		return start{}, d.says.pastEnd(o.file, o.offset)
	case errors.Is(err, relay.ErrTrimmed):
		return start{}, d.says.noPurged(o.file)
	case err != nil:
		return start{}, err
	}
	at := start{lsn: lsn, skip: skip, file: o.file, offset: max(o.offset, d.view.Start(o.file))}
	if skip == 0 {
		return at, nil
	}
	_, body, err := log.Entry(lsn)
	if err != nil {
		return start{}, err
	}
	if ok, err := eventBegins(body, skip); err != nil || !ok {
		return start{}, errors.Join(err, d.says.insideEvent(o.file, o.offset))
	}
	return at, nil
}

// shownMariaGroups is for replicas of MariaDB that say @slave_connect_state. Domains that are not ours are some other primary's.
type shownMariaGroups struct{ *mariaGroups }

func (g shownMariaGroups) start(log relay.LocalStream) (start, error) {
	v, has := g.d.view, g.d.options.state[0]
	first, last := log.First(), log.Last()
	switch {
	case has.Seq > last:
		return start{}, errAhead(has.String())
	case has.Seq > 0 && has.Server != v.ServerID():
		return start{}, errDiverged(has.String())
	case has.Seq+1 < first:
		return start{}, errPurged()
	}
	g.held = map[uint32]relay.LSN{0: relay.LSN(has.Seq)}
	return g.d.open(relay.LSN(has.Seq + 1))
}

// shownMySQLGroups is for replicas with SOURCE_AUTO_POSITION.
type shownMySQLGroups struct{ *mySQLGroups }

func (g shownMySQLGroups) start(log relay.LocalStream) (start, error) {
	if g.d.options.file != "" {
		return shownFiles{g.mySQLGroups, g.d}.start(log)
	}
	v := g.d.view
	first, last := relay.LSN(log.First()), relay.LSN(log.Last())
	if !v.Range(1, last).Includes(g.holds.BornAt(v.UUID())) {
		return start{}, errMoreGTIDs()
	}
	if missing := v.Range(1, first-1).Subtract(g.holds); !missing.Empty() {
		return start{}, errPurgedGTIDs(g.holds, missing)
	}
	lsn := last + 1
	if missing := v.Range(1, last).Subtract(g.holds).Intervals(gtid.Source{Server: v.UUID()}); len(missing) > 0 {
		lsn = relay.LSN(missing[0].First)
	}
	return g.d.open(lsn)
}
