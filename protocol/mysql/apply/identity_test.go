package apply_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/relay"
)

// identities makes a row of each value that column c of table t can take, and returns their identities.
func (b *bed) identities(target *apply.Target, values []string) []relay.Identity {
	b.t.Helper()
	data := b.recordBytes(func() {
		for i, v := range values {
			b.exec(fmt.Sprintf("INSERT INTO t VALUES(%d,%s)", i, v), "DELETE FROM t")
		}
	})
	var images []relay.Image
	var table *relay.Table
	for _, c := range b.changes(data) {
		if c.Op == relay.Insert {
			images, table = append(images, c.After), c.Table
		}
	}
	got, err := target.Identify(b.ctx, table, images)
	if err != nil {
		b.t.Fatal(err)
	}
	return got
}

// collide asks the server whether two rows can stand in the table together.
func (b *bed) collide(x, y string) bool {
	b.t.Helper()
	b.exec("DELETE FROM t", "INSERT INTO t VALUES(1,"+x+")")
	_, err := b.db.ExecContext(b.ctx, "INSERT INTO t VALUES(2,"+y+")")
	if err != nil && !strings.Contains(err.Error(), "1062") {
		b.t.Fatalf("%s: %v", y, err)
	}
	return err != nil
}

// tricky are texts that collations disagree about, in UTF-8.
var tricky = []string{"", " ", "a", "A", "a ", "a  ", "ab", "AB ", "á", "Á", "ae", "æ", "ä", "o", "ö", "oe", "ß", "ss", "SS", "s", "é", "e", "ñ", "n",
	"a\t", "a\t ", "\t", "a\x01", "a \x01", "a\x00", "i", "ı", "İ", "I"}

var wide = []string{"中", "文", "Ａ", "ａ", "ﬁ", "fi", "e\u0301", "\u00ad", "a\u200b", "ю", "Ю", "Ё", "е", "σ", "ς", "Σ"}

func literals(texts []string) []string {
	list := make([]string, len(texts))
	for i, s := range texts {
		list[i] = fmt.Sprintf("_utf8mb4 x'%x'", s)
	}
	return list
}

func TestIdentityIsTheServersEquality(t *testing.T) { onEach(t, testIdentityIsTheServersEquality) }

