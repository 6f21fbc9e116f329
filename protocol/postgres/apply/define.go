package apply

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

var _ relay.Definer = (*Target)(nil)

// Define runs what another region did to its tables as such, on a connection of its own; see relay.Definer. It is signed, so that capture knows whose it is. What
// the server refuses is left to the operator.
func (t *Target) Define(ctx context.Context, from relay.Transaction, c relay.Change) (left string, err error) {
	if !c.Definition.Empties {
		return t.redefine(ctx, from, &c)
	}
	return t.Empty(ctx, from, c.Definition.Tables)
}

// Empty takes all rows away from tables at once, so that foreign keys between them are no obstacle. Tables that have foreign keys to them besides are one, and
// sequences stay: they give this region's numbers.
func (t *Target) Empty(ctx context.Context, from relay.Transaction, tables []relay.TableName) (left string, err error) {
	c, err := t.config.open(ctx, "octant lane for definitions")
	if err != nil {
		return "", err
	}
	defer c.End()
	names := make([]string, len(tables))
	for i, n := range tables {
		names[i] = connect.Table(n.Schema, n.Table)
		local, err := catalog.Read(ctx, c, n.Schema, n.Table)
		switch {
		case errors.Is(err, catalog.ErrMissing), err == nil && len(local.Key) == 0:
			return "table " + n.Schema + "." + n.Table + " is not here, or has no primary key", nil
		case err != nil:
			return "", fmt.Errorf("read the definition of %s.%s: %w", n.Schema, n.Table, err)
		}
	}
	return t.signed(ctx, c, from, "TRUNCATE "+strings.Join(names, ", "))
}

// signed runs a statement in a transaction that says for which one of which region.
func (t *Target) signed(ctx context.Context, c *connect.Conn, from relay.Transaction, sql string) (left string, err error) {
	err = c.Run(ctx, "run "+verb(sql), t.begin(from)+sql+"; COMMIT")
	return t.outcome(ctx, c, err)
}

// begin are the statements with which such a transaction begins.
func (t *Target) begin(from relay.Transaction) string {
	signature := logical.Signature{Origin: from.Origin, Seq: from.Seq, HLC: from.HLC}
	role := ""
	if a := t.abilities.Load(); a != nil && a.replica {
		role = "SET LOCAL session_replication_role = replica; "
	}
	return "BEGIN; " + role + "SELECT pg_catalog.pg_logical_emit_message(true, " + connect.Literal(logical.SignaturePrefix) + ", " +
		connect.Literal(signature.String()) + "); "
}

// outcome tells what the server said against it. What can succeed later is an error.
func (t *Target) outcome(ctx context.Context, c *connect.Conn, err error) (left string, _ error) {
	var e *connect.Error
	if errors.As(err, &e) && !e.Retryable() && !e.Ends() {
		return e.Error(), nil
	}
	if err != nil && c.IsClosed() { // it must not commit later, when others' rows are there
		err = errors.Join(err, t.withControl(ctx, func(control *connect.Conn) error { return t.end(ctx, control, c.PID()) }))
	}
	return "", err
}

// verb is a statement's first word.
func verb(sql string) string {
	word, _, _ := strings.Cut(sql, " ")
	return word
}
