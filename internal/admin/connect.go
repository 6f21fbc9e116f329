package admin

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// database is the name of our own database.
const database = "octant"

// databases are all that a client sees.
var databases = []string{"information_schema", database, performance}

// set accepts a setting of the session, which changes nothing here: text is utf8mb4, times are UTC, nothing is written.
func (c *cursor) set() (statement, error) {
	scoped := func(t token) bool {
		return t.kind == word && slices.Contains([]string{"global", "persist", "persist_only", "password", "role"}, t.text) ||
			t.kind == system && (strings.HasPrefix(t.text, "global.") || strings.HasPrefix(t.text, "persist"))
	}
	if c.tokens = c.tokens[1:]; c.done() {
		return statement{}, c.wrong()
	}
	if slices.ContainsFunc(c.tokens, scoped) {
		return statement{}, failure(codeReadOnly, "The relay's settings are in its configuration file")
	}
	return accept()
}

// use accepts our database and the information schema.
func (c *cursor) use() (statement, error) {
	c.words("use")
	name, ok := c.take(word, quoted)
	if !ok || !c.done() {
		return statement{}, c.wrong()
	}
	if !slices.ContainsFunc(databases, func(known string) bool { return strings.EqualFold(name.text, known) }) {
		return statement{}, mysql.NewDefaultError(mysql.ER_BAD_DB_ERROR, shorten(name.text, 64))
	}
	return accept()
}

// transaction accepts what brackets reads. There is nothing to commit.
func (c *cursor) transaction() (statement, error) { return accept() }

// selection answers what clients ask of themselves at connect, and hands other questions to the SQL engine.
func (c *cursor) selection() (statement, error) {
	ask := cursor{query: c.query, tokens: c.tokens[1:]}
	var items []item
	for {
		i, ok := ask.item()
		if !ok {
			break
		}
		items = append(items, i)
		if ask.sign(",") {
			continue
		}
		if ask.words("limit") {
			ask.take(number)
		}
		if !ask.done() {
			break
		}
		return selected(items), nil
	}
	if strings.Contains(c.rest(), "$$") && len(c.tokens) == 2 { // the MySQL client asks this to learn whether $$ quotes
		return statement{}, failure(mysql.ER_BAD_FIELD_ERROR, "Unknown column '$$' in 'SELECT'")
	}
	return c.read()
}

// selected is the statement that asks for the items. What concerns the log is not for everyone who could log in.
func selected(items []item) statement {
	s := statement{role: roleNone, run: func(ctx context.Context, call *call) (*mysql.Result, error) {
		return call.answer(ctx, items)
	}}
	for _, i := range items {
		if s.patient = s.patient || i.patient; i.log {
			s.role = roleRead
		}
	}
	return s
}

// item is one thing that a client asks of a server, without a table.
type item struct {
	title   string
	value   func(context.Context, *call) (any, error)
	log     bool // it asks for something in the log
	patient bool // its answer may have to be waited for
}

// errNotOurs says that the SQL engine may know the answer.
var errNotOurs = errors.New("not a question for the relay")

// item passes a variable, a function of the session or of the log, or a literal, with its alias.
func (c *cursor) item() (item, bool) {
	if c.done() {
		return item{}, false
	}
	before, first := c.tokens, c.tokens[0]
	i, ok := c.function()
	i.log = ok
	if value := c.own(); !ok && value != nil {
		i.value, ok = value, true
	}
	if !ok {
		return item{}, false
	}
	end := before[len(before)-len(c.tokens)-1].end
	i.title = c.query[first.start:end]
	if first.kind == text {
		i.title = first.text
	}
	named := c.words("as")
	if alias, ok := c.alias(named); ok {
		i.title = alias
	}
	return i, true
}

// own passes what the relay can say at once.
func (c *cursor) own() func(context.Context, *call) (any, error) {
	value := c.literal()
	if value == nil {
		value = c.sessionFunction()
	}
	if value == nil {
		return nil
	}
	return func(_ context.Context, call *call) (any, error) {
		if v, ok := value(call); ok {
			return v, nil
		}
		return nil, errNotOurs
	}
}

func (c *cursor) alias(named bool) (string, bool) {
	if len(c.tokens) > 0 && !named && c.tokens[0].kind == word && slices.Contains([]string{"limit", "from", "where", "union"}, c.tokens[0].text) {
		return "", false
	}
	t, ok := c.take(word, quoted, text)
	if ok && t.kind == word {
		return c.query[t.start:t.end], true
	}
	return t.text, ok
}

func (c *cursor) literal() func(*call) (any, bool) {
	t, ok := c.take(system, number, text)
	if !ok {
		return nil
	}
	return func(call *call) (any, bool) {
		switch t.kind {
		case system:
			return call.e.variable(unscoped(t.text))
		case number:
			n, err := strconv.ParseInt(t.text, 10, 64)
			return n, err == nil
		}
		return t.text, true
	}
}

// unscoped takes the scope off a system variable's name.
func unscoped(name string) string {
	for _, scope := range []string{"global.", "session.", "local."} {
		name = strings.TrimPrefix(name, scope)
	}
	return name
}

func (c *cursor) sessionFunction() func(*call) (any, bool) {
	if c.words("null") {
		return func(*call) (any, bool) { return nil, true }
	}
	functions := map[string]func(*call) (any, bool){
		"database":      func(*call) (any, bool) { return database, true },
		"schema":        func(*call) (any, bool) { return database, true },
		"version":       func(call *call) (any, bool) { return call.e.version(), true },
		"user":          func(call *call) (any, bool) { return call.session.account(), true },
		"current_user":  func(call *call) (any, bool) { return call.session.account(), true },
		"session_user":  func(call *call) (any, bool) { return call.session.account(), true },
		"connection_id": func(call *call) (any, bool) { return int64(call.session.ConnectionID), true },
	}
	for name, f := range functions {
		before := c.tokens
		if c.words(name) && c.sign("(") && c.sign(")") {
			return f
		}
		c.tokens = before
	}
	return nil
}

// account is the user's name as a server shows it.
func (s Session) account() string { return s.User + "@" + host(s.RemoteAddr) }

// answer gives one row with the items' values. Variables that are not ours are known to the SQL engine, or to nobody.
func (call *call) answer(ctx context.Context, items []item) (*mysql.Result, error) {
	columns := make([]column, len(items))
	row := make([]any, len(items))
	for i, asked := range items {
		v, err := asked.value(ctx, call)
		if errors.Is(err, errNotOurs) {
			return call.e.ask(ctx, call.session, call.query)
		}
		if err != nil {
			return nil, err
		}
		columns[i], row[i] = column{name: asked.title}, v
		if _, isInt := v.(int64); isInt {
			columns[i].kind = intColumn
		}
	}
	return newResult(columns, row), nil
}
