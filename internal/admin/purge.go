package admin

import (
	"context"
	"errors"
	"time"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// purge recognises PURGE {BINARY | MASTER} LOGS {TO 'file' | BEFORE time}.
func (c *cursor) purge() (statement, error) {
	c.words("purge")
	if c.any("binary", "master") == "" || !c.words("logs") {
		return statement{}, c.wrong()
	}
	switch {
	case c.words("to"):
		name, err := c.string()
		if err == nil {
			err = c.end()
		}
		if err != nil {
			return statement{}, err
		}
		return steer(func(ctx context.Context, call *call) error { return call.purgeTo(ctx, name, false) })
	case c.words("before") && !c.done() && !c.has(append([]string{"from", "select", "table"}, reaching...)...):
		when := c.rest()
		return steer(func(ctx context.Context, call *call) error { return call.purgeBefore(ctx, when) })
	}
	return statement{}, c.wrong()
}

var errNoPlaces = failure(codeNotSupported, "This relay purges by sequence number only: see octant.log, and CALL octant.purge(lsn)")

func (call *call) purgeTo(ctx context.Context, file string, force bool) error {
	if call.e.cfg.Places == nil {
		return errNoPlaces
	}
	lsn, err := call.e.cfg.Places.File(ctx, file)
	if errors.Is(err, relay.ErrNotFound) {
		return failure(codeNoLogFile, "Target log not found in binlog index; see SHOW BINARY LOGS")
	}
	if err != nil {
		return err
	}
	return call.purge(ctx, lsn, force)
}

// purgeBefore lets the SQL engine work out the time, so that NOW() - INTERVAL 3 DAY is as good as a date.
func (call *call) purgeBefore(ctx context.Context, when string) error {
	if call.e.cfg.Places == nil {
		return errNoPlaces
	}
	result, err := call.e.ask(ctx, call.session, "SELECT CAST(("+when+") AS DATETIME)")
	if err != nil {
		return err
	}
	var cell []byte
	if len(result.RowDatas) == 1 && len(result.RowDatas[0]) > 0 && result.RowDatas[0][0] != 0xfb {
		cell, _, _, err = mysql.LengthEncodedString(result.RowDatas[0])
	}
	t, parseErr := time.ParseInLocation("2006-01-02 15:04:05", shorten(string(cell), 19), time.UTC)
	if err != nil || parseErr != nil {
		return failure(codeWrongArgument, "Incorrect arguments to PURGE BINARY LOGS BEFORE: that is no time")
	}
	lsn, err := call.e.cfg.Places.Time(ctx, t)
	if err != nil {
		return err
	}
	return call.purge(ctx, lsn, false)
}
