package regions_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// typeTable is a table of edge values: every row is written in both regions, changed in the other one, and some deleted.
type typeTable struct {
	name string
	// columns in the table's order, each "name TYPE …"; those in extra get no values.
	columns []string
	extra   []string
	rows    [][]string // SQL literals for columns
}

func (v *typeTable) create() string {
	list := append([]string{"id INT PRIMARY KEY"}, v.columns...)
	return fmt.Sprintf("CREATE TABLE app.%s (%s) CHARACTER SET utf8mb4;\n", v.name, strings.Join(append(list, v.extra...), ", "))
}

func (v *typeTable) names() []string {
	var names []string
	for _, c := range v.columns {
		name, _, _ := strings.Cut(c, " ")
		names = append(names, name)
	}
	return names
}

// insert writes all rows with ids from base+1 on.
func (v *typeTable) insert(base int) []string {
	var list []string
	for i, row := range v.rows {
		list = append(list, fmt.Sprintf("INSERT INTO app.%s (id, %s) VALUES (%d, %s)",
			v.name, strings.Join(v.names(), ", "), base+i+1, strings.Join(row, ", ")))
	}
	return list
}

// update gives each row the values of the one after it.
func (v *typeTable) update(base int) []string {
	var list []string
	for i := range v.rows {
		var set []string
		for c, name := range v.names() {
			set = append(set, name+" = "+v.rows[(i+1)%len(v.rows)][c])
		}
		list = append(list, fmt.Sprintf("UPDATE app.%s SET %s WHERE id = %d", v.name, strings.Join(set, ", "), base+i+1))
	}
	return list
}

func (v *typeTable) remove(base int) []string {
	return []string{fmt.Sprintf("DELETE FROM app.%s WHERE id = %d", v.name, base+1)}
}

// column returns rows of one table whose columns all get the same literals.
func spread(columns int, literals ...string) [][]string {
	var rows [][]string
	for _, l := range literals {
		row := make([]string, columns)
		for i := range row {
			row[i] = l
		}
		rows = append(rows, row)
	}
	return rows
}

