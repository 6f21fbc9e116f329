package regions_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// startMySQL starts a storm's bed of three MySQL regions.
func startMySQL(t *testing.T) *testenv.Bed {
	t.Helper()
	return envtest.Start(t, testenv.Options{
		Octant: envtest.Octant(t), Engine: testenv.MySQL97, Regions: 3, Relaxed: true, Schema: testenv.StormSchema + testenv.CounterSchema,
	})
}

func TestThreeMySQLRegionsConvergeAfterAStormUnderFaults(t *testing.T) {
	bed := startMySQL(t)
	stormUnderFaults(t, bed, newLoad(bed, 11), 11, 40*time.Second)
}

// mySQLTypeTables are those of MariaDB without the types that MySQL lacks, and its own.
func mySQLTypeTables() []typeTable {
	var tables []typeTable
	for _, table := range typeTables {
		table.columns = slices.Clone(table.columns)
		for i := range table.columns {
			table.columns[i] = strings.TrimSuffix(table.columns[i], " COMPRESSED")
		}
		if table.name == "bytes" { // UUID, INET4 and INET6 come last
			table = table.without(3)
		}
		tables = append(tables, table)
	}
	return append(tables, typeTable{
		name:    "documents",
		columns: []string{"j JSON", "v VECTOR(4)", "p POINT SRID 4326", "c VARCHAR(20) CHARACTER SET gb18030"},
		rows: [][]string{
			{
				"JSON_ARRAY(CAST(1.50 AS DECIMAL(5,2)), TIMESTAMP'2024-02-29 12:34:56.5', TIME'-10:00:00', x'00ff', 1e-30, 1.0, -0e0, 18446744073709551615)",
				"TO_VECTOR('[1,2.5,-3,1e30]')", "ST_GeomFromText('POINT(-1.5 100)', 4326)", "'中é'",
			},
			{`'{"b": 1.0, "a": [1, null, "ü😀"], "": {}}'`, "TO_VECTOR('[0]')", "ST_GeomFromText('POINT(0 0)', 4326)", "''"},
			{"JSON_OBJECT('long', REPEAT('x', 70000), 'n', JSON_ARRAY())", "NULL", "NULL", "' '"},
			spread(4, "NULL")[0],
			{"'null'", "TO_VECTOR('[1,1]')", "NULL", "NULL"},
		},
	})
}

// without returns the table without its last columns.
func (v typeTable) without(columns int) typeTable {
	v.columns = v.columns[:len(v.columns)-columns]
	v.rows = slices.Clone(v.rows)
	for i := range v.rows {
		v.rows[i] = v.rows[i][:len(v.rows[i])-columns]
	}
	return v
}

func mySQLKeyTables() []keyTable {
	lacking := func(table keyTable) bool {
		return slices.ContainsFunc([]string{"nopad", "uca1400", "UUID", "INET"}, func(word string) bool { return strings.Contains(table.definition, word) })
	}
	return append(slices.DeleteFunc(slices.Clone(keyTables), lacking),
		keyTable{"key_0900", "k", "k VARCHAR(30) COLLATE utf8mb4_0900_ai_ci", []string{"'straße'", "'ÅSA '", "'😀'", "'中'"}},
		keyTable{"key_0900_cs", "k", "k VARCHAR(30) COLLATE utf8mb4_0900_as_cs", []string{"'straße'", "'ÅSA '", "'ÅSA'", "'中'"}},
		keyTable{"key_0900_bin", "k", "k VARCHAR(30) COLLATE utf8mb4_0900_bin", []string{"'a'", "'a '", "'A'"}},
	)
}

func TestEveryTypeOfMySQLArrivesUnchanged(t *testing.T) {
	typesArrive(t, testenv.MySQL97, "")
}
