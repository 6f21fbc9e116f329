package apply_test

import (
	"strings"
	"testing"

	"github.com/octant-db/octant/relay"
)

// everyType has a column of each type that is stored in its own way, and rows at their edges.
const everyType = `CREATE TABLE t(
 id BIGINT UNSIGNED PRIMARY KEY, ti TINYINT, tu TINYINT UNSIGNED, si SMALLINT, mu MEDIUMINT UNSIGNED, i INT ZEROFILL, bu BIGINT UNSIGNED,
 d DECIMAL(65,30), f FLOAT, fd DOUBLE, b1 BIT(1), b64 BIT(64), dt DATE, tm TIME(6), t0 TIME, dtm DATETIME(3), ts TIMESTAMP(6) NULL, y YEAR,
 c CHAR(20), cl CHAR(255) CHARACTER SET latin1, v VARCHAR(300), vg VARCHAR(20) CHARACTER SET gbk, vb VARCHAR(20) COLLATE utf8mb4_bin, vu VARCHAR(20) CHARACTER SET ucs2,
 bin BINARY(10), vbin VARBINARY(300), tx TEXT, mtx MEDIUMTEXT CHARACTER SET latin1, bl BLOB, lb LONGBLOB,
 e ENUM('a','b','ü') CHARACTER SET latin1, s SET('x','y','z'), j JSON, uu UUID, i4 INET4, i6 INET6, g GEOMETRY, p POINT,
 vc VARCHAR(100) COMPRESSED, tc TEXT COMPRESSED,
 gen INT AS (ti+1) VIRTUAL, gens VARCHAR(50) AS (CONCAT(v,'!')) STORED, inv INT INVISIBLE DEFAULT 5)`

const everyColumn = "id,ti,tu,si,mu,i,bu,d,f,fd,HEX(b1),HEX(b64),dt,tm,t0,dtm,ts,y,HEX(c),HEX(cl),HEX(v),HEX(vg),HEX(vb),HEX(vu),HEX(bin),HEX(vbin),HEX(tx)," +
	"HEX(mtx),HEX(bl),HEX(lb),e+0,s+0,j,uu,i4,i6,HEX(g),HEX(p),HEX(vc),HEX(tc),gen,gens,inv,f*1e0"

var everyRow = []string{
	`INSERT INTO t(id) VALUES(0)`,
	`INSERT INTO t(id,ti,tu,si,mu,i,bu,d,f,fd,b1,b64,dt,tm,t0,dtm,ts,y) VALUES(18446744073709551615,-128,255,-32768,16777215,4294967295,18446744073709551615,
	 '-99999999999999999999999999999999999.999999999999999999999999999999',3.4028234e38,-1.7976931348623157e308,1,x'8000000000000001','0000-00-00','-838:59:59.999999','838:59:59',
	 '9999-12-31 23:59:59.999','2038-01-19 03:14:07.999999',2155)`,
	`INSERT INTO t(id,f,fd,d,dt,tm,dtm,ts,y,c,cl,v,vg,vb,vu) VALUES(3,1.1754944e-38,-0.0,'-0.000000000000000000000000000001','2024-02-31','-00:00:00.000001','0000-00-00 00:00:00','0000-00-00 00:00:00',0,
	 'trailing  ',_latin1 x'E4F6FC','it''s \\ a "quote"',_gbk x'C4E35C5C','Ab ',_ucs2 x'00410020')`,
	`INSERT INTO t(id,bin,vbin,tx,mtx,bl,lb,e,s,j,uu,i4,i6,g,p,vc,tc,inv) VALUES(4,x'61000000',x'6100',REPEAT('é',300),_latin1 x'E9',x'00FF275C',REPEAT(x'00',70000),'ü','x,z','{"a": [1, 2.50]}',
	 '123e4567-e89b-12d3-a456-426655440000','1.2.3.0','2001:db8::',ST_GeomFromText('LINESTRING(0 0,1.5 1)',4326),POINT(1,2),REPEAT('compress ',10),REPEAT('compress ',100),-7)`,
	`INSERT INTO t(id,c,v,bin,vbin,tx,bl,e,s,vc,tc,uu,i6) VALUES(5,'','','','','','','','','','','00000000-0000-0000-0000-000000000000','::')`,
}