var typeTables = []typeTable{
	{
		name: "numbers",
		columns: []string{
			"t TINYINT", "tu TINYINT UNSIGNED", "s SMALLINT", "su SMALLINT UNSIGNED", "m MEDIUMINT", "mu MEDIUMINT UNSIGNED",
			"i INT", "iu INT UNSIGNED", "b BIGINT", "bu BIGINT UNSIGNED", "z INT(8) ZEROFILL", "y YEAR", "b1 BIT(1)", "b12 BIT(12)", "b64 BIT(64)",
			"d65 DECIMAL(65,30)", "d0 DECIMAL(65,0)", "d11 DECIMAL(1,1)", "d9 DECIMAL(9,9) UNSIGNED", "f FLOAT", "g DOUBLE", "fu FLOAT(7,3) UNSIGNED",
		},
		rows: [][]string{
			{
				"-128", "255", "-32768", "65535", "-8388608", "16777215", "-2147483648", "4294967295", "-9223372036854775808",
				"18446744073709551615", "42", "1901", "b'1'", "b'100000000001'", "18446744073709551615",
				"-99999999999999999999999999999999999.999999999999999999999999999999", "-" + strings.Repeat("9", 65), "-0.9", "0.999999999",
				"-3.402823e38", "-1.7976931348623157e308", "9999.999",
			},
			{
				"127", "128", "32767", "32768", "8388607", "8388608", "2147483647", "2147483648", "9223372036854775807",
				"9223372036854775808", "99999999", "2155", "b'0'", "b'1'", "1",
				"99999999999999999999999999999999999.999999999999999999999999999999", strings.Repeat("9", 65), "0.9", "0.000000001",
				"1.1754944e-38", "2.2250738585072014e-308", "0.001",
			},
			{
				"0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "0", "-0e0", "0",
			},
			{
				"-1", "1", "-1", "1", "-1", "1", "-1", "1", "-1", "1", "1", "2024", "1", "b'101'", "b'10000000'",
				"0.000000000000000000000000000001", "1000000000", "0.1", "0.1", "0.1", "0.1", "0.1",
			},
			spread(22, "NULL")[0],
		},
	},
	{
		name: "temporals",
		columns: []string{
			"d DATE", "t TIME", "t1 TIME(1)", "t3 TIME(3)", "t6 TIME(6)",
			"dt DATETIME", "dt1 DATETIME(1)", "dt2 DATETIME(2)", "dt3 DATETIME(3)", "dt4 DATETIME(4)", "dt5 DATETIME(5)", "dt6 DATETIME(6)",
			"ts TIMESTAMP NULL", "ts1 TIMESTAMP(1) NULL", "ts3 TIMESTAMP(3) NULL", "ts5 TIMESTAMP(5) NULL", "ts6 TIMESTAMP(6) NULL",
		},
		rows: [][]string{
			temporals("'0000-00-00'", "'-838:59:59.999999'", "'0000-00-00 00:00:00'", "'0000-00-00 00:00:00'"),
			temporals("'9999-12-31'", "'838:59:59.999999'", "'9999-12-31 23:59:59.999999'", "'2038-01-19 03:14:07.999999'"),
			temporals("'2024-00-00'", "'-00:00:00.900001'", "'2024-02-00 00:00:00.000001'", "'1970-01-01 00:00:01.000001'"),
			temporals("'1000-01-01'", "'00:00:00.999999'", "'1000-01-01 00:00:00.100009'", "'2024-02-29 12:34:56.654321'"),
			temporals("NULL", "NULL", "NULL", "NULL"),
		},
	},
	{
		name: "texts",
		columns: []string{
			"c CHAR(20)", "v VARCHAR(300)", "x TINYTEXT", "y TEXT", "z MEDIUMTEXT", "w LONGTEXT",
			"l CHAR(20) CHARACTER SET latin1", "lv VARCHAR(300) CHARACTER SET latin1", "g VARCHAR(100) CHARACTER SET gbk",
			"gt TEXT CHARACTER SET gbk", "ub VARCHAR(100) COLLATE utf8mb4_bin", "u2 VARCHAR(100) CHARACTER SET ucs2",
			"u16 VARCHAR(100) CHARACTER SET utf16", "u32 CHAR(10) CHARACTER SET utf32", "sj VARCHAR(50) CHARACTER SET sjis", "a VARCHAR(50) CHARACTER SET ascii",
			"vc VARCHAR(300) COMPRESSED", "yc TEXT COMPRESSED",
		},
		rows: append(
			spread(18, "''", "' '", `'a\\b\'c"d\ne\0f  '`, "NULL"),
			[]string{
				"'😀é中'", "REPEAT('ü', 300)", "REPEAT('x', 255)", "REPEAT('中', 20000)", "REPEAT('😀', 70000)", "REPEAT('y', 100000)",
				"'Äöüß€ÿ'", "REPEAT('ÿ', 256)", "_gbk x'bf5c27'", "_gbk x'815cd6d0'", "'ﬀ😀'", "'ü中'", "'😀中'", "'😀é'", "'ソ表'", "'~'",
				"REPEAT('ü', 300)", "REPEAT('compress', 4000)",
			}),
	},
	{
		name: "bytes",
		columns: []string{
			"b BINARY(8)", "vb VARBINARY(300)", "tb TINYBLOB", "bl BLOB", "mb MEDIUMBLOB", "lb LONGBLOB", "cb BLOB COMPRESSED",
			"e ENUM('', 'one', 'größe', '中')", "s SET('a', 'b', 'ü', 'd')",
			"j JSON", "u UUID", "i4 INET4", "i6 INET6",
		},
		rows: [][]string{
			{
				"x'ff00000000000000'", "x'ff0000'", "x'00'", "x'275c22'", "x'00ff'", "x''", "''", "''", "''", "'{}'",
				"'00000000-0000-0000-0000-000000000000'", "'0.0.0.0'", "'::'",
			},
			{
				"x'0000000000000000'", "x'0000'", "REPEAT(x'00', 255)", "REPEAT(x'00ff', 30000)", "REPEAT(x'80', 300000)", "x'00'", "REPEAT('x', 60000)",
				"'größe'", "'a,ü'", `'{"a": [1, 2.50, "ü😀", null], "b":"\\u00e4"}'`,
				"'ffffffff-ffff-ffff-ffff-ffffffffffff'", "'255.255.255.255'", "'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'",
			},
			{
				"x'20'", "x'20'", "x'20'", "x'20'", "x'20'", "REPEAT(x'00ff0a0d271a5c22', 100000)", "x'00'", "'wrong'", "'a,b,ü,d'", "'[1,2,3]'",
				"'123e4567-e89b-12d3-a456-426655440000'", "'10.0.0.1'", "'::ffff:192.0.2.1'",
			},
			spread(13, "NULL")[0],
		},
	},
	{
		name:    "shapes",
		columns: []string{"g GEOMETRY", "p POINT", "l LINESTRING", "y POLYGON", "m GEOMETRYCOLLECTION"},
		rows: [][]string{
			{
				"ST_GeomFromText('POINT(1 2)', 4326)", "POINT(-1.5, 1e300)", "ST_GeomFromText('LINESTRING(0 0,1 1,2 2)')",
				"ST_GeomFromText('POLYGON((0 0,10 0,10 10,0 10,0 0),(5 5,7 5,7 7,5 7,5 5))')",
				"ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1),LINESTRING(1 1,2 2))')",
			},
			{
				"ST_GeomFromText('MULTIPOINT(1 1,2 2)')", "POINT(0, 0)", "ST_GeomFromText('LINESTRING(1 1,2 2)')",
				"ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))')", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')",
			},
			spread(5, "NULL")[0],
		},
	},
	{
		name:    "made",
		columns: []string{"n INT NOT NULL", "v VARCHAR(20)", "hidden INT INVISIBLE DEFAULT 7"},
		extra: []string{
			"twice BIGINT AS (n * 2) VIRTUAL", "loud VARCHAR(40) AS (UPPER(v)) STORED", "unseen INT AS (n + hidden) STORED INVISIBLE",
			"late DATETIME(6) DEFAULT '2020-01-01 01:01:01.000001'", "INDEX (twice)",
		},
		rows: [][]string{{"1", "'one'", "NULL"}, {"-2147483648", "NULL", "0"}, {"2147483640", "'ä'", "7"}},
	},
}

