package primary

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"
)

// readers are the words that a statement can begin with which only reads.
var readers = []string{"select", "show", "describe", "desc", "explain", "use", "with", "help", "begin", "start", "commit", "rollback", "set", "("}

// writers are the words that make such a statement change more than the session, or reach outside the engine.
var writers = []string{
	"global", "persist", "persist_only", "password", "role", "outfile", "dumpfile", "load_file",
	"insert", "update", "delete", "replace", "slave", "replica", "slaves", "replicas",
}

// roleFor tells which role a statement takes. What is not understood takes the greater one.
func roleFor(query string) string {
	tokens, ok := tokenize(query)
	if ok && inquires(tokens) {
		return RoleReplicate
	}
	if !ok || !slices.Contains(readers, tokens[0].text) {
		return RoleAdmin
	}
	for i, t := range tokens {
		if t.kind == tokenSystem && tokens[0].text == "set" && !ofSession(t.text) {
			return RoleAdmin
		}
		if t.kind == tokenWord && slices.Contains(writers, t.text) && !harmless(tokens, i) {
			return RoleAdmin
		}
	}
	return RoleRead
}

// What the procedures' names begin with by which relays compare their tables' rows, where to write one takes more, and by which a region that joins
// reads another one's.
const (
	inquiry = "octant.compare_"
	giving  = "octant.join_"
)

// inquires tells whether a statement calls one of them.
func inquires(tokens []token) bool {
	if len(tokens) < 2 || tokens[0].text != "call" {
		return false
	}
	name := tokens[1].text
	return strings.HasPrefix(name, giving) || strings.HasPrefix(name, inquiry) && name != inquiry+"replace"
}

// ofSession tells whether a system variable's name, without @@, means this connection's own value.
func ofSession(name string) bool {
	return !strings.HasPrefix(name, "global") && !strings.HasPrefix(name, "persist")
}

// harmless tells whether a writer's word only shows something: SHOW SLAVE STATUS, SHOW GLOBAL VARIABLES, octant.replicas.
func harmless(tokens []token, i int) bool {
	switch tokens[i].text {
	case "global", "slave", "slaves", "replica", "replicas", "role", "password":
		return tokens[0].text == "show" || tokens[0].text == "select"
	}
	return tokens[i].text == "replace" && i+1 < len(tokens) && tokens[i+1].text == "(" // the function
}

// statement hands a statement to the engine.
func (c *session) statement(query string) (*mysql.Result, error) {
	if err := c.need(roleFor(query)); err != nil {
		return nil, err
	}
	if c.srv.cfg.SQL == nil {
		return nil, mysql.NewError(mysql.ER_NOT_SUPPORTED_YET, "This relay answers only replication")
	}
	ctx, cancel := context.WithCancelCause(c.ctx)
	defer cancel(nil)
	c.activity.begin(c.srv.cfg.Now(), redact(query), cancel)
	defer func() { c.activity.idle(c.srv.cfg.Now()) }()
	result, err := c.srv.cfg.SQL.Query(ctx, *c.identity.Load(), query)
	if err != nil && errors.Is(context.Cause(ctx), errInterrupted) {
		return nil, errInterrupted
	}
	if err != nil {
		return nil, asServerError(err)
	}
	return result, nil
}

// asServerError lets the library see a server's error that was wrapped: it does not look inside.
func asServerError(err error) error {
	var e *mysql.MyError
	if errors.As(err, &e) {
		return e
	}
	return err
}
