package apply

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"

	"github.com/octant-db/octant/protocol/postgres/catalog"
	"github.com/octant-db/octant/protocol/postgres/connect"
	"github.com/octant-db/octant/protocol/postgres/logical"
	"github.com/octant-db/octant/relay"
)

// keyPlan is one unique key. Where equal values have equal texts, identities are made of these; elsewhere the database is asked for a hash.
type keyPlan struct {
	name      string // "" for the primary key
	columns   []int
	nullsToo  bool   // NULL equals NULL
	hash      string // the statement that asks; "" if there is no need to
	signature string // of what is asked, for the cache
}

// plan says how identities are made: the primary key's, and those of unique indexes on columns.
func (k *knownTable) plan(local *catalog.Table) {
	k.identity = append(k.identity, k.planKey("", k.schema.Description.Key, false))
	for _, u := range local.Unique {
		k.identity = append(k.identity, k.planKey(u.Name, u.Columns, !u.NullsNotEqual))
	}
}

func (k *knownTable) planKey(name string, columns []int, nullsToo bool) keyPlan {
	p := keyPlan{name: name, columns: columns, nullsToo: nullsToo}
	canonical := true
	var casts []string
	for n, i := range columns {
		c := &k.schema.Description.Columns[i]
		canonical = canonical && c.Form.Canonical() && c.Collation == ""
		cast := fmt.Sprintf("$%d::%s", n+1, c.Type)
		if c.Collation != "" {
			cast += " COLLATE " + c.Collation
		}
		casts = append(casts, cast)
	}
	if !canonical {
		row := "ROW(" + strings.Join(casts, ", ") + ")"
		p.hash = "SELECT pg_catalog.hash_record_extended(" + row + ", 0), pg_catalog.hash_record_extended(" + row + ", 1)"
		p.signature = strings.Join(casts, ",")
	}
	return p
}

// hashes remembers what the database said of values. It may be used from several goroutines.
type hashes struct {
	mu    sync.Mutex
	known map[string]string
}

// maxHashes bounds the cache by the number of its values.
const maxHashes = 100_000

func (h *hashes) get(key string) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.known[key]
	return v, ok
}

func (h *hashes) put(key, value string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.known == nil || len(h.known) >= maxHashes {
		h.known = make(map[string]string)
	}
	h.known[key] = value
}

// Identify gives each image its identity; see relay.Target.
func (t *Target) Identify(ctx context.Context, table *relay.Table, images []relay.Image) ([]relay.Identity, error) {
	k, err := t.table(ctx, table)
	if err != nil {
		return nil, fmt.Errorf("identify rows of %s: %w", table, err)
	}
	if len(k.identity) == 0 {
		return nil, k.problem
	}
	identities := make([]relay.Identity, len(images))
	var room [32]logical.Cell
	cells := room[:0]
	for i, image := range images {
		if cells, err = logical.Cells(cells[:0], image, len(table.Columns)); err != nil {
			return nil, fmt.Errorf("identify rows of %s: %w", table, err)
		}
		for n := range k.identity {
			key, whole, err := t.key(ctx, k, &k.identity[n], cells)
			switch {
			case err != nil:
				return nil, fmt.Errorf("identify rows of %s: %w", table, err)
			case n == 0:
				identities[i].Key = key
			case whole:
				identities[i].Unique = append(identities[i].Unique, k.identity[n].name+"\x00"+key)
			}
		}
		identities[i].Middle = k.led && len(k.children) > 0
		identities[i].Partial = logical.HasAbsent(cells)
		if identities[i].Parents, err = t.named(ctx, k, k.parents, cells); err == nil {
			identities[i].Children, err = t.named(ctx, k, k.children, cells)
		}
		if err == nil && len(k.keyed) > 0 {
			identities[i].Keyed, err = t.keys(ctx, k, cells)
		}
		if err != nil {
			return nil, fmt.Errorf("identify rows of %s: %w", table, err)
		}
	}
	return identities, nil
}

// named makes the identities of the keys that a row has whole, with their names in front.
func (t *Target) named(ctx context.Context, k *knownTable, plans []keyPlan, cells []logical.Cell) (list []string, err error) {
	for n := range plans {
		key, whole, err := t.key(ctx, k, &plans[n], cells)
		if err != nil {
			return nil, err
		}
		if whole {
			list = append(list, plans[n].name+key)
		}
	}
	return list, nil
}

// keys makes the identities of what ties about another key refer to.
func (t *Target) keys(ctx context.Context, k *knownTable, cells []logical.Cell) (list []relay.Keyed, err error) {
	for n := range k.keyed {
		p := &k.keyed[n]
		key, whole, err := t.key(ctx, k, p, cells)
		if err != nil {
			return nil, err
		}
		if !whole {
			continue
		}
		var exact []byte
		for _, i := range p.columns {
			exact = append(binary.AppendUvarint(exact, uint64(len(cells[i].Text))), cells[i].Text...)
		}
		list = append(list, relay.Keyed{Name: p.name + key, Exact: string(exact), Columns: p.columns, Logged: true})
	}
	return list, nil
}

// key makes one key's identity. False: a column is NULL or not there, so that it equals nothing.
func (t *Target) key(ctx context.Context, k *knownTable, p *keyPlan, cells []logical.Cell) (string, bool, error) {
	b := make([]byte, 0, 64)
	for _, i := range p.columns {
		c := &cells[i]
		switch {
		case c.Kind == logical.IsAbsent, c.Kind == logical.IsNull && !p.nullsToo:
			return "", false, nil
		case c.Kind == logical.IsNull:
			b = append(b, 0)
			continue
		}
		text := c.Text
		if p.hash == "" {
			text = k.schema.Description.Columns[i].Form.Canonicalize(text)
		}
		b = binary.AppendUvarint(append(b, 1), uint64(len(text)))
		b = append(b, text...)
	}
	if p.hash == "" {
		return string(b), true, nil
	}
	key, err := t.hash(ctx, p, cells, string(b))
	return key, true, err
}

// hash asks the database for 128 bits that are the same for all values that it holds to be equal. Types without such a function are compared
// by their texts.
func (t *Target) hash(ctx context.Context, p *keyPlan, cells []logical.Cell, texts string) (string, error) {
	question := p.signature + "\x00" + texts
	if v, ok := t.hashes.get(question); ok {
		return v, nil
	}
	args := make([]any, len(p.columns))
	for n, i := range p.columns {
		if cells[i].Kind == logical.IsText {
			args[n] = param(&cells[i])
		}
	}
	var answer string
	err := t.withControl(ctx, func(c *connect.Conn) error {
		rows, err := c.Query(ctx, "ask for the identity of a key", p.hash, args...)
		switch {
		case connect.Is(err, "42883"): // undefined_function: the type has no extended hash function
			answer = texts
			return nil
		case err != nil:
			return err
		}
		answer = string(rows[0][0]) + "," + string(rows[0][1])
		return nil
	})
	if err != nil {
		return "", err
	}
	t.hashes.put(question, answer)
	return answer, nil
}
