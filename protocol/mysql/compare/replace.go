package compare

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// Replace implements relay.TableReader. The row is locked while it is compared and written. The transaction begins with a mark in octant.applied,
// as the applier's do: the relay knows it for an operator's repair, and sends it to nobody. Tables with triggers are refused, as far as the user may see triggers: they would write more.
func (r *Reader) Replace(ctx context.Context, p relay.Replacement) error {
	return r.with(ctx, p.Table, func(conn *client.Conn, t *table) error {
		return t.repair(conn, func() error { return t.replace(conn, &p) })
	})
}

// repair does something in a transaction of its own.
func (t *table) repair(conn *client.Conn, do func() error) error {
	if err := t.refuseTriggers(conn); err != nil {
		return err
	}
	if _, err := conn.Execute("START TRANSACTION"); err != nil {
		return explain("begin a repair", err)
	}
	if err := do(); err != nil {
		_, _ = conn.Execute("ROLLBACK")
		return err
	}
	if _, err := conn.Execute("COMMIT"); err != nil {
		return explain("commit a repair", asAnswer(err)) // it is not sent again: the row would no longer be as expected
	}
	return nil
}

// asAnswer keeps a statement from being sent again.
func asAnswer(err error) error { return answerf("%w", err) }

func (t *table) refuseTriggers(conn *client.Conn) error {
	text := fmt.Sprintf("SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA=%s AND EVENT_OBJECT_TABLE=%s",
		quote(t.schema), quote(t.name))
	return query(conn, "look for triggers", text, func(f []mysql.FieldValue) error {
		if number(f[0]) > 0 {
			return answerf("table %s has triggers, which a repair would fire: drop them for as long, or write the row by hand", t)
		}
		return nil
	})
}

func (t *table) replace(conn *client.Conn, p *relay.Replacement) error {
	at, err := t.at(p.Key)
	if err != nil {
		return answerf("%w", err)
	}
	if err := t.expect(conn, at, p.Expect); err != nil {
		return err
	}
	return t.amend(conn, at, p, p.Expect != nil)
}

// amend writes the mark and the row, which has been locked if it is there.
func (t *table) amend(conn *client.Conn, at string, p *relay.Replacement, there bool) error {
	w, err := t.writing(at, p)
	if err != nil {
		return answerf("%w", err)
	}
	if err := run(conn, markStatement(p.Mark)); err != nil {
		return err
	}
	switch {
	case p.Values == nil:
		return run(conn, w.erase)
	case !there:
		return run(conn, w.insert)
	}
	result, err := conn.Execute(w.update)
	if err != nil {
		return explain("write a row", err)
	}
	if result.AffectedRows > 0 {
		return nil
	}
	// MySQL takes JSON documents for equal that are not, such as 1 and 1.0, and leaves them.
	return run(conn, w.erase, w.insert)
}

// markStatement writes the mark; see protocol/mysql/apply for the table.
func markStatement(m relay.Mark) string {
	return fmt.Sprintf("INSERT INTO octant.applied (origin,lane,from_seq,to_seq,hlc,nonce) VALUES (%d,%d,%d,%d,%d,%d)"+
		" ON DUPLICATE KEY UPDATE from_seq=VALUES(from_seq),to_seq=VALUES(to_seq),hlc=VALUES(hlc),nonce=VALUES(nonce)",
		m.Origin, m.Lane, m.Range.From, m.Range.To, m.HLC, m.Nonce)
}

func run(conn *client.Conn, statements ...string) error {
	for _, text := range statements {
		if _, err := conn.Execute(text); err != nil {
			return explain("write a row", err)
		}
	}
	return nil
}

// expect locks the row and compares it.
func (t *table) expect(conn *client.Conn, at string, want *relay.Sum) error {
	var found *relay.Sum
	err := query(conn, "lock a row", "SELECT "+t.digest()+t.from()+" WHERE "+at+" FOR UPDATE", func(f []mysql.FieldValue) error {
		sum, err := relay.ParseSum(string(f[0].AsString()))
		found = &sum
		return err
	})
	switch {
	case err != nil:
		return err
	case (found == nil) != (want == nil), found != nil && !bytes.Equal(found[:], want[:]):
		return answerf("%w", relay.ErrChanged)
	}
	return nil
}

// writing are the statements that make a row what it shall be.
type writing struct{ erase, insert, update string }

func (t *table) writing(at string, p *relay.Replacement) (w writing, err error) {
	w.erase = "DELETE FROM " + t.quotedName() + " WHERE " + at
	if p.Values == nil {
		return w, nil
	}
	if len(p.Values) != len(t.columns) {
		return w, fmt.Errorf("table %s has %d columns here, and the row %d", t, len(t.columns), len(p.Values))
	}
	var names, values, assignments []string
	for i := range t.columns {
		c := &t.columns[i]
		if c.name != p.Values[i].Name {
			return w, fmt.Errorf("column %d of table %s is called %s here, and %s in the row", i+1, t, c.name, p.Values[i].Name)
		}
		if c.generated {
			continue
		}
		literal, err := c.literal(p.Values[i].Value)
		if err != nil {
			return w, err
		}
		names, values = append(names, c.quotedName()), append(values, literal)
		assignments = append(assignments, c.quotedName()+"="+literal)
	}
	w.insert = "INSERT INTO " + t.quotedName() + " (" + strings.Join(names, ",") + ") VALUES (" + strings.Join(values, ",") + ")"
	w.update = "UPDATE " + t.quotedName() + " SET " + strings.Join(assignments, ",") + " WHERE " + at
	return w, nil
}
