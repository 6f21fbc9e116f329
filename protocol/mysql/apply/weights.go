package apply

import (
	"bytes"
	"container/list"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"sync"
)

// question asks for the weight of a text under a collation: two texts are equal exactly if their weights are.
type question struct {
	rule  *textRule
	value string
}

// Bounds of one query for weights. A SELECT has at most 4096 columns.
const (
	questionsPerQuery = 500
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

// appendWeight appends one question as two columns: the text's weight, and that of a space.
func appendWeight(b []byte, q question) []byte {
	if len(b) == 0 {
		b = append(b, "SELECT "...)
	} else {
		b = append(b, ',')
	}
	b = append(b, "WEIGHT_STRING("...)
	if q.rule.pad {
		b = append(b, "TRIM(TRAILING ' ' FROM "...)
	}
	if q.rule.prefix > 0 {
		b = append(b, "LEFT("...)
	}
	b = append(append(append(b, '_'), q.rule.charset...), " x'"...)
	b = append(hex.AppendEncode(b, []byte(q.value)), "' COLLATE "...)
	b = append(b, q.rule.collation...)
	if q.rule.prefix > 0 {
		b = append(strconv.AppendInt(append(b, ','), int64(q.rule.prefix), 10), ')')
	}
	if q.rule.pad {
		b = append(b, ')')
	}
	b = append(b, "),WEIGHT_STRING(_"...)
	b = append(append(b, q.rule.charset...), " x'"...)
	b = hex.AppendEncode(b, q.rule.space())
	return append(append(append(b, "' COLLATE "...), q.rule.collation...), ')')
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
	if len(rs) != 1 || len(rs[0].Values) != 1 || len(rs[0].Values[0]) != 2*len(names) {
		return fmt.Errorf("read weights of text: not one row of %d columns", 2*len(names))
	}
	row := rs[0].Values[0]
	for i, name := range names {
		w := row[2*i].AsString()
		if q := missing[name]; q.rule.pad && !q.rule.levels {
			w = trimSpaces(w, row[2*i+1].AsString())
		}
		found[name] = string(w)
	}
	return nil
}

// trimSpaces removes weights of spaces from the end: characters without weight may have stood behind them.
func trimSpaces(w, space []byte) []byte {
	for len(space) > 0 && len(w)%len(space) == 0 && bytes.HasSuffix(w, space) {
		w = w[:len(w)-len(space)]
	}
	return w
}
