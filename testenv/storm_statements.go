package testenv

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// statement makes up the next statement and its arguments.
func (w *stormWriter) statement() (string, []any) {
	w.serial++
	switch w.rand.IntN(10) {
	case 0, 1, 2, 3, 4:
		return w.onHot()
	case 5, 6, 7:
		return w.onName()
	default:
		return w.onLine()
	}
}

func (w *stormWriter) onHot() (string, []any) {
	id := w.key()
	switch w.rand.IntN(10) {
	case 0, 1, 2:
		return `INSERT INTO app.hot (id, region, serial, note, raw, amount, at, ratio) VALUES (?,?,?,?,?,?,?,?)
			ON DUPLICATE KEY UPDATE region=VALUES(region), serial=VALUES(serial), note=VALUES(note), raw=VALUES(raw),
			amount=VALUES(amount), at=VALUES(at), ratio=VALUES(ratio)`,
			[]any{id, w.site.ID, w.serial, w.note(), w.raw(), w.amount(), w.moment(), w.rand.NormFloat64()}
	case 3, 4, 5:
		return "UPDATE app.hot SET region=?, serial=?, note=?, ratio=ratio/3 WHERE id=?",
			[]any{w.site.ID, w.serial, w.note(), id}
	case 6:
		return "UPDATE app.hot SET region=?, serial=serial+1 WHERE id BETWEEN ? AND ?", []any{w.site.ID, id, id + 3}
	case 7:
		return "UPDATE app.hot SET id=?, region=?, serial=? WHERE id=?", []any{w.key(), w.site.ID, w.serial, id}
	default:
		return "DELETE FROM app.hot WHERE id=?", []any{id}
	}
}

func (w *stormWriter) onName() (string, []any) {
	name := w.name()
	switch w.rand.IntN(10) {
	case 0, 1, 2, 3:
		return `INSERT INTO app.hot_name (name, region, serial, body, kind) VALUES (?,?,?,?,?)
			ON DUPLICATE KEY UPDATE region=VALUES(region), serial=VALUES(serial), body=VALUES(body), kind=VALUES(kind)`,
			[]any{name, w.site.ID, w.serial, w.note(), w.kind()}
	case 4, 5:
		return "UPDATE app.hot_name SET region=?, serial=?, body=? WHERE name=?",
			[]any{w.site.ID, w.serial, w.note(), name}
	case 6, 7: // may change nothing of the key but its case
		return "UPDATE app.hot_name SET name=?, region=?, serial=? WHERE name=?",
			[]any{w.name(), w.site.ID, w.serial, name}
	default:
		return "DELETE FROM app.hot_name WHERE name=?", []any{name}
	}
}

func (w *stormWriter) onLine() (string, []any) {
	doc, line := w.key()/10, w.rand.IntN(10)
	switch w.rand.IntN(10) {
	case 0, 1, 2, 3:
		return `INSERT INTO app.hot_line (doc, line, region, serial, flags) VALUES (?,?,?,?,?),(?,?,?,?,?)
			ON DUPLICATE KEY UPDATE region=VALUES(region), serial=VALUES(serial), flags=VALUES(flags)`,
			[]any{doc, line, w.site.ID, w.serial, w.rand.IntN(1 << 12), doc, line + 1, w.site.ID, w.serial, w.rand.IntN(1 << 12)}
	case 4, 5, 6:
		return "UPDATE app.hot_line SET region=?, serial=?, flags=flags^? WHERE doc=?",
			[]any{w.site.ID, w.serial, 1 + w.rand.IntN(1<<12-1), doc}
	case 7: // several keys move at once, in an order in which they do not collide
		return "UPDATE app.hot_line SET line=line+1, region=?, serial=? WHERE doc=? AND line>=? ORDER BY line DESC",
			[]any{w.site.ID, w.serial, doc, line}
	case 8:
		return "DELETE FROM app.hot_line WHERE doc=? AND line=?", []any{doc, line}
	default:
		return "DELETE FROM app.hot_line WHERE doc=?", []any{doc}
	}
}

func (w *stormWriter) key() int { return 1 + w.rand.IntN(w.storm.options.Keys) }

func (w *stormWriter) name() string {
	name := fmt.Sprintf("key-%d", w.key())
	if w.rand.IntN(2) == 0 {
		return strings.ToUpper(name)
	}
	return name
}

// note is NULL, empty, or text with letters of one to four bytes.
func (w *stormWriter) note() any {
	switch w.rand.IntN(6) {
	case 0:
		return nil
	case 1:
		return ""
	default:
		return fmt.Sprintf("from %s № %d 🐙 %s", w.site.Name, w.serial, Untold)
	}
}

func (w *stormWriter) kind() any {
	kinds := []any{nil, "one", "two", "three"}
	return kinds[w.rand.IntN(len(kinds))]
}

// raw ends in zero bytes, which the binary log of BINARY columns leaves out.
func (w *stormWriter) raw() []byte {
	raw := make([]byte, 8)
	for i := range w.rand.IntN(8) {
		raw[i] = byte(w.rand.IntN(256))
	}
	return raw
}

func (w *stormWriter) amount() string {
	return fmt.Sprintf("%d%d.%010d", w.rand.IntN(1_000_000), w.rand.IntN(1_000_000_000), w.rand.Int64N(10_000_000_000))
}

func (w *stormWriter) moment() time.Time {
	return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(w.rand.Int64N(1_000_000_000)) * time.Microsecond)
}

// isDuplicate says that a statement met an existing key. The server undoes the statement alone, and the
// transaction goes on: another of the conflicts that users have.
func isDuplicate(err error) bool {
	const duplicateEntry = 1062 // ER_DUP_ENTRY
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && answer.Number == duplicateEntry
}
