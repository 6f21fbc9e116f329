package primary

import (
	"context"

	"github.com/octant-db/octant/relay"
)

// groups is the part of one dump that knows GTIDs: where a replica goes on by what it holds, and what is left out. Dumps by file and
// position have none.
type groups interface {
	// start finds the first entry that the replica needs.
	start(log relay.LocalStream) (start, error)
	// introduced is called when the beginning of the file was sent. all says that the next entry comes right after it, otherwise the
	// stream goes on at the offset. io.EOF: the replica wants nothing.
	introduced(offset uint64, all bool) error
	// keepsSession tells whether the format description that comes must not say that the server has just started: the replica would
	// drop its temporary tables.
	keepsSession() bool
	// wants tells whether a group is to be sent. What must come before it is sent at once.
	wants(e *batched) (bool, error)
	// sent is called after a group was. io.EOF: the replica wants no more.
	sent(e *batched) error
	// caughtUp is called before the dump waits for more, and at the end of a file.
	caughtUp() error
}

// anything wants every group.
type anything struct{ d *dump }

func (a anything) start(log relay.LocalStream) (start, error) {
	return startByFile(a.d.says, log, a.d.options.file, a.d.options.offset)
}

func (anything) introduced(uint64, bool) error { return nil }
func (anything) keepsSession() bool            { return false }
func (anything) wants(*batched) (bool, error)  { return true, nil }
func (anything) sent(*batched) error           { return nil }
func (anything) caughtUp() error               { return nil }

// lead sends what comes before the first entry if that is not the beginning of a file:
//
//	by file and offset  ROTATE to the place · format description without time and position
//	by GTID             ROTATE to the file · its frames up to the first group · what the groups say of the rest
//
// as real primaries do (sql/sql_repl.cc of MariaDB, sql/rpl_binlog_sender.cc of MySQL). Replicas need the format description; the rest
// keeps their positions true. A real primary reads the file up to the place, and so sends MariaDB's checkpoints on the way too, which
// mean nothing to a replica.
func (d *dump) lead(ctx context.Context) error {
	if d.view != nil {
		return d.leadView()
	}
	file, offset, err := d.firstPlace()
	if err != nil {
		return err
	}
	d.c.progress.began(spot{file, offset})
	if offset == fileHeader {
		return nil
	}
	if d.start.file != "" {
		return d.enter(file, offset)
	}
	all, err := d.fileHead(ctx, file, offset)
	d.offset = offset
	if err != nil {
		return err
	}
	return d.groups.introduced(offset, all)
}
