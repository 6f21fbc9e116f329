package simulation

import (
	"time"

	"github.com/octant-db/octant/conflict"
	"github.com/octant-db/octant/relay"
)

// database is a table, a log in commit order, and the ledger that commits with the rows.
type database struct {
	rows   map[conflict.Key]string
	log    []logged
	ledger map[relay.Region]relay.Seq
	schema Schema
}

// logged is one transaction of the database's log.
type logged struct {
	mark    *relay.Mark // nil: an application wrote it
	changes []conflict.Change
	at      time.Time
	force   bool   // an operator's decision
	emptied string // a table that it emptied; no row shows it
	ran     bool   // the applier ran it for another region: no application did
}

// empty takes all rows of a table away, as a statement.
func (d *database) empty(table string, ran bool, at time.Time) {
	for k := range d.rows {
		if tableOf(k) == table {
			delete(d.rows, k)
		}
	}
	d.log = append(d.log, logged{at: at, emptied: table, ran: ran})
}

func newDatabase(schema Schema) *database {
	return &database{rows: make(map[conflict.Key]string), ledger: make(map[relay.Region]relay.Seq), schema: schema}
}

// row returns what stands under a key.
func (d *database) row(k conflict.Key) conflict.Row {
	if v, ok := d.rows[k]; ok {
		return d.schema.Row(k, v)
	}
	return conflict.Row{}
}

// set writes one row and returns the change for the log; a write that changes nothing is not logged, as in a real one.
func (d *database) set(k conflict.Key, after conflict.Row) (conflict.Change, bool) {
	before := d.row(k)
	if after.Exists() {
		after = d.schema.Row(k, string(after.Image))
	}
	if before.Same(after) {
		return conflict.Change{}, false
	}
	if after.Exists() {
		d.rows[k] = string(after.Image)
	} else {
		delete(d.rows, k)
	}
	c := conflict.Change{Key: k, Before: before, After: after}
	c.Left, c.Rekeyed = d.schema.Left(&c), d.schema.Rekeyed(&c)
	return c, true
}

// commit writes rows as one transaction, unless unique keys forbid it: then it tells that it did not.
func (d *database) commit(mark *relay.Mark, writes []conflict.Write, at time.Time) bool {
	if len(d.clashes(writes)) > 0 {
		return false
	}
	entry := logged{mark: mark, at: at}
	for _, w := range writes {
		if c, changed := d.set(w.Key, w.After); changed {
			entry.changes = append(entry.changes, c)
			if mark == nil {
				d.cascade(&c)
			}
		}
	}
	if mark != nil && !mark.Repair() {
		d.ledger[mark.Origin] = mark.Range.To
	}
	if mark != nil || len(entry.changes) > 0 {
		d.log = append(d.log, entry)
	}
	return true
}

// expects tells whether every row is as its write expects it.
func (d *database) expects(writes []conflict.Write) bool {
	for _, w := range writes {
		_, exists := d.rows[w.Key]
		if w.Expect == relay.Present && !exists || w.Expect == relay.Absent && exists {
			return false
		}
	}
	return true
}
