package apply

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// knownTable is what is remembered of a table that was asked for.
type knownTable struct {
	name, quoted string
	schema       *logical.Schema // as it came
	problem      error           // why its changes cannot be written here
	identity     []keyPlan       // the primary key first
	led          bool            // rows can be taken from their parents, or with them
	parents      []keyPlan       // by which a row names its parents, a tie each
	children     []keyPlan       // by which children name a row
	keyed        []keyPlan       // by which those name it that lose it when it is given another key
	unique       bool            // it has another unique index or an exclusion constraint
	always       []bool          // by column: GENERATED ALWAYS AS IDENTITY
	fixed        bool            // such a column stands outside the key: rows cannot be updated
	types        []string        // by column, as a cast names them
	plain        bool            // it has no partitions
	extra        []string        // columns that stand only here, quoted: rows that come have what the database gives them
	all          []string        // names of all its columns here
	texts        sync.Map        // of statements, by kind
}

// tables remembers tables until they are forgotten.
type tables struct {
	mu    sync.Mutex
	known map[string]*knownTable // by native description
	ties  []catalog.Tie
	tied  bool // ties were read
}

func (t *tables) get(native []byte) *knownTable {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known[string(native)]
}

func (t *tables) put(native []byte, k *knownTable) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil {
		t.known = make(map[string]*knownTable)
	}
	t.known[string(native)] = k
}

func (t *tables) forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.known)
	t.ties, t.tied = nil, false
}

// table returns what is known of a table, and asks the database the first time.
func (t *Target) table(ctx context.Context, r *relay.Table) (*knownTable, error) {
	if r.Flavour != logical.Flavour {
		return nil, &relay.TableError{Table: r.String(), Reason: "its rows come from " + string(r.Flavour) + ", and a PostgreSQL region takes those of PostgreSQL only"}
	}
	if k := t.tables.get(r.Native); k != nil {
		return k, nil
	}
	schema, err := t.schemas.Get(r.Native)
	if err != nil {
		return nil, err
	}
	ties, err := t.ties(ctx)
	if err != nil {
		return nil, err
	}
	k := &knownTable{name: r.String(), quoted: connect.Table(r.Schema, r.Name), schema: schema}
	k.planTies(ties)
	err = t.withControl(ctx, func(c *connect.Conn) error {
		local, err := catalog.Read(ctx, c, r.Schema, r.Name)
		if errors.Is(err, catalog.ErrMissing) {
			k.problem = &relay.TableError{Table: r.String(), Reason: "the table is missing here: create it", Kind: relay.MissingTable}
			k.identity = []keyPlan{k.planKey("", schema.Description.Key, false)}
			return nil
		}
		if err != nil {
			return err
		}
		return k.learn(ctx, c, local, t.config.Ruled != nil && t.config.Ruled(r.Schema, r.Name))
	})
	if err != nil {
		return nil, fmt.Errorf("read the definition of %s: %w", r, err)
	}
	t.tables.put(r.Native, k)
	return k, nil
}

func (k *knownTable) learn(ctx context.Context, c *connect.Conn, local *catalog.Table, ruled bool) error {
	k.problem = compare(k.schema.Description, local)
	if k.problem != nil {
		k.identity = []keyPlan{k.planKey("", k.schema.Description.Key, false)}
		return nil
	}
	k.always = make([]bool, len(k.schema.Description.Columns))
	inKey := make(map[int]bool)
	for _, i := range k.schema.Description.Key {
		inKey[i] = true
	}
	for i := range k.always {
		k.always[i] = local.Always[i]
		k.fixed = k.fixed || local.Always[i] && !inKey[i]
	}
	k.types, k.plain, k.all = local.Types, local.Kind == "r", local.All
	for _, c := range local.Columns[len(k.always):] {
		k.extra = append(k.extra, connect.Identifier(c.Name))
	}
	k.plan(local)
	if err := k.ask(ctx, c, local); err != nil || !ruled || k.problem != nil {
		return err
	}
	return k.askBefore(ctx, c, local)
}

// askBefore sees that the log has the rows before each change. Of a table with partitions these say so, each for itself.
func (k *knownTable) askBefore(ctx context.Context, c *connect.Conn, local *catalog.Table) error {
	rows, err := c.Query(ctx, "read pg_class", "SELECT EXISTS (SELECT FROM pg_catalog.pg_partition_tree($1::oid) t JOIN pg_catalog.pg_class c ON c.oid = t.relid"+
		" WHERE t.isleaf AND c.relreplident <> 'f'), $2 = 'r' AND $3 <> 'f'", local.OID, local.Kind, string(local.Identity))
	if err != nil {
		return err
	}
	if string(rows[0][0]) == "t" || string(rows[0][1]) == "t" {
		k.problem = &relay.TableError{Table: k.name, Reason: "it is under a rule of conflicts that needs the row before each change, which the log of this database does not have: " +
			"ALTER TABLE " + k.quoted + " REPLICA IDENTITY FULL, of its partitions too"}
	}
	return nil
}

// ask looks for indexes that are not on columns alone, and for privileges.
func (k *knownTable) ask(ctx context.Context, c *connect.Conn, local *catalog.Table) error {
	rows, err := c.Query(ctx, "read pg_index", `SELECT EXISTS (SELECT FROM pg_catalog.pg_index WHERE indrelid = $1 AND NOT indisprimary
 AND (indisunique OR indisexclusion)), pg_catalog.has_table_privilege($1::oid, 'INSERT') AND pg_catalog.has_table_privilege($1::oid, 'UPDATE')
 AND pg_catalog.has_table_privilege($1::oid, 'DELETE') AND pg_catalog.has_table_privilege($1::oid, 'SELECT')`, local.OID)
	if err != nil {
		return err
	}
	k.unique = string(rows[0][0]) == "t"
	if string(rows[0][1]) != "t" {
		k.problem = &relay.TableError{Table: k.name, Reason: "the database user may not write it: GRANT SELECT, INSERT, UPDATE, DELETE ON " +
			k.quoted + " to it", Kind: relay.PermissionDenied}
	}
	return nil
}
