package binlog_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// brief prints changes as "INSERT src.t(1,x)" and so on, with the id and one other column of each image.
func brief(t *testing.T, changes []relay.Change) []string {
	t.Helper()
	var list []string
	for _, c := range changes {
		if c.Op == relay.Statement {
			list = append(list, "STATEMENT "+c.SQL)
			continue
		}
		text := c.Op.String() + " " + c.Table.String()
		for _, image := range []relay.Image{c.Before, c.After} {
			if image == nil {
				continue
			}
			values, err := c.Table.Decode(image)
			if err != nil {
				t.Fatal(err)
			}
			text += "(" + shown(values[0]) + "," + shown(values[1]) + ")"
		}
		list = append(list, text)
	}
	return list
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestChangesOfEveryKind(t *testing.T) {
	s := connect(t)
	s.exec("CREATE TABLE src.a (id INT PRIMARY KEY, v INT)")
	s.exec("CREATE TABLE src.b (id INT PRIMARY KEY, v INT)")
	file := s.logged(func() {
		s.exec("INSERT INTO src.a VALUES (1,1),(2,2),(3,3)")
		s.exec("BEGIN")
		s.exec("UPDATE src.a SET v=v+10 WHERE id<3")
		s.exec("INSERT INTO src.b VALUES (1,1)")
		s.exec("SAVEPOINT s")
		s.exec("DELETE FROM src.a")
		s.exec("ROLLBACK TO s")
		s.exec("UPDATE src.a SET id=9 WHERE id=3")
		s.exec("COMMIT")
		s.exec("UPDATE src.a, src.b SET a.v=0, b.v=0 WHERE a.id=1 AND b.id=1")
		s.exec("DELETE FROM src.b")
		s.exec("TRUNCATE TABLE src.b")
		s.exec("XA START 'one'")
		s.exec("INSERT INTO src.b VALUES (5,5)")
		s.exec("XA END 'one'")
		s.exec("XA COMMIT 'one' ONE PHASE")
		s.exec("SET binlog_format=STATEMENT")
		s.exec("INSERT INTO src.b VALUES (6,6)")
		s.exec("SET binlog_format=ROW")
	})
	expect(t, brief(t, changesOf(t, file)),
		"INSERT src.a(1,1)", "INSERT src.a(2,2)", "INSERT src.a(3,3)",
		"UPDATE src.a(1,1)(1,11)", "UPDATE src.a(2,2)(2,12)", "INSERT src.b(1,1)", "UPDATE src.a(3,3)(9,3)",
		"UPDATE src.a(1,11)(1,0)", "UPDATE src.b(1,1)(1,0)", "DELETE src.b(1,0)",
		"STATEMENT TRUNCATE TABLE src.b", "INSERT src.b(5,5)", "STATEMENT INSERT INTO src.b VALUES (6,6)")
}

func TestChangesOfCompressedEvents(t *testing.T) {
	s := connect(t)
	s.exec("CREATE TABLE src.a (id INT PRIMARY KEY, v INT, t TEXT)")
	s.exec("SET GLOBAL log_bin_compress=ON")
	defer s.exec("SET GLOBAL log_bin_compress=OFF")
	long := strings.Repeat("a long statement ", 200)
	file := s.logged(func() {
		s.exec("INSERT INTO src.a VALUES (1,1,REPEAT('x',5000)),(2,2,REPEAT('y',70000))")
		s.exec("UPDATE src.a SET v=7")
		s.exec("DELETE FROM src.a")
		s.exec("CREATE TABLE src.c (id INT COMMENT '" + long[:1000] + "')")
	})
	seen := map[binlog.EventType]bool{}
	for _, e := range collect(t, binlog.Events(binlog.One(file[4:]))) {
		h, _ := binlog.ParseHeader(e)
		seen[h.Type] = true
	}
	for _, typ := range []binlog.EventType{binlog.WriteRowsCompressedV1, binlog.UpdateRowsCompressedV1, binlog.DeleteRowsCompressedV1, binlog.QueryCompressedEvent} {
		if !seen[typ] {
			t.Errorf("the server wrote no event of type %d", typ)
		}
	}
	expect(t, brief(t, changesOf(t, file)),
		"INSERT src.a(1,1)", "INSERT src.a(2,2)", "UPDATE src.a(1,1)(1,7)", "UPDATE src.a(2,2)(2,7)",
		"DELETE src.a(1,7)", "DELETE src.a(2,7)", "STATEMENT CREATE TABLE src.c (id INT COMMENT '"+long[:1000]+"')")
}

// TestRefusals shows what is refused, each with an error that says what to do.
func TestRefusals(t *testing.T) {
	for _, c := range []struct {
		name string
		do   []string
		want error
		text string
	}{
		{"minimal image of an update", []string{"SET binlog_row_image=MINIMAL", "UPDATE src.a SET v=2"}, binlog.ErrRowImage, "binlog_row_image=FULL"},
		{"minimal image of a delete", []string{"SET binlog_row_image=MINIMAL", "DELETE FROM src.a"}, binlog.ErrRowImage, "binlog_row_image=FULL"},
		{"noblob image", []string{"SET binlog_row_image=NOBLOB", "UPDATE src.a SET v=2"}, binlog.ErrRowImage, "binlog_row_image=FULL"},
		{"no metadata", []string{"SET GLOBAL binlog_row_metadata=NO_LOG", "FLUSH TABLES", "UPDATE src.a SET v=2"}, binlog.ErrMetadata, "binlog_row_metadata=FULL"},
		{"minimal metadata", []string{"SET GLOBAL binlog_row_metadata=MINIMAL", "FLUSH TABLES", "UPDATE src.a SET v=2"}, binlog.ErrMetadata, "binlog_row_metadata=FULL"},
		{"XA in two phases", []string{"XA START 'x'", "UPDATE src.a SET v=2", "XA END 'x'", "XA PREPARE 'x'", "XA COMMIT 'x'"}, binlog.ErrXA, "ONE PHASE"},
		{"rolled back beside a table without transactions", []string{"BEGIN", "INSERT INTO src.a VALUES (6,6,'')", "SAVEPOINT s", "UPDATE src.a, src.m SET a.v=2, m.v=2", "INSERT INTO src.a VALUES (7,7,'')", "ROLLBACK TO s", "COMMIT"}, binlog.ErrUndone, "InnoDB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := connect(t)
			defer s.exec("SET GLOBAL binlog_row_metadata=FULL")
			s.exec("CREATE TABLE src.a (id INT PRIMARY KEY, v INT, t TEXT)")
			s.exec("CREATE TABLE src.m (id INT PRIMARY KEY, v INT) ENGINE=MyISAM")
			s.exec("INSERT INTO src.m VALUES (1,1)")
			s.exec("INSERT INTO src.a VALUES (1,1,'secret')")
			file := s.logged(func() {
				for _, q := range c.do {
					s.exec(q)
				}
			})
			var err error
			for _, e := range binlog.NewDecoder(binlog.NewTableCache()).Changes(binlog.One(file[4:])) {
				err = errors.Join(err, e)
			}
			if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.text) || strings.Contains(fmt.Sprint(err), "secret") {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

// TestOldTimes shows that times of the layout before mysql56_temporal_format are refused: with fractions they could be misread.
func TestOldTimes(t *testing.T) {
	s := connect(t)
	s.exec("SET GLOBAL mysql56_temporal_format=OFF")
	defer s.exec("SET GLOBAL mysql56_temporal_format=DEFAULT")
	for i, columns := range []string{"a TIME(3)", "a DATETIME(6)", "a TIMESTAMP(2) NULL", "a TIME(1), b INT", "a DATETIME"} {
		table := fmt.Sprintf("src.t%d", i)
		s.exec("CREATE TABLE " + table + " (id INT PRIMARY KEY, " + columns + ")")
		file := s.logged(func() { s.exec("INSERT INTO " + table + " (id,a) VALUES (1,'2024-02-29 12:34:56.789'),(2,NULL)") })
		var err error
		for c, e := range binlog.NewDecoder(binlog.NewTableCache()).Changes(binlog.One(file[4:])) {
			if c.Table != nil {
				t.Errorf("%s: a row was given", columns)
			}
			err = errors.Join(err, e)
		}
		if !errors.Is(err, binlog.ErrOldTemporal) {
			t.Errorf("%s: %v", columns, err)
		}
	}
}

// TestMixedStatement writes several operations on several tables in one BINLOG statement, over many events.
func TestMixedStatement(t *testing.T) {
	s := connect(t)
	s.exec("CREATE TABLE src.a (id INT PRIMARY KEY, v INT, t VARCHAR(2000))")
	s.exec("CREATE TABLE src.b (id INT PRIMARY KEY, v INT, p INT, FOREIGN KEY (p) REFERENCES src.a(id))")
	file := s.logged(func() {
		s.exec("USE src")
		s.exec("INSERT INTO src.a SELECT seq, seq, REPEAT('x',1000) FROM seq_1_to_1000")
		s.exec("UPDATE src.a SET v=-v, id=id+5000 WHERE id<=300")
		s.exec("INSERT INTO src.b SELECT seq, seq, 5001 FROM seq_1_to_100")
	})
	s.exec(string(binlog.AppendStatement(nil, formatOf(t, file))))
	b := binlog.NewRowsBuilder(binlog.RowsOptions{ServerID: 9, Limit: 64 << 10, Flags: binlog.RowsNoForeignKeyChecks}, 1<<40)
	changes := rowsOf(changesOf(t, file))
	for _, c := range changes {
		switch c.Op {
		case relay.Insert:
			b.Insert(c.Table, c.After)
		case relay.Update:
			b.Update(c.Table, c.Before, c.After)
		}
	}
	if b.Count() != len(changes) || b.Len() != len(b.Events()) {
		t.Errorf("the builder counts %d rows and %d bytes, there are %d and %d", b.Count(), b.Len(), len(changes), len(b.Events()))
	}
	wanted := s.rows("CHECKSUM TABLE src.a, src.b")
	s.exec("DELETE FROM src.b")
	s.exec("DELETE FROM src.a")
	s.exec(string(binlog.AppendStatement(nil, b.Events())))
	if got := s.rows("CHECKSUM TABLE src.a, src.b"); fmt.Sprint(got) != fmt.Sprint(wanted) {
		t.Errorf("tables differ: %v, %v", got, wanted)
	}
	b.Reset(binlog.RowsOptions{ServerID: 9}, 1)
	for _, c := range changes {
		if c.Table.Name == "b" {
			b.Delete(c.Table, c.After)
		}
	}
	s.exec(string(binlog.AppendStatement(nil, b.Events())))
	if rows := s.rows("SELECT COUNT(*) FROM src.b"); rows[0][0] != "0" {
		t.Errorf("%s rows are left", rows[0][0])
	}
}

// TestLargeValue carries a LONGBLOB of 64 MiB, whose event is larger than a packet.
func TestLargeValue(t *testing.T) {
	s := connect(t)
	s.exec("CREATE TABLE src.a (id INT PRIMARY KEY, v LONGBLOB)")
	file := s.logged(func() { s.exec("INSERT INTO src.a VALUES (1,REPEAT(x'00ff1122',16*1024*1024))") })
	changes := rowsOf(changesOf(t, file))
	s.exec(string(binlog.AppendStatement(nil, formatOf(t, file))))
	s.replay("a", changes)
}

// TestFailedStatement shows that a BINLOG statement that fails takes back itself and nothing else of its transaction.
func TestFailedStatement(t *testing.T) {
	s := connect(t)
	s.exec("CREATE TABLE src.a (id INT PRIMARY KEY, v INT)")
	file := s.logged(func() { s.exec("INSERT INTO src.a VALUES (1,1),(2,2),(3,3)"); s.exec("DELETE FROM src.a") })
	changes := rowsOf(changesOf(t, file))[:3]
	s.exec(string(binlog.AppendStatement(nil, formatOf(t, file))))
	s.exec("BEGIN")
	s.exec(statement(func(b *binlog.RowsBuilder) { b.Insert(changes[0].Table, changes[0].After) }))
	for _, failing := range []string{
		statement(func(b *binlog.RowsBuilder) {
			b.Insert(changes[0].Table, changes[1].After)
			b.Insert(changes[0].Table, changes[0].After)
		}),
		statement(func(b *binlog.RowsBuilder) {
			b.Insert(changes[0].Table, changes[1].After)
			b.Delete(changes[0].Table, changes[2].After)
		}),
	} {
		if _, err := s.conn.ExecContext(t.Context(), failing); err == nil {
			t.Error("the statement did not fail")
		}
		expect(t, []string{fmt.Sprint(s.rows("SELECT id, @@in_transaction FROM src.a"))}, "[[1 1]]")
	}
	s.exec(statement(func(b *binlog.RowsBuilder) { b.Insert(changes[0].Table, changes[2].After) }))
	s.exec("COMMIT")
	expect(t, []string{fmt.Sprint(s.rows("SELECT id FROM src.a"))}, "[[1] [3]]")
}

func statement(fill func(*binlog.RowsBuilder)) string {
	b := binlog.NewRowsBuilder(binlog.RowsOptions{ServerID: 9}, 1000)
	fill(b)
	return string(binlog.AppendStatement(nil, b.Events()))
}

// TestKeys shows that keys are read in their own order, with prefixes in characters, and also of tables with very many columns.
func TestKeys(t *testing.T) {
	s := connect(t)
	wide := make([]string, 600)
	for i := range wide {
		wide[i] = fmt.Sprintf("c%d %s", i, []string{"INT", "BIGINT UNSIGNED", "VARCHAR(3) CHARSET latin1", "CHAR(2) CHARSET gbk", "ENUM('a')", "VARBINARY(4)"}[i%6])
	}
	for name, c := range map[string]struct{ columns, key, want string }{
		"simple":    {"a INT, b INT", "b", "[{1 0}]"},
		"own_order": {"a INT, b INT, c VARCHAR(20)", "c, a", "[{2 0} {0 0}]"},
		"prefix":    {"a VARCHAR(100), b VARBINARY(100), c TEXT, d BLOB, e CHAR(10) CHARSET gbk, f INT", "c(3), d(5), a(4), b(6), e(2), f", "[{2 3} {3 5} {0 4} {1 6} {4 2} {5 0}]"},
		"hidden":    {"a INT, b INT INVISIBLE DEFAULT 1", "b", "[{1 0}]"},
		"none":      {"a INT, b INT", "", "[]"},
		"wide":      {strings.Join(wide, ", "), "c595, c300", "[{595 0} {300 0}]"},
	} {
		key := ""
		if c.key != "" {
			key = ", PRIMARY KEY (" + c.key + ")"
		}
		s.exec(fmt.Sprintf("CREATE TABLE src.%s (%s%s) CHARSET utf8mb4", name, c.columns, key))
		file := s.logged(func() { s.exec("INSERT INTO src." + name + " () VALUES ()") })
		table := rowsOf(changesOf(t, file))[0].Table
		if got := fmt.Sprint(table.Key); got != c.want {
			t.Errorf("%s: key %s, want %s", name, got, c.want)
		}
		s.compareDefinition(table)
	}
}

// compareDefinition holds names, types and collations against information_schema.
func (s *session) compareDefinition(table *relay.Table) {
	s.t.Helper()
	rows := s.rows("SELECT column_name, data_type, column_type LIKE '%unsigned%', COALESCE(collation_name,''), COALESCE(character_set_name,'') " +
		"FROM information_schema.columns WHERE table_schema='" + table.Schema + "' AND table_name='" + table.Name + "' ORDER BY ordinal_position")
	if len(rows) != len(table.Columns) {
		s.t.Fatalf("%s: %d columns, the server has %d", table, len(table.Columns), len(rows))
	}
	for i, c := range table.Columns {
		name, _, _ := strings.Cut(c.Type, "(")
		name, _, _ = strings.Cut(name, " ")
		unsigned := "0"
		if strings.Contains(c.Type, "unsigned") {
			unsigned = "1"
		}
		if got := []string{c.Name, name, unsigned, c.Collation, c.Charset}; fmt.Sprint(got) != fmt.Sprint(rows[i]) {
			s.t.Errorf("%s: column %v, the server says %v", table, got, rows[i])
		}
	}
}

// TestStatementFormat shows that statements are given with all that comes before them passed over.
func TestStatementFormat(t *testing.T) {
	s := connect(t)
	s.exec("CREATE TABLE src.a (id INT PRIMARY KEY AUTO_INCREMENT, v DOUBLE)")
	data := filepath.Join(t.TempDir(), "rows")
	if err := os.WriteFile(data, []byte("7\t8\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	file := s.logged(func() {
		s.exec("SET binlog_format=STATEMENT, @v=5")
		s.exec("INSERT INTO src.a (v) VALUES (@v+RAND())")
		s.exec("LOAD DATA INFILE '" + data + "' INTO TABLE src.a")
		s.exec("SET binlog_format=ROW")
	})
	got := brief(t, changesOf(t, file))
	if len(got) != 2 || got[0] != "STATEMENT INSERT INTO src.a (v) VALUES (@v+RAND())" || !strings.HasPrefix(got[1], "STATEMENT LOAD DATA INFILE") {
		t.Errorf("got %q", got)
	}
}