func temporals(date, time, datetime, stamp string) []string {
	row := []string{date}
	for range 4 {
		row = append(row, time)
	}
	for range 7 {
		row = append(row, datetime)
	}
	for range 5 {
		row = append(row, stamp)
	}
	return row
}

// keyTable is a table whose key is the definition's.
type keyTable struct {
	name, key, definition string
	values                []string
}

// keyTables have keys in which other bytes can be the same key, or whose bytes are easily cut.
var keyTables = []keyTable{
	{"key_pair", "x, y, z", "x INT, y VARCHAR(20) COLLATE utf8mb4_general_ci, z DATE", []string{"1, 'É', '2024-01-01'", "1, 'f ', '0000-00-00'", "-1, '', '2024-01-01'"}},
	{"key_general", "k", "k VARCHAR(30) COLLATE utf8mb4_general_ci", []string{"'straße'", "'ÅSA '", "'😀'", "''"}},
	{"key_unicode", "k", "k VARCHAR(30) COLLATE utf8mb4_unicode_ci", []string{"'straße'", "'ÅSA '", "'中'"}},
	{"key_uca", "k", "k VARCHAR(30) COLLATE utf8mb4_uca1400_ai_ci", []string{"'straße'", "'ÅSA '", "'😀'", "'中'"}},
	{"key_nopad", "k", "k VARCHAR(30) COLLATE utf8mb4_nopad_bin", []string{"'a'", "'a '", "'A'"}},
	{"key_latin", "k", "k CHAR(30) CHARACTER SET latin1", []string{"'Ärger'", "'z  '"}},
	{"key_gbk", "k", "k VARCHAR(30) CHARACTER SET gbk", []string{"_gbk x'815c'", "'Abc'"}},
	{"key_binary", "k", "k BINARY(8)", []string{"x'ff00'", "x'00'", "x'ff20'"}},
	{"key_varbinary", "k", "k VARBINARY(8)", []string{"x'ff00'", "x'ff'", "x''"}},
	{"key_decimal", "k", "k DECIMAL(65,30)", []string{"-1.000000000000000000000000000001", "0", "1.5"}},
	{"key_moment", "k", "k DATETIME(6)", []string{"'2024-01-01 00:00:00.000001'", "'0000-00-00 00:00:00'"}},
	{"key_stamp", "k", "k TIMESTAMP(6)", []string{"'2024-01-01 00:00:00.000001'", "'2024-01-01 00:00:00'"}},
	{"key_uuid", "k", "k UUID", []string{"'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000001'"}},
	{"key_inet", "k", "k INET6", []string{"'::'", "'2001:db8::1'"}},
	{"key_enum", "k", "k ENUM('a', 'b', 'ü')", []string{"'a'", "'ü'"}},
	{"key_bit", "k", "k BIT(20)", []string{"b'1'", "b'10000000000000000000'"}},
	{"key_big", "k", "k BIGINT UNSIGNED", []string{"18446744073709551615", "0"}},
	{"key_double", "k", "k DOUBLE", []string{"-1.5", "0.1"}},
}

