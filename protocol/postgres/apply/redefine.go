package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ddl"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// redefine does what another region did to its definitions, unless that is so already, on a connection of its own. Its transaction writes into octant.defined what it
// was: when it is asked for again after a crash, that says whether it was done.
func (t *Target) redefine(ctx context.Context, from relay.Transaction, c *relay.Change) (left string, err error) {
	m, err := logical.ParseEmitted(c.Session)
	if err != nil {
		return "", err
	}
	noted, err := ddl.Parse(m.Content)
	if err != nil {
		return err.Error(), nil
	}
	conn, err := t.config.open(ctx, "octant lane for definitions")
	if err != nil {
		return "", err
	}
	defer conn.End()
	d := &redefinition{target: t, conn: conn, from: from, place: uint64(m.LSN)}
	at := ddl.Place{Here: func(r ddl.Relation) (*ddl.Picture, error) { return picture(ctx, conn, r) }, Origin: from.Origin, Self: t.config.Self}
	done, err := d.done(ctx)
	if err != nil {
		return t.outcome(ctx, conn, err)
	}
	if done {
		return "", nil
	}
	steps, left, err := noted.Plan(at)
	if err != nil || left != "" || len(steps) == 0 {
		return left, err
	}
	if left, err = t.outcome(ctx, conn, d.run(ctx, steps)); left == "" || err != nil {
		return left, err
	}
	if err := conn.Run(ctx, "roll back", "ROLLBACK"); err != nil {
		return "", err
	}
	if steps, _, err = noted.Plan(at); err == nil && len(steps) == 0 {
		return "", nil // somebody else has just done the same
	}
	return left, nil
}

// picture describes a relation of the local database, nil if there is none.
func picture(ctx context.Context, c *connect.Conn, r ddl.Relation) (*ddl.Picture, error) {
	rows, err := c.Query(ctx, "look at a definition", ddl.PictureSQL, r.Schema, r.Table)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	p := &ddl.Picture{}
	if err := json.Unmarshal(rows[0][0], p); err != nil {
		return nil, fmt.Errorf("look at the definition of %s.%s: %w", r.Schema, r.Table, err)
	}
	return p, nil
}

// redefinition is a definition that is being run.
type redefinition struct {
	target *Target
	conn   *connect.Conn
	from   relay.Transaction
	place  uint64 // of the message in its origin's log
}

// done tells whether it was run before. Definitions of one origin are run in their order.
func (d *redefinition) done(ctx context.Context) (bool, error) {
	if err := ledger.EnsureDefined(ctx, d.conn); err != nil {
		return false, err
	}
	rows, err := d.conn.Query(ctx, "read octant.defined", "SELECT FROM octant.defined WHERE origin = $1 AND seq = $2 AND hlc = $3 AND place >= $4",
		int(d.from.Origin), int64(d.from.Seq), int64(d.from.HLC), strconv.FormatUint(d.place, 10))
	return len(rows) > 0, err
}

// run does it in one transaction, which says for which one of which region.
func (d *redefinition) run(ctx context.Context, steps []ddl.Step) error {
	if err := d.conn.Run(ctx, "begin a definition", d.target.begin(d.from)+"SELECT"); err != nil {
		return err
	}
	for i := range steps {
		if err := d.step(ctx, &steps[i]); err != nil {
			return err
		}
	}
	_, err := d.conn.Query(ctx, "write octant.defined", `INSERT INTO octant.defined VALUES ($1, $2, $3, $4)
 ON CONFLICT (origin) DO UPDATE SET seq = excluded.seq, hlc = excluded.hlc, place = excluded.place`,
		int(d.from.Origin), int64(d.from.Seq), int64(d.from.HLC), strconv.FormatUint(d.place, 10))
	if err != nil {
		return err
	}
	return d.conn.Run(ctx, "commit a definition", "COMMIT")
}

// step runs one statement, which the protocol makes sure it is.
func (d *redefinition) step(ctx context.Context, s *ddl.Step) error {
	if s.As != "" {
		op := "become role " + s.As + ", which it belongs to there (GRANT it to the relay's user)"
		if err := d.conn.Run(ctx, op, "SET LOCAL ROLE "+connect.Identifier(s.As)); err != nil {
			return err
		}
	}
	if _, err := d.conn.Query(ctx, "run "+verb(s.SQL), s.SQL); err != nil {
		return err
	}
	if s.As != "" {
		if err := d.conn.Run(ctx, "become the relay again", "SET LOCAL ROLE NONE"); err != nil {
			return err
		}
	}
	if s.Publish == nil || d.target.config.Publication == "" {
		return nil
	}
	return d.publish(ctx, s.Publish)
}

// publish has the table's rows in this database's log from the first one on. Where the account may not, capture says what to do.
func (d *redefinition) publish(ctx context.Context, r *ddl.Relation) error {
	name := d.target.config.Publication
	rows, err := d.conn.Query(ctx, "look for the publication", `SELECT FROM pg_catalog.pg_publication p WHERE pubname = $1 AND NOT puballtables
 AND NOT EXISTS (SELECT FROM pg_catalog.pg_publication_tables t WHERE t.pubname = p.pubname AND t.schemaname = $2 AND t.tablename = $3)`, name, r.Schema, r.Table)
	if err != nil || len(rows) == 0 {
		return err
	}
	err = d.conn.Run(ctx, "publish a new table", "SAVEPOINT publish; ALTER PUBLICATION "+connect.Identifier(name)+" ADD TABLE "+connect.Table(r.Schema, r.Table)+
		"; RELEASE publish")
	var e *connect.Error
	if errors.As(err, &e) && e.Code == connect.CodePrivilege {
		return d.conn.Run(ctx, "go on without publishing", "ROLLBACK TO publish")
	}
	return err
}