// mySQLWords turn the table above into one of MySQL's, with its types in the place of those that it lacks.
var mySQLWords = strings.NewReplacer(
	"uu UUID, i4 INET4, i6 INET6", "uu VECTOR(3), i4 JSON, i6 GEOMETRYCOLLECTION SRID 4326", " COMPRESSED", "",
	"uu,i4,i6,HEX(g)", "HEX(uu),i4,HEX(i6),HEX(g)",
	"'123e4567-e89b-12d3-a456-426655440000'", "TO_VECTOR('[1,2.5,-3]')",
	"'1.2.3.0'", "JSON_ARRAY(CAST(1.50 AS DECIMAL(5,2)), TIMESTAMP'2024-02-29 12:34:56.5', x'00ff', 1e-30, REPEAT('x', 70000), JSON_OBJECT('b', 1.0))",
	"'2001:db8::'", "ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))', 4326)",
	"'00000000-0000-0000-0000-000000000000'", "TO_VECTOR('[0]')",
	"'::'", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY', 4326)",
)

// everyType is table, columns and rows in the server's words.
func (d *database) everyType() (table, columns string, rows []string) {
	if !d.mysql() {
		return everyType, everyColumn, everyRow
	}
	for _, row := range everyRow {
		rows = append(rows, mySQLWords.Replace(row))
	}
	return mySQLWords.Replace(everyType), mySQLWords.Replace(everyColumn), rows
}

func TestEveryTypeOnEveryPath(t *testing.T) { onEach(t, testEveryTypeOnEveryPath) }

func testEveryTypeOnEveryPath(t *testing.T, on *database) {
	for _, p := range on.paths() {
		t.Run(p.name, func(t *testing.T) {
			table, columns, rows := on.everyType()
			b := on.newBed(t, table)
			var want string
			data := b.recordBytes(func() {
				b.exec(rows...)
				want = b.rows("SELECT " + columns + " FROM t ORDER BY id")
				b.exec("UPDATE t SET ti=9, v=CONCAT(IFNULL(v,''),'+')")
			})
			updated := b.rows("SELECT " + columns + " FROM t ORDER BY id")
			b.quietly("DELETE FROM t")
			changes := b.changes(data)
			inserts, updates := changes[:len(rows)], changes[len(rows):]

			target := b.open(p.user)
			if err := target.Check(b.ctx, inserts[0].Table); err != nil {
				t.Fatal(err)
			}
			again := b.recordBytes(func() { b.mustApply(target, writesOf(inserts, p.expect)...) })
			b.same("SELECT "+columns+" FROM t ORDER BY id", want)
			if p.user != "plain" {
				sameImages(t, inserts, b.changes(again)[1:])
			}
			b.mustApply(target, writesOf(updates, p.expect)...)
			b.same("SELECT "+columns+" FROM t ORDER BY id", updated)
			for i := range updates {
				updates[i].Before, updates[i].After = updates[i].After, nil
			}
			b.mustApply(target, writesOf(updates, p.expect)...)
			b.same("SELECT id FROM t", "")
		})
	}
}

// sameImages compares what was logged first with what the server logs of our writing it again.
func sameImages(t *testing.T, want, got []relay.Change) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d changes were logged, want %d", len(got), len(want))
	}
	for i := range want {
		if string(got[i].After) != string(want[i].After) {
			t.Errorf("row %d: another image was logged", i)
		}
	}
}

// TestKeysOfEveryType finds rows by keys of types whose literals are delicate.
func TestKeysOfEveryType(t *testing.T) { onEach(t, testKeysOfEveryType) }