// history is what is written in order: each step in region a or b, the next one when the step has arrived.
type history struct {
	inA, inB []string
}

func typeHistory(types []typeTable, keys []keyTable) (schema string, steps []history) {
	steps = make([]history, 3)
	for _, table := range types {
		schema += table.create()
		steps[0].inA = append(steps[0].inA, table.insert(0)...)
		steps[0].inB = append(steps[0].inB, table.insert(100)...)
		steps[1].inA = append(steps[1].inA, table.update(100)...)
		steps[1].inB = append(steps[1].inB, table.update(0)...)
		steps[2].inA = append(steps[2].inA, table.remove(100)...)
		steps[2].inB = append(steps[2].inB, table.remove(0)...)
	}
	for _, table := range keys {
		schema += fmt.Sprintf("CREATE TABLE app.%s (%s, v INT, PRIMARY KEY (%s)) CHARACTER SET utf8mb4;\n", table.name, table.definition, table.key)
		for i, value := range table.values {
			insert := fmt.Sprintf("INSERT INTO app.%s VALUES (%s, %d)", table.name, value, i)
			where := fmt.Sprintf(" WHERE (%s) = (%s)", table.key, value)
			update := fmt.Sprintf("UPDATE app.%s SET v = v + 10%s", table.name, where)
			from, to := &steps[0].inA, &steps[1].inB
			if i%2 == 1 {
				from, to = &steps[0].inB, &steps[1].inA
			}
			*from, *to = append(*from, insert), append(*to, update)
			if i == 0 {
				steps[2].inB = append(steps[2].inB, "DELETE FROM app."+table.name+where)
			}
		}
	}
	return schema, steps
}

// typesArrive runs the history in two regions and, in the same order, on a server that stands alone: all three must be
// identical, so nothing was changed on the way, not even in the same manner twice.
func typesArrive(t *testing.T, engine testenv.Engine, extra string) *testenv.Bed {
	t.Helper()
	types, keys := typeTables, keyTables
	if engine.IsMySQL() {
		types, keys = mySQLTypeTables(), mySQLKeyTables()
	}
	schema, steps := typeHistory(types, keys)
	bed := smallBed(t, testenv.Options{Engine: engine, Schema: schema + extra, Include: []string{"vast.*"}})
	alone := envtest.Server(t, testenv.ServerOptions{Engine: engine, ID: 9, Relaxed: true})
	runAt(t, alone, "CREATE DATABASE app", schema)
	for _, step := range steps {
		run(t, bed.Region("a"), step.inA...)
		run(t, bed.Region("b"), step.inB...)
		runAt(t, alone, append(step.inA, step.inB...)...)
		settleAll(t, bed)
	}
	sites := append(bed.Sites(), testenv.Site{Name: "alone", DB: alone.DB()})
	envtest.WaitIdentical(t, testenv.Oracle{Sites: sites, Databases: []string{"app"}}, soon)
	if conflicts := askRelay(t, bed, "a", "SELECT kind, table_name FROM octant.conflicts"); conflicts != "" {
		t.Errorf("writes in turn were taken for conflicts: %s", conflicts)
	}
	return bed
}

