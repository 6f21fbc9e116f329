package binlog_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
	"github.com/octant-db/octant/testenv"
	"github.com/octant-db/octant/testenv/envtest"
)

// mysqlTypeCases are those of MariaDB that MySQL has too, in its words, and its own.
func mysqlTypeCases() []typeCase {
	common := []string{"integers", "decimals", "floats", "bits", "dates", "fractions", "text", "charsets", "binary_strings", "labels", "generated"}
	words := strings.NewReplacer("DECIMAL(38,38)", "DECIMAL(30,30)", "0.00000000000000000000000000000000000001", "0.000000000000000000000000000001",
		"-0.99999999999999999999999999999999999999", "-0.999999999999999999999999999999",
		"utf8mb4_uca1400_as_cs", "utf8mb4_0900_as_cs", ", h SET('b1') CHARSET binary", "", "CHARSET binary", "CHARSET gb18030")
	var cases []typeCase
	for _, c := range typeCases {
		if !slices.Contains(common, c.name) {
			continue
		}
		c.columns = words.Replace(c.columns)
		c.rows = slices.Clone(c.rows)
		for i := range c.rows {
			c.rows[i] = words.Replace(c.rows[i])
			if c.name == "labels" {
				c.rows[i] = c.rows[i][:strings.LastIndex(c.rows[i], ",")]
			}
		}
		cases = append(cases, c)
	}
	return append(cases,
		typeCase{name: "documents", columns: "a JSON", rows: []string{
			`'{"b":1.0,"a":[1,null,"ä\\"😀"],"c":{"d":[]}}'`, "'[]'", "'\"x\"'", "'1'", "'null'", "NULL",
			"JSON_ARRAY(CAST(1.50 AS DECIMAL(5,2)), TIMESTAMP'2024-02-29 12:34:56.5', x'00ff', 1e-30, 1e20, 0.1, -1e0, 100000000000000e0, 1e-15, 1e-16)",
			"JSON_OBJECT('long', REPEAT('x', 70000), 'n', 70000)",
		}},
		typeCase{name: "geometries", columns: "a GEOMETRY, b POINT SRID 4326, c LINESTRING, d POLYGON, h GEOMETRYCOLLECTION", rows: []string{
			"ST_GeomFromText('POINT(1 2)'),ST_GeomFromText('POINT(-1.5 100)',4326),ST_GeomFromText('LINESTRING(0 0,1 1)'),ST_GeomFromText('POLYGON((0 0,1 0,1 1,0 0))'),ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 1))')",
			"NULL,NULL,NULL,NULL,NULL",
		}},
		typeCase{name: "vectors", columns: "a VECTOR(3), b VECTOR, c VARCHAR(3) COLLATE utf8mb4_bin", rows: []string{
			"TO_VECTOR('[1,2.5,-3]'),TO_VECTOR('[0]'),'x'", "TO_VECTOR('[0,0,0]'),NULL,NULL", "NULL,TO_VECTOR('[1,2]'),'y'",
		}},
	)
}

// TestEveryMySQLType writes values of every type and reads them back from the server's log.
func TestEveryMySQLType(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a database server")
	}
	server := envtest.Server(t, testenv.ServerOptions{Engine: testenv.MySQL97, Relaxed: true})
	db, err := sql.Open("mysql", fmt.Sprintf("root@unix(%s)/?maxAllowedPacket=0", server.Socket()))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, c := range mysqlTypeCases() {
		t.Run(c.name, func(t *testing.T) {
			s := &session{t: t, conn: conn, server: server}
			s.exec("SET sql_mode='ALLOW_INVALID_DATES', time_zone='+00:00', NAMES utf8mb4")
			s.exec("DROP DATABASE IF EXISTS src")
			s.exec("CREATE DATABASE src")
			s.exec("FLUSH BINARY LOGS")
			file := s.rows("SHOW BINARY LOG STATUS")[0][0]
			s.fill(c)
			s.exec("FLUSH BINARY LOGS")
			s.compareMySQL(filepath.Clean(server.BinlogFile(file)), len(c.rows))
		})
	}
}

// compareMySQL holds what was decoded against what the server selects.
func (s *session) compareMySQL(file string, rows int) {
	s.t.Helper()
	var changes []relay.Change
	decoder := binlog.NewDecoder(binlog.NewMySQLTableCache())
	for c, err := range decoder.Changes(binlog.One(readFile(s.t, file)[4:])) {
		if err != nil {
			s.t.Fatal(err)
		}
		if c.Op != relay.Statement {
			changes = append(changes, c)
		}
	}
	s.compareValues(changes, rows)
	for _, c := range changes[0].Table.Columns {
		want := s.rows(fmt.Sprintf("SELECT COALESCE(collation_name, ''), COALESCE(character_set_name, '') FROM information_schema.columns "+
			"WHERE table_schema='src' AND table_name='%s' AND column_name='%s'", changes[0].Table.Name, c.Name))[0]
		if c.Collation != want[0] || c.Charset != want[1] {
			s.t.Errorf("column %s has collation %q of %q, want %q", c.Name, c.Collation, c.Charset, want)
		}
	}
}
