package mixed_test

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestMixed runs one region of each engine.
func TestMixed(t *testing.T) {
	b := start(t, ruling, mariaDB, mySQL, postgreSQL)
	t.Run("types", b.types)
	t.Run("keys", b.keys)
	t.Run("shown", b.shown)
	t.Run("truncated", b.truncated)
	t.Run("refused", b.refused)
	t.Run("held", b.held)
	t.Run("mended", b.mended)
	t.Run("columns", b.columns)
	t.Run("missing", b.missing)
	t.Run("tardy", b.tardy)
	t.Run("rekeyed", b.rekeyed)
	t.Run("policies", b.policies)
	t.Run("parted", b.parted)
	t.Run("databases", func(t *testing.T) { b.wholeDatabases(t, whole, 5*time.Second) })
	t.Run("verified", func(t *testing.T) { b.verified(t, 700) })
	t.Run("storm", func(t *testing.T) { b.storm(t, 8*time.Second) })
	t.Run("quiet", func(t *testing.T) {
		b.quiet(t, append(ruled, everything, keyed, accounts, limited, unlike, narrow, grownWide)...)
	})
}

// edges are rows of everything that each engine can hold, in words that each of them understands, but for the literals in braces.
func edges(is dialect, id int) []string {
	word := strings.NewReplacer("{x}", "x'", "{/x}", "'", "{true}", "1", "{false}", "0", "{b1}", "b'1'", "{b0}", "b'0'", "{uuid}", "", "{/uuid}", "", "{doc}", "", "{/doc}", "",
		"{bt}", "b'", "{/bt}", "'", "{z}", "")
	switch is {
	case mySQL:
		word = strings.NewReplacer("{x}", "x'", "{/x}", "'", "{true}", "1", "{false}", "0", "{b1}", "b'1'", "{b0}", "b'0'", "{uuid}", "UUID_TO_BIN(", "{/uuid}", ")",
			"{doc}", "", "{/doc}", "", "{bt}", "b'", "{/bt}", "'", "{z}", "")
	case postgreSQL:
		word = strings.NewReplacer("{x}", `'\x`, "{/x}", "'", "{true}", "true", "{false}", "false", "{b1}", "true", "{b0}", "false", "{uuid}", "", "{/uuid}", "",
			"{doc}", "", "{/doc}", "", "{bt}", "b'", "{/bt}", "'", "{z}", "+00")
	}
	var list []string
	for n, values := range []string{
		// the smallest
		`{false}, {b0}, -128, 0, -32768, 0, -8388608, -2147483648, 0, -9223372036854775808, 0, 0, 1901,
 -99999999999999999999.9999999999, -99999999.99, -3.4028234663852886e38, -1.7976931348623157e308, '', '', '', '', '',
 {x}00000000{/x}, {x}{/x}, {x}{/x}, '0001-01-01', '-838:59:59.000000', '00:00:00', '0001-01-01 00:00:00', '0001-01-01 00:00:00', '1970-01-01 00:00:01{z}',
 {bt}000000000000{/bt}, 'x', 'small', '', 'null', '{}', {uuid}'00000000-0000-0000-0000-000000000000'{/uuid}, '00000000-0000-0000-0000-000000000000'`,
		// the largest
		`{true}, {b1}, 127, 255, 32767, 65535, 8388607, 2147483647, 4294967295, 9223372036854775807, 18446744073709551615, 9223372036854775807, 2155,
 99999999999999999999.9999999999, 99999999.99, 3.4028234663852886e38, 1.7976931348623157e308, 'ÄÖ😀  4', 'x  ', 'tab	 ß 😀 \ " '' end ', 'é€ÿ', '漢😀',
 {x}ffffffff{/x}, {x}00ff00{/x}, {x}0027005c0a{/x}, '9999-12-31', '838:59:59.000000', '23:59:59.999', '9999-12-31 23:59:59.999999', '9999-12-31 23:59:59',
 '2038-01-19 03:14:07.999999{z}', {bt}111111111111{/bt}, 'größe', 'large', 'a,b,c',
 '{"b": 1.5, "aa": [1, null, true, {"ä": "ü\n\"😀"}], "c": -12345678901234567, "big": 18446744073709551615, "e": 1e300}', '[1, 2.50]',
 {uuid}'ffffffff-ffff-ffff-ffff-ffffffffffff'{/uuid}, '01890a5d-ac96-774b-bcce-b302099a8000'`,
		// in between
		`{true}, {b0}, -1, 200, 7, 40000, 100000, -5, 3000000000, -1, 9223372036854775808, 12345, 2024, 0.0000000001, 0.10, 0.1, 0.1, ' a', 'NULL', '0', 'x', 'x',
 {x}61000000{/x}, {x}2020{/x}, {x}00{/x}, '2024-02-29', '-00:00:00.5', '12:34:56.5', '2024-02-29 12:34:56.5', '1999-12-31 23:59:59', '2001-09-09 01:46:40.25{z}',
 {bt}000000000101{/bt}, 'it''s', 'small', 'a,c', '"text"', '"\u00e4"', {uuid}'6ccd780c-baba-1026-9564-5b8c656024db'{/uuid}, '6ccd780c-baba-1026-9564-5b8c656024db'`,
		// nothing
		strings.TrimSuffix(strings.Repeat("NULL, ", len(everything.columns)-1), ", "),
		// hard floats
		`{false}, {b1}, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1e-45, 4.9406564584124654e-324, 'a', 'a', 'a', 'a', 'a', {x}00000001{/x}, {x}01{/x}, {x}01{/x}, '1000-01-01',
 '100:00:00.000001', '00:00:00.001', '1000-01-01 00:00:00.000001', '1000-01-01 00:00:00', '2000-01-01 00:00:00.000001{z}', {bt}100000000000{/bt}, 'x', 'small', 'b', '1', '1',
 {uuid}'6ccd780c-baba-1026-9564-5b8c656024db'{/uuid}, '6ccd780c-baba-1026-9564-5b8c656024db'`,
		`{false}, {b1}, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 16777216, 1e23, 'a', 'a', 'a', 'a', 'a', {x}00000001{/x}, {x}01{/x}, {x}01{/x}, '1000-01-01',
 '00:00:00', '00:00:00.1', '1000-01-01 00:00:00.1', '1000-01-01 00:00:00', '2000-01-01 00:00:00.1{z}', {bt}100000000000{/bt}, 'x', 'small', 'b', 'true', 'true',
 {uuid}'6ccd780c-baba-1026-9564-5b8c656024db'{/uuid}, '6ccd780c-baba-1026-9564-5b8c656024db'`,
	} {
		list = append(list, fmt.Sprintf("INSERT INTO app.everything VALUES (%d, %s)", id+n, word.Replace(values)))
	}
	return list
}