// largestValueArrives carries 64 MiB in one column there and back. The other ways to apply carry as much in the tests of protocol/mysql/apply.
func largestValueArrives(t *testing.T, bed *testenv.Bed) {
	t.Helper()
	const sum = "SELECT id, LENGTH(body), SHA2(body, 256) FROM vast.blobs"
	run(t, bed.Region("a"), "INSERT INTO vast.blobs VALUES (1, REPEAT(x'00ff0a0d271a5c22', 8 << 20))")
	waitRows(t, bed.Region("b").Server.DB(), sum, rowsAt(t, bed.Region("a"), sum))
	run(t, bed.Region("b"), "UPDATE vast.blobs SET body = REVERSE(body)")
	waitRows(t, bed.Region("a").Server.DB(), sum, rowsAt(t, bed.Region("b"), sum))
	run(t, bed.Region("a"), "DELETE FROM vast.blobs")
	waitRows(t, bed.Region("b").Server.DB(), sum, "")
}

// marked says whether region b's own binary log shows transactions of region a under their native mark, which needs
// BINLOG REPLAY.
func marked(t *testing.T, bed *testenv.Bed) bool {
	t.Helper()
	return strings.Contains(rowsAt(t, bed.Region("b"), "SELECT @@GLOBAL.gtid_binlog_state"), "-9001-")
}

func TestEveryTypeArrivesUnchangedAsRowEvents(t *testing.T) {
	inMariaDBsWords(t)
	bed := typesArrive(t, testenv.MariaDB1011, "CREATE DATABASE vast; CREATE TABLE vast.blobs (id INT PRIMARY KEY, body LONGBLOB);")
	if !marked(t, bed) {
		t.Error("applied transactions do not have the native mark: BINLOG REPLAY was not used")
	}
	largestValueArrives(t, bed)
}

func TestEveryTypeArrivesUnchangedAsStatements(t *testing.T) {
	inMariaDBsWords(t)
	if bed := typesArrive(t, testenv.MariaDB1011, "REVOKE BINLOG REPLAY, BINLOG ADMIN ON *.* FROM "+testenv.DatabaseUser+"@'%';"); marked(t, bed) {
		t.Error("applied transactions have the native mark: BINLOG REPLAY was used")
	}
}

func TestKeyWhoseCaseChangesInTwoRegionsStaysOneRow(t *testing.T) {
	ways := map[string]string{"row events": "", "statements": "REVOKE BINLOG REPLAY ON *.* FROM " + testenv.DatabaseUser + "@'%';"}
	if envtest.Engine(t).IsMySQL() {
		delete(ways, "statements")
	}
	for name, extra := range ways {
		t.Run(name, func(t *testing.T) {
			bed := smallBed(t, testenv.Options{
				Schema: "CREATE TABLE app.word (k VARCHAR(20) COLLATE utf8mb4_general_ci PRIMARY KEY, v INT);" + extra,
			})
			a, b := bed.Region("a"), bed.Region("b")
			run(t, a, "INSERT INTO app.word VALUES ('abc', 1), ('def', 1), ('ghi', 1)")
			settleAll(t, bed)
			bed.Network.Isolate("a", testenv.Cut)
			run(t, a, "UPDATE app.word SET k='ABC' WHERE k='abc'", "UPDATE app.word SET k='Def' WHERE k='def'")
			run(t, b, "UPDATE app.word SET k='GHI' WHERE k='ghi'")
			nextSecond(t, bed)
			run(t, b, "UPDATE app.word SET k='AbC', v=2 WHERE k='abc'", "DELETE FROM app.word WHERE k='def'", "INSERT INTO app.word VALUES ('dÉf', 3)")
			run(t, a, "UPDATE app.word SET k='ghI ' WHERE k='ghi'")
			bed.Network.Heal()
			settleAll(t, bed)
			const want = "416243 2; 64C38966 3; 67684920 1"
			if got := rowsAt(t, a, "SELECT HEX(k), v FROM app.word ORDER BY k"); got != want {
				t.Errorf("got %s, want the later writes %s", got, want)
			}
		})
	}
}
