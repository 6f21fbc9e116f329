package capture

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/ledger"
	"github.com/octant-db/octant/relay"
)

// The kinds of problems.
const (
	noPrimaryKey    = "no_primary_key"
	replicaIdentity = "replica_identity"
	publicationKind = "publication"
	unpublished     = "unpublished"
	largeValue      = "large_value"
	slotKind        = "replication_slot"
	definition      = "ddl"
)

// publication keeps the publication as it must be.
type publication struct {
	source  *Source
	control *connect.Conn
	rec     relay.Recorder
	looked  time.Time
	seal    string // what the event triggers seal with; "" if there are none
}

// table is one that exists.
type table struct {
	schema, name string
	published    bool
	keyed        bool // it has a primary key that the server can take for replica identity
	identity     string
}

// tablesSQL lists tables with rows of their own in the log, partitions not: their root stands for them.
const tablesSQL = `SELECT n.nspname, c.relname, EXISTS (SELECT FROM pg_catalog.pg_publication_tables p
    WHERE p.pubname = $1 AND p.schemaname = n.nspname AND p.tablename = c.relname),
  EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid
    AND (i.indimmediate OR c.relreplident = 'f')), c.relreplident
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition
  AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_' ORDER BY 1, 2`

// ensure makes the publication, or adds what it lacks.
func (p *publication) ensure(ctx context.Context) error {
	name := p.source.config.Publication
	rows, err := p.control.Query(ctx, "read pg_publication", `SELECT puballtables, pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot
 FROM pg_catalog.pg_publication WHERE pubname = $1`, name)
	if err != nil {
		return err
	}
	if err := p.triggers(ctx); err != nil {
		return err
	}
	wanted, err := p.wanted(ctx)
	if err != nil {
		return err
	}
	p.looked = p.source.config.Now()
	if len(rows) == 0 {
		return p.create(ctx, wanted)
	}
	if string(rows[0][1]) != "t" || string(rows[0][2]) != "t" {
		sql := "ALTER PUBLICATION " + connect.Identifier(name) + " SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)"
		if err := p.control.Run(ctx, "alter publication "+name, sql); err != nil {
			return err
		}
	}
	if string(rows[0][0]) == "t" {
		return nil
	}
	return p.add(ctx, wanted)
}

// wanted returns the tables that should be published and reports those that cannot be.
func (p *publication) wanted(ctx context.Context) ([]table, error) {
	rows, err := p.control.Query(ctx, "list tables", tablesSQL, p.source.config.Publication)
	if err != nil {
		return nil, err
	}
	var list []table
	for _, row := range rows {
		t := table{schema: string(row[0]), name: string(row[1]), published: string(row[2]) == "t", keyed: string(row[3]) == "t", identity: string(row[4])}
		own := t.schema == ledger.Schema && t.name == ledger.Table
		switch {
		case !own && (t.schema == ledger.Schema || !p.source.config.Include(t.schema, t.name)):
		case !t.keyed || t.identity == "n":
			p.unusable(t)
		default:
			list = append(list, t)
		}
	}
	return list, nil
}

// unusable reports a table. Publishing it would make the application's updates fail.
func (p *publication) unusable(t table) {
	problem := relay.Problem{Kind: noPrimaryKey, Subject: t.schema + "." + t.name, Since: p.source.config.Now(), Count: 1,
		Detail: "the table has no primary key that its rows can be told apart by, and is not replicated",
		Remedy: "add a primary key that is not deferrable in every region, or exclude the table"}
	if t.keyed {
		problem.Kind, problem.Detail = replicaIdentity, "its replica identity is NOTHING, and it is not replicated"
		problem.Remedy = "ALTER TABLE " + connect.Table(t.schema, t.name) + " REPLICA IDENTITY DEFAULT, or exclude the table"
	}
	p.rec.Report(problem)
}

func (p *publication) create(ctx context.Context, wanted []table) error {
	var names []string
	for _, t := range wanted {
		names = append(names, connect.Table(t.schema, t.name))
	}
	name := p.source.config.Publication
	err := p.control.Run(ctx, "create publication "+name, "CREATE PUBLICATION "+connect.Identifier(name)+" FOR TABLE "+strings.Join(names, ", ")+
		" WITH (publish_via_partition_root = true)")
	if err != nil {
		return fmt.Errorf("%w (the user needs CREATE on the database and must own the tables, or somebody who does makes the publication)", err)
	}
	p.source.config.Logger.Info("publication made", "publication", name, "tables", len(names))
	return nil
}

func (p *publication) add(ctx context.Context, wanted []table) error {
	for _, t := range wanted {
		if t.published {
			continue
		}
		if err := p.addTable(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// addTable publishes a table from now on. Rows that it has by now were never logged for us.
func (p *publication) addTable(ctx context.Context, t table) error {
	name := connect.Table(t.schema, t.name)
	err := p.control.Run(ctx, "add "+name+" to the publication",
		"ALTER PUBLICATION "+connect.Identifier(p.source.config.Publication)+" ADD TABLE "+name)
	switch {
	case connect.Is(err, connect.CodeDuplicateObject), connect.Is(err, connect.CodeLockNotAvailable): // the next look tries again
		return nil
	case connect.Is(err, connect.CodePrivilege), connect.Is(err, connect.CodeUndefinedTable):
		p.rec.Report(relay.Problem{Kind: publicationKind, Subject: name, Detail: err.Error(), Since: p.source.config.Now(), Count: 1,
			Remedy: "ALTER PUBLICATION " + p.source.config.Publication + " ADD TABLE " + name + ", as the table's owner"})
		return nil
	case err != nil:
		return err
	}
	p.source.config.Logger.Info("table added to the publication", "table", name)
	rows, err := p.control.Query(ctx, "look into "+name, "SELECT EXISTS (SELECT FROM "+name+")")
	if err != nil || string(rows[0][0]) == "t" {
		p.rec.Report(relay.Problem{Kind: unpublished, Subject: name, Since: p.source.config.Now(), Count: 1,
			Detail: "rows were written to the table before it was in the publication; they do not reach the other regions by themselves",
			Remedy: "write them again: UPDATE " + name + " SET <a column> = <the same column>"})
	}
	return nil
}

// look is ensure again, once in a while, and watches the slot.
func (p *publication) look(ctx context.Context) error {
	if p.source.config.Now().Sub(p.looked) < p.source.config.LookEvery {
		return nil
	}
	if err := p.watch(ctx); err != nil {
		return err
	}
	return p.ensure(ctx)
}
