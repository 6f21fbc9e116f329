package replicas_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sync/errgroup"

	"github.com/octant-db/octant/testenv"
)

// schema has the table of sysbench's oltp_read_write and one for large values.
const schema = `
CREATE DATABASE app;
CREATE TABLE app.sbtest1 (id INT AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '',
  pad CHAR(60) NOT NULL DEFAULT '', KEY k_1 (k));
CREATE TABLE app.ledger (id INT AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL);
CREATE TABLE app.large (id INT PRIMARY KEY, v LONGBLOB);
CREATE TABLE app.xa (id INT PRIMARY KEY, v VARCHAR(40));
CREATE TABLE app.kept (id INT PRIMARY KEY, v INT);
`

// rows is how many of sbtest1 the load writes over.
const rows = 500

// oltp writes as sysbench's oltp_read_write does, from several connections, until ctx ends: an update of an indexed column,
// one of another, a delete and an insert of the same row. Each leaves a row in the ledger as well, so that one that a replica never
// got shows whatever came later.
func oltp(ctx context.Context, db *sql.DB, writers int) error {
	g, ctx := errgroup.WithContext(ctx)
	for w := range writers {
		r := rand.New(rand.NewPCG(1, uint64(w)))
		g.Go(func() error {
			for ctx.Err() == nil {
				if err := oltpTransaction(context.WithoutCancel(ctx), db, r); err != nil && !passing(err) {
					return fmt.Errorf("write: %w", err)
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// passing says that the server refused a transaction as servers do when several write the same rows, or change the table meanwhile.
func passing(err error) bool {
	var answer *mysql.MySQLError
	return errors.As(err, &answer) && slices.Contains([]uint16{
		1062, // ER_DUP_ENTRY
		1205, // ER_LOCK_WAIT_TIMEOUT
		1213, // ER_LOCK_DEADLOCK
		1412, // ER_TABLE_DEF_CHANGED
	}, answer.Number)
}

func oltpTransaction(ctx context.Context, db *sql.DB, r *rand.Rand) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	id := func() int { return 1 + r.IntN(rows) }
	other := id()
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{"UPDATE app.sbtest1 SET k = k + 1 WHERE id = ?", []any{id()}},
		{"UPDATE app.sbtest1 SET c = ? WHERE id = ?", []any{text(r, 119), id()}},
		{"DELETE FROM app.sbtest1 WHERE id = ?", []any{other}},
		{"INSERT INTO app.sbtest1 (id, k, c, pad) VALUES (?, ?, ?, ?)", []any{other, r.IntN(rows), text(r, 119), text(r, 59)}},
		{"INSERT INTO app.ledger (k) VALUES (?)", []any{other}},
	} {
		if _, err := tx.ExecContext(ctx, step.statement, step.args...); err != nil {
			return err
		}
	}
	return tx.Commit()
}

func text(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = "0123456789-"[r.IntN(11)]
	}
	return string(b)
}

// writeOdd writes everything that is not everyday: what the load's writers leave out.
func writeOdd(t *testing.T, source *testenv.Server, large int) {
	t.Helper()
	changeSchema(t, source)
	writeXA(t, source)
	writeLarge(t, source, large)
}

// changeSchema runs DDL of several kinds, with writes and rotations between.
func changeSchema(t *testing.T, source *testenv.Server) {
	t.Helper()
	for _, statement := range []string{
		"CREATE TABLE app.born (id INT PRIMARY KEY, v JSON)",
		`INSERT INTO app.born VALUES (1, '{"a": [1, 2.5, "x"]}'), (2, NULL)`,
		"FLUSH BINARY LOGS",
		"ALTER TABLE app.born ADD COLUMN w VARCHAR(20) CHARACTER SET latin1 DEFAULT 'wäre', ADD INDEX (w)",
		"UPDATE app.born SET w = 'née' WHERE id = 1",
		"CREATE TABLE app.born2 AS SELECT * FROM app.born",
		"RENAME TABLE app.born2 TO app.renamed",
		"CREATE VIEW app.view_of_born AS SELECT id FROM app.born",
		"FLUSH BINARY LOGS",
		"INSERT INTO app.kept VALUES (1, 1), (2, 2), (3, 3)",
		"TRUNCATE TABLE app.kept",
		"INSERT INTO app.kept VALUES (4, 4)",
		"CREATE TRIGGER app.on_kept BEFORE INSERT ON app.kept FOR EACH ROW SET NEW.v = NEW.v * 2",
		"INSERT INTO app.kept VALUES (5, 5)",
		"CREATE TEMPORARY TABLE app.passing (id INT)",
		"DROP TEMPORARY TABLE IF EXISTS app.passing",
		"ALTER TABLE app.sbtest1 ADD COLUMN note VARCHAR(10) NULL",
	} {
		run(t, source, statement)
	}
}

// writeXA leaves a transaction prepared over a rotation and ends it from another connection, and rolls another back.
func writeXA(t *testing.T, source *testenv.Server) {
	t.Helper()
	prepare := func(name string, id int) {
		t.Helper()
		conn, err := source.DB().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, statement := range []string{
			"XA START '" + name + "'", fmt.Sprintf("INSERT INTO app.xa VALUES (%d, '%s')", id, name), "XA END '" + name + "'", "XA PREPARE '" + name + "'",
		} {
			if _, err := conn.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
		// The connection ends, or no other might end the transaction.
		_ = conn.Raw(func(any) error { return driver.ErrBadConn })
	}
	prepare("kept", 1)
	prepare("dropped", 2)
	run(t, source, "FLUSH BINARY LOGS")
	run(t, source, "INSERT INTO app.xa VALUES (3, 'between')")
	endXA(t, source, "XA COMMIT 'kept'")
	endXA(t, source, "XA ROLLBACK 'dropped'")
}

// endXA tries again while the server has not yet noticed that the preparing connection is gone.
func endXA(t *testing.T, source *testenv.Server, statement string) {
	t.Helper()
	deadline := time.Now().Add(soon)
	for {
		_, err := source.DB().ExecContext(t.Context(), statement)
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// writeLarge commits one transaction of so many MB and one with a row event of more than 16 MiB, which takes several packets.
func writeLarge(t *testing.T, source *testenv.Server, large int) {
	t.Helper()
	tx, err := source.DB().BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	pieces := 4 * large
	for id := range pieces {
		_, err := tx.ExecContext(t.Context(), "INSERT INTO app.large VALUES (?, REPEAT(RANDOM_BYTES(1024), 256))", id)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	run(t, source, "INSERT INTO app.large VALUES (?, REPEAT(RANDOM_BYTES(1024), 18*1024))", pieces)
	run(t, source, "UPDATE app.large SET v = LEFT(v, 1000) WHERE id < 10")
}
