package verify

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"github.com/octant-db/octant/relay"
)

// Remote asks a relay about its region: relay.Comparison over its listen.mysql, as a user with role replicate. Its methods may be called from
// several goroutines; they wait for each other. A connection that was lost is dialed again.
type Remote struct {
	Peer relay.Peer
	// TLS, if set, is used. Its ServerName may be empty: then it is the host of the peer's address.
	TLS *tls.Config
	// Admin is who may write rows, Peer if its user is empty.
	Admin relay.Peer

	mu      sync.Mutex
	conn    *client.Conn
	writing *client.Conn
}

var _ relay.Comparison = (*Remote)(nil)

// Close ends the connections.
func (r *Remote) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var errs []error
	for _, c := range []**client.Conn{&r.conn, &r.writing} {
		if *c != nil {
			errs = append(errs, (*c).Close())
			*c = nil
		}
	}
	return errors.Join(errs...)
}

// remoteTimeout bounds a login and one answer.
const (
	remoteLogin  = 10 * time.Second
	remoteAnswer = time.Minute
)

// ask calls a procedure and hands over each row. A lost connection is dialed again once.
func (r *Remote) ask(ctx context.Context, each func([]mysql.FieldValue) error, procedure string, arguments ...any) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := call(procedure, arguments)
	err := r.on(ctx, &r.conn, r.Peer, text, each)
	if _, said := asServer(err); err != nil && !said && ctx.Err() == nil {
		err = r.on(ctx, &r.conn, r.Peer, text, each)
	}
	return err
}

// on runs a statement on one of the connections.
func (r *Remote) on(ctx context.Context, conn **client.Conn, as relay.Peer, text string, each func([]mysql.FieldValue) error) error {
	ctx, cancel := context.WithTimeout(ctx, remoteAnswer)
	defer cancel()
	if *conn == nil {
		c, err := r.login(ctx, as)
		if err != nil {
			return fmt.Errorf("log in to the relay of region %s at %s: %w", r.Peer.Name, r.Peer.Address, explained(err))
		}
		*conn = c
	}
	c := *conn
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	err := read(c, text, each)
	_, said := asServer(err)
	if !stop() || err != nil && !said {
		_ = c.Close()
		*conn = nil
	}
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("region %s: %w", r.Peer.Name, context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("region %s: %w", r.Peer.Name, explained(err))
	}
	return nil
}

func read(conn *client.Conn, text string, each func([]mysql.FieldValue) error) error {
	result, err := conn.Execute(text)
	if err != nil {
		return err
	}
	defer result.Close()
	if result.Resultset == nil {
		return nil
	}
	for _, cells := range result.Values {
		if err := each(cells); err != nil {
			return &mysql.MyError{Code: mysql.ER_UNKNOWN_ERROR, Message: err.Error()}
		}
	}
	return nil
}

func asServer(err error) (*mysql.MyError, bool) {
	var e *mysql.MyError
	return e, errors.As(err, &e)
}

// The codes of a relay's refusals that mean something here.
const (
	codeChanged     = 1020
	codeNoProcedure = 1305
	codeNotOffered  = 1235
)

// explained gives a relay's answer the meaning that it has here.
func explained(err error) error {
	e, said := asServer(err)
	switch {
	case !said:
		return err
	case e.Code == codeChanged:
		return relay.ErrChanged
	case e.Code == codeNoProcedure, e.Code == codeNotOffered:
		return errors.New("its relay cannot compare tables: it is of an older version, or its kind of database is not supported")
	}
	return errors.New(e.Message)
}

func (r *Remote) login(ctx context.Context, as relay.Peer) (*client.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, remoteLogin)
	defer cancel()
	var stop func() bool
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err == nil {
			stop = context.AfterFunc(ctx, func() { c.Close() })
		}
		return c, err
	}
	conn, err := client.ConnectWithDialer(ctx, "tcp", r.Peer.Address, as.User, as.Password, "", dial, r.secure)
	if stop != nil && !stop() && err == nil {
		conn.Close()
		return nil, context.Cause(ctx)
	}
	return conn, err
}

func (r *Remote) secure(c *client.Conn) error {
	if r.TLS == nil {
		return nil
	}
	config := r.TLS.Clone()
	if host, _, err := net.SplitHostPort(r.Peer.Address); err == nil && config.ServerName == "" {
		config.ServerName = host
	}
	c.SetTLSConfig(config)
	return nil
}

// call is the text of a procedure's call. Arguments are strings and numbers.
func call(procedure string, arguments []any) string {
	parts := make([]string, len(arguments))
	for i, a := range arguments {
		switch a := a.(type) {
		case string:
			parts[i] = "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(a) + "'"
		default:
			parts[i] = fmt.Sprint(a)
		}
	}
	return "CALL octant." + procedure + "(" + strings.Join(parts, ",") + ")"
}

func cell(f []mysql.FieldValue, i int) string { return string(f[i].AsString()) }

// Tables implements relay.Comparison.
func (r *Remote) Tables(ctx context.Context) (list []relay.ComparedTable, err error) {
	err = r.ask(ctx, func(f []mysql.FieldValue) error {
		list = append(list, relay.ComparedTable{Name: cell(f, 0), Definition: cell(f, 1), Problem: cell(f, 2)})
		return nil
	}, "compare_tables")
	return list, err
}

