package apply_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/mysql/apply"
	"github.com/octant-db/octant/protocol/mysql/binlog"
	"github.com/octant-db/octant/relay"
)

// open begins a transaction that has written, on its own lane.
func (b *bed) written(target *apply.Target, lane int, changes ...relay.Change) relay.Tx {
	b.t.Helper()
	tx := b.begin(target, nextMark(2, lane))
	if err := tx.Write(b.ctx, writesOf(changes, asLogged)); err != nil {
		b.t.Fatal(err)
	}
	return tx
}

func TestLockWaitIsShortAndRetryable(t *testing.T) { onEach(t, testLockWaitIsShortAndRetryable) }

func testLockWaitIsShortAndRetryable(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)", "UPDATE t SET v='b'")
	target := b.open("octant")
	b.mustApply(target, writesOf(changes[:1], asLogged)...)
	b.exec("BEGIN", "SELECT * FROM t WHERE id=1 FOR UPDATE")
	err := b.apply(target, writesOf(changes[1:], asLogged)...)
	if !relay.Retryable(err) || errors.Is(err, relay.ErrPresence) {
		t.Fatalf("got %v", err)
	}
	b.exec("ROLLBACK")
	b.mustApply(target, writesOf(changes[1:], asLogged)...)
}

func TestDeadlockIsRetryable(t *testing.T) { onEach(t, testDeadlockIsRetryable) }

func testDeadlockIsRetryable(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10),(2,'b',20)", "UPDATE t SET v='c' WHERE id=1", "UPDATE t SET v='c' WHERE id=2")
	target := b.open("octant", func(c *apply.Config) { c.LockWait = 20 * time.Second })
	b.mustApply(target, writesOf(changes[:2], asLogged)...)
	first, second := b.written(target, 0, changes[2]), b.written(target, 1, changes[3])
	result := make(chan error, 1)
	go func() { result <- second.Write(b.ctx, writesOf(changes[2:3], asLogged)) }()
	errs := []error{first.Write(b.ctx, writesOf(changes[3:4], asLogged))}
	if errs[0] != nil { // its locks are gone once the server has rolled back
		first.Rollback()
	}
	errs = append(errs, <-result)
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("one of both should have failed: %v", errs)
	}
	if err := errors.Join(errs...); !relay.Retryable(err) {
		t.Fatalf("got %v", err)
	}
	first.Rollback()
	second.Rollback()
	b.mustApply(target, writesOf(changes[2:4], asLogged)...)
}

// lossyConn is a connection whose peer hears no more of it, and does not hear that it ended either.
type lossyConn struct {
	net.Conn
	gone *atomic.Bool
	kept chan net.Conn
}

func (c *lossyConn) Write(p []byte) (int, error) {
	if c.gone.Load() {
		return 0, errors.New("the network is gone")
	}
	return c.Conn.Write(p)
}

func (c *lossyConn) Close() error {
	c.kept <- c.Conn
	return nil
}

func TestCommitThatNeverArrived(t *testing.T) { onEach(t, testCommitThatNeverArrived) }

func testCommitThatNeverArrived(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	var gone atomic.Bool
	kept := make(chan net.Conn, 16)
	target := b.open("octant", func(c *apply.Config) {
		c.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return &lossyConn{Conn: conn, gone: &gone, kept: kept}, err
		}
	})
	t.Cleanup(func() {
		target.Close()
		close(kept)
		for conn := range kept {
			conn.Close()
		}
	})
	m := nextMark(13, 0)
	tx := b.begin(target, m)
	if err := tx.Write(b.ctx, writesOf(changes, asLogged)); err != nil {
		t.Fatal(err)
	}
	gone.Store(true)
	if err := tx.Commit(b.ctx); !errors.Is(err, apply.ErrCommitUnknown) {
		t.Fatalf("got %v", err)
	}
	tx.Rollback()
	gone.Store(false)
	// The server still has the session, with all its locks: they must go before the answer is final.
	if committed, err := target.Committed(b.ctx, m); committed || err != nil {
		t.Fatalf("committed: %v, %v", committed, err)
	}
	b.mustApply(target, writesOf(changes, asLogged)...)
}

// kill ends the connections of a user.
func (b *bed) kill(user string) {
	b.t.Helper()
	if b.on.mysql() {
		for _, id := range strings.Fields(b.rows("SELECT id FROM information_schema.processlist WHERE user='" + user + "'")) {
			b.exec("KILL " + id)
		}
	} else {
		b.exec("KILL USER " + user + "@'127.0.0.1'")
	}
	b.waitFor("SELECT COUNT(*) FROM information_schema.processlist WHERE user='"+user+"'", "0\n")
}

