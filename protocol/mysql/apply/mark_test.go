package apply_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// group is what the log says of one transaction.
type group struct {
	gtid    binlog.GTID       // of MariaDB
	mysql   binlog.MySQLGroup // of MySQL
	servers []uint32
	changes []relay.Change
}

// groups cuts logged bytes into transactions.
func (b *bed) groups(data []byte) []group {
	b.t.Helper()
	var groups []group
	var raw []byte
	end := func() {
		if len(groups) > 0 {
			groups[len(groups)-1].changes = b.changes(raw)
		}
		raw = nil
	}
	for event, err := range binlog.Events(binlog.One(data)) {
		if err != nil {
			b.t.Fatal(err)
		}
		h, err := binlog.ParseHeader(event)
		if err != nil {
			b.t.Fatal(err)
		}
		if binlog.BeginsGroup(h.Type) {
			end()
			groups = append(groups, b.newGroup(event))
		}
		if len(groups) > 0 {
			groups[len(groups)-1].servers = append(groups[len(groups)-1].servers, h.ServerID)
			raw = append(raw, event...)
		}
	}
	end()
	return groups
}

func (b *bed) newGroup(event []byte) (g group) {
	b.t.Helper()
	var err error
	if b.on.mysql() {
		g.mysql, err = binlog.ParseMySQLGTID(event)
	} else {
		var begin binlog.Group
		begin, err = binlog.ParseGTID(event)
		g.gtid = begin.GTID
	}
	if err != nil {
		b.t.Fatal(err)
	}
	return g
}

// native tells whether the server's own log names the origin of the mark.
func (b *bed) native(g group, m relay.Mark) bool {
	if !b.on.mysql() {
		origin := uint32(9000 + int(m.Origin))
		return g.gtid.Server == origin && !slices.ContainsFunc(g.servers, func(id uint32) bool { return id != origin })
	}
	if m.HLC == 0 {
		return g.mysql.Original == g.mysql.Immediate
	}
	return g.mysql.Original == uint64(m.HLC) && g.mysql.Immediate > g.mysql.Original
}

func values(t *testing.T, c relay.Change) []uint64 {
	t.Helper()
	decoded, err := c.Table.Decode(c.After)
	if err != nil {
		t.Fatal(err)
	}
	var list []uint64
	for _, v := range decoded {
		list = append(list, v.Uint+uint64(v.Int))
	}
	return list
}

func TestMarkIsFirstRow(t *testing.T) { onEach(t, testMarkIsFirstRow) }

