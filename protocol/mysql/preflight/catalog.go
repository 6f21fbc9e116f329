package preflight

import "context"

// table is what the checks need of a table's definition.
type table struct {
	schema, name string
	kind         string // BASE TABLE, SYSTEM VERSIONED or SEQUENCE
	engine       string
	keyed        bool // has a primary key
	uniques      int  // secondary unique keys
	folding      bool // text in the primary key under a collation for which different strings are equal
	counted      bool // has an AUTO_INCREMENT column
	computed     bool // a unique key is on an expression
	dated        bool // has a TIME, DATETIME or TIMESTAMP column of the layout before mysql56_temporal_format
}

func (t *table) String() string { return t.schema + "." + t.name }
func (t *table) quoted() string { return quoteName(t.schema) + "." + quoteName(t.name) }

// tables reads the replicated tables that the account can see; sequences are not among them.
func (s *server) tables(ctx context.Context) ([]*table, error) {
	all, err := s.catalog(ctx)
	var tables []*table
	for _, t := range all {
		if t.kind != "SEQUENCE" {
			tables = append(tables, t)
		}
	}
	return tables, err
}

// catalog returns tables and sequences in the order of their names. It reads them once.
func (s *server) catalog(ctx context.Context) ([]*table, error) {
	if s.known != nil {
		return s.known, nil
	}
	tables := []*table{}
	byName := map[string]*table{}
	err := s.query(ctx, `SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES
		WHERE TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')
		AND TABLE_SCHEMA NOT IN ('mysql', 'information_schema', 'performance_schema', 'sys', 'octant')
		ORDER BY TABLE_SCHEMA, TABLE_NAME`, func(row []string) {
		if s.matches(row[0], row[1]) {
			t := &table{schema: row[0], name: row[1], kind: row[2], engine: row[3]}
			tables = append(tables, t)
			byName[t.String()] = t
		}
	})
	if err == nil {
		err = s.readKeys(ctx, byName)
	}
	if err == nil {
		err = s.readColumns(ctx, byName)
	}
	if err != nil {
		return nil, err
	}
	s.known = tables
	return tables, nil
}

func (s *server) readKeys(ctx context.Context, byName map[string]*table) error {
	expression := "0" // which MariaDB has no indexes on
	if s.mysql() {
		expression = "COLUMN_NAME IS NULL"
	}
	return s.query(ctx, `SELECT TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, MAX(`+expression+`) FROM information_schema.STATISTICS
		WHERE NON_UNIQUE = 0 GROUP BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME`, func(row []string) {
		t := byName[row[0]+"."+row[1]]
		switch {
		case t == nil:
		case row[3] == "1":
			t.computed = true
		case row[2] == "PRIMARY":
			t.keyed = true
		default:
			t.uniques++
		}
	})
}

func (s *server) readColumns(ctx context.Context, byName map[string]*table) error {
	return s.query(ctx, `SELECT TABLE_SCHEMA, TABLE_NAME,
			COLUMN_KEY = 'PRI' AND COALESCE(COLLATION_NAME, 'binary') NOT LIKE '%\_nopad\_bin' AND COALESCE(COLLATION_NAME, 'binary') <> 'utf8mb4_0900_bin' AND COLLATION_NAME IS NOT NULL,
			EXTRA LIKE '%auto_increment%', COLUMN_TYPE LIKE '%/* mariadb-5.3 */'
		FROM information_schema.COLUMNS
		WHERE COLUMN_KEY = 'PRI' OR EXTRA LIKE '%auto_increment%' OR COLUMN_TYPE LIKE '%/* mariadb-5.3 */'`, func(row []string) {
		if t := byName[row[0]+"."+row[1]]; t != nil {
			t.folding = t.folding || row[2] == "1"
			t.counted = t.counted || row[3] == "1"
			t.dated = t.dated || row[4] == "1"
		}
	})
}