// session is how a session is set up so that all engines read the literals alike.
func session(is dialect) string {
	if is == postgreSQL {
		return "SET timezone = 'UTC'; SET standard_conforming_strings = on; SET datestyle = 'ISO'; SET intervalstyle = 'postgres'"
	}
	return "SET time_zone = '+00:00', sql_mode = 'STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES', NAMES utf8mb4"
}

// types writes edge values of every type that has counterparts in every region, and changes them in the others.
func (b *bed) types(t *testing.T) {
	for _, r := range b.regions {
		for _, statement := range edges(r.is, 100*r.id) {
			r.exec(t, session(r.is)+"; "+statement)
		}
	}
	b.awaitSame(t, 30*time.Second, everything)
	for _, r := range b.regions { // each changes the rows of the next
		next := b.regions[r.id%len(b.regions)]
		r.exec(t, fmt.Sprintf("UPDATE app.everything SET i32 = i32 / 2 + id, tx = 'changed' WHERE id >= %d AND id < %d", 100*next.id, 100*next.id+100))
		r.exec(t, fmt.Sprintf("DELETE FROM app.everything WHERE id = %d", 100*next.id+4))
	}
	b.awaitSame(t, 30*time.Second, everything)
	if n := strings.Count(everything.dump(t, b.regions[0]), "changed"); n != 5*len(b.regions) {
		t.Errorf("%d rows are changed", n)
	}
	b.noLetters(t)
}

