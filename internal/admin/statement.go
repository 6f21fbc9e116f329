package admin

import (
	"context"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// statement is what was recognised: the role that it takes and what answers it.
type statement struct {
	role    string
	run     func(context.Context, *call) (*mysql.Result, error)
	patient bool // it waits for as long as it was told to
}

// Words that statements begin with which change data or definitions, and of others that servers know and relays have no use for.
var (
	writing = []string{
		"insert", "update", "delete", "replace", "truncate", "create", "drop", "alter", "rename", "load", "grant", "revoke", "import",
		"optimize", "repair", "analyze", "handler",
	}
	foreign = []string{
		"lock", "unlock", "install", "uninstall", "binlog", "shutdown", "prepare", "execute",
		"deallocate", "xa", "savepoint", "release", "check", "checksum", "cache", "help", "signal", "resignal", "clone",
	}
)

// parse recognises a statement.
func parse(query string) (statement, error) {
	tokens, err := tokenize(query)
	if err != nil && strings.Contains(strings.ToLower(query), "password") {
		return statement{}, syntaxError("") // what cannot be cut into words may be a password from anywhere on
	}
	if err != nil {
		return statement{}, err
	}
	c := &cursor{query: query, tokens: tokens}
	if c.done() {
		return statement{}, mysql.NewDefaultError(mysql.ER_EMPTY_QUERY)
	}
	first := tokens[0]
	switch {
	case first.is("("):
		return c.read()
	case first.kind != word:
		return statement{}, c.wrong()
	case slices.Contains(writing, first.text):
		return statement{}, readOnly()
	case slices.Contains(foreign, first.text):
		return statement{}, notSupported(query)
	}
	read, known := readers[first.text]
	if !known {
		return statement{}, c.wrong()
	}
	return read(c)
}

// readers read the rest of a statement, by its first word.
var readers map[string]func(*cursor) (statement, error)

func init() {
	readers = map[string]func(*cursor) (statement, error){
		"select": (*cursor).selection, "with": (*cursor).read, "values": (*cursor).read, "table": (*cursor).read,
		"describe": (*cursor).read, "desc": (*cursor).read, "explain": (*cursor).read,
		"show": (*cursor).show, "set": (*cursor).set, "use": (*cursor).use, "call": (*cursor).call,
		"start": (*cursor).start, "stop": (*cursor).stop, "purge": (*cursor).purge,
		"change": (*cursor).change, "reset": (*cursor).reset, "flush": (*cursor).flush, "kill": (*cursor).kill, "do": (*cursor).do,
		"begin": (*cursor).transaction, "commit": (*cursor).transaction, "rollback": (*cursor).transaction,
	}
}

// reaching are words by which a statement that seems to read reaches out of the engine, or holds up others.
var reaching = []string{"into", "outfile", "dumpfile", "load_file", "get_lock"}

// read is a statement for the SQL engine.
func (c *cursor) read() (statement, error) {
	if c.has(reaching...) {
		return statement{}, notSupported("INTO, files and locks")
	}
	return statement{role: roleRead, run: func(ctx context.Context, call *call) (*mysql.Result, error) {
		return call.e.ask(ctx, call.session, call.query)
	}}, nil
}

// answer is a statement that is answered with a result at hand.
func answer(role string, result func(*call) *mysql.Result) (statement, error) {
	return statement{role: role, run: func(_ context.Context, call *call) (*mysql.Result, error) { return result(call), nil }}, nil
}

// accept is a statement that is answered with OK.
func accept() (statement, error) {
	return answer(roleNone, func(*call) *mysql.Result { return nil })
}

// silent is the statement with its result thrown away.
func (s statement) silent() statement {
	run := s.run
	s.run = func(ctx context.Context, call *call) (*mysql.Result, error) {
		call.query = "SELECT" + call.query[len("do"):]
		_, err := run(ctx, call)
		return nil, err
	}
	return s
}
