package apply

import (
	"bytes"
	"container/list"
	"context"
	"encoding/hex"
	"errors"
	"strconv"
	"sync"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// question asks for the weight of a text under a collation: two texts are equal exactly if their weights are.
type question struct {
	rule  *textRule
	value string
}

// Bounds of one query for weights. A SELECT has at most 4096 columns.
const (
	questionsPerQuery = 500 // of up to six columns
	questionBytes     = 1 << 20
)

// weights remembers weights, those asked for last, up to a number of bytes. It is safe for use from several goroutines.
type weights struct {
	limit int

	mu    sync.Mutex
	known map[string]*list.Element
	order list.List // the one asked for last in front
	bytes int
}

type weight struct{ question, answer string }

// size is what an entry takes in memory, map and list included.
func (w *weight) size() int { return len(w.question) + len(w.answer) + 160 }

func newWeights(limit int) *weights {
	return &weights{limit: limit, known: map[string]*list.Element{}}
}

func (c *weights) get(question []byte) (string, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.known[string(question)]
	if !ok {
		return "", false
	}
	c.order.MoveToFront(e)
	return e.Value.(*weight).answer, true
}

func (c *weights) put(question, answer string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.known[question]; ok {
		return
	}
	w := &weight{question, answer}
	c.known[question] = c.order.PushFront(w)
	for c.bytes += w.size(); c.bytes > c.limit; {
		last := c.order.Remove(c.order.Back()).(*weight)
		delete(c.known, last.question)
		c.bytes -= last.size()
	}
}

// askWeights asks the database for weights, by their names in the cache.
func (t *Target) askWeights(ctx context.Context, missing map[string]question) (map[string]string, error) {
	found := make(map[string]string, len(missing))
	names := make([]string, 0, questionsPerQuery)
	var text []byte
	ask := func() error {
		err := t.withControl(ctx, func(s *session) error { return s.readWeights(ctx, string(text), names, missing, found) })
		names, text = names[:0], text[:0]
		return err
	}
	for name, q := range missing {
		if len(names) == questionsPerQuery || len(text) > questionBytes {
			if err := ask(); err != nil {
				return nil, err
			}
		}
		text = appendWeight(text, q)
		names = append(names, name)
	}
	if err := ask(); err != nil {
		return nil, err
	}
	for name, answer := range found {
		t.weights.put(name, answer)
	}
	return found, nil
}

// appendWeight appends one question, as two columns for each level: the text's weight, and that of a space.
func appendWeight(b []byte, q question) []byte {
	for level := range q.rule.levels {
		if len(b) == 0 {
			b = append(b, "SELECT "...)
		} else {
			b = append(b, ',')
		}
		b = q.rule.appendText(append(b, "WEIGHT_STRING("...), q.value)
		b = append(q.rule.appendLevel(b, level), "),WEIGHT_STRING("...)
		b = q.rule.appendConstant(b, q.rule.space())
		b = append(q.rule.appendLevel(b, level), ')')
	}
	return b
}

func (r *textRule) appendLevel(b []byte, level int) []byte {
	if r.levels == 1 {
		return b
	}
	return strconv.AppendInt(append(b, " LEVEL "...), int64(level+1), 10)
}

// appendText appends the expression of the part of a text that counts.
func (r *textRule) appendText(b []byte, value string) []byte {
	if r.pad {
		b = append(b, "TRIM(TRAILING ' ' FROM "...)
	}
	if r.prefix > 0 {
		b = append(b, "LEFT("...)
	}
	b = r.appendConstant(b, []byte(value))
	if r.prefix > 0 {
		b = append(strconv.AppendInt(append(b, ','), int64(r.prefix), 10), ')')
	}
	if r.pad {
		b = append(b, ')')
	}
	return b
}

func (r *textRule) appendConstant(b, value []byte) []byte {
	b = append(append(append(b, '_'), r.charset...), " x'"...)
	b = append(hex.AppendEncode(b, value), "' COLLATE "...)
	return append(b, r.collation...)
}

// space is a space in the character set.
func (r *textRule) space() []byte {
	switch r.charset {
	case "ucs2", "utf16":
		return []byte{0, ' '}
	case "utf16le":
		return []byte{' ', 0}
	case "utf32":
		return []byte{0, 0, 0, ' '}
	}
	return []byte{' '}
}

func (s *session) readWeights(ctx context.Context, text string, names []string, missing map[string]question, found map[string]string) error {
	if len(names) == 0 {
		return nil
	}
	rs, err := s.query(ctx, "read weights of text", text)
	if err != nil {
		return err
	}
	if len(rs) != 1 || len(rs[0].Values) != 1 {
		return errors.New("read weights of text: the database did not answer with one row")
	}
	row := rs[0].Values[0]
	for _, name := range names {
		rule := missing[name].rule
		if len(row) < 2*rule.levels {
			return errors.New("read weights of text: the database answered with too few columns")
		}
		found[name] = rule.join(row[:2*rule.levels])
		row = row[2*rule.levels:]
	}
	return nil
}

// join makes one weight of those of all levels.
func (r *textRule) join(cells []mysql.FieldValue) string {
	var all []byte
	for i := 0; i < len(cells); i += 2 {
		w := cells[i].AsString()
		if r.trim {
			w = trimSpaces(w, cells[i+1].AsString())
		}
		if r.levels == 1 {
			return string(w)
		}
		all = appendSized(all, w)
	}
	return string(all)
}

// trimSpaces removes weights of spaces from the end: characters without weight may have stood behind them.
func trimSpaces(w, space []byte) []byte {
	for len(space) > 0 && len(w)%len(space) == 0 && bytes.HasSuffix(w, space) {
		w = w[:len(w)-len(space)]
	}
	return w
}
