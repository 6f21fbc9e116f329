package primary

import (
	"context"
	"errors"
	"fmt"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// fileHead sends the frames with which a file begins, or if the log no longer has them, another format description.
func (d *dump) fileHead(ctx context.Context, file string, offset uint64) (all bool, err error) {
	head, err := fileStart(d.log, file)
	if errors.Is(err, relay.ErrNotFound) || errors.Is(err, relay.ErrTrimmed) {
		return false, d.enter(file, offset)
	}
	if err != nil {
		return false, err
	}
	if head > d.start.lsn { // another server began a file of this name later
		return false, d.enter(file, offset)
	}
	all, err = d.head(ctx, file, head)
	return all && d.offset == offset, err
}

// firstPlace returns where the first byte to be sent stands. If that is not written yet, it is the end of the log.
func (d *dump) firstPlace() (file string, offset uint64, err error) {
	if d.start.file != "" {
		return d.start.file, max(d.start.offset, fileHeader), nil
	}
	last := relay.LSN(d.log.Last())
	e, _, err := d.log.Entry(min(d.start.lsn, last))
	if err != nil {
		return "", 0, err
	}
	file, offset, err = place(e)
	if e.LSN < d.start.lsn {
		offset += uint64(e.Size)
	}
	return file, offset, err
}

// enter tells the client which file comes now. Unless the file's beginning comes next, its format description follows at
// once.
func (d *dump) enter(file string, offset uint64) error {
	if d.view != nil {
		return d.enterView(file, offset)
	}
	if err := d.rotate(file, offset); err != nil || offset == fileHeader {
		return err
	}
	event, err := format(d.log, file)
	if errors.Is(err, relay.ErrNotFound) || errors.Is(err, relay.ErrTrimmed) {
		return d.says.noPurged(file)
	}
	if err != nil {
		return fmt.Errorf("read format description of %s: %w", file, err)
	}
	if event, err = binlog.FormatForDump(event, true); err != nil {
		return err
	}
	return d.describe(event)
}

func (d *dump) rotate(file string, offset uint64) error {
	d.file, d.offset, d.formatted = file, offset, false
	return d.event(binlog.FakeRotate(d.c.srv.cfg.ServerID, file, offset, d.checksum))
}

// head sends the frames with which a file begins. all says that nothing else comes before the first entry.
func (d *dump) head(ctx context.Context, file string, from relay.LSN) (all bool, err error) {
	if err := d.rotate(file, fileHeader); err != nil {
		return false, err
	}
	for lsn := from; lsn < d.start.lsn; lsn++ {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		e, body, err := d.log.Entry(lsn)
		if err != nil || e.Kind != relay.Frame {
			return false, err
		}
		if err := d.events(body, 0, e.Size, false); err != nil {
			return false, err
		}
		d.offset += uint64(e.Size)
	}
	return true, nil
}