func (b *bed) noLetters(t *testing.T) {
	t.Helper()
	for _, r := range b.regions {
		awaitTrue(t, 20*time.Second, "region "+r.name+" has no dead letters", func() bool {
			return r.ask(t, "SELECT COUNT(*) FROM octant.dead_letters") == "0"
		})
	}
}

// keys moves rows between keys, and unique values between rows.
func (b *bed) keys(t *testing.T) {
	first, second, third := b.regions[0], b.regions[1], b.regions[2]
	first.exec(t, "INSERT INTO app.keyed VALUES ('a', 1, 'one@x', ''), ('A', 1, 'two@x', NULL), ('a ', 1, 'One@x', 'v')")
	b.awaitSame(t, 20*time.Second, keyed)
	third.exec(t, "UPDATE app.keyed SET a = 'moved' WHERE a = 'A' AND b = 1")
	third.exec(t, "UPDATE app.keyed SET email = NULL WHERE a = 'a'")
	b.awaitSame(t, 20*time.Second, keyed)
	second.exec(t, "UPDATE app.keyed SET email = 'one@x', b = 2 WHERE a = 'moved'")
	second.exec(t, "DELETE FROM app.keyed WHERE a = 'a '")
	b.awaitSame(t, 20*time.Second, keyed)
	for _, r := range b.regions { // the same unique value in all regions at once: the newest row has it
		if err := r.try(fmt.Sprintf("INSERT INTO app.keyed VALUES ('%s', 7, 'taken@x', '')", r.name)); err != nil && r == first {
			t.Fatal(err) // others' databases refuse it if the first row is there already
		}
	}
	b.awaitSame(t, 20*time.Second, keyed)
	if got := keyed.dump(t, first); strings.Count(got, "taken@x") != 1 || !strings.Contains(got, `a="moved" b="2" email="one@x"`) {
		t.Errorf("keyed is\n%s", got)
	}
}

// truncated: each engine's TRUNCATE is every other one's.
func (b *bed) truncated(t *testing.T) {
	for _, r := range b.regions {
		r.exec(t, "TRUNCATE TABLE app.keyed")
		for _, other := range b.regions {
			awaitTrue(t, 30*time.Second, "the table is empty in region "+other.name, func() bool { return strings.TrimSpace(keyed.dump(t, other)) == "" })
		}
		r.exec(t, "INSERT INTO app.keyed VALUES ('from', "+fmt.Sprint(r.id)+", 'new@x', 'v'), ('x', 1, NULL, '')")
		b.awaitSame(t, 30*time.Second, keyed)
	}
	if got := keyed.dump(t, b.regions[0]); strings.Count(got, "\n") != 2 {
		t.Errorf("keyed is\n%s", got)
	}
}

// refusal is a value that one engine has and another one has not.
type refusal struct {
	from   dialect
	row    string // of limited, without the id
	by     []dialect
	reason string
	column string // that the row is of; "": the first nine
}

