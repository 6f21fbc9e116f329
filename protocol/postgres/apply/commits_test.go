package apply_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/octant-db/octant/protocol/postgres/apply"
	"github.com/octant-db/octant/relay"
)

// on begins a transaction of region 2 on a lane, and writes one row.
func (s *station) on(target *apply.Target, lane int, seq relay.Seq) (relay.Tx, error) {
	tx, err := target.Begin(s.ctx, relay.Mark{Origin: 2, Range: relay.Range{From: seq, To: seq}, HLC: relay.HLC(seq), Lane: lane})
	if err != nil {
		return nil, err
	}
	return tx, tx.Write(s.ctx, []relay.Write{{Table: s.table("t"), After: image(fmt.Sprintf("%d|v|w", seq)), Expect: relay.Unknown}})
}

// commit writes one row in a transaction of region 2, again if the session was lost.
func (s *station) commit(target *apply.Target, lane int, seq relay.Seq) error {
	for {
		tx, err := s.on(target, lane, seq)
		if err == nil {
			err = tx.Commit(s.ctx)
		}
		if tx != nil {
			tx.Rollback()
		}
		if s.ctx.Err() != nil || !relay.Retryable(err) {
			return err
		}
	}
}

// last asks what the database has of region 2.
func (s *station) last(target *apply.Target) relay.Seq {
	s.t.Helper()
	applied, err := target.Applied(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	if len(applied) < 3 {
		return 0
	}
	return applied[2].Seq
}

// TestNothingIsCommittedBehindALostTail: the server dies before the last commits are on its disk. Nothing goes behind them until it was asked what it has.
func TestNothingIsCommittedBehindALostTail(t *testing.T) {
	s := newStation(t, schema, "wal_writer_delay=10s", "autovacuum=off")
	seq := relay.Seq(0)
	for attempt := 0; ; attempt++ { // what is committed slowly may be on disk all the same
		for lane := range 2 {
			seq++
			if err := s.commit(s.target, lane, seq); err != nil {
				t.Fatal(err)
			}
		}
		s.Kill()
		s.Run()
		if has := s.last(s.open(time.Second)); has < seq {
			break
		}
		if attempt == 20 {
			t.Fatal("every commit has waited for the disk")
		}
	}
	for range 2 {
		if err := s.commit(s.target, 1, seq+1); !errors.Is(err, relay.ErrTailLost) {
			t.Fatalf("committed behind what is lost: %v", err)
		}
	}
	for next := s.last(s.target) + 1; next <= seq+1; next++ {
		if err := s.commit(s.target, int(next%2), next); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.Query(t, "SELECT id FROM app.t")); n != int(seq+1) {
		t.Errorf("%d rows, want %d", n, seq+1)
	}
}

// TestATransactionLooksForTheOneBefore: what was committed on another lane after a transaction began must be there when it commits.
func TestATransactionLooksForTheOneBefore(t *testing.T) {
	s := newStation(t, schema)
	first, err := s.on(s.target, 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.on(s.target, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Rollback()
	if err := first.Commit(s.ctx); err != nil {
		t.Fatal(err)
	}
	s.Exec(t, "DELETE FROM octant.applied")
	if err := second.Commit(s.ctx); !errors.Is(err, relay.ErrTailLost) {
		t.Fatalf("committed without it: %v", err)
	}
	if n := len(s.Query(t, "SELECT id FROM app.t WHERE id = 2")); n != 0 {
		t.Error("its row is there")
	}
}

// TestCommitsWaitForStandbys: where the server waits for a standby, it waits with the commits of others' transactions too.
func TestCommitsWaitForStandbys(t *testing.T) {
	s := newStation(t, schema)
	s.setting("synchronous_standby_names", "'ghost'", "ghost")
	target, done := s.open(time.Second), make(chan error, 1)
	go func() { done <- s.commit(target, 1, 1) }()
	for waiting := 0; waiting == 0; {
		select {
		case err := <-done:
			t.Fatalf("committed without the standby: %v", err)
		case <-time.After(20 * time.Millisecond):
			waiting = len(s.Query(t, "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name LIKE 'octant lane%'"))
		}
	}
	s.setting("synchronous_standby_names", "DEFAULT", "")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// setting changes one of the server, and waits until new sessions have it.
func (s *station) setting(name, value, shown string) {
	s.t.Helper()
	s.Exec(s.t, "ALTER SYSTEM SET "+name+" = "+value)
	s.Exec(s.t, "SELECT pg_reload_conf()")
	for s.Query(s.t, "SELECT current_setting('"+name+"')")[0] != shown {
		if s.ctx.Err() != nil {
			s.t.Fatalf("%s does not become %q", name, shown)
		}
	}
}
