package regions_test

import (
	"context"
	"errors"
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

// TestThreeMySQLRegionsConvergeAfterAStormUnderFaults has a stock replica follow one of the relays all the time.
func TestThreeMySQLRegionsConvergeAfterAStormUnderFaults(t *testing.T) {
	bed := startMySQL(t)
	a, replica := bed.Region("a"), envtest.Server(t, testenv.ServerOptions{Engine: testenv.MySQL97, ID: 101, Relaxed: true})
	follow(t, replica, testenv.Source{Addr: a.Relay.Addr(), User: testenv.PeerUser, Password: bed.Password})
	stormUnderFaults(t, bed, newLoad(bed, 11), 11, 40*time.Second)
	if err := replica.WaitReplicated(envtest.Context(t, soon), a.Server); err != nil {
		t.Fatal(err)
	}
	sites := []testenv.Site{a.Site(), {Name: "replica", DB: replica.DB()}}
	envtest.WaitIdentical(t, testenv.Oracle{Sites: sites, Databases: []string{"app", "octant"}, ShowValues: true}, soon)
}

// TestAMySQLRegionJoins: from another one of its kind, by chunks, and once more with a dump by mysqldump.
func TestAMySQLRegionJoins(t *testing.T) {
	bed := envtest.Start(t, testenv.Options{
		Regions: 3, Octant: envtest.Octant(t), Engine: testenv.MySQL97, Relaxed: true, Memory: true, Schema: joinSchema,
		Configure: func(c *testenv.RelayConfig) {
			c.Rules = []testenv.RuleConfig{{Tables: []string{"app.sums"}, Policy: "merge", Counters: []string{"n"}}}
		},
	})
	a, b := bed.Region("a"), bed.Region("b")
	stranger(t, bed)
	run(t, a, rowsOfBig(3000), rowsOfSums)
	waitRows(t, b.Server.DB(), "SELECT COUNT(*) FROM app.sums", "20")
	expected(t, bed)
	if out, err := octantJoin(t.Context(), t, bed, "c", "--from", "b"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	goesOn(t, bed, a, 1000001, 3, "from c")
	joinAgain(t, bed, 1, byDump)
}

// TestWholeMySQLClusterSurvivesKillOfEverythingAtOnce ends writers, relays and databases in the middle of what they do.
func TestWholeMySQLClusterSurvivesKillOfEverythingAtOnce(t *testing.T) {
	bed := startMySQL(t)
	load := newLoad(bed, 12)
	bed.Network.Isolate("c", testenv.Cut)
	load.run(envtest.Context(t, 12*time.Second), t, func(ctx context.Context) error {
		<-ctx.Done()
		return killAll(bed)
	})
	bed.Network.Heal()
	if err := bed.Mend(t.Context()); err != nil {
		t.Fatal(err)
	}
	requireConverged(t, bed, load.counter)
}

func killAll(bed *testenv.Bed) error {
	for _, r := range bed.Regions {
		if err := errors.Join(r.Relay.Kill(), r.Server.Kill()); err != nil {
			return err
		}
	}
	return nil
}

const familySchema = `CREATE TABLE app.parent (id INT PRIMARY KEY, doc JSON);
CREATE TABLE app.child (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES app.parent (id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE app.pet (id INT PRIMARY KEY, parent INT, FOREIGN KEY (parent) REFERENCES app.parent (id) ON DELETE SET NULL);
`

func TestWhatForeignKeysOfMySQLDoArrives(t *testing.T) {
	bed := smallBed(t, testenv.Options{Engine: testenv.MySQL97, Schema: familySchema})
	a, b := bed.Region("a"), bed.Region("b")
	run(t, a, "INSERT INTO app.parent VALUES (1, NULL), (2, NULL)", "INSERT INTO app.child VALUES (1, 1), (2, 1), (3, 2)", "INSERT INTO app.pet VALUES (1, 1)")
	settleAll(t, bed)
	run(t, b, "DELETE FROM app.parent WHERE id = 1", "UPDATE app.child SET parent = NULL WHERE id = 3", "UPDATE app.parent SET id = 5 WHERE id = 2")
	settleAll(t, bed)
	waitRows(t, a.Server.DB(), "SELECT (SELECT COUNT(*) FROM app.child), (SELECT parent FROM app.pet), (SELECT id FROM app.parent)", "1 NULL 5")
	if problems := askRelay(t, bed, "a", "SELECT kind, detail FROM octant.problems"); problems != "" {
		t.Error(problems)
	}
}

func TestMySQLWritesThatCannotBeCarriedAreReported(t *testing.T) {
	bed := smallBed(t, testenv.Options{Engine: testenv.MySQL97, Schema: familySchema})
	a := bed.Region("a")
	requireHealthy(t, a)
	t.Run("partial documents", func(t *testing.T) {
		run(t, a, `INSERT INTO app.parent VALUES (1, '{"long": "enough to be worth a difference", "n": 1}')`,
			"SET SESSION binlog_row_value_options=PARTIAL_JSON", "UPDATE app.parent SET doc = JSON_SET(doc, '$.n', 2)",
			"SET SESSION binlog_row_value_options=''")
		waitProblem(t, bed, "a", "partial_json", "app.parent")
		run(t, a, "UPDATE app.parent SET doc = '{}'")
		settleAll(t, bed)
	})
	t.Run("unique index on an expression", func(t *testing.T) {
		everywhere(t, bed, "CREATE TABLE app.shout (id INT PRIMARY KEY, v VARCHAR(20), UNIQUE KEY loud ((UPPER(v))))")
		run(t, a, "INSERT INTO app.shout VALUES (1, 'x')")
		waitProblem(t, bed, "b", "dead_letter", "app.shout")
		requireSick(t, a, "app.shout", "generated column")
		everywhere(t, bed, "ALTER TABLE app.shout DROP KEY loud")
		settleAll(t, bed)
	})
	t.Run("privilege", func(t *testing.T) {
		everywhere(t, bed, "REVOKE REPLICATION_APPLIER ON *.* FROM "+account)
		requireSick(t, a, "GRANT REPLICATION_APPLIER ON *.*")
		everywhere(t, bed, "GRANT REPLICATION_APPLIER ON *.* TO "+account)
		requireHealthy(t, a)
	})
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

// TestCompressedTransactionsAndKeysThatMySQLMakes has marks inside of compressed transactions, and tables whose primary key is not shown.
func TestCompressedTransactionsAndKeysThatMySQLMakes(t *testing.T) {
	bed := smallBed(t, testenv.Options{
		Engine: testenv.MySQL97, Schema: "SET sql_generate_invisible_primary_key=ON; CREATE TABLE app.bare (v VARCHAR(3000));",
		ServerArgs: []string{"--binlog-transaction-compression=ON", "--sql-generate-invisible-primary-key=ON"},
	})
	a, b := bed.Region("a"), bed.Region("b")
	for _, r := range bed.Regions {
		run(t, r, "INSERT INTO app.bare VALUES (REPEAT('x', 3000)), (REPEAT('y', 3000)), ('z')")
	}
	settleAll(t, bed)
	run(t, a, "UPDATE app.bare SET v = CONCAT('a', v) WHERE v LIKE 'x%'", "DELETE FROM app.bare WHERE v = 'z'")
	settleAll(t, bed)
	waitRows(t, b.Server.DB(), "SELECT LEFT(v, 2), COUNT(*) FROM app.bare GROUP BY 1 ORDER BY 1", "ax 2; yy 2")
	envtest.WaitQuiet(t, bed.Sites(), 3*time.Second, soon)
	if problems := askRelay(t, bed, "b", "SELECT kind, detail FROM octant.problems"); problems != "" {
		t.Error(problems)
	}
	requireHealthy(t, a)
}