var refusals = []refusal{
	{mySQL, "18446744073709551615, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL", []dialect{postgreSQL}, "column big: the number is beyond the range of bigint", ""},
	{mariaDB, "1, '0000-00-00', NULL, NULL, NULL, NULL, NULL, NULL, NULL", []dialect{postgreSQL}, "column day: PostgreSQL has no such date or time", ""},
	{mariaDB, "1, '2024-02-30', NULL, NULL, NULL, NULL, NULL, NULL, NULL", []dialect{postgreSQL}, "column day: PostgreSQL has no such date or time", ""},
	{mySQL, "1, NULL, NULL, NULL, 7, NULL, NULL, NULL, NULL", []dialect{postgreSQL}, "column yes: the number is neither 0 nor 1", ""},
	{mariaDB, "1, NULL, NULL, CONCAT('a', CHAR(0)), NULL, NULL, NULL, NULL, NULL", []dialect{postgreSQL}, "column word: the text has a zero byte, which PostgreSQL does not take", ""},
	{mariaDB, "1, NULL, NULL, NULL, NULL, NULL, 'not json', NULL, NULL", []dialect{postgreSQL, mySQL}, "column doc: it is no JSON document", ""},
	{mySQL, "1, NULL, NULL, NULL, NULL, '0000-00-00 00:00:00', NULL, NULL, NULL", []dialect{postgreSQL}, "column at: PostgreSQL has no such date or time", ""},
	{postgreSQL, "1, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL", []dialect{mariaDB, mySQL}, "column day: the database has no such date or time", ""},
	{postgreSQL, "1, '0044-03-15 BC', NULL, NULL, NULL, NULL, NULL, NULL, NULL", []dialect{mariaDB, mySQL}, "column day: the database has no such date or time", ""},
	{postgreSQL, "-1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL", []dialect{mariaDB, mySQL}, "column big: the number is beyond the range of bigint unsigned", ""},
	{postgreSQL, "1, NULL, 'NaN', NULL, NULL, NULL, NULL, NULL, NULL", []dialect{mariaDB, mySQL}, "column num: it is no finite number", ""},
	{postgreSQL, "1, NULL, 0.000001, NULL, NULL, NULL, NULL, NULL, NULL", []dialect{mariaDB, mySQL}, "column num: the number has more digits than decimal(20,5)", ""},
	{postgreSQL, "1, NULL, NULL, 'eleven long', NULL, NULL, NULL, NULL, NULL", []dialect{mariaDB, mySQL}, "column word: the text is longer than varchar(10)", ""},
	{postgreSQL, "1, NULL, NULL, NULL, NULL, '2040-01-01 00:00+00', NULL, NULL, NULL", []dialect{mariaDB, mySQL}, "column at: the database has no such date or time", ""},
	{postgreSQL, "1, NULL, NULL, NULL, NULL, NULL, '{\"n\": 12345678901234567890123}', NULL, NULL", []dialect{mySQL}, "column doc: a number in the document is one that MySQL's JSON does not hold exactly", ""},
	{postgreSQL, "1, NULL, NULL, NULL, NULL, NULL, NULL, 'c', NULL", []dialect{mariaDB, mySQL}, "column sort: the text is no label of enum", ""},
	{postgreSQL, "1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'Infinity'", []dialect{mariaDB, mySQL}, "column real1: the number is not finite, and the database has only those that are", ""},
	{postgreSQL, "'1 day 02:03:04'", []dialect{mariaDB, mySQL}, "column span: the interval has days or months", "span"},
	{postgreSQL, "'839:00:00'", []dialect{mariaDB, mySQL}, "column span: the database has no such date or time", "span"},
	{postgreSQL, `'\x0102030405'`, []dialect{mariaDB, mySQL}, "column raw: it is longer than varbinary(4)", "raw"},
	{postgreSQL, "'b,a'", []dialect{mariaDB, mySQL}, "column picks: the text is no list of labels of set in their order", "picks"},
	{mySQL, "'6CCD780C-BABA-1026-9564-5B8C656024DB'", []dialect{postgreSQL}, "column uu: the text is no UUID in lower case with hyphens", "uu"},
	{postgreSQL, "'漢'", []dialect{mariaDB, mySQL}, "column la: the text has a character that latin1 lacks", "la"},
	{postgreSQL, "b'10101'", []dialect{mariaDB, mySQL}, "column flags: it has not the length of bit(4)", "flags"},
	{postgreSQL, "1900", []dialect{mariaDB, mySQL}, "column year1: the number is beyond the range of year", "year1"},
	{postgreSQL, "'a  '", []dialect{mariaDB, mySQL}, "column ch: char(5) does not keep the spaces at the end", "ch"},
	{postgreSQL, "'-infinity'", []dialect{mariaDB, mySQL}, "column at: the database has no such date or time", "at"},
	{postgreSQL, "'Infinity'", []dialect{mariaDB, mySQL}, "column num: it is no finite number", "num"},
	{mariaDB, "'{\"a\": 1, \"a\": 2}'", []dialect{postgreSQL, mySQL}, "column doc: the document has one name twice in one object, and only one of them would be kept", "doc"},
}

