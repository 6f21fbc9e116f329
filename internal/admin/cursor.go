package admin

import (
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// cursor walks over a statement's tokens.
type cursor struct {
	query  string
	tokens []token
}

// words passes the words if they all stand here.
func (c *cursor) words(words ...string) bool {
	if len(c.tokens) < len(words) {
		return false
	}
	for i, w := range words {
		if c.tokens[i].kind != word || c.tokens[i].text != w {
			return false
		}
	}
	c.tokens = c.tokens[len(words):]
	return true
}

// any passes one of the words and returns it, "" if none of them stands here.
func (c *cursor) any(words ...string) string {
	for _, w := range words {
		if c.words(w) {
			return w
		}
	}
	return ""
}

// sign passes the sign if it stands here.
func (c *cursor) sign(s string) bool {
	if len(c.tokens) == 0 || !c.tokens[0].is(s) {
		return false
	}
	c.tokens = c.tokens[1:]
	return true
}

// take passes the next token if it is of one of the kinds.
func (c *cursor) take(kinds ...tokenKind) (token, bool) {
	if len(c.tokens) > 0 {
		for _, k := range kinds {
			if t := c.tokens[0]; t.kind == k {
				c.tokens = c.tokens[1:]
				return t, true
			}
		}
	}
	return token{}, false
}

// string passes a string.
func (c *cursor) string() (string, error) {
	if t, ok := c.take(text); ok {
		return t.text, nil
	}
	return "", c.wrong()
}

// has tells whether one of the words stands anywhere from here on, be it in backquotes.
func (c *cursor) has(words ...string) bool {
	return slices.ContainsFunc(c.tokens, func(t token) bool {
		return (t.kind == word || t.kind == quoted) && slices.Contains(words, strings.ToLower(t.text))
	})
}

func (c *cursor) done() bool { return len(c.tokens) == 0 }

// end is nil at the end of the statement.
func (c *cursor) end() error {
	if c.done() {
		return nil
	}
	return c.wrong()
}

// wrong is the error of a statement that cannot be read from here on.
func (c *cursor) wrong() *mysql.MyError { return syntaxError(c.rest()) }

// rest is the text of the statement from here on.
func (c *cursor) rest() string {
	if c.done() {
		return ""
	}
	return c.query[c.tokens[0].start:]
}
