package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Column returns the column of that name, nil if there is none.
func (t *Table) Column(name string) *Column {
	i := slices.IndexFunc(t.Columns, func(c Column) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &t.Columns[i]
}

func (p *parser) table(l *line) error {
	t := Table{Name: l.next()}
	if err := name(t.Name); err != nil {
		return err
	}
	if _, err := p.tableNamed(t.Name); err == nil {
		return fmt.Errorf("there is a table %q already", t.Name)
	}
	if len(p.s.Steps) > 0 {
		return errors.New("tables come before the first step")
	}
	text := strings.Join(l.words, " ")
	l.words = nil
	inner, opened := strings.CutPrefix(text, "(")
	inner, closed := strings.CutSuffix(inner, ")")
	if !opened || !closed {
		return errors.New("want the columns in brackets")
	}
	for words := range strings.SplitSeq(inner, ",") {
		c, err := p.column(&line{words: strings.Fields(words)})
		if err != nil {
			return err
		}
		if c.Name == "id" || t.Column(c.Name) != nil {
			return fmt.Errorf("there is a column %q already", c.Name)
		}
		t.Columns = append(t.Columns, c)
	}
	p.s.Tables = append(p.s.Tables, t)
	return nil
}

func (p *parser) column(l *line) (Column, error) {
	c := Column{Name: l.next()}
	if err := name(c.Name); err != nil {
		return c, err
	}
	switch kind := l.next(); kind {
	case "number":
		c.Number = true
	case "text":
	default:
		return c, fmt.Errorf("column %s: %q is neither text nor number", c.Name, kind)
	}
	switch word := l.next(); word {
	case "":
	case "unique":
		c.Unique = true
	case "references":
		c.References = l.next()
		if _, err := p.tableNamed(c.References); err != nil {
			return c, err
		}
		if !c.Number {
			return c, errors.New("a column that references a table is a number")
		}
		return c, p.onDelete(l, &c)
	default:
		return c, fmt.Errorf("column %s: %q is too much", c.Name, word)
	}
	return c, l.done()
}

func (p *parser) onDelete(l *line, c *Column) error {
	switch text := strings.Join(l.words, " "); text {
	case "":
	case "on delete cascade":
		c.OnDelete = Cascade
	case "on delete set null":
		c.OnDelete = SetNull
	default:
		return fmt.Errorf("column %s: %q is no action", c.Name, text)
	}
	return nil
}

func (p *parser) trigger(l *line) error {
	on := l.next()
	if _, err := p.tableNamed(on); err != nil {
		return err
	}
	if err := l.skip("into"); err != nil {
		return err
	}
	into := l.next()
	if _, err := p.tableNamed(into); err != nil {
		return err
	}
	if on == into || len(p.s.Steps) > 0 || slices.ContainsFunc(p.s.Triggers, func(t Trigger) bool { return t.On == on || t.On == into || t.Into == on }) {
		return errors.New("a trigger is of two tables, comes before the first step, and sets no other one off")
	}
	p.s.Triggers = append(p.s.Triggers, Trigger{On: on, Into: into})
	return nil
}

// rule is one that holds from the beginning, or replaces another one later.
func (p *parser) rule(l *line) error {
	var r Rule
	word := l.next()
	if region, ok := strings.CutSuffix(word, ":"); ok {
		if err := p.region(region); err != nil {
			return err
		}
		r.Region, word = region, l.next()
	}
	t, err := p.tableNamed(word)
	if err != nil {
		return err
	}
	r.Table = word
	if err := p.policy(l, &r, t); err != nil {
		return err
	}
	if len(p.s.Steps) == 0 {
		p.s.Rules = append(p.s.Rules, r)
		return nil
	}
	if r.Region == "" {
		return errors.New("after the first step a rule is changed in one region at a time")
	}
	p.act(l, Change{Rule: r})
	return nil
}

func (p *parser) policy(l *line, r *Rule, t *Table) error {
	switch r.Policy = l.next(); r.Policy {
	case "lww", "merge", "reject", "rollback":
	case "timestamp":
		r.Policy, r.Timestamp = "lww", l.next()
		if c := t.Column(r.Timestamp); c == nil || !c.Number {
			return fmt.Errorf("timestamp: %q is no column with numbers", r.Timestamp)
		}
	case "priority":
		for ; len(l.words) > 0; r.Regions = append(r.Regions, l.next()) {
			if err := p.region(l.words[0]); err != nil {
				return err
			}
		}
	default:
		return fmt.Errorf("%q is no policy", r.Policy)
	}
	if r.Policy != "lww" && r.Policy != "merge" || r.Timestamp != "" || len(l.words) == 0 {
		return nil
	}
	if err := l.skip("counters"); err != nil {
		return err
	}
	for ; len(l.words) > 0; r.Counters = append(r.Counters, l.next()) {
		if c := t.Column(l.words[0]); c == nil || !c.Number {
			return fmt.Errorf("counters: %q is no column with numbers", l.words[0])
		}
	}
	return nil
}