func testIdentityIsTheServersEquality(t *testing.T, on *database) {
	all := literals(append(slices.Clone(tricky), append(wide, "😀", "😁")...))
	bmp := literals(append(slices.Clone(tricky), wide...))
	latin := literals(tricky[:31])
	gbk := literals([]string{"", "a", "A", "a ", "中", "文", "ａ", "Ａ", "e", "é", "ю", "Ю", "中 ", "σ"})
	cases := []struct {
		column string
		values []string
	}{
		{"VARCHAR(20) COLLATE utf8mb4_general_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_unicode_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_unicode_520_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_unicode_nopad_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_general_nopad_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_uca1400_ai_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_uca1400_as_cs", all},
		{"VARCHAR(20) COLLATE utf8mb4_uca1400_as_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_uca1400_nopad_as_cs", all},
		{"VARCHAR(20) COLLATE utf8mb4_uca1400_ai_cs", all},
		{"VARCHAR(20) COLLATE utf8mb4_thai_520_w2", all},
		{"VARCHAR(20) COLLATE utf8mb4_0900_ai_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_0900_as_ci", all},
		{"VARCHAR(20) COLLATE utf8mb4_0900_as_cs", all},
		{"VARCHAR(20) COLLATE utf8mb4_0900_bin", all},
		{"VARCHAR(20) COLLATE utf8mb4_de_pb_0900_as_cs", all},
		{"VARCHAR(20) COLLATE utf8mb4_ja_0900_as_cs_ks", append(slices.Clone(all), literals([]string{"か", "カ", "が", "ｶ"})...)},
		{"VARCHAR(20) COLLATE utf8mb4_zh_0900_as_cs", all},
		{"CHAR(20) COLLATE utf8mb4_0900_ai_ci", all},
		{"VARCHAR(20) CHARACTER SET gb18030 COLLATE gb18030_chinese_ci", gbk},
		{"VARCHAR(20) COLLATE utf8mb4_bin", all},
		{"VARCHAR(20) COLLATE utf8mb4_nopad_bin", all},
		{"CHAR(20) COLLATE utf8mb4_general_ci", all},
		{"CHAR(20) COLLATE utf8mb4_nopad_bin", all},
		{"TEXT COLLATE utf8mb4_unicode_ci", all},
		{"VARCHAR(20) CHARACTER SET utf8mb3 COLLATE utf8mb3_turkish_ci", bmp},
		{"VARCHAR(20) CHARACTER SET ucs2 COLLATE ucs2_general_ci", bmp},
		{"VARCHAR(20) CHARACTER SET ucs2 COLLATE ucs2_bin", bmp},
		{"VARCHAR(20) CHARACTER SET utf16 COLLATE utf16_unicode_ci", all},
		{"VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_swedish_ci", latin},
		{"VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german2_ci", latin},
		{"VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_german1_ci", latin},
		{"VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_general_cs", latin},
		{"VARCHAR(20) CHARACTER SET latin1 COLLATE latin1_bin", latin},
		{"VARCHAR(20) CHARACTER SET latin2 COLLATE latin2_czech_cs", literals([]string{"", "a", "A", "a ", " a", "á", "ch", "c", "č", "a b"})},
		{"VARCHAR(20) CHARACTER SET gbk COLLATE gbk_chinese_ci", gbk},
		{"VARCHAR(20) CHARACTER SET gbk COLLATE gbk_bin", gbk},
		{"VARBINARY(20)", []string{"x''", "x'61'", "x'6120'", "x'6100'", "x'41'", "x'00'"}},
		{"BINARY(5)", []string{"x''", "x'61'", "x'6120'", "x'6100'", "x'41'", "x'00'"}},
		{"ENUM('a','b','c ') CHARACTER SET latin1", []string{"'a'", "'A'", "'b'", "'c'", "0", "NULL"}},
		{"SET('a','b')", []string{"'a'", "'a,b'", "'b,A'", "''", "NULL"}},
		{"DOUBLE", []string{"0.0", "-0.0", "1", "0.1", "1e-300", "NULL", "NULL"}},
		{"FLOAT", []string{"0.0", "-0.0", "1", "0.1", "0.10000000149"}},
		{"DECIMAL(10,3)", []string{"0", "-0.0", "1.50", "1.5", "-1.5", "1.500"}},
		{"TIME(6)", []string{"'00:00:00'", "'-00:00:00'", "'-00:00:00.000001'", "'10:00:00'"}},
		{"BIT(12)", []string{"0", "1", "b'000000000001'", "4095"}},
		{"BIGINT UNSIGNED", []string{"0", "18446744073709551615", "9223372036854775808"}},
		{"UUID", []string{"'123e4567-e89b-12d3-a456-426655440000'", "'123E4567-E89B-12D3-A456-426655440000'", "'00000000-0000-0000-0000-000000000000'"}},
	}
	target := on.newBed(t).open("octant")
	for _, c := range cases {
		if on.lacks(c.column) {
			continue
		}
		t.Run(c.column, func(t *testing.T) {
			b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, c "+c.column+", UNIQUE KEY c_key(c))")
			b.sameAsServer(target, c.values)
		})
	}
}

func TestIdentityOfPrefixes(t *testing.T) { onEach(t, testIdentityOfPrefixes) }

func testIdentityOfPrefixes(t *testing.T, on *database) {
	target := on.newBed(t).open("octant")
	for _, column := range []string{"VARCHAR(20) COLLATE utf8mb4_0900_as_cs", "VARCHAR(20) COLLATE utf8mb4_0900_bin", "VARCHAR(20) COLLATE utf8mb4_unicode_ci", "VARCHAR(20) COLLATE utf8mb4_bin", "TEXT CHARACTER SET gbk COLLATE gbk_bin",
		"TEXT CHARACTER SET latin1 COLLATE latin1_bin"} {
		if on.lacks(column) {
			continue
		}
		t.Run(column, func(t *testing.T) {
			b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, c "+column+", UNIQUE KEY c_key(c(2)))")
			b.sameAsServer(target, literals([]string{"", "e", "é", "ée", "éee", "eee", "ee ", "e  ", "e a", "éeb", "Ée"}))
		})
	}
	b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, c BLOB, UNIQUE KEY c_key(c(2)))")
	b.sameAsServer(target, []string{"x''", "x'61'", "x'6162'", "x'616263'", "x'6100'", "x'610000'", "NULL"})
}