// refused writes rows that have no counterpart: they wait in the dead letters with the reason, and everything else goes on. A later write that fits takes
// their place.
func (b *bed) refused(t *testing.T) {
	for n, c := range refusals {
		from := b.of(c.from)
		relaxed := session(from.is)
		if from.is != postgreSQL {
			relaxed = "SET time_zone = '+00:00', sql_mode = 'ALLOW_INVALID_DATES,NO_BACKSLASH_ESCAPES', NAMES utf8mb4"
		}
		columns := c.column
		if columns == "" {
			columns = "big, day, num, word, yes, at, doc, sort, real1"
		}
		from.exec(t, fmt.Sprintf("%s; INSERT INTO app.limited (id, %s) VALUES (%d, %s)", relaxed, columns, 1000+n, c.row))
		from.exec(t, fmt.Sprintf("INSERT INTO app.limited (id, word) VALUES (%d, 'beside')", 2000+n))
	}
	want := make(map[dialect]int)
	for n, c := range refusals {
		for _, is := range c.by {
			want[is]++
			r := b.of(is)
			where := fmt.Sprintf("FROM octant.dead_letters WHERE table_name = 'app.limited' AND `key` = '{\"id\":%d}'", 1000+n)
			awaitTrue(t, 30*time.Second, fmt.Sprintf("%s of %s has a letter in region %s", c.row, c.from, r.name), func() bool {
				return r.ask(t, "SELECT COUNT(*) "+where) == "1"
			})
			if got := r.ask(t, "SELECT CONCAT(reason, ': ', detail) "+where); !strings.Contains(got, "unfit_value: "+c.reason) {
				t.Errorf("%s of %s in %s: %s", c.row, c.from, is, got)
			}
		}
	}
	for _, r := range b.regions {
		awaitTrue(t, 30*time.Second, "what was written beside them is in region "+r.name, func() bool {
			return strings.Count(limited.dump(t, r), "beside") == len(refusals)
		})
		if n := r.ask(t, "SELECT COUNT(*) FROM octant.dead_letters"); n != fmt.Sprint(want[r.is]) {
			t.Errorf("region %s has %s letters, want %d", r.name, n, want[r.is])
		}
	}
	for n, c := range refusals {
		b.of(c.from).exec(t, fmt.Sprintf("UPDATE app.limited SET big = 2, day = '2024-01-01', num = 1.5, word = 'fits', yes = %s, at = NULL, doc = '{}', sort = 'a', real1 = 0, span = NULL, raw = NULL, picks = NULL, uu = NULL, la = NULL, flags = NULL, year1 = NULL, ch = NULL WHERE id = %d",
			map[bool]string{true: "true", false: "1"}[c.from == postgreSQL], 1000+n))
	}
	b.awaitSame(t, 30*time.Second, limited)
	b.noLetters(t)
}

// held writes to a table with a column that has no counterpart: its rows wait with the reason, in all that do not have the type, and others go on. A column
// of a type that has one lets them through.
func (b *bed) held(t *testing.T) {
	pg := b.of(postgreSQL)
	pg.exec(t, "INSERT INTO app.unlike VALUES (1, '{1,2}'); INSERT INTO app.keyed (a, b, v) VALUES ('beside', 99, 'unlike')")
	b.awaitSame(t, 20*time.Second, keyed)
	for _, r := range b.regions[:2] {
		awaitTrue(t, 20*time.Second, "the row has a letter in region "+r.name, func() bool {
			return r.ask(t, "SELECT COUNT(*) FROM octant.dead_letters WHERE table_name = 'app.unlike' AND reason = 'other_definition'") == "1"
		})
		got := r.ask(t, "SELECT detail FROM octant.dead_letters WHERE table_name = 'app.unlike'")
		if !strings.Contains(got, "column tags is integer[] there and varchar(20) here, which do not go together") {
			t.Errorf("region %s says %s", r.name, got)
		}
	}
	b.heldOfOthers(t)
	pg.exec(t, "ALTER TABLE app.unlike ALTER tags TYPE varchar(20) USING 'mended'; UPDATE app.unlike SET id = id")
	b.awaitSame(t, 60*time.Second, unlike)
	b.noLetters(t)
}