func testMarkIsFirstRow(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)", "INSERT INTO t VALUES(2,'b',20)")
	target := b.open("octant")
	marks := []relay.Mark{nextMark(3, 1), nextMark(3, 1), nextMark(4, 1), {Origin: 1, Nonce: 7 + uint64(nextMark(1, 0).HLC), Lane: 1}}
	data := b.recordBytes(func() {
		for i, m := range marks {
			tx := b.begin(target, m)
			if i < 2 {
				if err := tx.Write(b.ctx, writesOf(changes[i:i+1], asLogged)); err != nil {
					t.Fatal(err)
				}
			}
			if err := tx.Commit(b.ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
	groups := b.groups(data)
	if len(groups) != len(marks) {
		t.Fatalf("%d transactions were logged for %d marks", len(groups), len(marks))
	}
	for i, m := range marks {
		g := groups[i]
		if !b.native(g, m) {
			t.Errorf("transaction %d: GTID %v, %+v, servers %v", i, g.gtid, g.mysql, g.servers)
		}
		if g.changes[0].Table.String() != "octant.applied" {
			t.Fatalf("transaction %d begins with %s", i, g.changes[0].Table)
		}
		want := []uint64{uint64(m.Origin), uint64(m.Lane), uint64(m.Range.From), uint64(m.Range.To), uint64(m.HLC), m.Nonce}
		if got := values(t, g.changes[0]); !slices.Equal(got, want) {
			t.Errorf("transaction %d: mark %v, want %v", i, got, want)
		}
	}
}

// TestOneDomainOrdersEverything has an application and the lane write one row in turn: only a common GTID domain keeps a parallel
// replica of this database from running them in another order.
func TestOneDomainOrdersEverything(t *testing.T) { onMariaDB(t, testOneDomainOrdersEverything) }

func testOneDomainOrdersEverything(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	target := b.open("octant")
	data := b.recordBytes(func() {
		b.exec("INSERT INTO t VALUES(1,'before',0)", "DELETE FROM t")
		b.mustApply(target, writesOf(changes, asLogged)...)
		b.exec("UPDATE t SET v='after' WHERE id=1")
	})
	groups := b.groups(data)
	if len(groups) != 4 {
		t.Fatalf("%d transactions were logged, want 4", len(groups))
	}
	local := uint32(on.server.ID())
	for i, g := range groups {
		if g.gtid.Domain != local || g.gtid.Seq != groups[0].gtid.Seq+uint64(i) {
			t.Errorf("transaction %d is %v: not the database's domain, or not the sequence after %v", i, g.gtid, groups[0].gtid)
		}
		if applied := i == 2; applied == (g.gtid.Server == local) {
			t.Errorf("transaction %d is %v: applied: %v", i, g.gtid, applied)
		}
	}
}

func TestMarkOnSQLPath(t *testing.T) { onMariaDB(t, testMarkOnSQLPath) }

func testMarkOnSQLPath(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	target := b.open("plain")
	data := b.recordBytes(func() { b.mustApply(target, writesOf(changes, asLogged)...) })
	groups := b.groups(data)
	if len(groups) != 1 || groups[0].changes[0].Table.String() != "octant.applied" || groups[0].changes[0].Op == relay.Delete {
		t.Fatalf("%+v", groups)
	}
}

func TestExactlyOnce(t *testing.T) { onEach(t, testExactlyOnce) }

func testExactlyOnce(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	target := b.open("octant", func(c *apply.Config) { c.Lanes = 3 })
	m := nextMark(9, 2)

	tx := b.begin(target, m)
	if err := tx.Write(b.ctx, writesOf(changes, asLogged)); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	b.same("SELECT * FROM t", "")

	for range 2 {
		applied, err := target.Applied(b.ctx)
		if err != nil {
			t.Fatal(err)
		}
		committed := len(applied) > 9 && applied[9] == relay.SeqHLC{Seq: m.Range.To, HLC: m.HLC}
		if stands := b.rows("SELECT * FROM t") != ""; stands != committed {
			t.Fatalf("row stands: %v, ledger: %v", stands, applied)
		}
		if committed {
			break
		}
		tx = b.begin(target, m)
		if err := errors.Join(tx.Write(b.ctx, writesOf(changes, asLogged)), tx.Commit(b.ctx), tx.Rollback()); err != nil {
			t.Fatal(err)
		}
	}

	tx = b.begin(target, m)
	if err := tx.Commit(b.ctx); !errors.Is(err, apply.ErrMarkStands) {
		t.Fatalf("the same mark again: %v", err)
	}
}

func TestAppliedTakesTheGreatestOfAllLanes(t *testing.T) {
	onEach(t, testAppliedTakesTheGreatestOfAllLanes)
}

func testAppliedTakesTheGreatestOfAllLanes(t *testing.T, on *database) {
	b := on.newBed(t)
	target := b.open("octant", func(c *apply.Config) { c.Lanes = 3 })
	for lane, to := range []relay.Seq{1 << 40, 1<<40 + 2, 1<<40 + 1} {
		tx := b.begin(target, relay.Mark{Origin: 11, Range: relay.Range{From: to, To: to}, HLC: relay.HLC(to) + 5, Lane: lane})
		if err := tx.Commit(b.ctx); err != nil {
			t.Fatal(err)
		}
	}
	applied, err := target.Applied(b.ctx)
	if err != nil {
		t.Fatal(err)
	}
	if want := (relay.SeqHLC{Seq: 1<<40 + 2, HLC: 1<<40 + 7}); applied[11] != want {
		t.Fatalf("got %v, want %v", applied[11], want)
	}
}

func TestOneTransactionPerLane(t *testing.T) { onEach(t, testOneTransactionPerLane) }

func testOneTransactionPerLane(t *testing.T, on *database) {
	b := on.newBed(t)
	target := b.open("octant", func(c *apply.Config) { c.Lanes = 2 })
	tx := b.begin(target, nextMark(2, 0))
	if _, err := target.Begin(b.ctx, nextMark(2, 0)); err == nil {
		t.Error("two transactions on a lane")
	}
	if _, err := target.Begin(b.ctx, nextMark(2, 2)); err == nil {
		t.Error("a lane that is not there")
	}
	other := b.begin(target, nextMark(2, 1))
	for _, tx := range []relay.Tx{other, tx} {
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		if err := tx.Write(b.ctx, nil); !errors.Is(err, relay.ErrClosed) {
			t.Errorf("write after the end: %v", err)
		}
	}
}

func TestTextIsNotLogged(t *testing.T) { onEach(t, testTextIsNotLogged) }

func testTextIsNotLogged(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	variable, user, other := "binlog_annotate_row_events", "octant", "replay"
	if on.mysql() {
		variable, user, other = "binlog_rows_query_log_events", "wide", "octant"
	}
	b.exec("SET GLOBAL " + variable + "=0")
	quiet := b.open(other) // may not turn it off, and need not
	data := b.recordBytes(func() { b.mustApply(quiet, writesOf(changes, asLogged)...) })
	b.exec("SET GLOBAL " + variable + "=1")
	b.quietly("DELETE FROM t")
	target := b.open(user)
	data = append(data, b.recordBytes(func() { b.mustApply(target, writesOf(changes, asLogged)...) })...)
	b.exec("SET GLOBAL " + variable + "=DEFAULT")
	for event, err := range binlog.Events(binlog.One(data)) {
		if err != nil {
			t.Fatal(err)
		}
		if h, err := binlog.ParseHeader(event); err != nil || h.Type == binlog.AnnotateRowsEvent || h.Type == binlog.RowsQueryEvent {
			t.Fatalf("the text was logged, or %v", err)
		}
	}
}

func TestWholeRowsAreLogged(t *testing.T) { onMySQL(t, testWholeRowsAreLogged) }

// testWholeRowsAreLogged has the server log less than whole rows by default.
func testWholeRowsAreLogged(t *testing.T, on *database) {
	for variable, value := range map[string]string{"binlog_row_image": "MINIMAL", "binlog_row_value_options": "PARTIAL_JSON"} {
		t.Run(variable, func(t *testing.T) {
			b := on.newBed(t, "CREATE TABLE t(id INT PRIMARY KEY, j JSON, n INT)")
			changes := b.images("t", `INSERT INTO t VALUES(1,'{"a":"long enough to be worth it","b":1}',1)`, "UPDATE t SET j=JSON_SET(j,'$.b',2)")
			b.exec("SET GLOBAL " + variable + "='" + value + "'")
			defer b.exec("SET GLOBAL " + variable + "=DEFAULT")
			if _, err := b.open("octant").Begin(b.ctx, nextMark(2, 0)); err == nil || !strings.Contains(err.Error(), "SET GLOBAL "+variable) {
				t.Errorf("without the privilege: %v", err)
			}
			target := b.open("wide")
			again := b.recordBytes(func() {
				b.mustApply(target, writesOf(changes[:1], asLogged)...)
				b.mustApply(target, writesOf(changes[1:], asLogged)...)
			})
			sameImages(t, changes[:1], b.changes(again)[1:2])
			sameImages(t, changes[1:], b.changes(again)[3:])
		})
	}
}