// waitFor waits until a query has this answer.
func (b *bed) waitFor(query, want string) {
	b.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for b.rows(query) != want {
		select {
		case <-tick.C:
		case <-b.ctx.Done():
			b.t.Fatalf("%s: never %q", query, want)
		}
	}
}

func TestLostConnection(t *testing.T) { onEach(t, testLostConnection) }

func testLostConnection(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10),(2,'b',20)")
	target := b.open("octant")
	tx := b.written(target, 0, changes[0])
	b.kill("octant")
	err := tx.Write(b.ctx, writesOf(changes[1:], asLogged))
	if !relay.Retryable(err) {
		t.Fatalf("write: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	b.same("SELECT * FROM t", "")

	m := nextMark(2, 0)
	tx = b.begin(target, m)
	if err := tx.Write(b.ctx, writesOf(changes[:1], asLogged)); err != nil {
		t.Fatal(err)
	}
	b.kill("octant")
	err = tx.Commit(b.ctx)
	if !errors.Is(err, apply.ErrCommitUnknown) || relay.Retryable(err) {
		t.Fatalf("commit: %v", err)
	}
	tx.Rollback()
	if err := target.Ping(b.ctx); !relay.Retryable(err) {
		t.Fatalf("ping on a lost connection: %v", err)
	}
	if committed, err := target.Committed(b.ctx, m); committed || err != nil {
		t.Fatalf("committed: %v, %v", committed, err)
	}
	if err := target.Ping(b.ctx); err != nil {
		t.Fatal(err)
	}
	b.mustApply(target, writesOf(changes, asLogged)...)
	b.same("SELECT * FROM t", "1 a 10\n2 b 20\n")
}

// cutConn is a connection that is lost right after COMMIT was sent.
type cutConn struct {
	net.Conn
	armed *atomic.Bool
	cut   atomic.Bool
}

func (c *cutConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	if c.armed.Load() && strings.HasSuffix(string(p), "COMMIT") {
		c.cut.Store(true)
	}
	return n, err
}

func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.cut.Load() {
		c.Conn.Close()
		return 0, errors.New("the network is gone")
	}
	return n, err
}

func TestCommitThatWasDoneAndNotHeardOf(t *testing.T) { onEach(t, testCommitThatWasDoneAndNotHeardOf) }

func testCommitThatWasDoneAndNotHeardOf(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	var armed atomic.Bool
	target := b.open("octant", func(c *apply.Config) {
		c.Dialer = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			return &cutConn{Conn: conn, armed: &armed}, err
		}
	})
	m := nextMark(12, 0)
	m.Range.To += 1 << 41
	tx := b.begin(target, m)
	if err := tx.Write(b.ctx, writesOf(changes, asLogged)); err != nil {
		t.Fatal(err)
	}
	armed.Store(true)
	if err := tx.Commit(b.ctx); !errors.Is(err, apply.ErrCommitUnknown) || relay.Retryable(err) {
		t.Fatalf("got %v", err)
	}
	tx.Rollback()
	armed.Store(false)
	if committed, err := target.Committed(b.ctx, m); !committed || err != nil {
		t.Fatalf("committed: %v, %v", committed, err)
	}
	b.same("SELECT * FROM t", "1 a 10\n")
}

func TestCancel(t *testing.T) { onEach(t, testCancel) }

func testCancel(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10)")
	target := b.open("octant", func(c *apply.Config) { c.LockWait = time.Minute })
	b.exec("BEGIN", "INSERT INTO t VALUES(1,'mine',1)")
	tx := b.begin(target, nextMark(2, 0))
	ctx, cancel := context.WithCancelCause(b.ctx)
	why := errors.New("the operator says so")
	result := make(chan error, 1)
	go func() { result <- tx.Write(ctx, writesOf(changes, asLogged)) }()
	b.waitFor("SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'", "Innodb_row_lock_current_waits 1\n")
	cancel(why)
	if err := <-result; !errors.Is(err, why) || relay.Retryable(err) {
		t.Fatalf("got %v", err)
	}
	tx.Rollback()
	b.exec("ROLLBACK")
	b.mustApply(target, writesOf(changes, asLogged)...)
}

func TestErrorsHaveNoValues(t *testing.T) { onEach(t, testErrorsHaveNoValues) }

