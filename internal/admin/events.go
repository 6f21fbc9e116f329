package admin

import (
	"context"
	"errors"
	"math"
	"strconv"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// window is which events SHOW BINLOG EVENTS shows.
type window struct {
	file         string
	from         uint64
	offset, rows uint64
}

var eventColumns = []column{
	{"Log_name", textColumn}, {"Pos", naturalColumn}, {"Event_type", textColumn}, {"Server_id", naturalColumn},
	{"End_log_pos", naturalColumn}, {"Info", longColumn},
}

// showEvents reads SHOW BINLOG EVENTS [IN 'file'] [FROM position] [LIMIT [offset,] rows]. Without a file it shows the first one.
func (c *cursor) showEvents() (statement, error) {
	w := window{rows: math.MaxUint64}
	var err error
	if c.words("in") {
		w.file, err = c.string()
	}
	if err == nil && c.words("from") {
		w.from, err = c.natural()
	}
	if err == nil && c.words("limit") {
		err = c.limit(&w)
	}
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return statement{}, err
	}
	return statement{role: roleRead, run: func(ctx context.Context, call *call) (*mysql.Result, error) {
		return call.events(ctx, w)
	}}, nil
}

// natural passes a number.
func (c *cursor) natural() (uint64, error) {
	before := *c
	t, ok := c.take(number)
	n, err := strconv.ParseUint(t.text, 10, 64)
	if !ok || err != nil {
		return 0, before.wrong()
	}
	return n, nil
}

// limit passes what comes after LIMIT: rows, or offset, rows, or rows OFFSET offset.
func (c *cursor) limit(w *window) (err error) {
	if w.rows, err = c.natural(); err != nil {
		return err
	}
	switch {
	case c.sign(","):
		w.offset = w.rows
		w.rows, err = c.natural()
	case c.words("offset"):
		w.offset, err = c.natural()
	}
	return err
}

func (call *call) events(ctx context.Context, w window) (*mysql.Result, error) {
	if call.e.cfg.History == nil {
		return nil, notSupported(call.query)
	}
	if w.file == "" {
		files := call.e.cfg.Inspector.LogStatus().Files
		if len(files) == 0 {
			return newResult(eventColumns), nil
		}
		w.file = files[0].Name
	}
	var rows [][]any
	size := 0
	err := call.e.cfg.History.Events(ctx, w.file, w.from, func(e LogEvent) bool {
		if w.offset > 0 {
			w.offset--
			return true
		}
		if uint64(len(rows)) >= w.rows {
			return false
		}
		rows = append(rows, []any{w.file, e.Offset, e.Type, uint64(e.ServerID), e.End, e.Info})
		size += len(e.Info) + len(w.file) + eventRowBytes
		return size <= maxResult
	})
	switch {
	case errors.Is(err, relay.ErrNotFound):
		return nil, wrongEvents("Could not find target log")
	case errors.Is(err, ErrNoEvent):
		return nil, wrongEvents("Wrong offset or I/O error")
	case err != nil:
		return nil, err
	case size > maxResult:
		return nil, failure(mysql.ER_TOO_BIG_SELECT, "The result is larger than %d MiB; ask for less with FROM and LIMIT", maxResult>>20)
	}
	return newResult(eventColumns, rows...), nil
}

// eventRowBytes is about what a row takes beside its texts.
const eventRowBytes = 256

// ErrNoEvent says that no event begins at the place that was asked for.
var ErrNoEvent = errors.New("no event begins there")

func wrongEvents(reason string) error {
	return failure(codeWrongLogEvents, "Error when executing command SHOW BINLOG EVENTS: %s", reason)
}
