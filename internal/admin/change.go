package admin

import (
	"context"
	"math"
	"strconv"
	"strings"
)

// change recognises CHANGE MASTER ['name'] TO … and CHANGE REPLICATION SOURCE TO … [FOR CHANNEL 'name'].
func (c *cursor) change() (statement, error) {
	c.words("change")
	if c.words("replication", "filter") {
		return refuse("What is replicated is said by include and exclude in the configuration, the same in every region")
	}
	name := ""
	switch {
	case c.words("master"):
		name = c.connection()
	case !c.words("replication", "source"):
		return statement{}, c.wrong()
	}
	if !c.words("to") {
		return statement{}, syntaxError("") // the rest may hold a password
	}
	wanted, err := c.options()
	if err == nil {
		name, err = c.channel(name)
	}
	if err == nil && !c.done() {
		err = c.beside()
	}
	if err != nil {
		return statement{}, err
	}
	return steer(func(ctx context.Context, call *call) error { return call.changeSource(ctx, name, wanted) })
}

// wish is what CHANGE MASTER TO says.
type wish struct {
	change   SourceChange
	file     *string
	position *uint64
	byFile   bool // MASTER_USE_GTID = no, SOURCE_AUTO_POSITION = 0
}

// options passes name = value, …. No value is ever part of an error.
func (c *cursor) options() (*wish, error) {
	w := &wish{}
	for {
		name, ok := c.take(word)
		if !ok || !c.sign("=") {
			return nil, c.beside()
		}
		o, known := sourceOptions[unprefixed(name.text)]
		if !known {
			return nil, syntaxError(name.text)
		}
		if err := o(c, w); err != nil {
			return nil, err
		}
		if !c.sign(",") {
			return w, nil
		}
	}
}

// beside is the syntax error at a word, without what follows it.
func (c *cursor) beside() error {
	if len(c.tokens) > 0 && c.tokens[0].kind == word {
		return syntaxError(c.tokens[0].text)
	}
	return syntaxError("")
}

func unprefixed(option string) string {
	option = strings.TrimPrefix(option, "master_")
	return strings.TrimPrefix(option, "source_")
}

// option reads the value of one option into the wish.
type option func(*cursor, *wish) error

// sourceOptions are the options of both vocabularies, without MASTER_ or SOURCE_. See MariaDB's sql/sql_yacc.yy, master_def, and MySQL's
// source_def.
var sourceOptions = map[string]option{
	"host":     textOption(func(w *wish, s string) { w.change.Host = &s }),
	"user":     textOption(func(w *wish, s string) { w.change.User = &s }),
	"password": textOption(func(w *wish, s string) { w.change.Password = &s }),
	"port": numberOption(math.MaxUint16, func(w *wish, n uint64) {
		port := uint16(n)
		w.change.Port = &port
	}),
	"ssl":                    switchOption(func(w *wish, on bool) { w.change.TLS = &on }),
	"ssl_ca":                 textOption(func(w *wish, s string) { w.change.CA = &s }),
	"ssl_cert":               textOption(func(w *wish, s string) { w.change.Cert = &s }),
	"ssl_key":                textOption(func(w *wish, s string) { w.change.Key = &s }),
	"ssl_verify_server_cert": switchOption(func(w *wish, on bool) { w.change.Verify = &on }),
	"ssl_capath":             emptyOption("name one file with SSL_CA"),
	"ssl_cipher":             emptyOption("the relay's TLS library chooses"),
	"ssl_crl":                emptyOption("revocation lists are not read"),
	"ssl_crlpath":            emptyOption("revocation lists are not read"),
	"tls_version":            emptyOption("the relay's TLS library chooses"),
	"tls_ciphersuites":       emptyOption("the relay's TLS library chooses"),
	"bind":                   emptyOption("the machine's routes choose"),
	"public_key_path":        emptyOption("use TLS"),
	"log_file":               textOption(func(w *wish, s string) { w.file = &s }),
	"log_pos":                numberOption(math.MaxUint64, func(w *wish, n uint64) { w.position = &n }),
	"use_gtid":               useGTID,
	"auto_position":          switchOption(func(w *wish, on bool) { w.byFile = !on }),
	"delay":                  zeroOption("a relay does not delay"),
	"demote_to_slave":        zeroOption("a relay has no binary log of its own"),

	// The relay connects again by itself, without a limit, and asks for heartbeats as often as it needs them.
	"connect_retry":         numberOption(math.MaxUint64, ignore),
	"retry_count":           numberOption(math.MaxUint64, ignore),
	"heartbeat_period":      heartbeatOption,
	"get_source_public_key": switchOption(func(*wish, bool) {}),
	"get_master_public_key": switchOption(func(*wish, bool) {}),

	"ignore_server_ids": noneOption("everything that the source logs is captured"),
	"do_domain_ids":     noneOption("everything that the source logs is captured"),
	"ignore_domain_ids": noneOption("everything that the source logs is captured"),
	"relay_log_file":    refusedOption("the relay log has no files of its own"),
	"relay_log_pos":     refusedOption("the relay log has no files of its own"),
}