func testErrorsHaveNoValues(t *testing.T, on *database) {
	b := on.newBed(t, "CREATE TABLE t(id VARCHAR(80) PRIMARY KEY, u VARCHAR(80), UNIQUE KEY u_key(u))")
	value := `it's for key 'fake' a secret`
	changes := b.images("t", fmt.Sprintf(`INSERT INTO t VALUES("%s","%s")`, value, value))
	b.quietly(fmt.Sprintf(`INSERT INTO t VALUES("1","%s")`, value))
	for _, user := range on.users() {
		for _, expect := range []relay.Presence{relay.Absent, relay.Unknown} {
			err := b.apply(b.open(user), relay.Write{Table: changes[0].Table, After: changes[0].After, Expect: expect})
			if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "fake") {
				t.Errorf("%s: %v", user, err)
			}
			if !strings.Contains(err.Error(), "u_key") || !strings.Contains(err.Error(), b.schema+".t") {
				t.Errorf("%s: table and index are not named: %v", user, err)
			}
		}
	}
}

func TestOpenRefuses(t *testing.T) { onEach(t, testOpenRefuses) }

func testOpenRefuses(t *testing.T, on *database) {
	b := on.newBed(t)
	for name, c := range map[string]apply.Config{
		"wrong password": {Flavour: on.flavour(), Addr: on.server.Addr(), User: "octant", Password: "wrong!", Self: 1},
		"no server":      {Flavour: on.flavour(), Addr: "127.0.0.1:1", User: "octant", Password: password, Self: 1},
	} {
		target, err := apply.New(c)
		if err != nil {
			t.Fatal(err)
		}
		err = target.Open(b.ctx)
		if err == nil || strings.Contains(err.Error(), "wrong!") {
			t.Errorf("%s: %v", name, err)
		}
		if relay.Retryable(err) != (name == "no server") {
			t.Errorf("%s: retryable %v", name, relay.Retryable(err))
		}
	}
	if _, err := apply.New(apply.Config{Addr: "x", User: "y", Self: 65}); err == nil {
		t.Error("region 65 passed")
	}
}

func TestOpenRefusesTheOtherServer(t *testing.T) { onEach(t, testOpenRefusesTheOtherServer) }

func testOpenRefusesTheOtherServer(t *testing.T, on *database) {
	b := on.newBed(t)
	c := apply.Config{Flavour: binlog.MySQL, Addr: on.server.Addr(), User: "octant", Password: password, Self: 1}
	if on.mysql() {
		c.Flavour = binlog.Flavour
	}
	target, err := apply.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Open(b.ctx); err == nil || relay.Retryable(err) || !strings.Contains(err.Error(), "the server is version") {
		t.Errorf("%v", err)
	}
}

func TestMySQLNeedsReplicationApplier(t *testing.T) { onMySQL(t, testMySQLNeedsReplicationApplier) }

func testMySQLNeedsReplicationApplier(t *testing.T, on *database) {
	b := on.newBed(t)
	c := apply.Config{Flavour: binlog.MySQL, Addr: on.server.Addr(), User: "plain", Password: password, Self: 1}
	target, err := apply.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := target.Open(b.ctx); err == nil || !strings.Contains(err.Error(), "GRANT REPLICATION_APPLIER") {
		t.Errorf("%v", err)
	}
	c.NoBinlog = true
	if _, err := apply.New(c); err == nil {
		t.Error("MySQL without row events passed")
	}
}

func TestLaneThatWasIdleIsDialedAnew(t *testing.T) { onMySQL(t, testLaneThatWasIdleIsDialedAnew) }

// testLaneThatWasIdleIsDialedAnew has the server end the session of a lane that was not used for long.
func testLaneThatWasIdleIsDialedAnew(t *testing.T, on *database) {
	b := on.newBed(t, simpleTable)
	changes := b.images("t", "INSERT INTO t VALUES(1,'a',10),(2,'b',20)")
	now := time.Unix(1_700_000_000, 0)
	target := b.open("octant", func(c *apply.Config) { c.Now = func() time.Time { return now } })
	b.mustApply(target, writesOf(changes[:1], asLogged)...)
	b.same("SELECT COUNT(*) FROM information_schema.processlist WHERE user='octant'", "2\n")
	b.kill("octant")
	now = now.Add(5 * time.Minute)
	b.mustApply(target, writesOf(changes[1:], asLogged)...)
	b.same("SELECT * FROM t", "1 a 10\n2 b 20\n")
}
