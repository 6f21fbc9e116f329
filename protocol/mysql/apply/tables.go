package apply

import (
	"bytes"
	"context"
	"sync"

	"github.com/octant-db/octant/relay"
)

// tables remembers what the database said of tables, by name and for the definition that was asked for last.
type tables struct {
	mu    sync.Mutex
	known map[tableName]*knownTable
	ties  []tie // of the whole database; see Target.ties
	tied  bool  // ties are known

	children map[tableName]*relay.Table // of ties, as the log would describe them
}

type tableName struct{ schema, name string }

// knownTable is the outcome of comparing one definition with the database's. It is never changed once made.
type knownTable struct {
	native   []byte
	local    *localTable
	problem  error // what Check answers
	wider    bool  // columns are wider in the database's table, and nothing else differs
	short    bool  // the definition lacks columns that the database's table has behind the others
	identity *identityPlan
	badPlan  error // why there is no plan
}

func newTables() *tables { return &tables{known: map[tableName]*knownTable{}} }

func nameOf(t *relay.Table) tableName { return tableName{t.Schema, t.Name} }

// get returns what is known of exactly this definition, or nil.
func (c *tables) get(t *relay.Table) *knownTable {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.known[nameOf(t)]
	if k == nil || !bytes.Equal(k.native, t.Native) {
		return nil
	}
	return k
}

func (c *tables) put(t *relay.Table, k *knownTable) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known[nameOf(t)] = k
}

func (c *tables) forget(t *relay.Table) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, nameOf(t))
}

func (c *tables) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.known)
	c.ties, c.tied, c.children = nil, false, nil
}

// Refresh forgets what was remembered of tables, so that the next Check and Identify ask the database again. Errors of Write
// that say that a table is another one than was thought forget that table by themselves.
func (t *Target) Refresh() { t.tables.forgetAll() }

// table returns what is known of a table, asking the database if need be.
func (t *Target) table(ctx context.Context, table *relay.Table) (*knownTable, error) {
	if k := t.tables.get(table); k != nil {
		return k, nil
	}
	local, err := t.read(ctx, table)
	if err != nil {
		return nil, err
	}
	ties, err := t.ties(ctx)
	if err != nil {
		return nil, err
	}
	k := &knownTable{native: table.Native, local: local, problem: compare(table, local)}
	if k.problem == nil && t.config.Composed != nil && t.config.Composed(table.Schema, table.Name) {
		k.problem = local.generates(table)
	}
	k.wider = k.problem != nil && wider(table, local)
	if k.problem == nil && t.config.Ruled != nil && t.config.Ruled(table.Schema, table.Name) {
		k.problem = unlogged(table, ties)
	}
	k.short = k.problem == nil && len(table.Columns) < len(local.columns)
	k.identity, k.badPlan = planIdentity(t.dialect, table, local, ties)
	t.tables.put(table, k)
	return k, nil
}

// read asks the database for a table. What is not there may be there for a user who was allowed to see it since the session began, which keeps the
// global privileges that it began with: so another one is asked.
func (t *Target) read(ctx context.Context, table *relay.Table) (local *localTable, err error) {
	ask := func(s *session) (err error) {
		local, err = readTable(ctx, s, table.Schema, table.Name)
		s.broken = s.broken || err == nil && local.kind == ""
		return err
	}
	if err = t.withControl(ctx, ask); err == nil && local.kind == "" {
		err = t.withControl(ctx, ask)
	}
	return local, err
}
