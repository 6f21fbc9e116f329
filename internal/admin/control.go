package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// steer is a statement that changes what the relay does.
func steer(run func(context.Context, *call) error) (statement, error) {
	return statement{role: roleAdmin, run: func(ctx context.Context, call *call) (*mysql.Result, error) {
		if call.e.cfg.Controller == nil {
			return nil, notSupported(harmless(call.query))
		}
		err := run(ctx, call)
		call.e.cfg.Logger.Info("a user steers the relay", "user", call.session.account(), "statement", harmless(call.query), "error", err)
		return nil, err
	}}, nil
}

// harmless is a statement as it may be logged: text in quotes can be a password or a row, and is left out.
func harmless(query string) string {
	tokens, err := tokenize(query)
	if err != nil {
		return ""
	}
	var b strings.Builder
	at := 0
	for _, t := range tokens {
		if t.kind == text && secret(query[:t.start]) {
			b.WriteString(query[at:t.start] + "'?'")
			at = t.end
		}
	}
	return shorten(b.String()+query[at:], maxStatement)
}

// secret tells whether a string that follows is a password, or a row.
func secret(before string) bool {
	before = strings.ToLower(strings.TrimRight(before, " \t\r\n="))
	return strings.HasSuffix(before, "password") || strings.HasSuffix(before, "identified by") || strings.HasPrefix(before, "call") && strings.Contains(before, "edit")
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

func (c *cursor) startOrStop(stop bool) (statement, error) {
	if c.words("all", "slaves") || c.words("all", "replicas") {
		if err := c.end(); err != nil {
			return statement{}, err
		}
		return steer(func(ctx context.Context, call *call) error { return call.startOrStopAll(ctx, stop) })
	}
	if c.any("slave", "replica") == "" {
		return statement{}, c.wrong()
	}
	if c.has("sql_thread", "until") {
		return statement{}, failure(codeNotSupported,
			"A relay starts and stops receiving and applying together, and has no UNTIL; leave SQL_THREAD and UNTIL out")
	}
	name := c.connection()
	c.words("io_thread") // with it goes the rest
	name, err := c.channel(name)
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return statement{}, err
	}
	return steer(func(ctx context.Context, call *call) error { return call.startOrStop(ctx, name, stop) })
}

// connection passes the name of a connection, if one stands here. The relay's own source has none.
func (c *cursor) connection() string {
	t, _ := c.take(text)
	return t.text
}

// channel passes FOR CHANNEL 'name', which is MySQL's way to name a connection. named is what was named before.
func (c *cursor) channel(named string) (string, error) {
	if named != "" || !c.words("for", "channel") {
		return named, nil
	}
	if t, ok := c.take(quoted); ok {
		return t.text, nil
	}
	return c.string()
}

// startOrStop starts or stops the relay's own source, or the feed of the peer that is named.
func (call *call) startOrStop(ctx context.Context, name string, stop bool) error {
	switch {
	case name != "":
		return call.pause(ctx, name, stop)
	case stop:
		return call.e.cfg.Controller.StopSource(ctx)
	}
	return call.e.cfg.Controller.StartSource(ctx)
}

func (call *call) startOrStopAll(ctx context.Context, stop bool) error {
	failed := call.startOrStop(ctx, "", stop)
	for _, p := range call.e.cfg.Inspector.Peers() {
		if err := call.pause(ctx, p.Region, stop); err != nil {
			failed = errors.Join(failed, fmt.Errorf("peer %s: %w", p.Region, err))
		}
	}
	return failed
}

func (call *call) pause(ctx context.Context, peer string, pause bool) error {
	if err := call.known(peer); err != nil {
		return err
	}
	if pause {
		return call.e.cfg.Controller.Pause(ctx, peer)
	}
	return call.e.cfg.Controller.Resume(ctx, peer)
}

func (call *call) evict(ctx context.Context, peer string) error {
	if err := call.known(peer); err != nil {
		return err
	}
	return call.e.cfg.Controller.Evict(ctx, peer)
}

// known is an error if no peer is called so.
func (call *call) known(peer string) error {
	if slices.ContainsFunc(call.e.cfg.Inspector.Peers(), func(p relay.PeerStatus) bool { return p.Region == peer }) {
		return nil
	}
	return noSuchPeer(peer)
}
