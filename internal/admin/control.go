package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// procedures are what can be called, by name, with the kinds of their parameters.
var procedures = map[string]struct {
	parameter tokenKind
	run       func(ctx context.Context, call *call, argument string) error
}{
	"pause":  {text, func(ctx context.Context, call *call, peer string) error { return call.pause(ctx, peer, true) }},
	"resume": {text, func(ctx context.Context, call *call, peer string) error { return call.pause(ctx, peer, false) }},
	"purge":  {number, purgeBefore},
}

// call recognises CALL octant.name(argument).
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
	procedure, known := procedures[strings.ToLower(name.text)]
	if !known || !strings.EqualFold(schema.text, database) {
		return statement{}, failure(codeNoProcedure, "PROCEDURE %s.%s does not exist; there are octant.pause('b'), octant.resume('b') and octant.purge(lsn)",
			shorten(schema.text, 64), shorten(name.text, 64))
	}
	if !c.sign("(") {
		return statement{}, c.wrong()
	}
	argument, ok := c.take(procedure.parameter)
	if !ok || !c.sign(")") || !c.done() {
		return statement{}, failure(codeWrongArgument, "Incorrect arguments to octant.%s: it takes one %s",
			name.text, map[tokenKind]string{text: "name of a peer in quotes", number: "number"}[procedure.parameter])
	}
	return steer(func(ctx context.Context, call *call) error { return procedure.run(ctx, call, argument.text) })
}

// steer is a statement that changes what the relay does.
func steer(run func(context.Context, *call) error) (statement, error) {
	return statement{roleAdmin, func(ctx context.Context, call *call) (*mysql.Result, error) {
		if call.e.cfg.Controller == nil {
			return nil, notSupported(call.query)
		}
		err := run(ctx, call)
		call.e.cfg.Logger.Info("a user steers the relay", "user", call.session.account(), "statement", call.query, "error", err)
		return nil, err
	}}, nil
}

// start recognises START SLAVE in its spellings, and START TRANSACTION.
func (c *cursor) start() (statement, error) {
	if c.words("start", "transaction") {
		return c.transaction()
	}
	c.words("start")
	return c.startOrStop(false)
}

// stop recognises STOP SLAVE in its spellings.
func (c *cursor) stop() (statement, error) {
	c.words("stop")
	return c.startOrStop(true)
}

func (c *cursor) startOrStop(pause bool) (statement, error) {
	peer := ""
	switch {
	case c.words("all", "slaves"), c.words("all", "replicas"):
	case c.any("slave", "replica") == "":
		return statement{}, c.wrong()
	default:
		if t, ok := c.take(text); ok {
			peer = t.text
		}
	}
	if c.has("io_thread", "sql_thread", "until") {
		return statement{}, failure(codeNotSupported, "A relay starts and stops receiving and applying together, and has no UNTIL")
	}
	peer, err := c.channel(peer)
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return statement{}, err
	}
	return steer(func(ctx context.Context, call *call) error {
		if peer != "" {
			return call.pause(ctx, peer, pause)
		}
		var failed error
		for _, p := range call.e.cfg.Inspector.Peers() {
			if err := call.pause(ctx, p.Region, pause); err != nil {
				failed = errors.Join(failed, fmt.Errorf("peer %s: %w", p.Region, err))
			}
		}
		return failed
	})
}

func (call *call) pause(ctx context.Context, peer string, pause bool) error {
	known := func(p relay.PeerStatus) bool { return p.Region == peer }
	if !slices.ContainsFunc(call.e.cfg.Inspector.Peers(), known) {
		return noSuchPeer(peer)
	}
	if pause {
		return call.e.cfg.Controller.Pause(ctx, peer)
	}
	return call.e.cfg.Controller.Resume(ctx, peer)
}

func purgeBefore(ctx context.Context, call *call, argument string) error {
	lsn, err := strconv.ParseUint(argument, 10, 64)
	if err != nil {
		return failure(codeWrongArgument, "Incorrect arguments to octant.purge: %s is no sequence number", shorten(argument, 40))
	}
	return call.purge(ctx, relay.LSN(lsn), false)
}

func (call *call) purge(ctx context.Context, before relay.LSN, force bool) error {
	if err := call.e.cfg.Controller.Purge(ctx, before, force); err != nil {
		return failure(codeLogPurge, "Cannot purge: %v", err)
	}
	return nil
}