// Bound implements relay.Comparison.
func (r *Remote) Bound(ctx context.Context, table string, after relay.RowKey, rows int) (key relay.RowKey, err error) {
	err = r.ask(ctx, func(f []mysql.FieldValue) error {
		key = relay.RowKey(cell(f, 0))
		return nil
	}, "compare_bound", table, string(after), rows)
	return key, err
}

// Digest implements relay.Comparison.
func (r *Remote) Digest(ctx context.Context, table string, s relay.Span) (d relay.SpanDigest, err error) {
	err = r.ask(ctx, func(f []mysql.FieldValue) error {
		d.Rows = f[0].AsUint64()
		d.Sum, err = relay.ParseSum(cell(f, 1))
		return err
	}, "compare_digest", table, string(s.After), string(s.UpTo))
	return d, err
}

// Rows implements relay.Comparison.
func (r *Remote) Rows(ctx context.Context, table string, s relay.Span) (list []relay.RowDigest, err error) {
	err = r.ask(ctx, func(f []mysql.FieldValue) error {
		sum, err := relay.ParseSum(cell(f, 1))
		list = append(list, relay.RowDigest{Key: relay.RowKey(cell(f, 0)), Sum: sum})
		return err
	}, "compare_rows", table, string(s.After), string(s.UpTo))
	return list, err
}

// Cut implements relay.Comparison.
func (r *Remote) Cut(ctx context.Context) (c relay.Cut, err error) {
	err = r.ask(ctx, func(f []mysql.FieldValue) error {
		c = relay.Cut{Region: relay.Region(f[0].AsInt64()), LSN: relay.LSN(f[1].AsUint64()), HLC: relay.HLC(f[2].AsInt64())}
		return nil
	}, "compare_cut")
	return c, err
}

// Shown implements relay.Comparison.
func (r *Remote) Shown(ctx context.Context) (v relay.Vector, err error) {
	err = r.ask(ctx, func(f []mysql.FieldValue) error {
		v = append(v, relay.HLC(f[0].AsInt64()))
		return nil
	}, "compare_shown")
	return v, err
}

// lookBytes is how many bytes of keys one statement holds at most.
const lookBytes = 32 << 10

// Look implements relay.Comparison. Many keys are asked for in several statements.
func (r *Remote) Look(ctx context.Context, table string, since relay.LSN, keys []relay.RowKey) (list []relay.Look, err error) {
	for len(keys) > 0 {
		arguments := []any{table, uint64(since)}
		bytes, n := 0, 0
		for n < len(keys) && (n == 0 || bytes+len(keys[n]) < lookBytes) {
			bytes += len(keys[n]) + 3
			arguments = append(arguments, string(keys[n]))
			n++
		}
		before := len(list)
		if err := r.ask(ctx, func(f []mysql.FieldValue) error {
			l, err := lookOf(f)
			list = append(list, l)
			return err
		}, "compare_look", arguments...); err != nil {
			return nil, err
		}
		if len(list) != before+n {
			return nil, fmt.Errorf("region %s: it was asked for %d rows and answered for %d", r.Peer.Name, n, len(list)-before)
		}
		keys = keys[n:]
	}
	return list, nil
}

func lookOf(f []mysql.FieldValue) (l relay.Look, err error) {
	l.Written = f[2].AsInt64() != 0
	l.Version = relay.Version{HLC: relay.HLC(f[3].AsInt64()), Region: relay.Region(f[4].AsInt64())}
	if f[0].Value() == nil {
		return l, nil
	}
	sum, err := relay.ParseSum(cell(f, 1))
	l.Row = &relay.RowDigest{Key: relay.RowKey(cell(f, 0)), Sum: sum}
	return l, err
}

// Columns implements relay.Comparison.
func (r *Remote) Columns(ctx context.Context, table string, key relay.RowKey) (list []relay.ColumnValue, err error) {
	err = r.ask(ctx, func(f []mysql.FieldValue) error {
		v := relay.ColumnValue{Name: cell(f, 0), Key: f[1].AsInt64() != 0}
		if f[2].Value() != nil {
			v.Value = append([]byte{}, f[2].AsString()...)
		}
		list = append(list, v)
		return nil
	}, "compare_columns", table, string(key))
	return list, err
}

// Replace implements relay.Comparison. It is not tried twice: the first try may have been committed.
func (r *Remote) Replace(ctx context.Context, p relay.Replacement) error {
	expect, values := "", ""
	if p.Expect != nil {
		expect = p.Expect.String()
	}
	if p.Values != nil {
		data, err := json.Marshal(p.Values)
		if err != nil {
			return fmt.Errorf("write down a row: %w", err)
		}
		values = base64.StdEncoding.EncodeToString(data)
	}
	as := r.Admin
	if as.User == "" {
		as = r.Peer
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	none := func([]mysql.FieldValue) error { return nil }
	return r.on(ctx, &r.writing, as, call("compare_replace", []any{p.Table, string(p.Key), expect, values}), none)
}
