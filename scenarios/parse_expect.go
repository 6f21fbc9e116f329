package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

func (p *parser) settle(l *line) error {
	if p.settled {
		return errors.New("nothing has happened since it was settled")
	}
	p.add(l, Settle{})
	p.settled = true
	return nil
}

func (p *parser) expect(l *line) error {
	if !p.settled {
		return errors.New("settle before you expect something")
	}
	var v Expect
	word := l.next()
	if region, ok := strings.CutSuffix(word, ":"); ok {
		if err := p.region(region); err != nil {
			return err
		}
		v.Region, word = region, l.next()
	}
	t, err := p.tableNamed(word)
	if err != nil {
		return err
	}
	v.Table = word
	if err := v.what(l, t); err != nil {
		return err
	}
	p.add(l, v)
	return nil
}

// Kinds are those of conflicts.
var Kinds = []string{
	"insert_exists", "update_origin_differs", "update_missing", "update_deleted", "delete_origin_differs", "delete_missing", "multiple_unique_conflicts",
}

func (v *Expect) what(l *line, t *Table) error {
	if len(l.words) == 0 {
		return errors.New("what is expected of the table?")
	}
	tables := map[string]Expectation{"count": Count, "conflicts": Conflicts, "letters": Letters, "held": Held, "flows": Flows}
	if what, ok := tables[l.words[0]]; ok {
		l.next()
		v.What = what
		if what == Held || what == Flows {
			return nil
		}
		var err error
		if v.Number, err = number(l.next()); err == nil && v.Number < 0 {
			err = fmt.Errorf("%d is too few", v.Number)
		}
		return err
	}
	var err error
	if v.ID, err = l.id(); err != nil {
		return err
	}
	return v.row(l, t)
}

// row reads what is expected of one row.
func (v *Expect) row(l *line, t *Table) error {
	switch {
	case len(l.words) == 0:
		return errors.New("what is expected of the row?")
	case l.words[0] == "gone":
		l.next()
		v.What = Gone
		return nil
	case l.words[0] == "conflict":
		l.next()
		if v.What, v.Kind = Conflict, l.next(); !slices.Contains(Kinds, v.Kind) {
			return fmt.Errorf("%q is no kind of conflict", v.Kind)
		}
		return nil
	}
	for len(l.words) > 0 {
		a, err := assignment(l.next(), t)
		if err == nil && a.Add {
			err = errors.New("a value is expected as it is")
		}
		if err != nil {
			return err
		}
		v.Values = append(v.Values, a)
	}
	return nil
}
