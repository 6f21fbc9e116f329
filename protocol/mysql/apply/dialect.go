package apply

import (
	"context"
	"strings"
	"time"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// dialect is what differs between MariaDB and MySQL for those who write to them.
type dialect interface {
	name() string
	// pinned is the statement that makes a session independent of the server's defaults.
	pinned(*Config) string
	// learn tries what the user may do.
	learn(context.Context, *session, *Config) (abilities, error)
	// idle is after how long without a word the server ends a session that writes, 0 if it does not.
	idle() time.Duration
	// whole are the settings, with their values, under which rows are logged whole.
	whole() []setting
	// lane is the script that sets up a session that writes, "" if nothing is to be said.
	lane(*abilities) string
	// native is the statement before a transaction with the mark that lets the server's own log name its origin, "" if the session,
	// which carries the native mark of carried, needs none.
	native(mark relay.Mark, carried relay.Region) string
	rows() binlog.RowsOptions
	codes() *codes
	// index names the index of a duplicate key, of which the server said name.
	index(table, name string) string
	catalog() catalog
	text(c relay.Column, prefix int) textRule
}

// setting is a session variable and the value that it must have.
type setting struct {
	variable, value string
	grant           string // what lets a session set it
}

// catalog is how a server's own description of its tables is read.
type catalog struct {
	generated  string // the expression that is 1 of generated columns
	optional   string // the same of columns that rows can do without: NULL or a constant stands there for them
	expression string // the same of the parts of indexes that are no columns
	native     func(columnType string) (typ string, labels []string)
}

// codes are the server's errors by what they mean.
type codes struct {
	retryable map[uint16]bool // the same can succeed without anyone mending something
	harmless  map[uint16]bool // the text names tables, columns and settings, never values
	ended     map[uint16]bool // the session is gone
}

// dialectOf returns the dialect of a flavour; none means MariaDB's.
func dialectOf(f relay.Flavour) dialect {
	if f == binlog.MySQL {
		return mySQL{}
	}
	return mariaDB{}
}

// isMariaDB tells by the version which server it is.
func isMariaDB(version string) bool { return strings.Contains(version, "MariaDB") }

// set makes a set of codes, with others in it.
func set(others map[uint16]bool, list ...uint16) map[uint16]bool {
	all := make(map[uint16]bool, len(others)+len(list))
	for code := range others {
		all[code] = true
	}
	for _, code := range list {
		all[code] = true
	}
	return all
}
