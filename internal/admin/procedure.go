package admin

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/octant-db/octant/relay"
)

// procedure is what can be called.
type procedure struct {
	usage string // of its arguments
	ok    func(arguments []token) bool
	run   func(ctx context.Context, call *call, arguments []token) error
}

var procedures = map[string]procedure{
	"pause": {"it takes one name of a peer in quotes", oneName, func(ctx context.Context, call *call, a []token) error {
		return call.pause(ctx, a[0].text, true)
	}},
	"resume": {"it takes one name of a peer in quotes", oneName, func(ctx context.Context, call *call, a []token) error {
		return call.pause(ctx, a[0].text, false)
	}},
	"purge": {"it takes a sequence number, or the name of a log file in quotes, and 'force' if peers and replicas may be cut off",
		placeAndForce, purgeProcedure},
	"add_peer": {"it takes a region's name and host:port of its relay, both in quotes, and the name of a [[peer]] whose login it shall have: else the first one's",
		twoOrThree, func(ctx context.Context, call *call, a []token) error {
			loginOf := ""
			if len(a) == 3 {
				loginOf = a[2].text
			}
			return call.e.membership().AddPeer(ctx, a[0].text, a[1].text, loginOf)
		}},
	"remove_peer": {"it takes one name of a peer in quotes", oneName, func(ctx context.Context, call *call, a []token) error {
		return call.e.membership().RemovePeer(ctx, a[0].text)
	}},
	"evict": {"it takes one name of a peer in quotes", oneName, func(ctx context.Context, call *call, a []token) error {
		return call.evict(ctx, a[0].text)
	}},
	"retry": {"it takes the id of a row of octant.dead_letters", oneNumber, letterProcedure(relay.Controller.RetryLetter)},
	"skip":  {"it takes the id of a row of octant.dead_letters", oneNumber, letterProcedure(relay.Controller.SkipLetter)},
	"edit": {"it takes the id of a row of octant.dead_letters, and a JSON object of columns in quotes, '' to delete the row",
		numberAndText, editProcedure},
	"resolve": {"it takes the id of a row of octant.conflicts, and 'local', 'remote' or a JSON object of columns in quotes, '' to delete the row",
		numberAndText, resolveProcedure},
}

func oneNumber(a []token) bool { return len(a) == 1 && a[0].kind == number }

func numberAndText(a []token) bool { return len(a) == 2 && a[0].kind == number && a[1].kind == text }

func twoOrThree(a []token) bool {
	return (len(a) == 2 || len(a) == 3) && !slices.ContainsFunc(a, func(t token) bool { return t.kind != text })
}

func oneName(a []token) bool { return len(a) == 1 && a[0].kind == text }

func placeAndForce(a []token) bool {
	if len(a) < 1 || len(a) > 2 || a[0].kind != number && a[0].kind != text {
		return false
	}
	return len(a) == 1 || a[1].kind == text && strings.EqualFold(a[1].text, "force")
}

// call recognises CALL octant.name(arguments).
func (c *cursor) call() (statement, error) {
	c.words("call")
	schema, name := token{text: database}, token{}
	name, ok := c.take(word, quoted)
	if ok && c.sign(".") {
		schema = name
		name, ok = c.take(word, quoted)
	}
	if !ok {
		return statement{}, c.wrong()
	}
	p, known := procedures[strings.ToLower(name.text)]
	q, asked := inquiries[strings.ToLower(name.text)]
	g, given := givings[strings.ToLower(name.text)]
	explains := strings.EqualFold(name.text, "explain")
	if !known && !asked && !given && !explains || !strings.EqualFold(schema.text, database) {
		return statement{}, failure(codeNoProcedure, "PROCEDURE %s.%s does not exist; there are octant.pause('b'), octant.resume('b'), octant.purge(lsn), octant.add_peer('d', 'host:port'), octant.remove_peer('d'), octant.evict('d'), octant.retry(id), octant.skip(id), octant.edit(id, '{}'), octant.resolve(id, 'remote') and octant.explain('schema.table', key)",
			shorten(schema.text, 64), shorten(name.text, 64))
	}
	if len(c.tokens) == 0 || !c.tokens[0].is("(") {
		return statement{}, c.wrong()
	}
	arguments, ok := c.arguments()
	if explains && ok && c.done() && strings.EqualFold(schema.text, database) {
		return explain(arguments)
	}
	if given && ok && c.done() && strings.EqualFold(schema.text, database) {
		return g.give(name.text, arguments)
	}
	if asked && ok && c.done() && strings.EqualFold(schema.text, database) {
		return q.inquire(name.text, arguments)
	}
	if !ok || !c.done() || !p.ok(arguments) {
		return statement{}, failure(codeWrongArgument, "Incorrect arguments to octant.%s: %s", name.text, p.usage)
	}
	return steer(func(ctx context.Context, call *call) error { return p.run(ctx, call, arguments) })
}

// arguments passes a list of literals in brackets.
func (c *cursor) arguments() (list []token, ok bool) {
	if !c.sign("(") {
		return nil, false
	}
	if c.sign(")") {
		return nil, true
	}
	for {
		t, ok := c.take(number, text)
		if !ok {
			return nil, false
		}
		list = append(list, t)
		if c.sign(")") {
			return list, true
		}
		if !c.sign(",") {
			return nil, false
		}
	}
}

func purgeProcedure(ctx context.Context, call *call, a []token) error {
	force := len(a) == 2
	if a[0].kind == text {
		return call.purgeTo(ctx, a[0].text, force)
	}
	lsn, err := strconv.ParseUint(a[0].text, 10, 64)
	if err != nil {
		return failure(codeWrongArgument, "Incorrect arguments to octant.purge: %s is no sequence number", shorten(a[0].text, 40))
	}
	return call.purge(ctx, relay.LSN(lsn), force)
}

func (call *call) purge(ctx context.Context, before relay.LSN, force bool) error {
	err := call.e.cfg.Controller.Purge(ctx, before, force)
	switch {
	case err == nil:
		return nil
	case force:
		return failure(codeLogPurge, "Cannot purge: %v", err)
	}
	return failure(codeLogPurge, "Cannot purge: %v; CALL octant.purge(%d, 'force') cuts peers and replicas off", err, before)
}
