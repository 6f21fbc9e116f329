package scenarios

import (
	"errors"
	"fmt"
	"strings"
)

func (p *parser) begin(l *line) error {
	region := l.next()
	if err := p.region(region); err != nil {
		return err
	}
	p.tx, p.txLine = &Commit{Region: region}, l.number
	return nil
}

// within reads a line of a transaction.
func (p *parser) within(l *line) error {
	if l.words[0] == "end" {
		l.next()
		if len(p.tx.Writes) == 0 {
			return errors.New("the transaction is empty")
		}
		p.act(&line{number: p.txLine}, *p.tx)
		p.tx = nil
		return nil
	}
	w, err := p.write(l)
	if w.Op == Truncate && err == nil {
		err = errors.New("truncate commits by itself: not in a transaction")
	}
	p.tx.Writes = append(p.tx.Writes, w)
	return err
}

// maxRows is how many rows one fill inserts at most.
const maxRows = 1000

func (p *parser) write(l *line) (Write, error) {
	verb := l.next()
	w := Write{Table: l.next()}
	t, err := p.tableNamed(w.Table)
	if err != nil {
		return w, err
	}
	switch verb {
	case "truncate":
		w.Op = Truncate
		return w, nil
	case "delete":
		w.Op = Delete
		if len(l.words) == 0 {
			w.Op = DeleteAll
			return w, nil
		}
	case "update":
		w.Op = Update
	case "insert", "fill":
	default:
		return w, fmt.Errorf("%q is nothing that a table is written with", verb)
	}
	if w.ID, err = l.id(); err != nil {
		return w, err
	}
	w.Last = w.ID
	if verb == "fill" {
		if w.Last, err = l.id(); err == nil && (w.Last < w.ID || w.Last-w.ID >= maxRows) {
			err = fmt.Errorf("fill from %d to %d: want 1 to %d rows", w.ID, w.Last, maxRows)
		}
	}
	if err == nil && w.Op != Delete {
		err = w.assignments(l, t)
	}
	return w, err
}

// assignments reads what columns are set to.
func (w *Write) assignments(l *line, t *Table) error {
	for len(l.words) > 0 {
		word := l.next()
		if to, ok := strings.CutPrefix(word, "id="); ok && w.Op == Update && w.MoveTo == 0 {
			n, err := number(to)
			if err != nil || n <= 0 {
				return fmt.Errorf("%q is no id", to)
			}
			w.MoveTo = n
			continue
		}
		a, err := assignment(word, t)
		if err != nil {
			return err
		}
		if a.Add && w.Op != Update {
			return errors.New("only an update can add")
		}
		for _, other := range w.Values {
			if other.Column == a.Column {
				return fmt.Errorf("%s is set twice", a.Column)
			}
		}
		w.Values = append(w.Values, a)
	}
	if w.Op == Update && len(w.Values) == 0 && w.MoveTo == 0 {
		return errors.New("an update changes something")
	}
	return nil
}

func assignment(word string, t *Table) (Assignment, error) {
	left, right, ok := strings.Cut(word, "=")
	a := Assignment{Column: left, Value: right, Null: right == ""}
	a.Column, a.Add = strings.CutSuffix(left, "+")
	c := t.Column(a.Column)
	switch {
	case !ok:
		return a, fmt.Errorf("%q is no column=value", word)
	case c == nil:
		return a, fmt.Errorf("table %s has no column %q", t.Name, a.Column)
	case a.Add && (!c.Number || a.Null):
		return a, fmt.Errorf("%q: only numbers are added", word)
	case c.Number && !a.Null:
		n, err := number(right)
		a.Value = fmt.Sprint(n)
		return a, err
	}
	return a, value(right)
}