// sameAsServer compares every pair of values.
func (b *bed) sameAsServer(target *apply.Target, values []string) {
	b.t.Helper()
	b.exec("SET sql_log_bin=1")
	got := b.identities(target, values)
	b.exec("SET sql_log_bin=0")
	for i := range values {
		for j := range i {
			equal := len(got[i].Unique) == 1 && slices.Equal(got[i].Unique, got[j].Unique)
			if want := b.collide(values[i], values[j]); equal != want {
				b.t.Errorf("%s and %s: identity %v, server %v (%q, %q)", values[i], values[j], equal, want, got[i].Unique, got[j].Unique)
			}
		}
	}
	b.exec("DELETE FROM t", "SET sql_log_bin=1")
}

func TestIdentityOfSeveralColumns(t *testing.T) { onEach(t, testIdentityOfSeveralColumns) }

func testIdentityOfSeveralColumns(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(a VARCHAR(10) COLLATE utf8mb4_general_ci, b VARBINARY(10), n INT, u INT, PRIMARY KEY(b,a), UNIQUE KEY n_u(n,u), UNIQUE KEY u_a(u,a))")
	changes := b.images("t", "INSERT INTO t VALUES('x','yz',1,1),('xy','z',1,2),('X ','YZ',NULL,2)", "UPDATE t SET a='X', u=3 WHERE b='yz'", "UPDATE t SET n=3 WHERE b='yz'")
	target := b.open("octant")
	images := []relay.Image{changes[0].After, changes[1].After, changes[2].After, changes[3].After, changes[4].After}
	got, err := target.Identify(b.ctx, changes[0].Table, images)
	if err != nil {
		t.Fatal(err)
	}
	if got[0].Key == got[1].Key || got[0].Key == got[2].Key || got[0].Key != got[3].Key || got[3].Key != got[4].Key {
		t.Errorf("keys: %+v", got)
	}
	if len(got[0].Unique) != 2 || len(got[2].Unique) != 1 || !strings.HasPrefix(got[2].Unique[0], "u_a\x00") {
		t.Errorf("unique: %+v", got)
	}
	again, err := target.Identify(b.ctx, changes[0].Table, images)
	if err != nil || fmt.Sprint(again) != fmt.Sprint(got) {
		t.Errorf("asked again: %+v, %v", again, err)
	}
}

func TestIdentityOfGeneratedColumns(t *testing.T) { onEach(t, testIdentityOfGeneratedColumns) }

func testIdentityOfGeneratedColumns(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, v INT, g INT AS (v % 3) VIRTUAL, UNIQUE KEY g_key(g))")
	changes := b.images("t", "INSERT INTO t(id,v) VALUES(1,3),(2,4)", "UPDATE t SET v=6 WHERE id=1", "UPDATE t SET v=8 WHERE id=1")
	images := []relay.Image{changes[0].After, changes[1].After, changes[2].After, changes[3].After, changes[3].Before}
	got, err := b.open("octant").Identify(b.ctx, changes[0].Table, images)
	if err != nil {
		t.Fatal(err)
	}
	unique := func(i int) string { return got[i].Unique[0] }
	if unique(0) == unique(1) || unique(0) != unique(2) || unique(3) == unique(2) || unique(4) != unique(2) {
		t.Errorf("%+v", got)
	}
}

func TestIdentifyWithASmallCache(t *testing.T) { onEach(t, testIdentifyWithASmallCache) }

func testIdentifyWithASmallCache(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(k VARCHAR(60) PRIMARY KEY)")
	var values []string
	for i := range 1200 {
		values = append(values, fmt.Sprintf("('Key%d')", i))
	}
	changes := b.images("t", "INSERT INTO t VALUES"+strings.Join(values, ","))
	target := b.open("octant", func(c *apply.Config) { c.CacheBytes = 1000 })
	var images []relay.Image
	for _, c := range changes {
		images = append(images, c.After)
	}
	got, err := target.Identify(b.ctx, changes[0].Table, images)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, id := range got {
		seen[id.Key] = true
	}
	if len(seen) != len(images) || seen[""] {
		t.Errorf("%d identities of %d rows", len(seen), len(images))
	}
}

func TestIdentifyMalformedImage(t *testing.T) { onEach(t, testIdentifyMalformedImage) }

func testIdentifyMalformedImage(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	target := b.open("octant")
	for _, image := range []relay.Image{nil, {}, {0}, changes[0].After[:3]} {
		if _, err := target.Identify(b.ctx, changes[0].Table, []relay.Image{image}); err == nil {
			t.Errorf("%d bytes passed", len(image))
		}
	}
}