func ignore(*wish, uint64) {}

func textOption(set func(*wish, string)) option {
	return func(c *cursor, w *wish) error {
		t, ok := c.take(text)
		if !ok {
			return c.beside()
		}
		set(w, t.text)
		return nil
	}
}

func numberOption(limit uint64, set func(*wish, uint64)) option {
	return func(c *cursor, w *wish) error {
		t, ok := c.take(number)
		n, err := strconv.ParseUint(t.text, 10, 64)
		if !ok || err != nil || n > limit {
			return c.beside()
		}
		set(w, n)
		return nil
	}
}

func switchOption(set func(*wish, bool)) option {
	return numberOption(1, func(w *wish, n uint64) { set(w, n == 1) })
}

// emptyOption takes nothing but ”.
func emptyOption(reason string) option {
	return func(c *cursor, _ *wish) error {
		if t, ok := c.take(text); ok && t.text == "" || c.words("null") {
			return nil
		}
		return failure(codeNotSupported, "A relay does not support this option of CHANGE MASTER TO: %s", reason)
	}
}

// zeroOption takes nothing but 0.
func zeroOption(reason string) option {
	return func(c *cursor, _ *wish) error {
		if t, ok := c.take(number); ok && t.text == "0" {
			return nil
		}
		return failure(codeNotSupported, "A relay does not support this option of CHANGE MASTER TO: %s", reason)
	}
}

// noneOption takes nothing but ().
func noneOption(reason string) option {
	return func(c *cursor, _ *wish) error {
		if c.sign("(") && c.sign(")") {
			return nil
		}
		return failure(codeNotSupported, "A relay does not support this option of CHANGE MASTER TO: %s", reason)
	}
}

func refusedOption(reason string) option {
	return func(*cursor, *wish) error {
		return failure(codeNotSupported, "A relay does not support this option of CHANGE MASTER TO: %s", reason)
	}
}

// heartbeatOption passes a number with or without a fraction.
func heartbeatOption(c *cursor, _ *wish) error {
	if _, ok := c.take(number); !ok {
		return c.beside()
	}
	if c.sign(".") {
		c.take(number)
	}
	return nil
}

// useGTID passes MariaDB's MASTER_USE_GTID = slave_pos | current_pos | replica_pos | no.
func useGTID(c *cursor, w *wish) error {
	switch c.any("slave_pos", "replica_pos", "current_pos", "no") {
	case "":
		return c.beside()
	case "no":
		w.byFile = true
	}
	return nil
}

// changeSource brings the relay to another source, if it may go on there.
func (call *call) changeSource(ctx context.Context, name string, w *wish) error {
	if name != "" {
		if err := call.known(name); err != nil {
			return err
		}
		return failure(codeNotSupported, "'%s' is the relay of another region: change its address under [[peer]] in the configuration", shorten(name, 64))
	}
	upstream := call.e.cfg.Upstream
	if upstream == nil {
		return failure(codeNotSupported, "The source of this relay is in its configuration file")
	}
	if !call.e.cfg.Inspector.Status().Capture.Stopped {
		return call.mustStop()
	}
	if err := call.agrees(w, moves(upstream.Source(), w.change)); err != nil {
		return err
	}
	return upstream.Change(ctx, w.change)
}

func (call *call) mustStop() error {
	if call.e.cfg.MySQL {
		return failure(codeThreadMustStop,
			"This operation cannot be performed with a running replica io thread; run STOP REPLICA IO_THREAD FOR CHANNEL '' first.")
	}
	return failure(codeSlaveMustStop, "This operation cannot be performed as you have a running slave ''; run STOP SLAVE '' first")
}

// moves tells whether the change leads to another server.
func moves(s Source, c SourceChange) bool {
	host, port := hostPort(s.Address)
	return c.Host != nil && *c.Host != host || c.Port != nil && int64(*c.Port) != port
}

// agrees tells whether the relay goes on where the operator wants it to: at the same server it does so by file and offset, at another one
// by GTID, and it never leaves anything out or reads it again.
func (call *call) agrees(w *wish, moves bool) error {
	l := call.e.cfg.Inspector.LogStatus()
	named := w.file != nil || w.position != nil
	switch {
	case moves && (named || w.byFile):
		return failure(codeNotSupported, "A relay goes on at another server by GTID, after what it has: leave out the file, the position "+
			"and MASTER_USE_GTID = no")
	case w.file != nil && *w.file != l.File, w.position != nil && *w.position != l.Position:
		return failure(codeNotSupported, "A relay goes on where it is, at %s:%d, and leaves nothing out: leave out the file and the position",
			l.File, l.Position)
	}
	return nil
}
