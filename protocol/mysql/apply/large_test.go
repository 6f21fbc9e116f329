package apply_test

import (
	"encoding/binary"
	"runtime"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/relay"
)

// TestMillionRows streams one transaction through many calls of Write.
func TestMillionRows(t *testing.T) { onEach(t, testMillionRows) }

func testMillionRows(t *testing.T, on *database) {
	if testing.Short() {
		t.Skip("writes a million rows")
	}
	const rows, part, heap = 1_000_000, 5_000, 64 << 20
	b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, v INT)")
	table := b.images("t", "INSERT INTO t VALUES(1,1)")[0].Table
	target := b.open("octant")
	tx := b.begin(target, nextMark(2, 0))
	writes := make([]relay.Write, part)
	for id := 0; id < rows; {
		for i := range writes {
			image := binary.LittleEndian.AppendUint32([]byte{0xFC}, uint32(id))
			writes[i] = relay.Write{Table: table, After: binary.LittleEndian.AppendUint32(image, 7), Expect: relay.Absent}
			id++
		}
		if err := tx.Write(b.ctx, writes); err != nil {
			t.Fatal(err)
		}
		if id%(20*part) == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if m.HeapAlloc > heap {
				t.Fatalf("%d bytes of heap after %d rows", m.HeapAlloc, id)
			}
		}
	}
	if err := tx.Commit(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.same("SELECT COUNT(*), SUM(v) FROM t", "1000000 7000000\n")
	b.quietly("DROP TABLE t")
}

func TestLargestBlob(t *testing.T) { onEach(t, testLargestBlob) }

func testLargestBlob(t *testing.T, on *database) {
	if testing.Short() {
		t.Skip("writes 64 MiB")
	}
	b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, b LONGBLOB)")
	b.exec("SET @blob = REPEAT('0123456789abcdef', 4194304)")
	changes := b.images("t", "INSERT INTO t VALUES(1,@blob),(2,'small')", "UPDATE t SET b='x' WHERE id=1")
	const digest = "SELECT id, LENGTH(b), LEFT(b,16) FROM t"
	for _, p := range on.paths() {
		if p.name == "sql, unknown" || p.name == "fast with text logged" {
			continue // the same statements again, and much work for the machine
		}
		target := b.open(p.user)
		b.mustApply(target, writesOf(changes[:2], p.expect)...)
		b.same(digest, "1 67108864 0123456789abcdef\n2 5 small\n")
		b.mustApply(target, writesOf(changes[2:], p.expect)...)
		b.same(digest, "1 1 x\n2 5 small\n")
		b.quietly("DELETE FROM t")
		target.Close()
	}
}

func TestRowThatTheServerDoesNotTake(t *testing.T) { onEach(t, testRowThatTheServerDoesNotTake) }

func testRowThatTheServerDoesNotTake(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, b LONGBLOB)")
	changes := b.images("t", "INSERT INTO t VALUES(1,REPEAT('x',2000000)),(2,'small')")
	b.exec("SET GLOBAL max_allowed_packet=1048576")
	defer b.exec("SET GLOBAL max_allowed_packet=268435456")
	for _, p := range on.paths() {
		target := b.open(p.user, func(c *apply.Config) { c.Lanes = 1 })
		err := b.apply(target, writesOf(changes[:1], p.expect)...)
		if err == nil || !strings.Contains(err.Error(), "raise max_allowed_packet") || relay.Retryable(err) {
			t.Errorf("%s: %v", p.name, err)
		}
		b.mustApply(target, writesOf(changes[1:], p.expect)...)
		b.quietly("DELETE FROM t")
	}
}
