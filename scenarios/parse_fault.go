package scenarios

import (
	"errors"
	"fmt"
	"time"
)

func (p *parser) cutOff(l *line) error {
	v := Cut{Region: l.next(), To: l.next()}
	if err := p.region(v.Region); err != nil {
		return err
	}
	if v.To != "" {
		if err := p.region(v.To); err != nil {
			return err
		}
		if v.To == v.Region {
			return errors.New("a region is not cut off from itself")
		}
	}
	p.cut = true
	p.act(l, v)
	return nil
}

func (p *parser) heal(l *line) error {
	if !p.cut {
		return errors.New("nothing is cut")
	}
	p.cut = false
	p.act(l, Heal{})
	return nil
}

func (p *parser) kill(l *line) error {
	v := Kill{Relay: true, Database: true}
	word := l.next()
	switch word {
	case "relay":
		v.Database, word = false, l.next()
	case "database":
		v.Relay, word = false, l.next()
	}
	v.Region = word
	if err := p.region(word); err != nil {
		return err
	}
	p.act(l, v)
	return nil
}

// maxSkew is how wrong a clock can be.
const maxSkew = 24 * time.Hour

func (p *parser) skew(l *line) error {
	v := Skew{Region: l.next()}
	if err := p.region(v.Region); err != nil {
		return err
	}
	word := l.next()
	by, err := time.ParseDuration(word)
	if err != nil || by.Abs() > maxSkew || by%time.Second != 0 {
		return fmt.Errorf("%q is no time such as +1h, in whole seconds", word)
	}
	v.By = by
	p.act(l, v)
	return nil
}

func (p *parser) refuse(l *line) error {
	region, table, err := p.at(l)
	if err != nil {
		return err
	}
	v := Refuse{Region: region, Table: table}
	if p.refused[[2]string{region, table}] {
		return errors.New("it refuses rows of that table already")
	}
	if len(l.words) > 0 {
		if err := l.skip("from"); err != nil {
			return err
		}
		if v.From, err = l.id(); err != nil {
			return err
		}
	}
	p.refused[[2]string{region, table}] = true
	p.act(l, v)
	return nil
}

func (p *parser) accept(l *line) error {
	region, table, err := p.at(l)
	if err != nil {
		return err
	}
	if !p.refused[[2]string{region, table}] {
		return errors.New("it refuses no row of that table")
	}
	delete(p.refused, [2]string{region, table})
	p.act(l, Accept{Region: region, Table: table})
	return nil
}

func (p *parser) skip(l *line) error {
	region, table, err := p.at(l)
	if err != nil {
		return err
	}
	id, err := l.id()
	p.act(l, Skip{Region: region, Table: table, ID: id})
	return err
}

func (p *parser) resolve(l *line) error {
	region, table, err := p.at(l)
	if err != nil {
		return err
	}
	id, err := l.id()
	if err != nil {
		return err
	}
	which := l.next()
	if which != "local" && which != "remote" {
		return fmt.Errorf("resolve for %q: want local or remote", which)
	}
	p.act(l, Resolve{Region: region, Table: table, ID: id, Remote: which == "remote"})
	return nil
}