func testKeysOfEveryType(t *testing.T, on *database) {
	keys := map[string][]string{
		"BIT(20)":                      {"b'10100000000000000001'", "0"},
		"FLOAT":                        {"0.1", "-3.4e38"},
		"DOUBLE":                       {"0.1", "1e-300"},
		"DECIMAL(30,10)":               {"-1.5", "12345678901234567890.0123456789"},
		"DATETIME(6)":                  {"'2024-01-01 00:00:00.000001'", "'0000-00-00 00:00:00'"},
		"TIMESTAMP":                    {"'2024-01-01 00:00:01'", "'2024-10-27 02:30:00'"},
		"TIME(3)":                      {"'-10:00:00.500'", "'00:00:00'"},
		"YEAR":                         {"1999", "0"},
		"ENUM('x','y')":                {"'x'", "'y'"},
		"SET('x','y')":                 {"'x,y'", "''"},
		"UUID":                         {"'123e4567-e89b-12d3-a456-426655440000'", "'00000000-0000-0000-0000-000000000000'"},
		"INET4":                        {"'1.2.3.0'", "'0.0.0.0'"},
		"INET6":                        {"'2001:db8::'", "'::'"},
		"BINARY(5)":                    {"x'6100'", "''"},
		"VARBINARY(5)":                 {"x'6100'", "x'61'"},
		"BIGINT UNSIGNED":              {"18446744073709551615", "0"},
		"VARCHAR(9) CHARACTER SET gbk": {"_gbk x'C4E35C'", "'a'"},
		"VARCHAR(9) COLLATE utf8mb4_uca1400_nopad_ai_ci": {"'a '", "'a'"},
		"VARCHAR(9) COLLATE utf8mb4_0900_ai_ci":          {"'a '", "'a'"},
		"CHAR(9) CHARACTER SET ucs2":                     {"'é'", "''"},
	}
	for typ, values := range keys {
		if on.lacks(typ) {
			continue
		}
		t.Run(strings.ReplaceAll(typ, "/", "-"), func(t *testing.T) {
			b := on.newBed(t, "CREATE TABLE t(k "+typ+" NOT NULL, n INT NOT NULL, v INT, PRIMARY KEY(k,n))")
			changes := b.images("t", "INSERT INTO t VALUES("+values[0]+",1,1),("+values[1]+",1,1)", "UPDATE t SET v=2")
			for _, user := range on.users() {
				target := b.open(user)
				if err := target.Check(b.ctx, changes[0].Table); err != nil {
					t.Fatal(err)
				}
				b.mustApply(target, writesOf(changes[:2], unknown)...)
				b.mustApply(target, writesOf(changes[2:], unknown)...)
				b.same("SELECT v FROM t", "2\n2\n")
				for _, c := range changes[:2] {
					b.mustApply(target, relay.Write{Table: c.Table, Before: c.After})
				}
				b.same("SELECT v FROM t", "")
			}
		})
	}
}

func TestPrefixKey(t *testing.T) { onEach(t, testPrefixKey) }

func testPrefixKey(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(k TEXT, b BLOB, v INT, PRIMARY KEY(k(3),b(2)))")
	changes := b.images("t", "INSERT INTO t VALUES('éèàxyz','abc',1),('éèb','abz',1)", "UPDATE t SET v=2")
	for _, p := range on.paths() {
		target := b.open(p.user)
		if err := target.Check(b.ctx, changes[0].Table); err != nil {
			t.Fatal(err)
		}
		b.mustApply(target, writesOf(changes[:2], p.expect)...)
		b.mustApply(target, writesOf(changes[2:], p.expect)...)
		b.same("SELECT v FROM t", "2\n2\n")
		for _, c := range changes[:2] {
			b.mustApply(target, relay.Write{Table: c.Table, Before: c.After, Expect: relay.Present})
		}
		b.same("SELECT v FROM t", "")
	}
}