// heldOfOthers: a range has no counterpart in MariaDB and MySQL; a geometry goes between these, and has none in PostgreSQL.
func (b *bed) heldOfOthers(t *testing.T) {
	b.of(postgreSQL).exec(t, "INSERT INTO app.ranged VALUES (1, '[1,5)')")
	b.of(mariaDB).exec(t, "INSERT INTO app.shaped VALUES (1, POINT(1.5, -2))")
	for _, c := range []struct {
		in            dialect
		table, reason string
	}{
		{mariaDB, "ranged", "column span is int4range there and varchar(20) here, which do not go together"},
		{mySQL, "ranged", "column span is int4range there and varchar(20) here, which do not go together"},
		{postgreSQL, "shaped", "column place is point there and point here, which do not go together"},
	} {
		awaitTrue(t, 20*time.Second, "the row of "+c.table+" has a letter in the region of "+c.in.String(), func() bool {
			return strings.Contains(b.of(c.in).ask(t, "SELECT GROUP_CONCAT(CONCAT(reason, ': ', detail)) FROM octant.dead_letters WHERE table_name = 'app."+c.table+"'"), "other_definition: app."+c.table+": "+c.reason)
		})
	}
	awaitTrue(t, 20*time.Second, "the geometry is in MySQL", func() bool {
		return b.of(mySQL).one(t, "SELECT COUNT(*) FROM app.shaped WHERE ST_AsText(place) = 'POINT(1.5 -2)'") == "1"
	})
	b.of(postgreSQL).exec(t, "ALTER TABLE app.ranged ALTER span TYPE varchar(20); ALTER TABLE app.shaped DROP place; DELETE FROM app.ranged")
	for _, is := range []dialect{mariaDB, mySQL} {
		b.of(is).exec(t, "ALTER TABLE app.shaped DROP place")
	}
	b.of(mariaDB).exec(t, "DELETE FROM app.shaped") // the letter's row has the column yet
}

// mended: rows that had no counterpart are written as they came once their columns are made to hold them, and are then as they should be.
func (b *bed) mended(t *testing.T) {
	b.of(mySQL).exec(t, "INSERT INTO app.narrow VALUES (1, 18446744073709551615, 'abc')")
	b.of(postgreSQL).exec(t, "INSERT INTO app.narrow VALUES (2, 5, 'längere')")
	letters := func(r *region, key int) string {
		return r.ask(t, fmt.Sprintf("SELECT COUNT(*) FROM octant.dead_letters WHERE table_name = 'app.narrow' AND `key` = '{\"id\":%d}'", key))
	}
	awaitTrue(t, 30*time.Second, "every region has its letter", func() bool {
		return letters(b.of(postgreSQL), 1) == "1" && letters(b.of(mariaDB), 2) == "1" && letters(b.of(mySQL), 2) == "1"
	})
	b.of(postgreSQL).exec(t, "ALTER TABLE app.narrow ALTER n TYPE numeric(20)")
	for _, is := range []dialect{mariaDB, mySQL} {
		b.of(is).exec(t, "ALTER TABLE app.narrow MODIFY w varchar(20) CHARACTER SET utf8mb4")
	}
	b.awaitSame(t, time.Minute, narrow)
	b.noLetters(t)
}

// quiet: once nothing is left to do no log grows, so that nothing is written again and again.
func (b *bed) quiet(t *testing.T, tables ...*table) {
	b.awaitSame(t, time.Minute, tables...)
	last := func() string {
		var text string
		for _, r := range b.regions {
			text += r.ask(t, "SELECT capture_lsn FROM octant.status") + " "
		}
		return text
	}
	awaitTrue(t, time.Minute, "no log grows", func() bool {
		before := last()
		for range 30 {
			pause()
		}
		return last() == before
	})
	for _, r := range b.regions {
		if n := r.ask(t, "SELECT repairs FROM octant.status"); n != "0" {
			t.Errorf("region %s owes %s repairs", r.name, n)
		}
	}
}
