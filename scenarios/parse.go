package scenarios

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Regions are those of every scenario.
var Regions = []string{"a", "b", "c"}

// parser reads a file line by line.
type parser struct {
	s       Scenario
	tx      *Commit // the transaction whose lines are being read
	txLine  int
	settled bool // nothing has happened since settle
	cut     bool
	refused map[[2]string]bool // by region and table
}

// Parse reads a file. Errors have the number of the line.
func Parse(name, text string) (*Scenario, error) {
	p := parser{s: Scenario{Name: name}, refused: make(map[[2]string]bool)}
	for i, text := range strings.Split(text, "\n") {
		if err := p.line(i+1, text); err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, i+1, err)
		}
	}
	if err := p.end(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return &p.s, nil
}

func (p *parser) line(number int, text string) error {
	text = strings.TrimSpace(text)
	if comment, ok := strings.CutPrefix(text, "#"); ok {
		p.comment(strings.TrimSpace(comment))
		return nil
	}
	if text == "" {
		return nil
	}
	if p.s.Sentence == "" {
		return errors.New("a file begins with a comment: what it shows")
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) && !strings.HasPrefix(text, "only ") {
		return errors.New("only plain characters, outside of comments")
	}
	l := &line{number: number, words: strings.Fields(text)}
	if err := p.step(l, text); err != nil {
		return err
	}
	return l.done()
}

// comment takes the first sentence; it may go over several lines.
func (p *parser) comment(text string) {
	switch {
	case p.s.Sentence == "":
		p.s.Sentence = text
	case !strings.HasSuffix(p.s.Sentence, ".") && text != "":
		p.s.Sentence += " " + text
	}
}

// end checks what can only be said of the whole.
func (p *parser) end() error {
	switch {
	case p.tx != nil:
		return fmt.Errorf("line %d: the transaction has no end", p.txLine)
	case !strings.HasSuffix(p.s.Sentence, "."):
		return errors.New("the first comment is no sentence: it does not end with a full stop")
	case p.cut:
		return errors.New("the file ends while regions are cut off: heal")
	case len(p.refused) > 0:
		return errors.New("the file ends while a database refuses rows: accept")
	case len(p.s.Steps) == 0 || !p.settled:
		return errors.New("a file ends with settle, and what is expected then")
	}
	if _, ok := p.s.Steps[len(p.s.Steps)-1].Do.(Expect); !ok {
		return errors.New("a file ends with what is expected")
	}
	return nil
}

// step reads a line that is neither empty nor a comment.
func (p *parser) step(l *line, text string) error {
	if p.tx != nil {
		return p.within(l)
	}
	word := l.next()
	if region, ok := strings.CutSuffix(word, ":"); ok {
		if err := p.region(region); err != nil {
			return err
		}
		w, err := p.write(l)
		if err == nil {
			p.act(l, Commit{Region: region, Writes: []Write{w}})
		}
		return err
	}
	read, ok := verbs[word]
	if !ok {
		return fmt.Errorf("%q is no verb", word)
	}
	if word == "only" {
		return p.only(l, text)
	}
	return read(p, l)
}

// verbs read the line after their word.
var verbs = map[string]func(*parser, *line) error{
	"only": nil, "table": (*parser).table, "rule": (*parser).rule, "trigger": (*parser).trigger, "tx": (*parser).begin,
	"cut": (*parser).cutOff, "heal": (*parser).heal, "kill": (*parser).kill, "skew": (*parser).skew, "refuse": (*parser).refuse,
	"accept": (*parser).accept, "skip": (*parser).skip, "resolve": (*parser).resolve, "settle": (*parser).settle, "expect": (*parser).expect,
}

func (p *parser) only(l *line, text string) error {
	places, reason, ok := strings.Cut(strings.TrimPrefix(text, "only"), ": ")
	p.s.Only, p.s.Reason = strings.Fields(places), reason
	if !ok || reason == "" || len(p.s.Only) == 0 {
		return errors.New(`want "only PLACE…: reason"`)
	}
	for _, place := range p.s.Only {
		if !slices.Contains(Places, place) {
			return fmt.Errorf("%q is no place: they are %s", place, strings.Join(Places, ", "))
		}
	}
	l.words = nil
	return nil
}

// act adds a step after which the regions have something to do.
func (p *parser) act(l *line, v Verb) {
	p.add(l, v)
	p.settled = false
}

func (p *parser) add(l *line, v Verb) { p.s.Steps = append(p.s.Steps, Step{Line: l.number, Do: v}) }

func (p *parser) region(word string) error {
	if !slices.Contains(Regions, word) {
		return fmt.Errorf("%q is no region: they are %s", word, strings.Join(Regions, ", "))
	}
	return nil
}

// tableNamed finds a table that was declared before.
func (p *parser) tableNamed(word string) (*Table, error) {
	i := slices.IndexFunc(p.s.Tables, func(t Table) bool { return t.Name == word })
	if i < 0 {
		return nil, fmt.Errorf("%q is no table: declare it first", word)
	}
	return &p.s.Tables[i], nil
}

// at reads a region and a table.
func (p *parser) at(l *line) (region, table string, err error) {
	region, table = l.next(), l.next()
	if err := p.region(region); err != nil {
		return "", "", err
	}
	_, err = p.tableNamed(table)
	return region, table, err
}
