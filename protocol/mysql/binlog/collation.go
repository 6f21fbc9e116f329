package binlog

import (
	_ "embed" // for the table of collations
	"strconv"
	"strings"
	"sync"
)

// Collation is a collation and its character set.
type Collation struct {
	Name    string
	Charset string
}

// collations.txt has a line "id name charset" for each row of information_schema.collation_character_set_applicability of
// MariaDB 10.11. Ids are stable: they are written into tables.
//
//go:embed collations.txt
var collationLines string

// collations_mysql.txt has a line of the same kind for each row of information_schema.collations of MySQL 9.7.
//
//go:embed collations_mysql.txt
var mysqlCollationLines string

// binaryCollation is the id of the collation "binary", which binary strings have.
const binaryCollation = 63

var (
	collations      = sync.OnceValue(func() map[uint64]Collation { return readCollations(collationLines) })
	mysqlCollations = sync.OnceValue(func() map[uint64]Collation { return readCollations(mysqlCollationLines) })
)

func readCollations(lines string) map[uint64]Collation {
	table := make(map[uint64]Collation, 1300)
	for line := range strings.Lines(lines) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, charset, _ := strings.Cut(rest, " ")
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			table[n] = Collation{Name: name, Charset: charset}
		}
	}
	return table
}

// CollationByID returns the collation that has the id in MariaDB 10.11.
func CollationByID(id uint64) (Collation, bool) {
	c, ok := collations()[id]
	return c, ok
}

// MySQLCollationByID returns the collation that has the id in MySQL 9.7.
func MySQLCollationByID(id uint64) (Collation, bool) {
	c, ok := mysqlCollations()[id]
	return c, ok
}

// bytesPerCharacter is MAXLEN of information_schema.character_sets where it is not 1.
func bytesPerCharacter(charset string) int {
	switch charset {
	case "big5", "sjis", "euckr", "gb2312", "gbk", "ucs2", "cp932":
		return 2
	case "ujis", "utf8mb3", "eucjpms":
		return 3
	case "utf8mb4", "utf16", "utf16le", "utf32", "gb18030":
		return 4
	}
	return 1
}

var (
	collationNames      = sync.OnceValue(func() map[string]uint64 { return byName(collations()) })
	mysqlCollationNames = sync.OnceValue(func() map[string]uint64 { return byName(mysqlCollations()) })
)

func byName(table map[uint64]Collation) map[string]uint64 {
	names := make(map[string]uint64, len(table))
	for id, c := range table {
		names[c.Name] = id
	}
	return names
}

// collationIDsByName returns the numbers of all collations of a server.
func collationIDsByName(mysql bool) map[string]uint64 {
	if mysql {
		return mysqlCollationNames()
	}
	return collationNames()
}
